//! The guard keeps its bounds and its word in front of the simulated gateway.

use std::time::{Duration, Instant};

use callout::actors::{
    backoff::BackoffSettings,
    guard::{GuardError, GuardGauge, GuardHandle, GuardSettings, RefusalReason, Urgency},
    ports::gateway::{ChargeOutcome, Faults, GatewayError, Lookup},
    supervision::{Intensity, Status, SupervisionSettings},
};
use futures_util::future::join_all;

use crate::support::{Guarded, Tested, charge, guarded, in_memory, look, refund, supervised, supervised_within, until};

fn latency(latency_ms: u64) -> Faults {
    Faults { latency_ms, ..Faults::default() }
}

fn reason<T>(result: &Result<T, GuardError>) -> Option<RefusalReason> {
    match result {
        Err(GuardError::Refused { reason, .. }) => Some(*reason),
        _ => None,
    }
}

/// Charges with that key in a task of its own.
fn spawn_charge(
    guard: &GuardHandle,
    key: &str,
    method: &str,
) -> tokio::task::JoinHandle<Result<ChargeOutcome, GuardError>> {
    let (guard, request) = (guard.clone(), charge(key, method));
    tokio::task::spawn_local(async move { guard.charge(request, Urgency::Customer).await })
}

#[actix_rt::test]
async fn charges_refunds_and_lookups_pass_and_are_counted() -> Tested {
    let Guarded { guard, .. } = guarded(in_memory(500)?, GuardSettings::default());
    let outcome = guard.charge(charge("a", "tok_ok"), Urgency::Customer).await?;
    let ChargeOutcome::Charged { reference } = &outcome else { return Err("it was declined".into()) };
    assert_eq!(guard.lookup(look("a"), Urgency::Background).await?, Lookup::Found(outcome.clone()));
    guard.refund(refund("r", "a", reference, 20_000), Urgency::Background).await?;
    guard.charge(charge("b", "tok_declined"), Urgency::Customer).await?;
    let figures = serde_json::to_value(guard.gauge().figures())?;
    assert_eq!(figures["counts"]["ok"], 3);
    assert_eq!(figures["counts"]["declined"], 1);
    assert_eq!(figures["breaker"]["state"], "closed");
    assert_eq!(figures["breaker"]["mode"], "auto");
    assert_eq!(figures["in_flight"]["max"], 256);
    Ok(())
}

#[actix_rt::test]
async fn ten_thousand_requests_at_once_stay_within_every_bound() -> Tested {
    let settings =
        GuardSettings { in_flight_max: 32, queue_max: 500, rate_per_s: Some(100_000), ..GuardSettings::default() };
    let guarded = guarded(in_memory(5_000)?, settings);
    guarded.bank.drill.set_faults(latency(5))?;
    let guard = &guarded.guard;
    let answers = join_all((0..10_000).map(|number| async move {
        let key = number.to_string();
        (guard.charge(charge(&key, "tok_ok"), Urgency::Customer).await, key)
    }))
    .await;
    let (mut charged, mut refused) = (Vec::new(), 0);
    for (answer, key) in answers {
        match answer {
            Ok(ChargeOutcome::Charged { .. }) => charged.push(key),
            Err(GuardError::Refused { reason: RefusalReason::QueueFull, retry_after }) => {
                assert!(retry_after <= Duration::from_secs(2));
                refused += 1;
            }
            other => return Err(format!("{key}: {other:?}").into()),
        }
    }
    assert!(charged.len() >= 500 && refused > 0, "{} charged, {refused} refused", charged.len());
    assert!(guarded.watch.peak() <= 32, "{} at once", guarded.watch.peak());
    let mut ledger = guarded.keys();
    ledger.sort();
    charged.sort();
    assert_eq!(ledger, charged, "what was answered is exactly what was charged");
    let figures = guard.gauge().figures();
    assert_eq!((figures.queue.length, figures.in_flight.now, figures.counts.refused), (0, 0, refused));
    Ok(())
}

#[actix_rt::test]
async fn who_comes_first_is_charged_first() -> Tested {
    let guarded = guarded(in_memory(1_000)?, GuardSettings { in_flight_max: 1, ..GuardSettings::default() });
    guarded.bank.drill.set_faults(latency(2))?;
    let guard = &guarded.guard;
    let keys: Vec<String> = (0..50).map(|number| number.to_string()).collect();
    let all = join_all(keys.iter().map(|key| guard.charge(charge(key, "tok_ok"), Urgency::Customer))).await;
    assert!(all.iter().all(Result::is_ok));
    assert_eq!(guarded.keys(), keys);
    Ok(())
}

#[actix_rt::test]
async fn who_waits_past_the_deadline_is_told_in_time_and_not_charged() -> Tested {
    let settings = GuardSettings { in_flight_max: 1, queue_wait_ms: 100, ..GuardSettings::default() };
    let guarded = guarded(in_memory(2_000)?, settings);
    guarded.watch.hold();
    let first = spawn_charge(&guarded.guard, "first", "tok_ok");
    guarded.until_busy(1, 0).await;
    let begun = Instant::now();
    let second = guarded.guard.charge(charge("second", "tok_ok"), Urgency::Customer).await;
    assert_eq!(reason(&second), Some(RefusalReason::WaitedTooLong));
    assert!((100..300).contains(&begun.elapsed().as_millis()), "after {:?}", begun.elapsed());
    guarded.watch.release();
    first.await??;
    assert_eq!(guarded.keys(), ["first"]);
    Ok(())
}

#[actix_rt::test]
async fn the_rate_limit_spreads_requests_over_time() -> Tested {
    let settings = GuardSettings { rate_per_s: Some(100), burst: Some(1), ..GuardSettings::default() };
    let guarded = guarded(in_memory(1_000)?, settings);
    let guard = &guarded.guard;
    let begun = Instant::now();
    let keys: Vec<String> = (0..31).map(|number| number.to_string()).collect();
    let all = join_all(keys.iter().map(|key| guard.charge(charge(key, "tok_ok"), Urgency::Customer))).await;
    assert!(all.iter().all(Result::is_ok));
    assert!(begun.elapsed() >= Duration::from_millis(295), "{:?} for 30 intervals of 10 ms", begun.elapsed());
    Ok(())
}

#[actix_rt::test]
async fn a_backlog_of_refunds_leaves_room_for_customers() -> Tested {
    let settings = GuardSettings { in_flight_max: 1, queue_max: 8, ..GuardSettings::default() };
    let guarded = guarded(in_memory(2_000)?, settings);
    guarded.watch.hold();
    let guard = &guarded.guard;
    let first = spawn_charge(guard, "first", "tok_ok");
    guarded.until_busy(1, 0).await;
    let lookups = join_all((0..5).map(|_| guard.lookup(look("first"), Urgency::Background)));
    let customer = async {
        guarded.until_busy(1, 2).await;
        guard.charge(charge("customer", "tok_ok"), Urgency::Customer).await
    };
    let release = async {
        guarded.until_busy(1, 3).await;
        guarded.watch.release();
    };
    let (lookups, customer, ()) = tokio::join!(lookups, customer, release);
    assert_eq!(lookups.iter().filter(|answer| answer.is_ok()).count(), 2);
    assert_eq!(lookups.iter().filter(|answer| reason(answer) == Some(RefusalReason::QueueFull)).count(), 3);
    customer?;
    first.await??;
    Ok(())
}

#[actix_rt::test]
async fn what_nobody_waits_for_any_more_is_never_sent() -> Tested {
    let guarded = guarded(in_memory(2_000)?, GuardSettings { in_flight_max: 1, ..GuardSettings::default() });
    guarded.watch.hold();
    let first = spawn_charge(&guarded.guard, "first", "tok_ok");
    guarded.until_busy(1, 0).await;
    let given_up = spawn_charge(&guarded.guard, "given up", "tok_ok");
    guarded.until_busy(1, 1).await;
    given_up.abort();
    assert!(given_up.await.is_err_and(|end| end.is_cancelled()));
    guarded.watch.release();
    first.await??;
    guarded.guard.charge(charge("next", "tok_ok"), Urgency::Customer).await?;
    assert_eq!(guarded.keys(), ["first", "next"]);
    Ok(())
}

#[actix_rt::test]
async fn a_request_whose_task_panics_counts_as_unanswered_and_frees_its_place() -> Tested {
    let guarded = guarded(in_memory(500)?, GuardSettings { in_flight_max: 1, ..GuardSettings::default() });
    let lost = guarded.guard.charge(charge("a", "tok_panic"), Urgency::Customer).await;
    assert!(matches!(lost, Err(GuardError::Gateway(GatewayError::Unknown(_)))), "{lost:?}");
    guarded.guard.charge(charge("b", "tok_ok"), Urgency::Customer).await?;
    assert_eq!(guarded.guard.gauge().figures().counts.no_answer, 1);
    Ok(())
}

#[actix_rt::test]
async fn a_guard_that_waits_for_its_restart_refuses_after_the_wait_and_a_parked_one_at_once() -> Tested {
    let gauge = GuardGauge::new(GuardSettings { queue_wait_ms: 50, ..GuardSettings::default() });
    let backoff = BackoffSettings { initial_ms: 1_500, factor: 1.0, max_ms: 1_500, jitter: 0.0 };
    let intensity = Intensity { restarts_max: 1, window_s: 60 };
    let supervision = SupervisionSettings { backoff, intensity, ..SupervisionSettings::default() };
    let guard = supervised(in_memory(500)?.gateway, gauge, supervision);
    guard.actor().crash();
    until_status(&guard, Status::BackingOff).await;
    let refused = guard.charge(charge("a", "tok_ok"), Urgency::Customer).await;
    assert_eq!(reason(&refused), Some(RefusalReason::WaitedTooLong));
    until_status(&guard, Status::Running).await;
    guard.actor().crash();
    until_status(&guard, Status::Parked).await;
    let refused = guard.charge(charge("a", "tok_ok"), Urgency::Customer).await;
    assert_eq!(reason(&refused), Some(RefusalReason::Parked));
    assert!(guard.actor().resume());
    guard.charge(charge("a", "tok_ok"), Urgency::Customer).await?;
    Ok(())
}

async fn until_status(guard: &GuardHandle, status: Status) {
    until(|| guard.actor().vitals().status() == status).await;
}

#[actix_rt::test]
async fn a_restart_refuses_those_who_waited_and_loses_nothing_under_way() -> Tested {
    let guarded = guarded(in_memory(2_000)?, GuardSettings { in_flight_max: 1, ..GuardSettings::default() });
    let guard = &guarded.guard;
    guarded.watch.hold();
    let under_way = spawn_charge(guard, "under way", "tok_ok");
    guarded.until_busy(1, 0).await;
    let waiting = spawn_charge(guard, "waiting", "tok_ok");
    guarded.until_busy(1, 1).await;
    guard.actor().crash();
    assert_eq!(reason(&waiting.await?), Some(RefusalReason::Restarting));
    let after = spawn_charge(guard, "after", "tok_ok");
    until(|| guard.actor().vitals().restarts() == 1).await;
    guarded.until_busy(1, 1).await;
    guarded.watch.release();
    under_way.await??;
    after.await??;
    assert_eq!(guarded.keys(), ["under way", "after"], "the bound in flight held across the restart");
    Ok(())
}

#[actix_rt::test]
async fn a_full_mailbox_refuses_at_once_and_sends_nothing() -> Tested {
    let bank = in_memory(500)?;
    let gauge = GuardGauge::new(GuardSettings::default());
    let guard = supervised_within(3, bank.gateway.clone(), gauge, SupervisionSettings::default());
    let keys: Vec<String> = (0..10).map(|number| number.to_string()).collect();
    let all = join_all(keys.iter().map(|key| guard.charge(charge(key, "tok_ok"), Urgency::Customer))).await;
    assert_eq!(all.iter().filter(|answer| answer.is_ok()).count(), 3);
    assert_eq!(all.iter().filter(|answer| reason(answer) == Some(RefusalReason::QueueFull)).count(), 7);
    assert_eq!(bank.drill.ledger(None, 10, 0).expect("the ledger").len(), 3);
    Ok(())
}
