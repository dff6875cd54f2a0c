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

use parking_lot::Mutex;
use tokio::time::{Instant, sleep};

use self::{
    dice::{Dice, Luck},
    journal::{Journal, Trouble},
    ledger::{Books, Performed},
    method::Method,
};
use super::settings::{GatewaySettings, OpenError, Simulation};
use crate::{
    actors::ports::{
        BoxFuture,
        gateway::{
            ChargeOutcome, ChargeRequest, Faults, GatewayDrill, GatewayError, InvalidFaults, LedgerEntry,
            PaymentGateway, RefundRequest,
        },
    },
    clock,
};

/// How much longer `tok_slow` takes than other methods.
const SLOW: Duration = Duration::from_secs(2);
/// How long to wait for another process that is writing the same ledger before looking again.
const LEDGER_RETRY: Duration = Duration::from_millis(1);

/// A gateway that moves no money, keeps its promises across restarts, and can be made to fail.
pub struct SimulatedGateway {
    journal: Mutex<Journal>,
    faults: Mutex<Faults>,
    dice: Dice,
    response_timeout: Duration,
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
        let step = self.perform(|books| books.charge(&request, refusal.clone(), clock::now())).await?;
        match step {
            Performed::Repeated(outcome) => self.answer(delay, luck.silent, Ok(outcome)).await,
            Performed::Done(outcome) => self.answer(delay, luck.silent || method == Method::Timeout, Ok(outcome)).await,
            Performed::Wrong(why) => self.answer(delay, luck.silent, Err(GatewayError::Failed(why))).await,
        }
    }

    async fn answer_refund(&self, request: RefundRequest) -> Result<(), GatewayError> {
        let (faults, luck) = self.connect()?;
        if luck.error {
            return self.answer(faults.latency(), false, Err(server_error())).await;
        }
        let answer = match self.perform(|books| books.refund(&request, clock::now())).await? {
            Performed::Repeated(()) | Performed::Done(()) => Ok(()),
            Performed::Wrong(why) => Err(GatewayError::Failed(why)),
        };
        self.answer(faults.latency(), luck.silent, answer).await
    }

    async fn answer_lookup(&self, key: Arc<str>) -> Result<Option<ChargeOutcome>, GatewayError> {
        let (faults, luck) = self.connect()?;
        if luck.error {
            return self.answer(faults.latency(), false, Err(server_error())).await;
        }
        let found = self.perform(|books| Ok((None, books.outcome(&key)?))).await?;
        self.answer(faults.latency(), luck.silent, Ok(found)).await
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
                Err(Trouble::Busy) => return Err(GatewayError::NoAnswer("its ledger is locked".to_owned())),
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
            sleep(self.response_timeout).await;
            return Err(GatewayError::NoAnswer(format!("no answer within {} ms", self.response_timeout.as_millis())));
        }
        if !delay.is_zero() {
            sleep(delay).await;
        }
        answer
    }
}

impl PaymentGateway for SimulatedGateway {
    fn charge(&self, request: ChargeRequest) -> BoxFuture<'_, Result<ChargeOutcome, GatewayError>> {
        Box::pin(self.answer_charge(request))
    }

    fn refund(&self, request: RefundRequest) -> BoxFuture<'_, Result<(), GatewayError>> {
        Box::pin(self.answer_refund(request))
    }

    fn lookup(&self, key: Arc<str>) -> BoxFuture<'_, Result<Option<ChargeOutcome>, GatewayError>> {
        Box::pin(self.answer_lookup(key))
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
}

impl Faults {
    fn latency(&self) -> Duration {
        Duration::from_millis(self.latency_ms)
    }
}

fn server_error() -> GatewayError {
    GatewayError::Failed("500 from the simulated gateway".to_owned())
}
