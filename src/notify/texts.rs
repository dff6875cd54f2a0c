//! The built-in texts, for occasions without a text in the policy.

use super::Occasion;
use crate::domain::{Role, policy::Text};

/// A text that is known when the program is built.
#[derive(Clone, Copy)]
pub(super) struct Words {
    ko: &'static str,
    en: &'static str,
}

impl Words {
    pub fn text(self) -> Text {
        Text { ko: self.ko.to_owned(), en: self.en.to_owned() }
    }
}

const fn words(ko: &'static str, en: &'static str) -> Words {
    Words { ko, en }
}

pub(super) const NOUN: Words = words("기사", "driver");
pub(super) const EXPIRED: Words = words("응답 시간이 지났습니다.", "The offer has expired.");
pub(super) const TAKEN: Words = words("다른 곳에 배정되었습니다.", "The call has gone to another.");
pub(super) const CALLED_OFF: Words = words("콜이 취소되었습니다.", "The call was cancelled.");
pub(super) const NO_DRIVER: Words =
    words("가능한 곳이 없습니다. 나중에 다시 요청해 주세요.", "Nobody was free. Please try again later.");
pub(super) const DEFERRED: Words =
    words("결제가 가능해지면 자동으로 결제됩니다.", "It will be paid by itself as soon as that is possible.");
pub(super) const UNPAID: Words = words("결제되지 않았습니다.", "It was not paid in time.");
pub(super) const NOT_APPROVED: Words = words("승인되지 않았습니다.", "It was not approved in time.");
pub(super) const PERIOD_OVER: Words =
    words("이용 시간이 끝날 때까지 결제되지 않았습니다.", "It was not paid before its time was over.");
pub(super) const NOT_FREE: Words =
    words("선택하신 시간에는 이용할 수 없습니다.", "What you chose is not free at that time.");
pub(super) const OUT_OF_AREA: Words = words("서비스 지역이 아닙니다.", "It is outside the service area.");

/// The built-in text for an occasion and a role.
pub(super) fn default(occasion: Occasion, role: Role) -> Words {
    match (occasion, role) {
        (Occasion::Paid, _) => words("결제가 완료되었습니다: {amount}", "Payment received: {amount}."),
        (Occasion::PaymentDeclined, _) => words(
            "결제가 거절되었습니다. {reason} 다른 결제 수단을 이용해 주세요.",
            "Your payment was declined. {reason} Please use another method.",
        ),
        (Occasion::PaymentRejected, _) => words(
            "결제할 수 없는 수단입니다. {reason} 다른 결제 수단을 이용해 주세요.",
            "Your payment was not possible. {reason} Please use another method.",
        ),
        (Occasion::PaymentActionRequired, _) => words(
            "결제를 마치려면 본인 확인이 필요합니다: {amount}",
            "Please confirm your payment of {amount} to go on.",
        ),
        (Occasion::PaymentWanted, _) => words(
            "{service} 요청이 승인되었습니다. 결제해 주세요: {amount}",
            "Your {service} request is approved. Please pay {amount}.",
        ),
        (Occasion::PaymentUnavailable, _) => {
            words("지금은 결제할 수 없습니다. {reason}", "Payments cannot be taken right now. {reason}")
        }
        (Occasion::PaymentUnknown, _) => words(
            "결제 결과를 확인하고 있습니다. 중복 결제되지 않습니다.",
            "We are checking what became of your payment. You will not be charged twice.",
        ),
        (Occasion::Denied, _) => {
            words("{service} 요청을 받을 수 없습니다. {reason}", "Your {service} request cannot be taken. {reason}")
        }
        (Occasion::Assigned, Role::Driver) => {
            words("콜이 배정되었습니다: {service}, {amount}", "The call is yours: {service}, {amount}.")
        }
        (Occasion::Assigned, _) => words("{noun} 배정: {driver}. {reason}", "Your {noun} is {driver}. {reason}"),
        (Occasion::Released, _) => words(
            "배정된 {noun}의 사정으로 다른 {noun}를 찾고 있습니다. {reason}",
            "Your {noun} cannot come; another one is being looked for. {reason}",
        ),
        (Occasion::Started, _) => words("{service} 이용이 시작되었습니다.", "Your {service} has started."),
        (Occasion::Completed, _) => {
            words("{service} 이용이 끝났습니다. 감사합니다.", "Your {service} is completed. Thank you.")
        }
        (Occasion::Cancelled, Role::Driver) => {
            words("배정된 콜이 취소되었습니다. {reason}", "Your call was cancelled. {reason}")
        }
        (Occasion::Cancelled, _) => {
            words("{service} 요청이 취소되었습니다. {reason}", "Your {service} request was cancelled. {reason}")
        }
        (Occasion::Waived, _) => words(
            "{service} 요금이 청구되지 않습니다: {amount}. {reason}",
            "You are not charged for your {service}: {amount}. {reason}",
        ),
        (Occasion::Debt, _) => words(
            "{service} 요금이 결제되지 않았습니다: {amount}. {reason} 결제해 주세요.",
            "The fare of your {service} is owed: {amount}. {reason} Please pay it.",
        ),
        (Occasion::Refunded, Role::Driver) => {
            words("고객에게 환불되었습니다: {amount}", "The customer was refunded: {amount}.")
        }
        (Occasion::Refunded, _) => words("환불되었습니다: {amount}", "Refunded: {amount}."),
        (Occasion::Offer, _) => words("새 콜: {service}, {amount}", "New call: {service}, {amount}."),
        (Occasion::OfferWithdrawn, _) => words("콜이 마감되었습니다. {reason}", "An offer has ended. {reason}"),
        (Occasion::ApprovalWanted, _) => words("승인 대기: {service}, {driver}", "To be approved: {service}, {driver}"),
        (Occasion::PaymentUnknownLong, _) => words(
            "결제 결과를 오래 확인하지 못하고 있습니다: {service}, {amount}",
            "The outcome of a payment has not been known for too long: {service}, {amount}.",
        ),
        (Occasion::MoneyWaits, _) => words(
            "{service}: 처리되지 않은 결제나 환불이 있습니다. 확인해 주세요. {reason}",
            "{service}: money waits for somebody to settle it. {reason}",
        ),
        (Occasion::GatewayKeyRefused, _) => words(
            "{service}: 결제 대행사가 API 키를 거부하여 결제할 수 없습니다.",
            "{service}: the payment gateway refuses the API key, so nothing can be charged or refunded.",
        ),
        (Occasion::ActorParked, _) => {
            words("{service}: 액터가 중지되었습니다. {reason}", "{service}: an actor was parked. {reason}")
        }
        (Occasion::WritesLost, _) => words(
            "{service}: 저장소가 확인된 변경 사항을 잃었습니다. 콜과 결제를 확인해 주세요. {reason}",
            "{service}: the store lost changes that were acknowledged. Please check these calls and payments. {reason}",
        ),
    }
}

/// When the driver comes.
pub(super) fn eta(seconds: u64) -> Text {
    let minutes = seconds.div_ceil(60).max(1);
    Text { ko: format!("약 {minutes}분 후 도착합니다."), en: format!("Arrives in about {minutes} min.") }
}

/// When to try again.
pub(super) fn retry(seconds: u64) -> Text {
    Text {
        ko: format!("{seconds}초 후 다시 시도해 주세요."), en: format!("Please try again in {seconds} s.")
    }
}

/// A gateway's words. They are English, whatever language the message is in: there it says nothing more.
pub(super) fn of_the_gateway(own: &str) -> Text {
    Text { ko: String::new(), en: sentence(own).en }
}

/// Somebody's own words, the same in every language, ending like a sentence.
pub(super) fn sentence(own: &str) -> Text {
    let own = own.trim();
    let ended = own.is_empty() || own.ends_with(['.', '!', '?']);
    Text::same(if ended { own.to_owned() } else { format!("{own}.") })
}
