//! Whether a SQLite file that is open is still the one at its path, with its `-wal` and `-shm`, and not empty. One that
//! was deleted or replaced takes every write and keeps none beyond the end of the process: nothing that is answered
//! then would be there after the next start.

use std::{
    fs::Metadata,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// The suffixes of the files of a database: the file itself, its write-ahead log, and the index and locks of that log.
const SUFFIXES: [&str; 3] = ["", "-wal", "-shm"];

const WHAT_TO_DO: &str = "is no longer the file that this process has open: it was deleted, replaced or emptied. Stop the \
    server, put the file back with its -wal and -shm, and start again";

/// An open file, and which files were at its path when it was opened. Clones share whether somebody was told.
#[derive(Debug, Clone)]
pub struct OpenFile {
    parts: Arc<[Part]>,
    told: Arc<AtomicBool>,
}

#[derive(Debug)]
struct Part {
    path: PathBuf,
    /// Whether it is the file itself, which is never empty.
    is_main: bool,
    /// Which file it was; `None` when there was none, as before the first write.
    was: Option<Identity>,
}

/// The identity of a file on this machine, and whether the file was emptied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    /// Whether a file has nothing in it that has its first page from the beginning. A log may be empty.
    is_emptied: bool,
}

/// The file is no longer the one that is open.
#[derive(Debug, thiserror::Error)]
#[error("{path:?} {what}", what = WHAT_TO_DO)]
pub struct Gone {
    path: PathBuf,
}

impl OpenFile {
    /// The file at `path`, which must be open and written to already, so that its log is there.
    #[must_use]
    pub fn of(path: &Path) -> Self {
        let part = |suffix: &&str| {
            let mut path = path.as_os_str().to_owned();
            path.push(suffix);
            Part::at(PathBuf::from(path), suffix.is_empty())
        };
        Self { parts: SUFFIXES.iter().map(part).collect(), told: Arc::default() }
    }

    /// Refuses to go on when other files are there now, or none.
    ///
    /// # Errors
    /// Names the first that is not there any more.
    pub fn check(&self) -> Result<(), Gone> {
        let is_gone = |part: &&Part| part.was.is_some() && part.identity() != part.was;
        let Some(part) = self.parts.iter().find(is_gone) else { return Ok(()) };
        let gone = Gone { path: part.path.clone() };
        if !self.told.swap(true, Ordering::Relaxed) {
            tracing::error!("{gone}");
        }
        Err(gone)
    }
}

impl Part {
    fn at(path: PathBuf, is_main: bool) -> Self {
        let mut part = Self { path, is_main, was: None };
        part.was = part.identity();
        part
    }

    fn identity(&self) -> Option<Identity> {
        let file = std::fs::metadata(&self.path).ok()?;
        let (device, inode) = numbers(&file);
        Some(Identity { device, inode, is_emptied: self.is_main && file.len() == 0 })
    }
}

#[cfg(unix)]
fn numbers(file: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (file.dev(), file.ino())
}

/// Elsewhere a file that is open cannot be taken away.
#[cfg(not(unix))]
fn numbers(_: &Metadata) -> (u64, u64) {
    (0, 0)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn each_of_the_three_files_is_missed_when_it_is_deleted_or_replaced() {
        for suffix in SUFFIXES {
            let folder = tempfile::tempdir().expect("a folder");
            let path = |suffix: &str| folder.path().join(format!("a.db{suffix}"));
            for suffix in SUFFIXES {
                fs::write(path(suffix), "a page").expect("a file");
            }
            let open = OpenFile::of(&path(""));
            fs::write(path(suffix), "written to").expect("a file");
            assert!(open.check().is_ok(), "written to, {suffix:?} is the same");
            fs::rename(path(suffix), path("-aside")).expect("moved");
            assert!(open.check().is_err(), "{suffix:?} is gone");
            fs::write(path(suffix), "written to").expect("a file");
            assert!(open.check().is_err(), "another {suffix:?} is there");
            fs::rename(path("-aside"), path(suffix)).expect("moved");
            assert!(open.check().is_ok(), "{suffix:?} is back");
            fs::write(path(suffix), "").expect("a file");
            assert_eq!(open.check().is_err(), suffix.is_empty(), "a log may be empty, the file may not: {suffix:?}");
        }
    }
}
