//! The words of a timeline for each event of a call.

use super::fill::{Fill, why_cancelled, why_denied};
use crate::domain::{
    call::{Call, Event},
    payment::{News, PaymentStatus, Settlement, Word},
    policy::{Policy, Text},
};

/// The words of a timeline in place of the events `first` to `last`, which are not known.
#[must_use]
pub fn history_missing(first: u64, last: u64) -> Text {
    Text {
        ko: format!("{first}번부터 {last}번까지의 기록이 없습니다"),
        en: format!("What happened from number {first} to {last} is not recorded here"),
    }
}

/// An event in words, as the timeline shows it. `after` is the call once it had happened.
#[must_use]
pub fn describe(policy: Option<&Policy>, event: &Event, after: &Call) -> Text {
    let fill = Fill::new(policy, after);
    let (ko, en) = match event {
        Event::Requested(_) => ("요청: {service}, {amount}", "Requested: {service}, {amount}"),
        Event::Denied { reason, text: words } => {
            return fill
                .because(why_denied(*reason, words.as_deref()))
                .fill(&text("요청 거절. {reason}", "Denied. {reason}"));
        }
        Event::Booked { .. } => ("{noun} 예약: {driver}", "{noun} {driver} is held"),
        Event::ApprovalWanted { .. } => ("승인 대기", "Waiting for approval"),
        Event::Approved { reason: None, .. } => ("승인", "Approved"),
        Event::Approved { reason: Some(words), .. } => {
            return fill
                .because(Some(super::texts::sentence(words)))
                .fill(&text("승인. {reason}", "Approved. {reason}"));
        }
        Event::MethodGiven { .. } => ("결제 수단 등록", "Payment method given"),
        Event::CompletionAsked { .. } => ("완료 요청, 결제 진행", "Completion asked for; paying"),
        Event::PaymentStarted { .. } => ("결제 시도: {amount}", "Payment attempted: {amount}"),
        Event::PaymentChanged(news) => return payment(fill, news),
        Event::DispatchStarted { .. } => ("{noun} 찾는 중", "Looking for a {noun}"),
        Event::Offered { drivers, .. } => {
            let count = drivers.len();
            return fill.fill(&Text {
                ko: format!("{{noun}} {count}곳에 전달"),
                en: format!("Offered to {count} × {{noun}}"),
            });
        }
        Event::OffersExpired { .. } => ("전달한 콜에 응답 없음", "Offers expired"),
        Event::OfferDeclined { .. } => ("{noun} 거절", "Declined by a {noun}"),
        Event::Assigned { .. } => ("{noun} 배정: {driver}", "Assigned to {noun} {driver}"),
        Event::GivenBack { .. } => ("{noun} 배정 해제, 다시 찾는 중", "No longer assigned; looking for a {noun} again"),
        Event::Released { reason, .. } => {
            return fill.because(reason.as_deref().map(super::fill::own_words)).fill(&text(
                "{noun} 측에서 반납, 다시 찾는 중. {reason}",
                "Given back by the {noun}; looking for another one. {reason}",
            ));
        }
        Event::Started { .. } => ("시작", "Started"),
        Event::Completed { .. } => ("완료", "Completed"),
        Event::Settled { how, reason, .. } => {
            let words = match how {
                Settlement::Waived => text("요금 면제: {amount}. {reason}", "Fare waived: {amount}. {reason}"),
                Settlement::Debt => {
                    text("미납 요금으로 처리: {amount}. {reason}", "Fare recorded as a debt: {amount}. {reason}")
                }
            };
            return fill.because(Some(super::fill::own_words(reason))).fill(&words);
        }
        Event::DebtNoted => ("미납 요금이 계정에 등록됨", "The debt is noted in the customer's account"),
        Event::DebtCleared => ("미납 요금이 해소됨", "The debt is paid"),
        Event::Cancelled { by, reason } => {
            let (ko, en) = match by.as_str() {
                "customer" => ("고객이 취소. {reason}", "Cancelled by the customer. {reason}"),
                "driver" => ("{noun} 측에서 취소. {reason}", "Cancelled by the {noun}. {reason}"),
                "operator" => ("관리자가 취소. {reason}", "Cancelled by the operator. {reason}"),
                _ => ("자동 취소. {reason}", "Cancelled by the system. {reason}"),
            };
            return fill.because(why_cancelled(reason.as_deref())).fill(&text(ko, en));
        }
    };
    fill.fill(&text(ko, en))
}

fn payment(fill: Fill<'_>, news: &News) -> Text {
    let (ko, en) = match news.status {
        PaymentStatus::Created if news.retry_after_s.is_some() => {
            ("결제 불가, 청구되지 않음", "Payment not possible, nothing charged")
        }
        PaymentStatus::Created => ("결제 대기", "Waiting for payment"),
        PaymentStatus::Charging => ("결제 중: {amount}", "Charging {amount}"),
        PaymentStatus::Charged => ("결제 완료: {amount}", "Paid: {amount}"),
        PaymentStatus::Declined => ("결제 거절. {reason}", "Payment declined. {reason}"),
        PaymentStatus::Rejected => ("결제 불가. {reason}", "Payment rejected, nothing charged. {reason}"),
        PaymentStatus::ActionRequired => ("본인 확인 대기", "Waiting for the payer to confirm the payment"),
        PaymentStatus::Unknown => ("결제 결과 확인 중", "Checking the outcome of the payment"),
        PaymentStatus::RefundFailed => ("환불 실패. {reason}", "The refund failed. {reason}"),
        PaymentStatus::Refunding => ("결제 금액 환불 중: {amount}", "The charge of {amount} is being refunded"),
        PaymentStatus::Refunded => ("환불 완료: {amount}", "Refunded: {amount}"),
        PaymentStatus::Waived => ("결제 면제", "Nothing is charged"),
        PaymentStatus::Debt if news.refusal().is_some() => {
            ("결제 거절, 미납. {reason}", "Payment declined; the fare is still owed. {reason}")
        }
        PaymentStatus::Debt => ("미납", "The fare is owed"),
    };
    let reason = news.reason.as_deref().map(super::texts::of_the_gateway);
    let said = fill.amount(news.refunded.or(news.charged)).because(reason).fill(&text(ko, en));
    match &news.word {
        Some(word) => {
            Text { ko: by_hand(&said.ko, "관리자 처리", word), en: by_hand(&said.en, "settled by operator", word) }
        }
        None => said,
    }
}

/// An operator's word beside what follows from it.
fn by_hand(said: &str, how: &str, word: &Word) -> String {
    format!("{said} ({how} {}: {})", word.by, word.reason)
}

fn text(ko: &str, en: &str) -> Text {
    Text { ko: ko.to_owned(), en: en.to_owned() }
}
