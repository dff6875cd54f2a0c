//! The words of refusals for the person at the phone. A code without words here is for whoever wrote the client: the person
//! can do nothing about a missing member or a wrong token.
//!
//! These words know neither the service nor the party. Where both are known, `calls/words.rs` has better ones.

use super::Code;
use crate::domain::policy::Lang;

/// A text that is known when the program is built.
#[derive(Debug, Clone, Copy)]
pub(in crate::http) struct Words {
    ko: &'static str,
    en: &'static str,
}

impl Words {
    pub(super) fn in_lang(self, lang: Lang) -> &'static str {
        match lang {
            Lang::Ko => self.ko,
            Lang::En => self.en,
        }
    }
}

const fn words(ko: &'static str, en: &'static str) -> Option<Words> {
    Some(Words { ko, en })
}

const LATER: Option<Words> = words(
    "일시적인 문제로 처리하지 못했습니다. 잠시 후 다시 시도해 주세요.",
    "Something is not working right now. Please try again in a moment.",
);

impl Code {
    /// The words for the person at the phone, if the refusal is meant for a person.
    pub(in crate::http) fn message(self) -> Option<Words> {
        match self {
            Self::OutOfArea => words("서비스 지역이 아닙니다.", "It is outside the service area."),
            Self::PaymentDeclined => words("결제가 거절되었습니다.", "The payment was declined."),
            Self::PaymentRejected => words(
                "결제할 수 없는 수단입니다. 결제된 금액은 없습니다. 다른 결제 수단을 이용해 주세요.",
                "The payment was not possible. Nothing was charged. Please use another method.",
            ),
            Self::PaymentActionRequired => words(
                "결제하는 분의 본인 확인이 필요합니다. 확인되면 완료됩니다.",
                "The payer must confirm the payment first. Then it can be completed.",
            ),
            Self::PaymentUnavailable => words(
                "지금은 결제할 수 없습니다. 결제된 금액은 없습니다.",
                "Payments cannot be taken right now. Nothing was charged.",
            ),
            Self::PaymentPending => words(
                "결제 결과를 확인하고 있습니다. 중복 결제되지 않습니다.",
                "We are checking what became of the payment. Nobody is charged twice.",
            ),
            Self::PaymentBelowMinimum => {
                words("결제할 수 있는 최소 금액보다 적습니다.", "The amount is below the least that can be paid.")
            }
            Self::DebtOpen => words(
                "결제하지 않은 이전 요금이 있습니다. 먼저 결제해 주세요.",
                "You owe the fare of an earlier call. Please pay it first.",
            ),
            Self::TooManyUnpaid => words(
                "결제하지 않은 요청이 너무 많습니다. 먼저 결제하거나 취소해 주세요.",
                "Too many of your requests are not paid. Please pay or cancel one of them first.",
            ),
            Self::ChargeInFlight => words(
                "결제가 진행 중입니다. 결과가 나온 뒤에 다시 시도해 주세요.",
                "A payment is under way. Please try again once its outcome is known.",
            ),
            Self::CallTaken => {
                words("이미 다른 곳에 배정되었거나 취소된 콜입니다.", "The call has gone to another, or it is over.")
            }
            Self::NotOffered => {
                words("이 콜에 응답할 수 있는 시간이 지났습니다.", "This call is not offered to you any more.")
            }
            Self::IllegalTransition => {
                words("지금 상태에서는 할 수 없습니다.", "This is not possible as things stand now.")
            }
            Self::DriverUnavailable => words("지금은 콜을 받을 수 없는 상태입니다.", "Not free for a call right now."),
            Self::QuoteExpired => words(
                "안내된 요금의 유효 시간이 지났습니다. 요금을 다시 확인해 주세요.",
                "The price is no longer valid. Please ask for it again.",
            ),
            Self::TooEarly => words("아직 할 수 있는 시간이 아닙니다.", "It is too early for that."),
            Self::RateLimited => words(
                "요청이 너무 많습니다. 잠시 후 다시 시도해 주세요.",
                "Too many requests. Please try again in a moment.",
            ),
            Self::Overloaded => words(
                "요청이 많아 처리하지 못했습니다. 잠시 후 다시 시도해 주세요.",
                "We are very busy right now. Please try again in a moment.",
            ),
            Self::StoreUnavailable | Self::Parked | Self::ActorRestarted | Self::NotReady | Self::Internal => LATER,
            Self::InvalidRequest
            | Self::Unauthorized
            | Self::Forbidden
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::RequestTimeout
            | Self::PayloadTooLarge
            | Self::UnsupportedMediaType
            | Self::IdempotencyConflict
            | Self::AlreadyExists => None,
        }
    }

    /// Whether there is time to look up in which language the person is to be told: not while the server has too much to do
    /// or something of it does not work.
    pub(in crate::http) fn leaves_time(self) -> bool {
        !matches!(
            self,
            Self::RateLimited
                | Self::Overloaded
                | Self::StoreUnavailable
                | Self::Parked
                | Self::ActorRestarted
                | Self::NotReady
                | Self::Internal
        )
    }
}
