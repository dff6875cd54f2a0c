//! How an event changes a call.

use jiff::Timestamp;

use super::{
    Call, Choice, DebtEntry, Dispatching, DriverCard, Event, MethodMark, OfferBatch, PASSED_MAX, PaymentView, Phase,
    RefusedMethod, Requested, Settled,
};
use crate::domain::{
    DriverId,
    payment::{News, PaymentStatus, Settlement},
};

/// The call after `event`, which happened at `at`.
pub(super) fn evolve(state: Option<Call>, event: &Event, at: Timestamp) -> Option<Call> {
    let Some(mut call) = state else {
        return match event {
            Event::Requested(request) => Some(requested(request, at)),
            _ => None,
        };
    };
    // A terminal phase is never left; only the money still moves.
    if call.phase.is_terminal() && !moves_money(&call, event) {
        return Some(call);
    }
    call.version += 1;
    call.updated_at = at;
    match event {
        Event::Requested(_) => {}
        Event::Denied { reason, text } => {
            call.phase = Phase::Denied { reason: *reason, text: text.clone() };
            owe_refund(&mut call.payment);
        }
        Event::Booked { driver } => call.choice = Some(Choice::Held { driver: driver.clone() }),
        Event::ApprovalWanted { until } => call.phase = Phase::AwaitingApproval { until: *until },
        Event::Approved { until, .. } => call.phase = Phase::AwaitingPayment { until: *until },
        Event::MethodGiven { method } => {
            call.method_kept = true;
            give(&mut call, method.as_ref());
        }
        Event::CompletionAsked { by } => call.completing = Some(by.clone()),
        Event::PaymentStarted { attempt, method } => {
            give(&mut call, method.as_ref());
            call.tried = call.method_number();
            call.payment.attempt = *attempt;
            call.payment.status = PaymentStatus::Charging;
            call.method_kept = true;
            call.payment.retry_after_s = None;
            call.payment.reason = None;
            call.payment.action = None;
        }
        Event::PaymentChanged(news) => {
            apply_news(&mut call.payment, news);
            if let Some(settled) = &mut call.settled {
                settled.confirmed |= matches!(news.status, PaymentStatus::Waived | PaymentStatus::Debt);
            }
            if let Some(reason) = news.refusal() {
                let rejected = news.status == PaymentStatus::Rejected;
                call.refused = Some(RefusedMethod { number: call.tried, reason: reason.to_owned(), rejected });
                // What was refused is not tried again; what was given meanwhile is.
                call.method_kept &= call.has_untried_method();
            }
        }
        Event::DispatchStarted { deadline } => {
            call.phase = Phase::Dispatching(searching(*deadline));
        }
        Event::Assigned { driver } => call.phase = Phase::Assigned { driver: driver.clone() },
        Event::GivenBack { driver, deadline } => {
            call.completing = None;
            let (declined, passed) = (call.released.clone(), vec![driver.clone()]);
            call.phase = Phase::Dispatching(Dispatching { declined, passed, ..searching(*deadline) });
        }
        Event::Released { driver, deadline, .. } => {
            call.released.push(driver.clone());
            call.completing = None;
            call.phase = Phase::Dispatching(Dispatching { declined: call.released.clone(), ..searching(*deadline) });
        }
        Event::Started { .. } => call.phase = with_driver(call.phase, |driver| Phase::Started { driver }),
        Event::Completed { .. } => {
            call.completing = None;
            call.phase = with_driver(call.phase, |driver| Phase::Completed { driver });
        }
        Event::Settled { how, .. } => settle(&mut call, *how),
        Event::DebtNoted => enter(&mut call, DebtEntry::Open),
        Event::DebtCleared => enter(&mut call, DebtEntry::Cleared),
        Event::Cancelled { by, reason } => {
            let driver = call.phase.current_driver().cloned();
            call.phase = Phase::Cancelled { by: by.clone(), reason: reason.clone(), driver };
            owe_refund(&mut call.payment);
        }
        Event::Offered { .. } | Event::OffersExpired { .. } | Event::OfferDeclined { .. } => {
            if let Phase::Dispatching(dispatching) = &mut call.phase {
                evolve_offers(dispatching, event);
            }
        }
    }
    Some(call)
}

/// Whether an event of a call that is over is one of its money: of a refund, or of a debt that is paid.
fn moves_money(call: &Call, event: &Event) -> bool {
    match event {
        Event::PaymentChanged(_) => true,
        Event::PaymentStarted { .. } | Event::MethodGiven { .. } | Event::DebtNoted | Event::DebtCleared => {
            call.ended_in_debt()
        }
        _ => false,
    }
}

/// The payment is shown as settled from this moment on. Whoever pays a debt says anew how.
fn settle(call: &mut Call, how: Settlement) {
    call.settled = Some(Settled { how, confirmed: false, entry: DebtEntry::None });
    call.payment.status = how.status();
    call.payment.retry_after_s = None;
    call.payment.reason = None;
    call.method_kept = false;
}

fn enter(call: &mut Call, entry: DebtEntry) {
    if let Some(settled) = &mut call.settled {
        settled.entry = entry;
    }
}

/// A search that begins.
fn searching(deadline: Timestamp) -> Dispatching {
    Dispatching { deadline, round: 0, offers: Vec::new(), declined: Vec::new(), passed: Vec::new() }
}

fn requested(request: &Requested, at: Timestamp) -> Call {
    Call {
        id: request.id.clone(),
        service: request.service.clone(),
        terms: request.terms.clone(),
        customer_id: request.customer_id.clone(),
        pickup: request.pickup.clone(),
        dropoff: request.dropoff.clone(),
        note: request.note.clone(),
        choice: request.driver_id.clone().map(|driver| Choice::Asked { driver }),
        released: Vec::new(),
        period: request.period,
        method_kept: request.method_kept,
        method: request.method.clone(),
        tried: 0,
        refused: None,
        completing: None,
        settled: None,
        fare: request.fare,
        request_fingerprint: request.request_fingerprint.clone(),
        phase: Phase::Requested { unpaid_until: request.unpaid_until },
        payment: PaymentView {
            status: PaymentStatus::Created,
            attempt: 0,
            version: 0,
            charged: None,
            refunded: None,
            retry_after_s: None,
            reason: None,
            action: None,
        },
        version: 1,
        created_at: at,
        updated_at: at,
    }
}

fn give(call: &mut Call, method: Option<&MethodMark>) {
    if let Some(method) = method {
        call.method = Some(method.clone());
    }
}

/// A call that ends with a charge shows its payment as `refunding` from that moment on.
fn owe_refund(payment: &mut PaymentView) {
    if payment.status == PaymentStatus::Charged {
        payment.status = PaymentStatus::Refunding;
    }
}

fn apply_news(payment: &mut PaymentView, news: &News) {
    payment.version = news.version;
    payment.status = news.status;
    payment.charged = news.charged;
    payment.refunded = news.refunded;
    payment.retry_after_s = news.retry_after_s;
    payment.reason.clone_from(&news.reason);
    payment.action.clone_from(&news.action);
}

fn with_driver(phase: Phase, next: impl FnOnce(DriverCard) -> Phase) -> Phase {
    match phase.current_driver().cloned() {
        Some(driver) => next(driver),
        None => phase,
    }
}

fn evolve_offers(dispatching: &mut Dispatching, event: &Event) {
    match event {
        Event::Offered { round, drivers, expires_at } => {
            dispatching.round = *round;
            dispatching.offers.push(OfferBatch { expires_at: *expires_at, drivers: drivers.clone() });
        }
        Event::OffersExpired { drivers } => {
            withdraw(dispatching, drivers);
            let passed = &mut dispatching.passed;
            passed.retain(|driver| !drivers.contains(driver));
            passed.extend_from_slice(drivers);
            passed.drain(..passed.len().saturating_sub(PASSED_MAX));
        }
        Event::OfferDeclined { driver } => {
            withdraw(dispatching, std::slice::from_ref(driver));
            dispatching.declined.push(driver.clone());
        }
        Event::Requested(_)
        | Event::Denied { .. }
        | Event::Booked { .. }
        | Event::ApprovalWanted { .. }
        | Event::Approved { .. }
        | Event::MethodGiven { .. }
        | Event::CompletionAsked { .. }
        | Event::PaymentStarted { .. }
        | Event::PaymentChanged(_)
        | Event::DispatchStarted { .. }
        | Event::Assigned { .. }
        | Event::GivenBack { .. }
        | Event::Released { .. }
        | Event::Started { .. }
        | Event::Completed { .. }
        | Event::Settled { .. }
        | Event::DebtNoted
        | Event::DebtCleared
        | Event::Cancelled { .. } => {}
    }
}

/// Ends the offers of these drivers. When none is left, the next round comes.
fn withdraw(dispatching: &mut Dispatching, gone: &[DriverId]) {
    for batch in &mut dispatching.offers {
        batch.drivers.retain(|driver| !gone.contains(driver));
    }
    dispatching.offers.retain(|batch| !batch.drivers.is_empty());
    if dispatching.offers.is_empty() {
        dispatching.round = dispatching.round.saturating_add(1);
    }
}
