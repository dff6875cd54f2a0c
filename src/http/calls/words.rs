//! Refusals in the words of whom they reach: with the service's own noun (people read "taxi" or "seat", never "driver" for a
//! thing), and with what that party can do.

use crate::{
    actors::{CallError, entity::AskError},
    domain::{
        Rejection, Role,
        call::{Call, Phase},
        policy::{Policy, Text},
    },
    http::{
        auth::Principal,
        error::{Code, Problem},
        state::State,
    },
    notify::{self, Occasion},
};

/// The detail of a refusal, when this party is told something of its own.
pub(super) fn detail(state: &State, who: &Principal, error: &CallError) -> Option<String> {
    match error {
        CallError::PaymentDeclined { .. } | CallError::PaymentRejected { .. } if who.role() != Role::Customer => {
            Some(format!("{error}; the customer can pay with another method, and then it can be completed"))
        }
        CallError::DriverUnavailable { call: Some(call), status } => {
            Some(format!("the {} is {status}", noun_of(state, call)?.en))
        }
        CallError::NoDrivers { service, .. } => {
            let noun = &state.engine.policies().get(service)?.file.noun;
            Some(format!("no {} is free at the moment; please call again later", noun.en))
        }
        CallError::Ask(AskError::Rejected { rejection: Rejection::CallTaken, state: Some(call) }) => {
            Some(format!("the call has gone to another {} or is over", noun_of(state, call)?.en))
        }
        _ => None,
    }
}

/// The message of a refusal without a call, where the code alone says too little.
pub(super) fn without_a_call(state: &State, error: &CallError) -> Option<Text> {
    let CallError::NoDrivers { service, .. } = error else { return None };
    Some(all_busy(&state.engine.policies().get(service)?.file.noun))
}

/// The message of a refusal about a call for the person at the phone, where the code alone says too little.
pub(super) fn message(state: &State, who: &Principal, problem: &Problem, call: &Call) -> Option<Text> {
    let policy = call.shown_policy(state.engine.policies());
    if who.role() == Role::Customer
        && let Some(occasion) = occasion(problem.code(), call)
    {
        return Some(notify::refused_customer(policy, call, occasion, problem.retry_after_s()));
    }
    match problem.code() {
        Code::PaymentDeclined | Code::PaymentRejected => Some(text(
            "고객의 결제가 거절되었습니다. 고객이 다른 결제 수단으로 결제하면 완료할 수 있습니다.",
            "The customer's payment was declined. Once it is paid with another method, the call can be completed.",
        )),
        Code::CallTaken => {
            let Text { ko, en } = &policy?.file.noun;
            Some(Text {
                ko: format!("이미 다른 {ko}에게 넘어갔거나 취소된 콜입니다."),
                en: format!("The call has gone to another {en}, or it is over."),
            })
        }
        Code::IllegalTransition => Some(not_now(policy?, call)),
        Code::TooEarly => problem.retry_after_s().map(not_yet),
        _ => None,
    }
}

/// The occasion of the notification that says to the customer the same as a refusal.
fn occasion(code: Code, call: &Call) -> Option<Occasion> {
    match code {
        Code::PaymentDeclined => Some(Occasion::PaymentDeclined),
        Code::PaymentRejected => Some(Occasion::PaymentRejected),
        Code::PaymentUnavailable => Some(Occasion::PaymentUnavailable),
        Code::PaymentPending => Some(Occasion::PaymentUnknown),
        Code::OutOfArea | Code::DriverUnavailable if matches!(call.phase, Phase::Denied { .. }) => {
            Some(Occasion::Denied)
        }
        _ => None,
    }
}

/// The state of a call does not allow a step; the state by its label, if the service has one for it.
fn not_now(policy: &Policy, call: &Call) -> Text {
    match policy.file.labels.get(call.phase.status()) {
        Some(Text { ko, en }) => Text {
            ko: format!("지금 상태에서는 할 수 없습니다: {ko}"),
            en: format!("This is not possible as things stand now: {en}."),
        },
        None => text("지금 상태에서는 할 수 없습니다.", "This is not possible as things stand now."),
    }
}

/// A step that comes before its time, by `wait_s` seconds.
fn not_yet(wait_s: u64) -> Text {
    const MINUTE_S: u64 = 60;
    const HOUR_S: u64 = 3_600;
    const DAY_S: u64 = 86_400;
    let (count, ko, en) = match wait_s {
        ..=7_200 => (wait_s.div_ceil(MINUTE_S), "분", "min"),
        7_201..=172_800 => (wait_s.div_ceil(HOUR_S), "시간", "h"),
        _ => (wait_s.div_ceil(DAY_S), "일", "days"),
    };
    Text {
        ko: format!("아직 할 수 있는 시간이 아닙니다. {count}{ko} 후에 다시 시도해 주세요."),
        en: format!("It is too early for that. Please try again in {count} {en}."),
    }
}

/// None of a service's drivers is free. Korean chooses the particle behind a noun by its last letter; `의` fits all.
fn all_busy(Text { ko, en }: &Text) -> Text {
    Text {
        ko: format!("지금은 이용할 수 있는 {ko}의 여유가 없습니다. 잠시 후 다시 요청해 주세요."),
        en: format!("No {en} is free right now. Please ask again in a moment."),
    }
}

/// The chosen car or seat is not free for the time in the request.
pub(in crate::http) fn not_free(Text { ko, en }: &Text) -> Text {
    Text {
        ko: format!("선택하신 시간에 이용할 수 없는 {ko}입니다."),
        en: format!("The {en} that you chose is not free at that time."),
    }
}

/// It is not known whether a call was made: a person who asks again at once might pay twice.
pub(super) fn perhaps_made() -> Text {
    text(
        "요청이 접수되었는지 확인하지 못했습니다. 다시 요청하기 전에 내 콜 목록을 확인해 주세요.",
        "It is not clear whether your request was taken. Please look at your calls before you ask again.",
    )
}

fn text(ko: &str, en: &str) -> Text {
    Text { ko: ko.to_owned(), en: en.to_owned() }
}

fn noun_of<'a>(state: &'a State, call: &Call) -> Option<&'a Text> {
    call.shown_policy(state.engine.policies()).map(|policy| &policy.file.noun)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_told_in_the_unit_that_people_use_for_it() {
        for (wait_s, told) in [
            (1, "1 min"),
            (3_601, "61 min"),
            (7_201, "3 h"),
            (86_400, "24 h"),
            (172_801, "3 days"),
            (864_000, "10 days"),
        ] {
            assert_eq!(not_yet(wait_s).en, format!("It is too early for that. Please try again in {told}."));
        }
    }
}
