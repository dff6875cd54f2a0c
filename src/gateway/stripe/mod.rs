//! The Stripe protocol, on `stripe+http(s)://host:port`: payment intents that are opened, confirmed and withdrawn, and
//! refunds.
//!
//! - An intent takes money at most once, however often it is confirmed: "at most once" rests on the intent, not on an
//!   `Idempotency-Key`, which Stripe forgets after a day.
//! - What became of a charge is read by the intent's id. Nothing is searched for.
//! - A refund gives a charge back in full, which the gateway does at most once. One that may have been sent is looked for
//!   among the intent's refunds before another is asked for.
//! - An answer about another amount, currency or mode than was asked for is an alarm, and never "charged".
//! - It does not retry: when to try again is the guard's and the payment's business.

mod client;
mod list;
mod refusals;
pub(super) mod terms;
mod webhook;
mod wire;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use secrecy::ExposeSecret;

pub(super) use webhook::StripeEvents;

use self::{
    client::{StripeAnswer, StripeClient},
    refusals::Refusal,
    wire::{Intent, Page, Refund},
};
use super::{
    MISMATCHES,
    settings::{GatewaySettings, OpenError},
};
use crate::{
    actors::ports::{
        BoxFuture,
        gateway::{
            ChargeOutcome, ChargeRequest, ChargeWay, GatewayError, LedgerKind, Lookup, LookupRequest, MovementPage,
            OpenOutcome, OpenRequest, PaymentGateway, RefundOutcome, RefundRequest, WithdrawOutcome, WithdrawRequest,
        },
    },
    domain::Money,
};

/// Refunds of one charge that are looked at: a full refund, and those that failed before it.
const REFUNDS: u32 = 100;

/// A gateway that speaks the Stripe protocol.
pub struct StripeGateway {
    client: StripeClient,
    name: Arc<str>,
    /// How long a payer has, in seconds.
    action_timeout_s: u32,
    /// Whether answers are about real money: 0 not known yet, 1 tests, 2 real.
    mode: AtomicU8,
}

impl StripeGateway {
    /// The gateway at `settings.url`.
    ///
    /// # Errors
    /// When the URL is not one, `settings.api_key` is missing, or no TLS is to be had.
    pub fn open(settings: &GatewaySettings) -> Result<Self, OpenError> {
        let client = StripeClient::new(settings)?;
        let name = format!("stripe:{}", client.host()).into();
        Ok(Self { client, name, action_timeout_s: settings.action_timeout_s, mode: AtomicU8::new(0) })
    }

    async fn open_intent(&self, request: OpenRequest) -> Result<OpenOutcome, GatewayError> {
        let form = [
            ("amount", terms::counted(request.amount).to_string()),
            ("currency", request.amount.currency.code().to_ascii_lowercase()),
            ("payment_method_types[]", "card".to_owned()),
            (wire::PAYMENT_IN_FORM, request.payment_id.to_string()),
        ];
        match self.client.post(&["v1", "payment_intents"], Some(&request.key), &form).await? {
            StripeAnswer::Ok(body) => {
                let intent = self.read_intent(&body, request.amount)?;
                Ok(OpenOutcome::Opened { intent: intent.id.into() })
            }
            StripeAnswer::Refused(refusal) => Ok(OpenOutcome::Rejected { reason: refusal.into_reason() }),
        }
    }

    async fn confirm(&self, request: ChargeRequest) -> Result<ChargeOutcome, GatewayError> {
        let intent = known(request.intent)?;
        let form = [("payment_method", request.method.expose_secret().to_owned())];
        match self.client.post(&["v1", "payment_intents", &intent, "confirm"], Some(&request.key), &form).await? {
            StripeAnswer::Ok(body) => self.read_intent(&body, request.amount)?.outcome(self.action_timeout_s),
            StripeAnswer::Refused(Refusal::Declined(reason)) => Ok(ChargeOutcome::Declined { reason }),
            // What became of the intent, a look at it says.
            StripeAnswer::Refused(Refusal::WrongState(reason) | Refusal::Missing { reason, is_method: false }) => {
                Err(GatewayError::Unknown(reason))
            }
            StripeAnswer::Refused(refusal) => Ok(ChargeOutcome::Rejected { reason: refusal.into_reason() }),
        }
    }

    async fn look_at(&self, request: LookupRequest) -> Result<Lookup, GatewayError> {
        let intent = known(request.intent)?;
        match self.client.get(&["v1", "payment_intents", &intent], &[]).await? {
            StripeAnswer::Ok(body) => self.read_intent(&body, request.amount)?.lookup(self.action_timeout_s),
            StripeAnswer::Refused(refusal) => Err(GatewayError::Unknown(refusal.into_reason())),
        }
    }

    async fn cancel(&self, request: WithdrawRequest) -> Result<WithdrawOutcome, GatewayError> {
        let intent = known(request.intent.clone())?;
        // Withdrawing twice changes nothing, so it needs no key.
        match self.client.post(&["v1", "payment_intents", &intent, "cancel"], None, &[]).await? {
            StripeAnswer::Ok(body) if self.read_intent(&body, request.amount)?.is_withdrawn() => {
                Ok(WithdrawOutcome::Withdrawn)
            }
            StripeAnswer::Ok(_) | StripeAnswer::Refused(_) => {
                let looked = LookupRequest { key: request.key, amount: request.amount, intent: request.intent };
                match self.look_at(looked).await? {
                    Lookup::Withdrawn => Ok(WithdrawOutcome::Withdrawn),
                    Lookup::Found(ChargeOutcome::Charged { reference }) => Ok(WithdrawOutcome::Charged { reference }),
                    Lookup::Found(_) | Lookup::Absent { .. } => {
                        Err(GatewayError::Unknown(format!("intent {intent} cannot be withdrawn now")))
                    }
                }
            }
        }
    }

    async fn give_back(&self, request: RefundRequest) -> Result<RefundOutcome, GatewayError> {
        if request.repeated
            && let Some(known) = self.refund_of(&request.charge).await?
        {
            return known.outcome();
        }
        let form = [
            ("payment_intent", request.charge.to_string()),
            ("amount", terms::counted(request.amount).to_string()),
            (wire::PAYMENT_IN_FORM, request.payment_id.to_string()),
        ];
        // One that is repeated was not found: a key that keeps an old failure would only say it again.
        let key = (!request.repeated).then_some(&request.key);
        match self.client.post(&["v1", "refunds"], key, &form).await? {
            StripeAnswer::Ok(body) => wire::read::<Refund>(&body)?.outcome(),
            StripeAnswer::Refused(Refusal::Refunded) => match self.refund_of(&request.charge).await? {
                Some(known) => known.outcome(),
                None => Ok(RefundOutcome::Refunded),
            },
            StripeAnswer::Refused(refusal) => Ok(RefundOutcome::Failed { reason: refusal.into_reason() }),
        }
    }

    /// The refund of a charge that was made or is on its way; one that failed only when there is no other.
    async fn refund_of(&self, charge: &str) -> Result<Option<Refund>, GatewayError> {
        let query = [("payment_intent", charge.to_owned()), ("limit", REFUNDS.to_string())];
        let page = match self.client.get(&["v1", "refunds"], &query).await? {
            StripeAnswer::Ok(body) => wire::read::<Page<Refund>>(&body)?,
            StripeAnswer::Refused(refusal) => return Err(GatewayError::Unknown(refusal.into_reason())),
        };
        let (failed, good): (Vec<Refund>, Vec<Refund>) = page.data.into_iter().partition(Refund::has_failed);
        Ok(good.into_iter().next().or_else(|| failed.into_iter().next()))
    }

    /// An intent in an answer, if it is about the money that was asked for.
    fn read_intent(&self, body: &[u8], amount: Money) -> Result<Intent, GatewayError> {
        let intent = wire::read::<Intent>(body)?;
        let checked = intent.check(amount).and_then(|()| self.check_mode(&intent));
        if let Err(error) = &checked {
            metrics::counter!(MISMATCHES).increment(1);
            tracing::error!(intent = intent.id, %error, "the payment gateway's answer is about other money");
        }
        checked.map(|()| intent)
    }

    /// The first answer says whether the money is real; no later one may say otherwise.
    fn check_mode(&self, intent: &Intent) -> Result<(), GatewayError> {
        let Some(is_real) = intent.livemode() else { return Ok(()) };
        let mode = 1 + u8::from(is_real);
        match self.mode.compare_exchange(0, mode, Ordering::AcqRel, Ordering::Acquire) {
            Err(known) if known != mode => Err(GatewayError::Unknown(format!(
                "intent {} is about {}, unlike all answers before it",
                intent.id,
                if is_real { "real money" } else { "test money" }
            ))),
            _ => Ok(()),
        }
    }
}

/// The intent of a request. A payment from before intents were kept has none.
fn known(intent: Option<Arc<str>>) -> Result<Arc<str>, GatewayError> {
    intent.ok_or_else(|| {
        GatewayError::Unknown(
            "the payment was sent before intents were kept; look for it at the gateway and settle it by hand"
                .to_owned(),
        )
    })
}

impl Refusal {
    fn into_reason(self) -> String {
        match self {
            Self::Declined(reason) | Self::WrongState(reason) | Self::Rejected(reason) => reason,
            Self::Missing { reason, .. } => reason,
            Self::Refunded => "the charge was refunded before".to_owned(),
        }
    }
}

impl PaymentGateway for StripeGateway {
    fn name(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }

    fn way(&self) -> ChargeWay {
        ChargeWay::Intents
    }

    fn open(&self, request: OpenRequest) -> BoxFuture<'_, Result<OpenOutcome, GatewayError>> {
        Box::pin(self.open_intent(request))
    }

    fn charge(&self, request: ChargeRequest) -> BoxFuture<'_, Result<ChargeOutcome, GatewayError>> {
        Box::pin(self.confirm(request))
    }

    fn lookup(&self, request: LookupRequest) -> BoxFuture<'_, Result<Lookup, GatewayError>> {
        Box::pin(self.look_at(request))
    }

    fn withdraw(&self, request: WithdrawRequest) -> BoxFuture<'_, Result<WithdrawOutcome, GatewayError>> {
        Box::pin(self.cancel(request))
    }

    fn refund(&self, request: RefundRequest) -> BoxFuture<'_, Result<RefundOutcome, GatewayError>> {
        Box::pin(self.give_back(request))
    }

    fn check(&self) -> BoxFuture<'_, Result<(), GatewayError>> {
        Box::pin(async {
            let query = [("limit", "1".to_owned())];
            self.client.get(&["v1", "payment_intents"], &query).await.map(drop)
        })
    }

    fn movements(
        &self,
        kind: LedgerKind,
        from: Timestamp,
        to: Timestamp,
        after: Option<String>,
    ) -> BoxFuture<'_, Result<MovementPage, GatewayError>> {
        Box::pin(list::movements(&self.client, kind, from, to, after))
    }

    fn answer_timeout(&self) -> Duration {
        self.client.answer_timeout()
    }
}
