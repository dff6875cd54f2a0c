//! `callout reconcile`: what the gateway says it took and gave back in a span of time, against the payments. Only reads, and
//! the server may run.

mod compare;

use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use self::compare::{Difference, Movements, compare};
use super::simulation;
use crate::{
    actors::ports::{
        gateway::{GatewayError, LedgerKind, PaymentGateway},
        store::StoreError,
    },
    cli::ReconcileArgs,
    config::{Config, Problems, Sources},
    gateway, persistence,
    readmodel::{self, ReadError, books::Books},
};

/// How much further than the span both books are read: their clocks differ, and an answer may have come late.
const MARGIN: SignedDuration = SignedDuration::from_hours(24);
/// How often a page is asked for that the gateway did not give.
const TRIES: u32 = 8;
/// The pause after the first of these; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(500);

/// Why there is no comparison.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    #[error("the configuration is wrong:\n{0}")]
    Config(#[from] Problems),
    #[error("--from is {from} and --to ends at {to}: the span is empty")]
    Empty { from: Timestamp, to: Timestamp },
    #[error(
        "there is no read model of the store {0} (readmodel.url): the server has never run here, or its file is elsewhere"
    )]
    NoReadModel(String),
    #[error("the gateway does not list its {kind}: {source}")]
    Gateway { kind: &'static str, source: GatewayError },
    #[error(transparent)]
    OpenGateway(#[from] gateway::OpenError),
    #[error(transparent)]
    OpenStore(#[from] persistence::OpenError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    OpenReadModel(#[from] readmodel::OpenError),
    #[error("the read model cannot be read: {0}")]
    Read(#[from] ReadError),
    #[error("the result cannot be written: {0}")]
    Write(#[from] std::io::Error),
}

/// What the comparison found.
#[derive(Debug, Serialize)]
struct Report {
    from: Timestamp,
    to: Timestamp,
    gateway: Arc<str>,
    /// Charges and refunds that the gateway lists in the span.
    charges: usize,
    refunds: usize,
    /// Movements that name no payment: they are another system's, and not compared.
    foreign: usize,
    differences: Vec<Difference>,
}

/// Compares, and writes a line for each difference. Answers whether there was none.
///
/// # Errors
/// Why there is no comparison.
pub async fn reconcile(sources: &Sources, args: &ReconcileArgs, out: &mut impl Write) -> Result<bool, ReconcileError> {
    let config = Config::load(sources)?;
    let (from, to) = (args.from, args.to);
    if from >= to {
        return Err(ReconcileError::Empty { from, to });
    }
    let mut books = Books::open(&read_model_of(&config).await?).await?;
    let gateway = gateway::open(&config.gateway, &simulation(&config))?.gateway;
    let report = report(&*gateway, &mut books, from, to).await?;
    books.close().await;
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &report).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        write_lines(&report, out)?;
    }
    Ok(report.differences.is_empty())
}

async fn report(
    gateway: &dyn PaymentGateway,
    books: &mut Books,
    from: Timestamp,
    to: Timestamp,
) -> Result<Report, ReconcileError> {
    let mut movements = Movements::default();
    for kind in [LedgerKind::Charge, LedgerKind::Refund] {
        list(gateway, kind, from, to, &mut movements).await?;
    }
    let mut differences = Vec::new();
    for payment in movements.payments() {
        let booked = books.of(payment).await?;
        differences.extend(compare(&movements, payment, booked.as_ref(), from, to));
    }
    for booked in books.between(from, to).await? {
        if !movements.payments_contain(&booked.payment_id) {
            differences.extend(compare(&movements, &booked.payment_id, Some(&booked), from, to));
        }
    }
    differences.sort_by(|one, other| (one.kind, &one.payment_id).cmp(&(other.kind, &other.payment_id)));
    let count = |kind| movements.count(kind, from, to);
    let (charges, refunds, foreign) = (count(LedgerKind::Charge), count(LedgerKind::Refund), movements.foreign);
    Ok(Report { from, to, gateway: gateway.name(), charges, refunds, foreign, differences })
}

/// Reads the gateway's whole list of one kind. A page that does not come is asked for again, from where the list was left.
async fn list(
    gateway: &dyn PaymentGateway,
    kind: LedgerKind,
    from: Timestamp,
    to: Timestamp,
    into: &mut Movements,
) -> Result<(), ReconcileError> {
    let begin = from.checked_sub(MARGIN).unwrap_or(Timestamp::MIN);
    let end = to.checked_add(MARGIN).unwrap_or(Timestamp::MAX);
    let (mut after, mut tries) = (None::<String>, 0);
    loop {
        match gateway.movements(kind, begin, end, after.clone()).await {
            Ok(page) => {
                tries = 0;
                page.items.into_iter().for_each(|movement| into.add(movement));
                match page.next {
                    Some(next) => after = Some(next),
                    None => return Ok(()),
                }
            }
            Err(source @ GatewayError::Unauthorized(_)) => return Err(failed(kind, source)),
            Err(source) if tries + 1 >= TRIES => return Err(failed(kind, source)),
            Err(error) => {
                let asked_for = match error {
                    GatewayError::Busy { retry_after, .. } => retry_after,
                    _ => Duration::ZERO,
                };
                tokio::time::sleep(asked_for.max(PAUSE * 2_u32.pow(tries))).await;
                tries += 1;
            }
        }
    }
}

fn failed(kind: LedgerKind, source: GatewayError) -> ReconcileError {
    let kind = match kind {
        LedgerKind::Charge => "charges",
        LedgerKind::Refund => "refunds",
    };
    ReconcileError::Gateway { kind, source }
}

/// The file of the read model that belongs to the configured store.
async fn read_model_of(config: &Config) -> Result<PathBuf, ReconcileError> {
    let identity = match config.store.sqlite_file() {
        Some(file) if !Path::exists(file) => return Err(ReconcileError::NoReadModel(config.store.url.to_string())),
        Some(file) => persistence::backup::identity_of(file).await?,
        None => persistence::open(&config.store).await?.identity().await?.to_string(),
    };
    let files = readmodel::backup::files_of(&config.readmodel(), &identity).await?;
    files.into_iter().next().ok_or_else(|| ReconcileError::NoReadModel(config.store.url.to_string()))
}

fn write_lines(report: &Report, out: &mut impl Write) -> std::io::Result<()> {
    for Difference { kind, payment_id, movement, gateway, callout } in &report.differences {
        let (kind, movement) = (serde_json::to_value(kind)?, serde_json::to_value(movement)?);
        let word = |value: serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        writeln!(out, "{} {payment_id} {}: gateway {gateway}; callout {callout}", word(kind), word(movement))?;
    }
    let Report { from, to, gateway, charges, refunds, foreign, differences } = report;
    let foreign = if *foreign > 0 { format!(", {foreign} of other systems") } else { String::new() };
    let differences = differences.len();
    writeln!(out, "{from} to {to}, {gateway}: {charges} charges, {refunds} refunds{foreign}; {differences} differences")
}
