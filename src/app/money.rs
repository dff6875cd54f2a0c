//! Tells operators of money that waits for somebody: refunds that failed, money that is not settled for too long, a gateway
//! that does not accept the API key. It is told again until it is settled.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use tokio::time::MissedTickBehavior;

use crate::{
    actors::{Engine, boards::Unsettled},
    clock,
    domain::{CallId, ServiceId, payment::PaymentStatus},
    gateway::GatewaySettings,
    notify::{self, Notification},
    readmodel::ReadModel,
};

/// How often the money is looked at.
const LOOK: Duration = Duration::from_secs(5);
/// The shortest time between two notifications to the operators of a service, whatever comes up in between.
const PAUSE: Duration = Duration::from_mins(1);
/// Payments that a notification names, at most. `GET /v1/ops/payments` has them all.
const NAMED_MAX: usize = 10;
/// Payments that are looked at in one round, at most: the oldest.
const LOOKED_AT_MAX: usize = 1_000;

/// The watch over money that is not settled.
pub(super) struct MoneyWatch {
    engine: Arc<Engine>,
    read_model: Arc<ReadModel>,
    overdue: SignedDuration,
    remind: Duration,
    told: HashMap<ServiceId, Told>,
    /// The service of each payment that was looked at.
    services: HashMap<CallId, ServiceId>,
}

/// What the operators of a service were told, and when.
struct Told {
    at: Instant,
    payments: HashSet<CallId>,
}

impl MoneyWatch {
    pub(super) fn new(engine: &Arc<Engine>, read_model: &Arc<ReadModel>, settings: &GatewaySettings) -> Self {
        Self {
            engine: Arc::clone(engine),
            read_model: Arc::clone(read_model),
            overdue: SignedDuration::from_secs(i64::from(settings.overdue_s)),
            remind: Duration::from_secs(settings.remind_s.into()),
            told: HashMap::new(),
            services: HashMap::new(),
        }
    }

    /// Watches for as long as the process runs.
    pub(super) async fn watch(mut self) {
        let mut lock = self.engine.gateway_locked_out();
        let mut rounds = tokio::time::interval(LOOK);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut lock_told: Option<Instant> = None;
        loop {
            tokio::select! {
                _ = rounds.tick() => self.look(clock::now()).await,
                changed = lock.changed() => if changed.is_err() { return },
            }
            let is_locked = *lock.borrow_and_update();
            if !is_locked {
                lock_told = None;
            } else if lock_told.is_none_or(|told| told.elapsed() >= self.remind) {
                lock_told = Some(Instant::now());
                self.tell_of_lock().await;
            }
        }
    }

    /// Tells the operators of each service of what is due by now.
    async fn look(&mut self, now: Timestamp) {
        let due: Vec<Unsettled> =
            self.engine.unsettled().into_iter().filter(|one| self.is_due(one, now)).take(LOOKED_AT_MAX).collect();
        let mut by_service: BTreeMap<ServiceId, Vec<Unsettled>> = BTreeMap::new();
        for payment in due {
            if let Some(service) = self.service_of(&payment.payment).await {
                by_service.entry(service).or_default().push(payment);
            }
        }
        self.told.retain(|service, _| by_service.contains_key(service));
        self.services.retain(|id, _| by_service.values().flatten().any(|payment| payment.payment == *id));
        for (service, payments) in by_service {
            if self.is_to_be_told(&service, &payments) {
                let told = notify::money_waits(self.engine.policies().get(&service), &service, in_words(&payments));
                self.tell(&service, told).await;
                let payments = payments.into_iter().map(|payment| payment.payment).collect();
                self.told.insert(service, Told { at: Instant::now(), payments });
            }
        }
    }

    fn is_due(&self, payment: &Unsettled, now: Timestamp) -> bool {
        match payment.state {
            PaymentStatus::RefundFailed => true,
            PaymentStatus::Unknown | PaymentStatus::Refunding => now.duration_since(payment.since) >= self.overdue,
            // Its customer was told, and has it in hand.
            _ => false,
        }
    }

    /// Whether there is something new, or it is time to say it again.
    fn is_to_be_told(&self, service: &ServiceId, payments: &[Unsettled]) -> bool {
        let Some(told) = self.told.get(service) else { return true };
        let is_new = payments.iter().any(|payment| !told.payments.contains(&payment.payment));
        told.at.elapsed() >= if is_new { PAUSE.min(self.remind) } else { self.remind }
    }

    async fn service_of(&mut self, payment: &CallId) -> Option<ServiceId> {
        if let Some(known) = self.services.get(payment) {
            return Some(known.clone());
        }
        let service = self.engine.ops.service_of("payment", payment.as_str()).await.ok().flatten()?;
        self.services.insert(payment.clone(), service.clone());
        Some(service)
    }

    async fn tell_of_lock(&self) {
        let services: Vec<ServiceId> = self.engine.policies().iter().map(|policy| policy.service.clone()).collect();
        for service in services {
            let told = notify::gateway_key_refused(self.engine.policies().get(&service), &service);
            self.tell(&service, told).await;
        }
    }

    async fn tell(&self, service: &ServiceId, told: Notification) {
        if let Err(error) = self.read_model.tell(clock::now(), told).await {
            tracing::error!(%service, %error, "operators cannot be told of money that waits");
        }
    }
}

/// How many payments are in which state, and which.
fn in_words(payments: &[Unsettled]) -> String {
    let mut states: BTreeMap<&str, Vec<&CallId>> = BTreeMap::new();
    for payment in payments {
        states.entry(payment.state.as_str()).or_default().push(&payment.payment);
    }
    let words = states.into_iter().map(|(state, ids)| {
        let named: Vec<&str> = ids.iter().take(NAMED_MAX).map(|id| id.as_str()).collect();
        let more = ids.len().saturating_sub(NAMED_MAX);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{state}: {}{more}", named.join(", "))
    });
    format!("{}.", words.collect::<Vec<_>>().join("; "))
}
