//! Checks the rules of a policy beyond the types and ranges of its keys. Every problem is found, not just the first.

use std::borrow::Cow;

use super::{ConfirmedBy, FareRule, FoundBy, GatewayDown, PaymentDue, PeriodRule, PolicyFile, texts};
use crate::domain::{Money, Role, call, driver};

/// Something wrong with a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyProblem {
    /// The key, from the top of the file: `dispatch.offer_s`.
    pub key: Cow<'static, str>,
    /// The mistake, and the values that are allowed.
    pub what: String,
}

impl PolicyProblem {
    fn new(key: impl Into<Cow<'static, str>>, what: String) -> Self {
        Self { key: key.into(), what }
    }
}

impl PolicyFile {
    /// Everything that is wrong with it.
    #[must_use]
    pub fn problems(&self) -> Vec<PolicyProblem> {
        let mut problems = Vec::new();
        let mut check = |holds: bool, key: &'static str, what: String| {
            if !holds {
                problems.push(PolicyProblem::new(key, what));
            }
        };
        let dispatch = &self.dispatch;
        check(
            dispatch.radius_m <= dispatch.radius_max_m,
            "dispatch.radius_max_m",
            format!("must be radius_m ({}) or more, got {}", dispatch.radius_m, dispatch.radius_max_m),
        );
        check_fare(&self.fare, &mut check);
        self.check_together(&mut check);
        for (key, roles) in [("steps.start", &self.steps.start), ("steps.complete", &self.steps.complete)] {
            let thing = self.dispatch.by == FoundBy::Choose;
            check(
                roles.iter().any(|role| !thing || *role != Role::Driver),
                key,
                if thing {
                    "a chosen car or seat takes no step; name \"operator\" or \"customer\""
                } else {
                    "no role could take this step; name at least one"
                }
                .to_owned(),
            );
        }
        problems.extend(self.wrong_texts());
        problems
    }

    /// Texts that are missing or for unknown occasions, and unknown placeholders.
    fn wrong_texts(&self) -> Vec<PolicyProblem> {
        let mut problems = Vec::new();
        let mut problem = |key: String, what: String| problems.push(PolicyProblem::new(key, what));
        for (key, text) in [("name", &self.name), ("noun", &self.noun)] {
            for (lang, text) in [("ko", &text.ko), ("en", &text.en)] {
                if text.trim().is_empty() {
                    problem(format!("{key}.{lang}"), "must not be empty".to_owned());
                }
            }
        }
        for (status, text) in &self.labels {
            if text.has_braces() {
                let what = "a label has no placeholders; leave the braces out";
                problem(format!("labels.{status}"), what.to_owned());
            }
            if !call::STATUSES.contains(&status.as_str()) && !driver::STATUSES.contains(&status.as_str()) {
                let known = call::STATUSES.join(", ");
                problem(format!("labels.{status}"), format!("no call or driver has this status; calls have {known}"));
            }
        }
        for (occasion, text) in &self.messages {
            let key = format!("messages.{occasion}");
            if !texts::OCCASIONS.contains(&occasion.as_str()) {
                problem(
                    key,
                    format!("there is no message on this occasion; the occasions are {}", texts::OCCASIONS.join(", ")),
                );
                continue;
            }
            if text.has_stray_brace() {
                let what = "a brace has no counterpart; placeholders are written {noun}, {driver} and so on";
                problem(key, what.to_owned());
                continue;
            }
            for unknown in text.placeholders().filter(|name| !texts::PLACEHOLDERS.contains(name)) {
                let known = texts::PLACEHOLDERS.join("}, {");
                problem(
                    key.clone(),
                    format!("there is no placeholder {{{unknown}}}; the placeholders are {{{known}}}"),
                );
            }
        }
        problems
    }
}

impl PolicyFile {
    /// Checks keys against each other: each key alone is valid.
    fn check_together(&self, check: &mut impl FnMut(bool, &'static str, String)) {
        let (by, confirmed, due, down) =
            (self.dispatch.by, self.confirmed_by, self.payment.due, self.payment.gateway_down);
        check(
            (by == FoundBy::Offer) == (confirmed == ConfirmedBy::Driver),
            "confirmed_by",
            "a driver confirms exactly those calls that are offered to it (dispatch.by = \"offer\")".to_owned(),
        );
        check(
            confirmed != ConfirmedBy::Operator || by == FoundBy::Choose,
            "confirmed_by",
            "an operator confirms only calls whose driver the customer chose (dispatch.by = \"choose\")".to_owned(),
        );
        check(
            (due == PaymentDue::AfterApproval) == (confirmed == ConfirmedBy::Operator),
            "payment.due",
            "\"after_approval\" is for services whose calls an operator approves (confirmed_by = \"operator\"), and only for them".to_owned(),
        );
        let fitting = match due {
            PaymentDue::WithRequest => GatewayDown::Refuse,
            PaymentDue::OnCompletion => GatewayDown::Hold,
            PaymentDue::AfterApproval => GatewayDown::Defer,
        };
        check(
            down == fitting,
            "payment.gateway_down",
            match due {
                PaymentDue::WithRequest => "an unpaid call reaches no driver, so it must be \"refuse\"",
                PaymentDue::OnCompletion => "an unpaid call is not completed, so it must be \"hold\"",
                PaymentDue::AfterApproval => "an approved call is paid in the background, so it must be \"defer\"",
            }
            .to_owned(),
        );
        check(
            by != FoundBy::Choose || self.dispatch.waiting_max == 0,
            "dispatch.waiting_max",
            "no call waits for a driver when the customer chooses one (dispatch.by = \"choose\"); leave it out"
                .to_owned(),
        );
        check(
            by == FoundBy::Offer || self.dispatch.position_max_age_s == 0,
            "dispatch.position_max_age_s",
            "it has an effect only on drivers to whom calls are offered (dispatch.by = \"offer\"); leave it out"
                .to_owned(),
        );
        check(
            by == FoundBy::Assign || self.dispatch.capacity == 1,
            "dispatch.capacity",
            "it has an effect only where the system assigns (dispatch.by = \"assign\"); leave it out".to_owned(),
        );
        check(
            self.dispatch.early_s.is_none() || self.period != PeriodRule::None,
            "dispatch.early_s",
            "it needs calls that are booked for a period (period = \"optional\" or \"required\"); leave it out"
                .to_owned(),
        );
        let (least, most) = (self.payment.minimum, self.fare.most());
        check(most >= least, "payment.minimum", format!("no call could ever be paid: no fare is higher than {most}"));
        check(
            by == FoundBy::Choose || self.period != PeriodRule::Required || by == FoundBy::Assign,
            "period",
            "a call that is offered begins at once; it cannot require a period".to_owned(),
        );
        check(
            !matches!(self.fare, FareRule::Period { .. }) || self.period != PeriodRule::None,
            "fare.kind",
            "a fare by period needs calls that are booked for one (period = \"optional\" or \"required\")".to_owned(),
        );
    }
}

fn check_fare(fare: &FareRule, check: &mut impl FnMut(bool, &'static str, String)) {
    let max = Money::MAX_AMOUNT;
    let amounts = match *fare {
        FareRule::Fixed { amount } => vec![("fare.amount", amount)],
        FareRule::Period { amount, minimum, .. } => vec![("fare.amount", amount), ("fare.minimum", minimum)],
        FareRule::Distance { base, per_km, per_minute, minimum, round_to } => {
            check(round_to >= 1, "fare.round_to", "must be at least 1, got 0".to_owned());
            vec![
                ("fare.base", base),
                ("fare.per_km", per_km),
                ("fare.per_minute", per_minute),
                ("fare.minimum", minimum),
                ("fare.round_to", round_to),
            ]
        }
    };
    for (key, amount) in amounts {
        check(amount <= max, key, format!("must be at most {max}, got {amount}"));
    }
}
