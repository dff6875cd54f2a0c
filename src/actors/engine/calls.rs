//! The use cases of calls.

use std::{sync::Arc, time::Duration};

use super::{CallError, Engine, once_more};
use crate::{
    actors::{Cause, boards::Place, entity::AskError},
    clock,
    domain::{
        CallId, DriverId, Party, Period, Rejection,
        call::{Call, Choice, Command, DenyReason, FIRST_METHOD, Phase, RefusedMethod, Request},
        driver::{self, Driver, ReleaseReason, has_room},
        payment::{Method, PaymentStatus},
        policy::{FoundBy, PaymentDue, Policy},
    },
};

/// The answer of a call.
pub(super) type CallResult = Result<Arc<Call>, CallError>;

/// How long a caller is asked to wait for the outcome of a payment in flight.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// When those who find no driver are to come back.
const SUPPLY_AGAIN: Duration = Duration::from_secs(30);
/// When a driver whose claim was not answered may try again.
const CLAIM_AGAIN: Duration = Duration::from_secs(2);

impl Engine {
    /// A customer asks for a service and, when a method is given, pays with the request: the answer waits
    /// for the payment's outcome.
    ///
    /// # Errors
    /// The reason why there is no call; or the trouble with its payment, while the call itself exists.
    pub async fn request_call(&self, mut request: Request, cause: Cause) -> CallResult {
        let id = request.id.clone();
        let policy = self.world.policies.get(&request.service);
        let with_request = policy.is_some_and(|policy| policy.file.payment.due == PaymentDue::WithRequest);
        if let Some(retry_after) = policy.and_then(|policy| self.exhausted(policy, request.period.as_ref())) {
            return Err(CallError::NoDrivers { service: request.service, retry_after });
        }
        // Held until the call is committed, and counts by itself.
        let place = match policy {
            Some(policy) => {
                self.must_owe_nothing(policy, &request.customer_id).await?;
                Some(self.unpaid_place(policy, &request)?)
            }
            None => None,
        };
        let paying = request.method.is_some() && with_request;
        // Refused early: while the gateway takes nothing, the call is kept and nothing is sent.
        let held_back = if paying { self.world.guard.gauge().admission().err() } else { None };
        if held_back.is_some() {
            request.method = None;
        }
        let command = Command::Request(Box::new(request));
        let asked = async || self.world.calls.ask_new(id.as_str(), command.clone(), None, cause.clone()).await;
        let call = once_more(asked).await?;
        drop(place);
        let given = paying.then_some(FIRST_METHOD);
        let settled = self.settled(call, given).await?;
        match held_back {
            Some(retry_after) if matches!(settled.phase, Phase::Requested { .. }) => {
                Err(CallError::PaymentUnavailable { call: settled, retry_after })
            }
            None if paying => payment_outcome(settled, given),
            Some(_) | None => Ok(settled),
        }
    }

    /// A place among the customer's open calls that are not paid.
    fn unpaid_place(&self, policy: &Policy, request: &Request) -> Result<Place, CallError> {
        let max = policy.file.payment.unpaid_max;
        let place = self.world.boards.unpaid.place(&request.service, &request.customer_id, &request.id, max as usize);
        place.ok_or_else(|| CallError::TooManyUnpaid { service: request.service.clone(), max })
    }

    /// While no driver of the service is free for that time and as many calls as it lets wait do wait: when to come back.
    fn exhausted(&self, policy: &Policy, period: Option<&Period>) -> Option<Duration> {
        let rule = &policy.file.dispatch;
        let bounded = rule.waiting_max > 0 && rule.by != FoundBy::Choose;
        let full = || {
            self.world.boards.demand.len(&policy.service) >= rule.waiting_max as usize
                && !self.is_anybody_free(policy, period)
        };
        (bounded && full()).then_some(SUPPLY_AGAIN)
    }

    fn is_anybody_free(&self, policy: &Policy, period: Option<&Period>) -> bool {
        let (rule, boards, now) = (&policy.file.dispatch, &self.world.boards, clock::now());
        match rule.by {
            FoundBy::Assign => {
                let has_room = |_: &DriverId, bookings: &[_]| has_room(bookings, rule.capacity, period, now);
                boards.idle.longest_waiting(&policy.service, has_room).is_some()
            }
            FoundBy::Offer | FoundBy::Choose => {
                boards.supply.len(&policy.service) + boards.idle.len(&policy.service) > 0
            }
        }
    }

    /// The customer pays a call that is not paid yet. The answer waits for the outcome.
    ///
    /// # Errors
    /// The refusal, or the state of the payment that is not made.
    pub async fn pay(&self, id: &CallId, by: &Party, method: Method, cause: Cause) -> CallResult {
        let call = self.visible(id, by).await?;
        if !call.payment.status.in_flight()
            && let Err(retry_after) = self.world.guard.gauge().admission()
        {
            // Nothing would be sent. A method that is kept already leaves no trace, another one takes its place.
            let waits = call.completing.is_some() && call.keeps(&method);
            if matches!(call.phase, Phase::Requested { .. }) || waits || call.is_owed() {
                return Err(CallError::PaymentUnavailable { call, retry_after });
            }
            if call.is_deferred() && call.keeps(&method) {
                return Ok(call);
            }
        }
        let call = self.command(id, Command::Pay { method: method.clone() }, cause).await?;
        let given = call.keeps(&method).then(|| call.method_number());
        let settled = self.paid_up(self.settled(call, given).await?).await;
        match settled.phase {
            // The call ended while its payment was under way: the money goes back.
            Phase::Cancelled { .. } | Phase::Denied { .. } => {
                let rejection = Rejection::IllegalTransition { state: settled.phase.status(), command: "pay" };
                Err(refused(rejection, settled))
            }
            _ => payment_outcome(settled, given),
        }
    }

    /// Waits until the chosen driver has answered and no payment is in flight, or the method of this number has been
    /// refused, within the configured time.
    async fn settled(&self, call: Arc<Call>, given: Option<u32>) -> CallResult {
        let is_settled = move |call: &Call| !is_settling(call) || refusal_of(call, given).is_some();
        let waiting = async {
            let mut call = call.clone();
            while !is_settled(&call) {
                let settled = self.world.calls.get_when(call.id.as_str(), Box::new(is_settled)).await;
                match settled {
                    Ok(Some(settled)) => call = settled,
                    Ok(None) | Err(AskError::Crashed) => tokio::time::sleep(Duration::from_millis(20)).await,
                    Err(error) => return Err(CallError::NoAnswer { call, error }),
                }
            }
            Ok(call)
        };
        let Ok(settled) = tokio::time::timeout(self.payment_wait, waiting).await else {
            let call = self.world.calls.get(call.id.as_str()).await.ok().flatten().unwrap_or(call);
            return Err(CallError::PaymentPending { call, retry_after: LOOK_AGAIN });
        };
        match settled? {
            call if matches!(call.phase, Phase::Denied { reason: DenyReason::OutOfArea, .. }) => {
                Err(CallError::OutOfArea { call })
            }
            call if matches!(call.phase, Phase::Denied { reason: DenyReason::DriverUnavailable, .. }) => {
                Err(CallError::DriverUnavailable { call: Some(call), status: "not free then" })
            }
            call => Ok(call),
        }
    }

    /// A driver takes a call: it holds itself for it, the call takes it, and it is engaged, or let go.
    ///
    /// # Errors
    /// The refusal: another driver was first, the call is over, or the driver is not free.
    pub async fn accept(&self, id: &CallId, driver: &DriverId, cause: Cause) -> CallResult {
        let call = self.call(id).await?.ok_or_else(not_found)?;
        let known = self.driver_of(driver).await?;
        if call.phase.driver().is_some_and(|card| card.id == *driver) && !call.phase.is_terminal() {
            return Ok(call);
        }
        // A look before the leap: most of those who come too late need not hold themselves first.
        acceptable(&call, &known)?;
        let claim = driver::Command::Claim { call: id.clone(), period: call.period, terms: call.terms.clone() };
        let claimed = async || {
            let (claim, cause) = (claim.clone(), cause.clone());
            self.world.drivers.ask_until(driver.as_str(), claim, Box::new(|driver| !is_claiming(driver)), cause).await
        };
        let driver_now = match once_more(claimed).await {
            Ok(driver) => driver,
            Err(AskError::Rejected { rejection: Rejection::DriverUnavailable { status }, .. }) => {
                return Err(CallError::DriverUnavailable { call: Some(call), status });
            }
            Err(error) => return Err(CallError::Driver(error)),
        };
        let gave_up = |(of, why): &(CallId, ReleaseReason)| of == id && *why == ReleaseReason::NoAnswer;
        if driver_now.call() != Some(id) && driver_now.last_release.as_ref().is_some_and(gave_up) {
            return Err(CallError::ClaimGivenUp { call, retry_after: CLAIM_AGAIN });
        }
        let call = self.call(id).await?.ok_or_else(not_found)?;
        if call.phase.driver().is_some_and(|card| card.id == *driver) {
            return Ok(call);
        }
        let rejection = match &driver_now.last_release {
            Some((released, ReleaseReason::NotOffered)) if released == id => Rejection::NotOffered,
            _ => Rejection::CallTaken,
        };
        Err(refused(rejection, call))
    }

    /// A driver does not want a call that it was offered.
    ///
    /// # Errors
    /// When it was not offered to it, or is gone.
    pub async fn decline(&self, id: &CallId, driver: &DriverId, cause: Cause) -> CallResult {
        let known = self.driver_of(driver).await?;
        let call = self.call(id).await?.ok_or_else(not_found)?;
        if call.service != known.profile.service {
            return Err(not_found());
        }
        self.command(id, Command::Decline { driver: driver.clone() }, cause).await
    }

    /// A call gets under way. A driver that was chosen or assigned is handed over first, so that it is never out with more
    /// calls than it can have at once; whether it is out is for the driver to say.
    ///
    /// # Errors
    /// When it is not its time, or not for this party to say; when the driver is still out with another call.
    pub async fn start_call(&self, id: &CallId, by: Party, cause: Cause) -> CallResult {
        let call = self.call(id).await?.ok_or_else(not_found)?;
        let policy = call.policy(&self.world.policies).ok();
        if let Some(driver) = policy.and_then(|policy| call.hand_over(&by, policy, clock::now())) {
            self.hand_over(driver, &call, cause.clone()).await?;
        }
        self.command(id, Command::Start { by }, cause).await
    }

    async fn hand_over(&self, driver: &DriverId, call: &Arc<Call>, cause: Cause) -> Result<(), CallError> {
        let command = driver::Command::HandOver { call: call.id.clone(), terms: call.terms.clone() };
        match self.ask_driver(driver, command, cause).await {
            Ok(_) => Ok(()),
            Err(AskError::Rejected { rejection: Rejection::DriverUnavailable { status }, .. }) => {
                Err(CallError::DriverUnavailable { call: Some(Arc::clone(call)), status })
            }
            Err(error) => Err(CallError::Driver(error)),
        }
    }

    /// A call is done. One that is paid on completion is charged first, and the answer waits for that.
    ///
    /// # Errors
    /// When it is not its time, or not for this party to say; what stands in the way of its payment.
    pub async fn complete(&self, id: &CallId, by: Party, cause: Cause) -> CallResult {
        if let Err(retry_after) = self.world.guard.gauge().admission()
            && let Some(call) = self.call(id).await?
            && call.completing.as_ref() == Some(&by)
            && !call.payment.status.in_flight()
        {
            // It was asked for before, and nothing would be sent.
            return Err(CallError::PaymentUnavailable { call, retry_after });
        }
        let call = self.command(id, Command::Complete { by }, cause).await?;
        let settled = self.settled(call, None).await?;
        if settled.payment.status == PaymentStatus::ActionRequired && settled.completing.is_some() {
            return Err(CallError::PaymentActionRequired { call: settled });
        }
        payment_outcome(settled, None)
    }

    /// An operator approves a call that waits for it.
    ///
    /// # Errors
    /// When it waits for no approval.
    pub async fn approve(&self, id: &CallId, by: Party, reason: Option<String>, cause: Cause) -> CallResult {
        self.command(id, Command::Approve { by, reason }, cause).await
    }

    /// An operator rejects a call that waits for approval.
    ///
    /// # Errors
    /// When it waits for no approval.
    pub async fn reject(&self, id: &CallId, by: Party, reason: Option<String>, cause: Cause) -> CallResult {
        self.command(id, Command::Reject { by, reason }, cause).await
    }

    /// A call is called off.
    ///
    /// # Errors
    /// When it is too late, or not for this party to say.
    pub async fn cancel(&self, id: &CallId, by: Party, reason: Option<String>, cause: Cause) -> CallResult {
        self.command(id, Command::Cancel { by, reason }, cause).await
    }

    /// The driver who has a call gives it back before the start.
    ///
    /// # Errors
    /// When it is too late, or the call is not this driver's.
    pub async fn release(&self, id: &CallId, by: Party, reason: Option<String>, cause: Cause) -> CallResult {
        self.command(id, Command::Release { by, reason }, cause).await
    }

    /// A call as it is now, read from its actor.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn call(&self, id: &CallId) -> Result<Option<Arc<Call>>, CallError> {
        Ok(once_more(async || self.world.calls.get(id.as_str()).await).await?)
    }

    pub(super) async fn command(&self, id: &CallId, command: Command, cause: Cause) -> CallResult {
        Ok(once_more(async || self.world.calls.ask(id.as_str(), command.clone(), cause.clone()).await).await?)
    }

    /// The call, if this party may know of it.
    async fn visible(&self, id: &CallId, by: &Party) -> CallResult {
        let call = self.call(id).await?.ok_or_else(not_found)?;
        match by {
            Party::Customer(customer) if *customer != call.customer_id => Err(not_found()),
            _ => Ok(call),
        }
    }

    async fn driver_of(&self, driver: &DriverId) -> Result<Arc<Driver>, CallError> {
        let known = self.driver(driver).await.map_err(CallError::Driver)?;
        known.ok_or(CallError::DriverUnavailable { call: None, status: "not registered" })
    }
}

/// Whether an answer is still to come: of the chosen driver, or of the gateway.
fn is_settling(call: &Call) -> bool {
    let asked = matches!((&call.phase, &call.choice), (Phase::Requested { .. }, Some(Choice::Asked { .. })));
    let charging = call.payment.status.in_flight() && call.payment.status != PaymentStatus::ActionRequired;
    let paying = charging && !matches!(call.phase, Phase::AwaitingPayment { .. });
    (asked || paying) && (!call.phase.is_terminal() || call.is_owed())
}

/// Why the gateway refused the method of this number, if it did. One that was given before another refused one was not
/// charged either: methods are tried in turn.
fn refusal_of(call: &Call, given: Option<u32>) -> Option<&RefusedMethod> {
    call.refused.as_ref().filter(|refused| given.is_some_and(|given| given <= refused.number))
}

/// The outcome of a payment that the call waited for: of the method of that number, if one was given.
fn payment_outcome(call: Arc<Call>, given: Option<u32>) -> CallResult {
    if let Some(refused) = refusal_of(&call, given).cloned() {
        return Err(method_refused(call, Some(refused.reason), refused.rejected));
    }
    let waits = matches!(call.phase, Phase::Requested { .. }) || call.completing.is_some();
    // An attempt to pay a debt could not be made.
    let owed = given.is_some() && call.payment.status == PaymentStatus::Debt;
    match call.payment.status {
        status @ (PaymentStatus::Declined | PaymentStatus::Rejected) if waits => {
            let reason = call.payment.reason.clone();
            Err(method_refused(call, reason, status == PaymentStatus::Rejected))
        }
        PaymentStatus::Created | PaymentStatus::Debt if waits || owed => {
            let retry_after = Duration::from_secs(call.payment.retry_after_s.unwrap_or(1));
            Err(CallError::PaymentUnavailable { call, retry_after })
        }
        _ => Ok(call),
    }
}

fn method_refused(call: Arc<Call>, reason: Option<String>, rejected: bool) -> CallError {
    let reason = reason.filter(|reason| !reason.is_empty());
    match rejected {
        true => CallError::PaymentRejected { call, reason: reason.unwrap_or_else(|| "rejected".to_owned()) },
        false => CallError::PaymentDeclined { call, reason: reason.unwrap_or_else(|| "declined".to_owned()) },
    }
}

fn is_claiming(driver: &Driver) -> bool {
    matches!(driver.duty, driver::Duty::Reserved { .. })
}

fn acceptable(call: &Arc<Call>, driver: &Driver) -> Result<(), CallError> {
    if driver.profile.service != call.service {
        return Err(not_found());
    }
    match &call.phase {
        Phase::Dispatching(search) if search.is_offered_to(&driver.id) => Ok(()),
        Phase::Dispatching(_) => Err(refused(Rejection::NotOffered, Arc::clone(call))),
        Phase::Requested { .. } | Phase::AwaitingApproval { .. } | Phase::AwaitingPayment { .. } => Err(not_found()),
        Phase::Assigned { .. }
        | Phase::Started { .. }
        | Phase::Completed { .. }
        | Phase::Cancelled { .. }
        | Phase::Denied { .. } => Err(refused(Rejection::CallTaken, Arc::clone(call))),
    }
}

fn refused(rejection: Rejection, call: Arc<Call>) -> CallError {
    CallError::Ask(AskError::Rejected { rejection, state: Some(call) })
}

fn not_found() -> CallError {
    CallError::Ask(AskError::Rejected { rejection: Rejection::NotFound, state: None })
}
