//! Makes the notifications of an event. Pure: an event and the call before and after it go in, notifications come out.
//!
//! Nothing here stores or sends; the read model records the notifications, and the hub delivers them.

mod describe;
mod fill;
mod refused;
mod texts;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use self::describe::{describe, history_missing};
use self::fill::{Fill, why_cancelled, why_denied};
pub use self::refused::refused_customer;
use crate::domain::{
    CallId, CustomerId, DriverId, Party, Role, ServiceId,
    call::{Call, Event, Phase},
    payment::{News, PaymentStatus, Settlement},
    policy::{FoundBy, Policy, Text},
};

/// The receiver of a notification.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Receiver {
    pub role: Role,
    /// The customer's or driver's id; for operators the service's.
    pub id: Arc<str>,
}

impl Receiver {
    #[must_use]
    pub fn customer(id: &CustomerId) -> Self {
        Self { role: Role::Customer, id: id.to_arc() }
    }

    #[must_use]
    pub fn driver(id: &DriverId) -> Self {
        Self { role: Role::Driver, id: id.to_arc() }
    }

    /// The operators of a service.
    #[must_use]
    pub fn operators(service: &ServiceId) -> Self {
        Self { role: Role::Operator, id: service.to_arc() }
    }
}

/// The occasion of a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Occasion {
    /// Customer: the fare was taken.
    Paid,
    /// Customer: the method was refused.
    PaymentDeclined,
    /// Customer: the gateway took nothing and says why.
    PaymentRejected,
    /// Customer: something is to be done before the fare can be taken.
    PaymentActionRequired,
    /// Customer: the call is approved, and there is no method to charge yet.
    PaymentWanted,
    /// Customer: the charge could not be made now; nothing was taken.
    PaymentUnavailable,
    /// Customer: a charge was sent and its outcome is not known yet.
    PaymentUnknown,
    /// Customer: the service refused the call.
    Denied,
    /// Customer: the name of the driver, and the arrival time if that is known. Driver: it has the call.
    Assigned,
    /// Customer: the driver gave the call back, and the call looks for another one.
    Released,
    /// Customer: it is under way.
    Started,
    /// Customer: it is done.
    Completed,
    /// Customer and the driver who had it: it is called off.
    Cancelled,
    /// Customer: the money is back.
    Refunded,
    /// Customer: the ride is over, and nothing is charged for it.
    Waived,
    /// Customer: the ride is over, and its fare is owed.
    Debt,
    /// Driver: it may have this call.
    Offer,
    /// Driver: the offer expired, another driver has the call, or it was cancelled.
    OfferWithdrawn,
    /// Operator: a call is to be approved or rejected.
    ApprovalWanted,
    /// Operator: the outcome of a charge has not been known for too long.
    PaymentUnknownLong,
    /// Operator: refunds have failed, or money has not been settled for too long. Told again until it is.
    MoneyWaits,
    /// Operator: the payment gateway does not accept the API key; nothing is charged.
    GatewayKeyRefused,
    /// Operator: an actor failed again and again and was taken out of work.
    ActorParked,
    /// Operator: the store lost changes that were acknowledged.
    WritesLost,
}

impl Occasion {
    /// The occasion's name, as notifications show it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Paid => "paid",
            Self::PaymentDeclined => "payment_declined",
            Self::PaymentRejected => "payment_rejected",
            Self::PaymentActionRequired => "payment_action_required",
            Self::PaymentWanted => "payment_wanted",
            Self::PaymentUnavailable => "payment_unavailable",
            Self::PaymentUnknown => "payment_unknown",
            Self::Denied => "denied",
            Self::Assigned => "assigned",
            Self::Released => "released",
            Self::Started => "started",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Refunded => "refunded",
            Self::Waived => "waived",
            Self::Debt => "debt",
            Self::Offer => "offer",
            Self::OfferWithdrawn => "offer_withdrawn",
            Self::ApprovalWanted => "approval_wanted",
            Self::PaymentUnknownLong => "payment_unknown_long",
            Self::MoneyWaits => "money_waits",
            Self::GatewayKeyRefused => "gateway_key_refused",
            Self::ActorParked => "actor_parked",
            Self::WritesLost => "writes_lost",
        }
    }

    /// The key of its text in a policy's `messages`. It is the occasion's name, but for what a driver is told on an
    /// occasion that has a text for customers too: `assigned_driver`, `cancelled_driver`, `refunded_driver`.
    #[must_use]
    pub fn message_key(self, role: Role) -> &'static str {
        match (self, role) {
            (Self::Assigned, Role::Driver) => "assigned_driver",
            (Self::Cancelled, Role::Driver) => "cancelled_driver",
            (Self::Refunded, Role::Driver) => "refunded_driver",
            _ => self.as_str(),
        }
    }
}

/// A notification: the same text to each of its receivers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// The receivers; never empty.
    pub receivers: Vec<Receiver>,
    pub occasion: Occasion,
    /// About which call, if about one.
    pub call: Option<CallId>,
    pub service: ServiceId,
    pub text: Text,
}

/// The notifications of an event of a call. `policy` is that of the call's service, if there still is one; `eta_s` is
/// how many seconds the driver needs to the pickup, if that is known.
#[must_use]
pub fn notifications(
    policy: Option<&Policy>,
    before: Option<&Call>,
    event: &Event,
    after: &Call,
    eta_s: Option<u64>,
) -> Vec<Notification> {
    let fill = Fill::new(policy, after);
    match event {
        Event::PaymentChanged(news) => payment_changed(&fill, before, news, is_assigned(policy)),
        Event::Denied { reason, text } => {
            vec![fill.because(why_denied(*reason, text.as_deref())).customer(Occasion::Denied)]
        }
        Event::ApprovalWanted { .. } => vec![fill.operators(Occasion::ApprovalWanted)],
        Event::Approved { .. } if !after.method_kept => vec![fill.customer(Occasion::PaymentWanted)],
        // Where the system assigns, nobody is asked.
        Event::Offered { .. } | Event::OffersExpired { .. } if is_assigned(policy) => Vec::new(),
        Event::Offered { drivers, .. } => fill.drivers(Occasion::Offer, drivers.iter()),
        Event::OffersExpired { drivers } => {
            fill.because(Some(texts::EXPIRED.text())).drivers(Occasion::OfferWithdrawn, drivers.iter())
        }
        Event::Assigned { driver } => {
            let mut told = vec![
                fill.clone().because(eta_s.map(texts::eta)).customer(Occasion::Assigned),
                fill.driver(Occasion::Assigned, &driver.id),
            ];
            if is_assigned(policy) {
                told.push(fill.clone().amount(after.payment.charged).driver(Occasion::Paid, &driver.id));
            }
            told.extend(withdrawn(&fill, before, texts::TAKEN.text(), &driver.id));
            told
        }
        Event::Released { reason, .. } => {
            vec![fill.because(reason.as_deref().map(fill::own_words)).customer(Occasion::Released)]
        }
        Event::Started { .. } => vec![fill.customer(Occasion::Started)],
        Event::Completed { .. } => vec![fill.customer(Occasion::Completed)],
        Event::Settled { how, reason, .. } => vec![settled(&fill, *how, reason)],
        Event::Cancelled { by, reason } => cancelled(&fill, before, by, reason.as_deref()),
        // What people did themselves, or what another event of the same commit tells them.
        Event::Requested(_)
        | Event::PaymentStarted { .. }
        | Event::DispatchStarted { .. }
        | Event::Booked { .. }
        | Event::Approved { .. }
        | Event::MethodGiven { .. }
        | Event::CompletionAsked { .. }
        | Event::DebtNoted
        | Event::DebtCleared
        | Event::OfferDeclined { .. }
        // The next `assigned` names the driver who comes.
        | Event::GivenBack { .. } => Vec::new(),
    }
}

fn is_assigned(policy: Option<&Policy>) -> bool {
    policy.is_some_and(|policy| policy.file.dispatch.by == FoundBy::Assign)
}

/// Whether an event tells somebody how long the driver needs.
#[must_use]
pub fn tells_eta(event: &Event) -> bool {
    matches!(event, Event::Assigned { .. })
}

/// Tells the operators that the outcome of a call's charge has not been known for too long.
#[must_use]
pub fn payment_unknown_long(policy: Option<&Policy>, call: &Call) -> Notification {
    Fill::new(policy, call).operators(Occasion::PaymentUnknownLong)
}

/// Tells a service's operators that an actor was parked: `actor` names it (`call/call_…`), `panic` says why.
#[must_use]
pub fn actor_parked(policy: Option<&Policy>, service: &ServiceId, actor: &str, panic: &str) -> Notification {
    to_operators(policy, service, Occasion::ActorParked, format!("{actor}: {panic}"))
}

/// Tells a service's operators that the store lost acknowledged changes; `lost` says which.
#[must_use]
pub fn writes_lost(policy: Option<&Policy>, service: &ServiceId, lost: &str) -> Notification {
    to_operators(policy, service, Occasion::WritesLost, lost.to_owned())
}

/// Tells a service's operators that money waits for somebody; `which` names the payments.
#[must_use]
pub fn money_waits(policy: Option<&Policy>, service: &ServiceId, which: String) -> Notification {
    to_operators(policy, service, Occasion::MoneyWaits, which)
}

/// Tells a service's operators that the gateway refuses the API key.
#[must_use]
pub fn gateway_key_refused(policy: Option<&Policy>, service: &ServiceId) -> Notification {
    to_operators(policy, service, Occasion::GatewayKeyRefused, String::new())
}

fn to_operators(policy: Option<&Policy>, service: &ServiceId, occasion: Occasion, reason: String) -> Notification {
    let text = fill::message(policy, occasion, Role::Operator);
    let reason = Text::same(reason);
    let name = policy.map_or_else(|| Text::same(service.as_str()), |policy| policy.file.name.clone());
    Notification {
        receivers: vec![Receiver::operators(service)],
        occasion,
        call: None,
        service: service.clone(),
        text: fill::tidy(text.filled(&[("service", &name), ("reason", &reason)])),
    }
}

fn payment_changed(fill: &Fill<'_>, before: Option<&Call>, news: &News, assigned: bool) -> Vec<Notification> {
    let fill = fill.clone().amount(news.refunded.or(news.charged));
    // The problems of a payment that nobody waits for any more are nobody's news.
    let over = before.is_some_and(|call| call.phase.is_terminal() && !call.ended_in_debt());
    let known = before.map(|call| call.payment.status);
    match news.status {
        PaymentStatus::Refunded => {
            // Whoever was assigned by the system hears of the money as well.
            let company = before.and_then(|call| call.phase.driver()).filter(|_| assigned);
            let mut told = vec![fill.customer(Occasion::Refunded)];
            told.extend(company.map(|driver| fill.driver(Occasion::Refunded, &driver.id)));
            told
        }
        status if over || known == Some(status) => Vec::new(),
        PaymentStatus::Charged => vec![fill.customer(Occasion::Paid)],
        PaymentStatus::Declined => vec![declined(fill, news)],
        PaymentStatus::Rejected => vec![with_reason(fill, news).customer(Occasion::PaymentRejected)],
        PaymentStatus::ActionRequired => vec![fill.customer(Occasion::PaymentActionRequired)],
        // An attempt to pay a debt was refused.
        PaymentStatus::Debt if news.refusal().is_some() => vec![declined(fill, news)],
        PaymentStatus::Unknown => vec![fill.customer(Occasion::PaymentUnknown)],
        // It is tried again without anybody's doing: that is worth one word, not one with every attempt.
        PaymentStatus::Created if before.is_some_and(is_deferred) => {
            let first = before.is_some_and(|call| call.payment.attempt <= 1);
            let told = fill.because(Some(texts::DEFERRED.text())).customer(Occasion::PaymentUnavailable);
            if first { vec![told] } else { Vec::new() }
        }
        PaymentStatus::Created => {
            let retry = news.retry_after_s.map(texts::retry);
            retry.map(|retry| fill.because(Some(retry)).customer(Occasion::PaymentUnavailable)).into_iter().collect()
        }
        PaymentStatus::Charging
        | PaymentStatus::Refunding
        // Operators hear of it, and decide what the customer is told.
        | PaymentStatus::RefundFailed
        | PaymentStatus::Waived
        | PaymentStatus::Debt => Vec::new(),
    }
}

fn declined(fill: Fill<'_>, news: &News) -> Notification {
    with_reason(fill, news).customer(Occasion::PaymentDeclined)
}

fn with_reason<'a>(fill: Fill<'a>, news: &News) -> Fill<'a> {
    fill.because(news.reason.as_deref().map(texts::of_the_gateway))
}

fn settled(fill: &Fill<'_>, how: Settlement, reason: &str) -> Notification {
    let occasion = match how {
        Settlement::Waived => Occasion::Waived,
        Settlement::Debt => Occasion::Debt,
    };
    fill.clone().because(Some(fill::own_words(reason))).customer(occasion)
}

/// Whether a call's payment is made in the background.
fn is_deferred(call: &Call) -> bool {
    matches!(call.phase, Phase::AwaitingPayment { .. })
}

fn cancelled(fill: &Fill<'_>, before: Option<&Call>, by: &Party, reason: Option<&str>) -> Vec<Notification> {
    let fill = fill.clone().because(why_cancelled(reason));
    let mut told = vec![fill.customer(Occasion::Cancelled)];
    let had = before.and_then(|call| call.phase.current_driver());
    // A driver that called it off knows.
    if let Some(driver) = had.filter(|driver| *by != Party::Driver(driver.id.clone())) {
        told.push(fill.driver(Occasion::Cancelled, &driver.id));
    }
    let nobody = None::<&DriverId>;
    told.extend(fill.because(Some(texts::CALLED_OFF.text())).open_offers(before, nobody));
    told
}

/// Tells everybody else who had an open offer.
fn withdrawn(fill: &Fill<'_>, before: Option<&Call>, why: Text, but: &DriverId) -> Vec<Notification> {
    fill.clone().because(Some(why)).open_offers(before, Some(but))
}

impl Fill<'_> {
    fn open_offers(&self, before: Option<&Call>, but: Option<&DriverId>) -> Vec<Notification> {
        let Some(Phase::Dispatching(search)) = before.map(|call| &call.phase) else { return Vec::new() };
        if is_assigned(self.policy()) {
            return Vec::new();
        }
        let others = search.open_offers().map(|(driver, _)| driver).filter(|driver| Some(*driver) != but);
        self.drivers(Occasion::OfferWithdrawn, others)
    }
}
