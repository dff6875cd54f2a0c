//! What the payment port promises of every gateway.

use std::sync::Arc;

use callout::actors::ports::gateway::{ChargeOutcome, ChargeWay, Lookup, RefundOutcome, WithdrawOutcome};

use super::Subject;
use crate::support::Tested;

pub async fn a_charge_that_is_repeated_takes_the_money_once(subject: &Subject) -> Tested {
    let payment = subject.payment("pay_a").await?;
    let reference = payment.charged(1).await?;
    // Whether the repetition is answered or says that it is not known: it takes nothing.
    for method in [subject.pays, subject.declines] {
        match payment.charge(1, method).await {
            Ok(ChargeOutcome::Charged { reference: again }) => assert_eq!(again, reference),
            Ok(other) => panic!("it was charged, and now it is {other:?}"),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    subject.payment("pay_b").await?.charged(1).await?;
    assert_eq!(subject.movements().await?, (2, 0));
    Ok(())
}

pub async fn a_decline_has_its_reason_and_another_method_is_charged(subject: &Subject) -> Tested {
    let payment = subject.payment("pay_a").await?;
    let outcome = payment.charge(1, subject.declines).await?;
    let ChargeOutcome::Declined { reason } = outcome else { return Err(format!("{outcome:?}").into()) };
    assert!(!reason.is_empty());
    match (subject.gateway.way(), payment.look(1).await?) {
        (ChargeWay::OneStep, Lookup::Found(ChargeOutcome::Declined { reason: found }))
        | (ChargeWay::Intents, Lookup::Absent { refused: Some(found) }) => assert_eq!(found, reason),
        (_, other) => return Err(format!("{other:?}").into()),
    }
    assert_eq!(subject.movements().await?, (0, 0));
    payment.charged(2).await?;
    assert_eq!(subject.movements().await?, (1, 0));
    Ok(())
}

pub async fn a_look_finds_what_was_charged_and_nothing_else(subject: &Subject) -> Tested {
    let (charged, other) = (subject.payment("pay_a").await?, subject.payment("pay_b").await?);
    assert_eq!(charged.look(1).await?, Lookup::Absent { refused: None });
    let reference = charged.charged(1).await?;
    assert_eq!(charged.look(1).await?, Lookup::Found(ChargeOutcome::Charged { reference }));
    assert_eq!(other.look(1).await?, Lookup::Absent { refused: None });
    Ok(())
}

pub async fn what_was_withdrawn_never_takes_money(subject: &Subject) -> Tested {
    let (untouched, declined) = (subject.payment("pay_a").await?, subject.payment("pay_b").await?);
    declined.charge(1, subject.declines).await?;
    for (payment, attempt) in [(&untouched, 1), (&declined, 2)] {
        for _ in 0..2 {
            assert_eq!(payment.withdraw(attempt).await?, WithdrawOutcome::Withdrawn);
        }
        let late = payment.charge(attempt, subject.pays).await;
        assert!(!matches!(late, Ok(ChargeOutcome::Charged { .. })), "{late:?}");
        let found = payment.look(attempt).await?;
        assert!(matches!(found, Lookup::Withdrawn | Lookup::Found(ChargeOutcome::Declined { .. })), "{found:?}");
    }
    assert_eq!(subject.movements().await?, (0, 0));
    Ok(())
}

pub async fn what_has_taken_the_money_is_not_withdrawn(subject: &Subject) -> Tested {
    let payment = subject.payment("pay_a").await?;
    let reference = payment.charged(1).await?;
    for _ in 0..2 {
        let reference = Arc::clone(&reference);
        assert_eq!(payment.withdraw(1).await?, WithdrawOutcome::Charged { reference });
    }
    assert_eq!(subject.movements().await?, (1, 0));
    Ok(())
}

pub async fn a_refund_that_is_repeated_gives_the_money_back_once(subject: &Subject) -> Tested {
    let payment = subject.payment("pay_a").await?;
    let reference = payment.charged(1).await?;
    for repeated in [false, false, true, true] {
        assert_eq!(payment.refund(&reference, repeated).await?, RefundOutcome::Refunded);
    }
    assert_eq!(subject.movements().await?, (1, 1));
    Ok(())
}

pub async fn a_refund_of_what_was_not_charged_fails(subject: &Subject) -> Tested {
    let (open, unknown) = (subject.payment("pay_a").await?, subject.payment("pay_b").await?);
    let intent = open.intent.clone().unwrap_or_else(|| Arc::from("ch_open"));
    for (payment, charge) in [(&open, intent), (&unknown, Arc::from("pi_999"))] {
        let outcome = payment.refund(&charge, false).await?;
        assert!(matches!(outcome, RefundOutcome::Failed { .. }), "{charge}: {outcome:?}");
    }
    assert_eq!(subject.movements().await?, (0, 0));
    Ok(())
}
