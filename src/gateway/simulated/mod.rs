//! The `simulated://` gateway: an outside payment system inside this process, for development, load and crash tests.
//!
//! Money moves when a request arrives; latency and silence only concern the answer. So whatever becomes of the caller,
//! its ledger is the witness of what was really charged and refunded. It must not be kinder than a real gateway: what
//! it was told not to answer is never answered.

mod dice;
mod index;
mod journal;
mod ledger;
mod method;

use std::{io, sync::Arc, time::Duration};

use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::time::{Instant, sleep};

use self::{
    dice::{Dice, Luck},
    journal::{Journal, Trouble},
    ledger::{Books, Known, Performed, Wish},
    method::Method,
};
use super::settings::{GatewaySettings, OpenError, Simulation};
use crate::{
    actors::ports::{
        BoxFuture,
        gateway::{
            ChargeOutcome, ChargeRequest, ChargeWay, Faults, GatewayDrill, GatewayError, InvalidFaults, LedgerEntry,
            LedgerKind, Lookup, LookupRequest, Movement, MovementPage, OpenOutcome, OpenRequest, PaymentGateway,
            RefundOutcome, RefundRequest, WithdrawOutcome, WithdrawRequest,
        },
    },
    clock,
    domain::payment::{Action, ActionKind, SIMULATED},
};

/// How much longer `tok_slow` takes than other methods.
const SLOW: Duration = Duration::from_secs(2);
/// Records of the ledger in one page.
const PAGE: usize = 500;
/// Where the payer's page of a charge is, before its secret.
const ACTIONS: &str = "/v1/gateway/simulator/actions/";
/// How long a request that is never answered is waited for at most: no answer comes later, so a drill need not wait longer.
const SILENCE: Duration = Duration::from_secs(3);
/// How long to wait for another process that is writing the same ledger before looking again.
const LEDGER_RETRY: Duration = Duration::from_millis(1);

/// A gateway that moves no money, keeps its promises across restarts, and can be made to fail.
pub struct SimulatedGateway {
    journal: Mutex<Journal>,
    faults: Mutex<Faults>,
    dice: Dice,
    response_timeout: Duration,
    /// How long a payer has who is asked, in seconds.
    action_timeout_s: u32,
}

impl SimulatedGateway {
    /// The gateway with the ledger that `simulation` names.
    ///
    /// # Errors
    /// When the ledger file cannot be opened, or a line that is not its last cannot be understood.
    pub fn open(settings: &GatewaySettings, simulation: &Simulation) -> Result<Self, OpenError> {
        Ok(Self {
            journal: Mutex::new(Journal::open(simulation.ledger.as_deref())?),
            faults: Mutex::default(),
            dice: Dice::new(simulation.seed),
            response_timeout: settings.response_timeout(),
            action_timeout_s: settings.action_timeout_s,
        })
    }

    async fn answer_charge(&self, request: ChargeRequest) -> Result<ChargeOutcome, GatewayError> {
        let method = Method::of(&request.method);
        let (faults, luck) = self.connect()?;
        let delay = faults.latency() + if method == Method::Slow { SLOW } else { Duration::ZERO };
        if luck.error || method == Method::Error {
            return self.answer(delay, false, Err(server_error())).await;
        }
        let refusal = method.refusal().or_else(|| luck.declined.then(|| "the card was declined".to_owned()));
        let wish = match refusal {
            Some(reason) => Wish::Refuse(reason),
            None if method == Method::Action => Wish::Ask(self.new_secret(&request.payment_id)),
            None => Wish::Take,
        };
        let step = self.perform(|books| books.charge(&request, wish.clone(), clock::now())).await?;
        match step {
            Performed::Repeated(known) => self.answer(delay, luck.silent, Ok(self.outcome(known))).await,
            Performed::Done(known) => {
                self.answer(delay, luck.silent || method == Method::Timeout, Ok(self.outcome(known))).await
            }
            Performed::Wrong(reason) => self.answer(delay, luck.silent, Ok(ChargeOutcome::Rejected { reason })).await,
        }
    }

    async fn answer_refund(&self, request: RefundRequest) -> Result<RefundOutcome, GatewayError> {
        let (faults, luck) = self.connect()?;
        if luck.error {
            return self.answer(faults.latency(), false, Err(server_error())).await;
        }
        let outcome = match self.perform(|books| books.refund(&request, clock::now())).await? {
            Performed::Repeated(()) | Performed::Done(()) => RefundOutcome::Refunded,
            Performed::Wrong(reason) => RefundOutcome::Failed { reason },
        };
        self.answer(faults.latency(), luck.silent, Ok(outcome)).await
    }

    async fn answer_lookup(&self, request: LookupRequest) -> Result<Lookup, GatewayError> {
        let (faults, luck) = self.connect()?;
        if luck.error {
            return self.answer(faults.latency(), false, Err(server_error())).await;
        }
        // Its books are written before anything else happens: what is not in them did not happen, and does not any more.
        let found = match self.perform(|books| Ok((None, books.known(&request.key)?))).await? {
            Some(known) => Lookup::Found(self.outcome(known)),
            None => Lookup::Absent { refused: None },
        };
        self.answer(faults.latency(), luck.silent, Ok(found)).await
    }

    async fn answer_withdraw(&self, request: WithdrawRequest) -> Result<WithdrawOutcome, GatewayError> {
        let (faults, luck) = self.connect()?;
        if luck.error {
            return self.answer(faults.latency(), false, Err(server_error())).await;
        }
        let outcome = self.perform(|books| books.withdraw(&request, clock::now())).await?;
        self.answer(faults.latency(), luck.silent, Ok(outcome)).await
    }

    fn list(&self, kind: LedgerKind, from: Timestamp, to: Timestamp, after: u64) -> io::Result<MovementPage> {
        let entries = self.ledger(None, PAGE, after)?;
        let next = (entries.len() >= PAGE).then(|| entries.last().map(|last| last.seq.to_string())).flatten();
        let wanted = |entry: &LedgerEntry| entry.kind == kind && (from..to).contains(&entry.at);
        let items = entries.into_iter().filter(wanted).map(|entry| Movement {
            payment_id: Some(entry.payment_id),
            kind: entry.kind,
            amount: entry.amount.amount,
            currency: entry.amount.currency.code().to_owned(),
            reference: entry.key,
            at: entry.at,
        });
        Ok(MovementPage { items: items.collect(), next })
    }

    /// A secret that names the payment it belongs to, and cannot be guessed.
    fn new_secret(&self, payment_id: &str) -> String {
        format!("{}.{payment_id}", clock::random_id())
    }

    fn outcome(&self, known: Known) -> ChargeOutcome {
        match known {
            Known::Charged(reference) => ChargeOutcome::Charged { reference },
            Known::Declined(reason) => ChargeOutcome::Declined { reason: reason.to_string() },
            Known::Asked(secret) => ChargeOutcome::ActionRequired {
                action: Action {
                    kind: ActionKind::Redirect,
                    url: Some(format!("{ACTIONS}{secret}")),
                    client_secret: Some(secret.to_string()),
                },
                valid_s: self.action_timeout_s,
            },
        }
    }

    /// The faults and the luck of one request; an error while the gateway is down.
    fn connect(&self) -> Result<(Faults, Luck), GatewayError> {
        let faults = self.faults();
        if faults.down {
            return Err(GatewayError::NotSent("connection refused by the simulated gateway".to_owned()));
        }
        Ok((faults, self.dice.roll(&faults)))
    }

    /// Takes one step in the ledger, durable before this returns.
    async fn perform<T>(
        &self,
        mut step: impl FnMut(Books<'_>) -> io::Result<(Option<ledger::Record>, T)>,
    ) -> Result<T, GatewayError> {
        let deadline = Instant::now() + self.response_timeout;
        loop {
            let tried = self.journal.lock().transact(&mut step);
            match tried {
                Ok(taken) => return Ok(taken),
                Err(Trouble::Io(why)) => return Err(GatewayError::Failed(format!("500, its ledger: {why}"))),
                Err(Trouble::Busy) if Instant::now() < deadline => sleep(LEDGER_RETRY).await,
                Err(Trouble::Busy) => return Err(GatewayError::Unknown("its ledger is locked".to_owned())),
            }
        }
    }

    /// Gives an answer after `delay`, or gives up as a client does whose response timeout passes first.
    async fn answer<T>(
        &self,
        delay: Duration,
        silent: bool,
        answer: Result<T, GatewayError>,
    ) -> Result<T, GatewayError> {
        if silent || delay > self.response_timeout {
            let waited = if silent { self.response_timeout.min(SILENCE) } else { self.response_timeout };
            sleep(waited).await;
            return Err(GatewayError::Unknown(format!("no answer within {} ms", waited.as_millis())));
        }
        if !delay.is_zero() {
            sleep(delay).await;
        }
        answer
    }
}

impl PaymentGateway for SimulatedGateway {
    fn name(&self) -> Arc<str> {
        Arc::from(SIMULATED)
    }

    fn way(&self) -> ChargeWay {
        ChargeWay::OneStep
    }

    fn open(&self, _: OpenRequest) -> BoxFuture<'_, Result<OpenOutcome, GatewayError>> {
        let reason = "the simulated gateway has no intents; it charges in one step".to_owned();
        Box::pin(async { Ok(OpenOutcome::Rejected { reason }) })
    }

    fn charge(&self, request: ChargeRequest) -> BoxFuture<'_, Result<ChargeOutcome, GatewayError>> {
        Box::pin(self.answer_charge(request))
    }

    fn lookup(&self, request: LookupRequest) -> BoxFuture<'_, Result<Lookup, GatewayError>> {
        Box::pin(self.answer_lookup(request))
    }

    fn withdraw(&self, request: WithdrawRequest) -> BoxFuture<'_, Result<WithdrawOutcome, GatewayError>> {
        Box::pin(self.answer_withdraw(request))
    }

    fn refund(&self, request: RefundRequest) -> BoxFuture<'_, Result<RefundOutcome, GatewayError>> {
        Box::pin(self.answer_refund(request))
    }

    fn check(&self) -> BoxFuture<'_, Result<(), GatewayError>> {
        Box::pin(async { self.connect().map(drop) })
    }

    fn movements(
        &self,
        kind: LedgerKind,
        from: Timestamp,
        to: Timestamp,
        after: Option<String>,
    ) -> BoxFuture<'_, Result<MovementPage, GatewayError>> {
        Box::pin(async move {
            let after = after.and_then(|after| after.parse().ok()).unwrap_or(0);
            self.list(kind, from, to, after).map_err(|error| GatewayError::Failed(error.to_string()))
        })
    }

    fn answer_timeout(&self) -> Duration {
        self.response_timeout
    }
}

impl GatewayDrill for SimulatedGateway {
    fn faults(&self) -> Faults {
        *self.faults.lock()
    }

    fn set_faults(&self, faults: Faults) -> Result<(), InvalidFaults> {
        faults.validate()?;
        *self.faults.lock() = faults;
        Ok(())
    }

    fn ledger(&self, payment_id: Option<&str>, limit: usize, after: u64) -> io::Result<Vec<LedgerEntry>> {
        self.journal.lock().books().movements(payment_id, limit, after)
    }

    fn act<'a>(&'a self, secret: &'a str, confirms: bool) -> BoxFuture<'a, Result<bool, GatewayError>> {
        Box::pin(async move {
            let Some((_, payment_id)) = secret.split_once('.') else { return Ok(false) };
            let acted = self.perform(|books| books.act(payment_id, secret, confirms, clock::now())).await?;
            Ok(acted.is_some())
        })
    }
}

impl Faults {
    fn latency(&self) -> Duration {
        Duration::from_millis(self.latency_ms)
    }
}

fn server_error() -> GatewayError {
    GatewayError::Failed("500 from the simulated gateway".to_owned())
}
