//! The simulated gateway keeps the promises of the port, whatever faults it shows.

use std::{
    fs,
    sync::Arc,
    time::{Duration, Instant},
};

use callout::{
    actors::ports::gateway::{ChargeOutcome, Faults, GatewayError, LedgerKind, Lookup, RefundOutcome},
    gateway::{GatewaySettings, Simulation, open},
    settings::{Section as _, Url},
};

use crate::support::{Simulated, Tested, charge, down, in_memory, look, refund, simulated};

fn reference(outcome: ChargeOutcome) -> Result<Arc<str>, String> {
    match outcome {
        ChargeOutcome::Charged { reference } => Ok(reference),
        ChargeOutcome::Declined { reason } | ChargeOutcome::Rejected { reason } => Err(reason),
        ChargeOutcome::ActionRequired { .. } => Err("its payer is asked".to_owned()),
    }
}

fn found(lookup: Lookup) -> Result<ChargeOutcome, String> {
    match lookup {
        Lookup::Found(outcome) => Ok(outcome),
        Lookup::Absent { .. } | Lookup::Withdrawn => Err("it is not found".to_owned()),
    }
}

fn movements(simulated: &Simulated) -> usize {
    simulated.drill.ledger(None, usize::MAX, 0).expect("the ledger").len()
}

#[actix_rt::test]
async fn a_repeated_key_replays_its_first_outcome_and_charges_once() -> Tested {
    let bank = in_memory(200)?;
    let first = bank.gateway.charge(charge("a", "tok_ok")).await?;
    assert_eq!(bank.gateway.charge(charge("a", "tok_declined")).await?, first);
    assert_eq!(bank.gateway.lookup(look("a")).await?, Lookup::Found(first));
    assert_eq!(bank.gateway.lookup(look("b")).await?, Lookup::Absent { refused: None });
    assert_eq!(movements(&bank), 1);
    Ok(())
}

#[actix_rt::test]
async fn declined_and_unknown_methods_say_why_and_stay_declined() -> Tested {
    let bank = in_memory(200)?;
    for (key, method, wanted) in [("a", "tok_declined", "declined"), ("b", "4242", "tok_ok")] {
        let outcome = bank.gateway.charge(charge(key, method)).await?;
        let ChargeOutcome::Declined { reason } = &outcome else { return Err("it was charged".into()) };
        assert!(reason.contains(wanted), "{reason}");
        assert_eq!(bank.gateway.charge(charge(key, "tok_ok")).await?, outcome);
    }
    assert_eq!(movements(&bank), 0);
    Ok(())
}

#[actix_rt::test]
async fn an_error_charges_nothing_and_silence_charges_once() -> Tested {
    let bank = in_memory(50)?;
    let error = bank.gateway.charge(charge("a", "tok_error")).await;
    assert!(matches!(error, Err(GatewayError::Failed(_))), "{error:?}");
    assert_eq!(movements(&bank), 0);
    let silence = bank.gateway.charge(charge("b", "tok_timeout")).await;
    assert!(matches!(silence, Err(GatewayError::Unknown(_))), "{silence:?}");
    let known = found(bank.gateway.lookup(look("b")).await?)?;
    assert_eq!(bank.gateway.charge(charge("b", "tok_timeout")).await?, known);
    assert_eq!(movements(&bank), 1);
    Ok(())
}

#[actix_rt::test]
async fn a_slow_method_is_charged_within_the_default_timeout() -> Tested {
    let bank = simulated(&GatewaySettings::default(), &Simulation::default())?;
    let begun = Instant::now();
    reference(bank.gateway.charge(charge("a", "tok_slow")).await?)?;
    assert!(begun.elapsed() >= Duration::from_secs(1));
    Ok(())
}

#[actix_rt::test]
async fn refunds_are_idempotent_and_never_exceed_the_charge() -> Tested {
    let bank = in_memory(200)?;
    let charged = reference(bank.gateway.charge(charge("a", "tok_ok")).await?)?;
    bank.gateway.refund(refund("r1", "a", &charged, 15_000)).await?;
    bank.gateway.refund(refund("r1", "a", &charged, 15_000)).await?;
    for wrong in [refund("r2", "a", &charged, 5_001), refund("r3", "b", &charged, 1), refund("r1", "a", &charged, 1)] {
        let refused = bank.gateway.refund(wrong).await;
        assert!(matches!(refused, Ok(RefundOutcome::Failed { .. })), "{refused:?}");
    }
    bank.gateway.refund(refund("r4", "a", &charged, 5_000)).await?;
    let kinds: Vec<_> =
        bank.drill.ledger(Some("pay_a"), 10, 0).expect("the ledger").iter().map(|entry| entry.kind).collect();
    assert_eq!(kinds, [LedgerKind::Charge, LedgerKind::Refund, LedgerKind::Refund]);
    Ok(())
}

#[actix_rt::test]
async fn down_means_not_sent_and_a_latency_beyond_the_timeout_means_no_answer() -> Tested {
    let bank = in_memory(60)?;
    bank.drill.set_faults(down())?;
    let unsent = bank.gateway.charge(charge("a", "tok_ok")).await;
    assert!(matches!(unsent, Err(GatewayError::NotSent(_))), "{unsent:?}");
    assert_eq!(movements(&bank), 0);
    bank.drill.set_faults(Faults { latency_ms: 30, ..Faults::default() })?;
    bank.gateway.charge(charge("a", "tok_ok")).await?;
    bank.drill.set_faults(Faults { latency_ms: 61, ..Faults::default() })?;
    let late = bank.gateway.charge(charge("b", "tok_ok")).await;
    assert!(matches!(late, Err(GatewayError::Unknown(_))), "{late:?}");
    assert_eq!(movements(&bank), 2, "what was not answered was charged all the same");
    Ok(())
}

#[actix_rt::test]
async fn rates_apply_to_every_kind_of_request() -> Tested {
    let bank = in_memory(10)?;
    let charged = reference(bank.gateway.charge(charge("a", "tok_ok")).await?)?;
    bank.drill.set_faults(Faults { error_rate: 1.0, ..Faults::default() })?;
    assert!(matches!(bank.gateway.refund(refund("r", "a", &charged, 1)).await, Err(GatewayError::Failed(_))));
    assert!(matches!(bank.gateway.lookup(look("a")).await, Err(GatewayError::Failed(_))));
    bank.drill.set_faults(Faults { timeout_rate: 1.0, ..Faults::default() })?;
    assert!(matches!(bank.gateway.refund(refund("r", "a", &charged, 1)).await, Err(GatewayError::Unknown(_))));
    assert_eq!(movements(&bank), 2, "the refund was made in silence");
    bank.drill.set_faults(Faults { decline_rate: 1.0, ..Faults::default() })?;
    assert!(reference(bank.gateway.charge(charge("b", "tok_ok")).await?).is_err());
    Ok(())
}

#[test]
fn faults_out_of_range_are_refused_and_change_nothing() -> Tested {
    let bank = in_memory(10)?;
    bank.drill.set_faults(down())?;
    for (text, field) in [
        (r#"{"decline_rate": 1.5}"#, "decline_rate"),
        (r#"{"error_rate": -0.1}"#, "error_rate"),
        (r#"{"latency_ms": 60001}"#, "latency_ms"),
    ] {
        let Err(wrong) = bank.drill.set_faults(serde_json::from_str(text)?) else { return Err(text.into()) };
        assert_eq!(wrong.field, field);
    }
    assert!(bank.drill.set_faults(Faults { timeout_rate: f64::NAN, ..Faults::default() }).is_err());
    assert!(serde_json::from_str::<Faults>(r#"{"latncy_ms": 1}"#).is_err());
    assert_eq!(bank.drill.faults(), down());
    Ok(())
}

#[actix_rt::test]
async fn the_ledger_outlives_the_process_and_a_torn_line() -> Tested {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("ledger.jsonl");
    let settings = GatewaySettings { response_timeout_ms: 20, ..GatewaySettings::default() };
    let simulation = Simulation { ledger: Some(path.clone()), seed: None };
    let before = simulated(&settings, &simulation)?;
    let charged = before.gateway.charge(charge("a", "tok_ok")).await?;
    let declined = before.gateway.charge(charge("b", "tok_declined")).await?;
    assert!(before.gateway.charge(charge("c", "tok_timeout")).await.is_err());
    drop(before);
    let mut torn = fs::read_to_string(&path)?;
    torn.push_str("{\"payment_id\":\"pay_d\",\"key\":\"d");
    fs::write(&path, torn)?;
    let after = simulated(&settings, &simulation)?;
    assert_eq!(after.gateway.charge(charge("a", "tok_ok")).await?, charged);
    assert_eq!(after.gateway.charge(charge("b", "tok_ok")).await?, declined);
    reference(found(after.gateway.lookup(look("c")).await?)?)?;
    assert_eq!(after.gateway.lookup(look("d")).await?, Lookup::Absent { refused: None });
    assert!(matches!(after.gateway.charge(charge("d", "tok_ok")).await?, ChargeOutcome::Charged { .. }));
    assert_eq!(movements(&after), 3);
    Ok(())
}

#[actix_rt::test]
async fn two_processes_on_one_ledger_charge_a_key_once() -> Tested {
    let folder = tempfile::tempdir()?;
    let settings = GatewaySettings::default();
    let simulation = Simulation { ledger: Some(folder.path().join("ledger.jsonl")), seed: None };
    let (one, two) = (simulated(&settings, &simulation)?, simulated(&settings, &simulation)?);
    for number in 0..50 {
        let key = number.to_string();
        let both = tokio::join!(one.gateway.charge(charge(&key, "tok_ok")), two.gateway.charge(charge(&key, "tok_ok")));
        assert_eq!(both.0?, both.1?);
    }
    one.gateway.lookup(look("0")).await?;
    assert_eq!(movements(&one), 50);
    Ok(())
}

/// A floor far below what it does, so that it never is what limits a load test.
#[actix_rt::test]
async fn it_records_more_than_five_thousand_charges_a_second() -> Tested {
    let folder = tempfile::tempdir()?;
    let ledger = Some(folder.path().join("ledger.jsonl"));
    let bank = simulated(&GatewaySettings::default(), &Simulation { ledger, seed: None })?;
    let begun = Instant::now();
    for number in 0..10_000 {
        bank.gateway.charge(charge(&number.to_string(), "tok_ok")).await?;
    }
    let per_second = 10_000.0 / begun.elapsed().as_secs_f64();
    assert!(per_second > 5_000.0, "only {per_second:.0} charges a second");
    Ok(())
}

#[test]
fn a_url_that_names_no_gateway_is_refused_with_what_would_be_right() -> Tested {
    for url in ["", "simulated", "simulated://x", "paypal://host", "stripe+ftp://host"] {
        let settings = GatewaySettings { url: Url::new(url), ..GatewaySettings::default() };
        let Err(error) = open(&settings, &Simulation::default()) else {
            return Err(format!("{url} was opened").into());
        };
        assert!(error.to_string().contains("simulated://"), "{error}");
        assert_eq!(settings.problems().len(), 1);
    }
    Ok(())
}
