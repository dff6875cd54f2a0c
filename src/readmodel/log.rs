//! Keeps SQLite's write-ahead log short. SQLite folds it into the file by itself, but begins it anew only when no read is in
//! progress: while reads overlap, that moment may never come.

use std::path::Path;

use super::{ApplyError, ReadModel};

const LOG_BYTES: &str = "callout_readmodel_log_bytes";

impl ReadModel {
    /// Folds the log into the file and cuts it off, once it is longer than `log_max_bytes`. What reads at that moment is waited for as long as
    /// for the file's lock; whoever reads later does so from the file, and holds nothing up.
    pub(super) async fn keep_log_short(&self) -> Result<(), ApplyError> {
        let bytes = length(&self.settings.file());
        if bytes > self.settings.log_max_bytes {
            let cut = self.writer.fold_log().await?;
            if !cut {
                tracing::warn!(bytes, "a read keeps the read model's log from being cut; it is tried again");
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        metrics::gauge!(LOG_BYTES).set(length(&self.settings.file()) as f64);
        Ok(())
    }
}

pub(super) fn describe_metrics() {
    metrics::describe_gauge!(LOG_BYTES, metrics::Unit::Bytes, "How long the read model's write-ahead log is");
}

/// How long the log of a file is.
fn length(file: &Path) -> u64 {
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    std::fs::metadata(log).map_or(0, |log| log.len())
}
