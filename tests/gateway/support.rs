//! What the tests of this folder share: requests, and gateways to send them to.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use callout::{
    actors::{
        guard::{BreakerState, Guard, GuardGauge, GuardHandle, GuardSettings},
        ports::{
            BoxFuture,
            gateway::{
                ChargeOutcome, ChargeRequest, ChargeWay, Faults, GatewayDrill, GatewayError, LedgerKind, Lookup,
                LookupRequest, MovementPage, OpenOutcome, OpenRequest, PaymentGateway, RefundOutcome, RefundRequest,
                WithdrawOutcome, WithdrawRequest,
            },
        },
        supervision::{KindStats, Singleton, SupervisionSettings, install_panic_hook},
    },
    domain::{Currency, Money},
    gateway::{GatewaySettings, OpenGateway, Simulation, open},
    settings::Section,
};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use tokio::sync::Semaphore;

/// What a test returns.
pub type Tested = Result<(), Box<dyn std::error::Error>>;

/// A gateway and its drill.
pub struct Simulated {
    pub gateway: Arc<dyn PaymentGateway>,
    pub drill: Arc<dyn GatewayDrill>,
}

pub fn simulated(settings: &GatewaySettings, simulation: &Simulation) -> Result<Simulated, Box<dyn std::error::Error>> {
    let OpenGateway { gateway, drill, .. } = open(settings, simulation)?;
    Ok(Simulated { gateway, drill: drill.ok_or("the simulated gateway has a drill")? })
}

/// In memory, with a response timeout.
pub fn in_memory(response_timeout_ms: u64) -> Result<Simulated, Box<dyn std::error::Error>> {
    simulated(
        &GatewaySettings { response_timeout_ms, ..GatewaySettings::default() },
        &Simulation { seed: Some(1), ledger: None },
    )
}

pub fn won(amount: u64) -> Money {
    Money::new(amount, Currency::KRW)
}

/// A charge of 20,000 won for a payment of its own.
pub fn charge(key: &str, method: &str) -> ChargeRequest {
    ChargeRequest {
        key: key.into(),
        payment_id: format!("pay_{key}").into(),
        amount: won(20_000),
        method: method.to_owned().into(),
        intent: None,
    }
}

pub fn look(key: &str) -> LookupRequest {
    LookupRequest { key: key.into(), amount: won(20_000), intent: None }
}

pub fn refund(key: &str, of: &str, reference: &Arc<str>, amount: u64) -> RefundRequest {
    RefundRequest {
        key: key.into(),
        payment_id: format!("pay_{of}").into(),
        charge: Arc::clone(reference),
        amount: won(amount),
        repeated: false,
    }
}

pub fn down() -> Faults {
    Faults { down: true, ..Faults::default() }
}

/// A guard in front of a simulated gateway.
pub struct Guarded {
    pub bank: Simulated,
    pub guard: GuardHandle,
    pub watch: Arc<Watch>,
}

impl Guarded {
    pub fn keys(&self) -> Vec<String> {
        self.bank
            .drill
            .ledger(None, usize::MAX, 0)
            .expect("the ledger")
            .iter()
            .map(|entry| entry.key.to_string())
            .collect()
    }

    /// Waits until so many requests are at the gateway and so many wait for their turn.
    pub async fn until_busy(&self, in_flight: usize, waiting: usize) {
        let gauge = self.guard.gauge();
        let busy = || (gauge.figures().in_flight.now, gauge.figures().queue.length);
        until(|| busy() == (in_flight, waiting)).await;
    }

    pub async fn until_breaker(&self, state: BreakerState) {
        until(|| self.guard.gauge().figures().breaker.state == state).await;
    }
}

/// Waits until something is so. Panics after 10 s.
pub async fn until(so: impl Fn() -> bool) {
    let reached = async {
        while !so() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), reached).await.expect("within 10 s");
}

/// Starts the guard on the current arbiter.
pub fn guarded(bank: Simulated, settings: GuardSettings) -> Guarded {
    assert_eq!(Section::problems(&settings), []);
    let watch = Arc::new(Watch::of(&bank));
    let gauge = GuardGauge::new(settings);
    let gateway = Arc::clone(&watch) as Arc<dyn PaymentGateway>;
    Guarded { bank, guard: supervised(gateway, gauge, SupervisionSettings::default()), watch }
}

/// Starts the guard under supervision on the current arbiter.
pub fn supervised(
    gateway: Arc<dyn PaymentGateway>,
    gauge: Arc<GuardGauge>,
    supervision: SupervisionSettings,
) -> GuardHandle {
    supervised_within(100_000, gateway, gauge, supervision)
}

/// The same, with room for so many messages.
pub fn supervised_within(
    mailbox_max: u32,
    gateway: Arc<dyn PaymentGateway>,
    gauge: Arc<GuardGauge>,
    supervision: SupervisionSettings,
) -> GuardHandle {
    install_panic_hook();
    let (made_with, named) = (Arc::clone(&gauge), Arc::clone(&gateway));
    let actor = Singleton::start(
        "guard/gateway",
        actix_rt::Arbiter::current(),
        SupervisionSettings { mailbox_max, ..supervision },
        KindStats::new("guard"),
        Arc::new(|_: &callout::actors::supervision::Failure| {}),
        move || Guard::new(Arc::clone(&gateway), Arc::clone(&made_with)),
    );
    GuardHandle::new(actor, &*named, gauge)
}

/// Passes everything on, and notes how many charges were under way at once. The method `tok_panic` panics.
pub struct Watch {
    inner: Arc<dyn PaymentGateway>,
    /// The gate through which each charge goes.
    gate: Semaphore,
    now: AtomicUsize,
    peak: AtomicUsize,
}

impl Watch {
    fn of(bank: &Simulated) -> Self {
        let inner = Arc::clone(&bank.gateway);
        Self { inner, gate: Semaphore::new(1), now: AtomicUsize::new(0), peak: AtomicUsize::new(0) }
    }

    /// Charges that come from now on wait until [`Watch::release`].
    pub fn hold(&self) {
        self.gate.forget_permits(1);
    }

    pub fn release(&self) {
        self.gate.add_permits(1);
    }

    pub fn peak(&self) -> usize {
        self.peak.load(Ordering::SeqCst)
    }
}

impl PaymentGateway for Watch {
    fn charge(&self, request: ChargeRequest) -> BoxFuture<'_, Result<ChargeOutcome, GatewayError>> {
        Box::pin(async move {
            assert_ne!(request.method.expose_secret(), "tok_panic", "as the test wants it");
            self.peak.fetch_max(self.now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            drop(self.gate.acquire().await.expect("the gate is never closed"));
            let outcome = self.inner.charge(request).await;
            self.now.fetch_sub(1, Ordering::SeqCst);
            outcome
        })
    }

    fn refund(&self, request: RefundRequest) -> BoxFuture<'_, Result<RefundOutcome, GatewayError>> {
        self.inner.refund(request)
    }

    fn lookup(&self, request: LookupRequest) -> BoxFuture<'_, Result<Lookup, GatewayError>> {
        self.inner.lookup(request)
    }

    fn name(&self) -> Arc<str> {
        self.inner.name()
    }

    fn way(&self) -> ChargeWay {
        self.inner.way()
    }

    fn open(&self, request: OpenRequest) -> BoxFuture<'_, Result<OpenOutcome, GatewayError>> {
        self.inner.open(request)
    }

    fn withdraw(&self, request: WithdrawRequest) -> BoxFuture<'_, Result<WithdrawOutcome, GatewayError>> {
        self.inner.withdraw(request)
    }

    fn check(&self) -> BoxFuture<'_, Result<(), GatewayError>> {
        self.inner.check()
    }

    fn movements(
        &self,
        kind: LedgerKind,
        from: Timestamp,
        to: Timestamp,
        after: Option<String>,
    ) -> BoxFuture<'_, Result<MovementPage, GatewayError>> {
        self.inner.movements(kind, from, to, after)
    }

    fn answer_timeout(&self) -> Duration {
        self.inner.answer_timeout()
    }
}
