//! The log: to stderr, as text or JSON. Nothing secret is ever put into it; secrets have types that do not show them.

use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
};

use serde::{Deserialize, Serialize};
use tracing::{Event, Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::Targets,
    layer::{Context, SubscriberExt},
    util::SubscriberInitExt,
};
use utoipa::ToSchema;

use crate::settings::{Findings, Section};

/// The log: its format, and the lines that it has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LogSettings {
    /// `text` for people, `json` for machines. `CALLOUT_LOG` sets it as well.
    pub format: LogFormat,
    /// The filter of log lines, such as `info` or `warn,callout=debug`. `CALLOUT_LOG` sets it as well.
    pub filter: String,
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// A line a person reads.
    Text,
    /// One JSON object per line.
    Json,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: "info".to_owned() }
    }
}

impl Section for LogSettings {
    fn contradictions(&self, findings: &mut Findings) {
        if let Err(error) = EnvFilter::try_new(&self.filter) {
            let message =
                format!("must be a filter like \"info\" or \"warn,callout=debug\", got {:?}: {error}", self.filter);
            findings.problem("filter", message);
        }
    }
}

/// The target of the HTTP library's errors about connections that send no valid request. Any client can cause thousands
/// of them, so they are counted, and logged only when the filter names the target.
const OF_CLIENTS: &str = "actix_http::h1";

const MALFORMED: &str = "callout_http_malformed_total";

/// Names the figure and lets it begin at 0.
pub fn describe_metrics() {
    metrics::describe_counter!(
        MALFORMED,
        metrics::Unit::Count,
        "Connections ended because what came was no HTTP request"
    );
    metrics::counter!(MALFORMED).increment(0);
}

/// Whether the log has begun, and its lines are JSON objects.
static IS_JSON: AtomicBool = AtomicBool::new(false);

/// Whether stderr has JSON lines, which a line of plain text would break.
pub fn is_json() -> bool {
    IS_JSON.load(Ordering::Relaxed)
}

/// Starts logging. A second call in one process changes nothing.
pub fn init(log: &LogSettings) {
    IS_JSON.store(log.format == LogFormat::Json, Ordering::Relaxed);
    let counted = CountMalformed.with_filter(Targets::new().with_target(OF_CLIENTS, LevelFilter::ERROR));
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(false);
    let lines = match log.format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    let _ = tracing_subscriber::registry().with(lines.with_filter(filter(log))).with(counted).try_init();
}

fn filter(log: &LogSettings) -> EnvFilter {
    let filter = EnvFilter::try_new(&log.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let is_named = log.filter.contains("actix_http");
    match format!("{OF_CLIENTS}=off").parse() {
        Ok(directive) if !is_named => filter.add_directive(directive),
        _ => filter,
    }
}

/// Counts connections whose bytes are no request.
struct CountMalformed;

impl<S: Subscriber> Layer<S> for CountMalformed {
    fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
        metrics::counter!(MALFORMED).increment(1);
    }
}
