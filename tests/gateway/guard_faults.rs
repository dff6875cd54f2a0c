//! The gateway slow, refusing, failing, silent and down: the breaker opens, tells the truth about when to come back,
//! and closes by itself.

use std::time::Duration;

use callout::actors::{
    guard::{
        BreakerMode, BreakerSettings, BreakerState, GuardError, GuardSettings, RefusalReason, Urgency, whole_seconds,
    },
    ports::gateway::{ChargeOutcome, Faults, GatewayError},
};
use futures_util::FutureExt;
use tokio::time::sleep;

use crate::support::{Guarded, Tested, charge, down, guarded, in_memory, until};

fn settings() -> GuardSettings {
    let breaker = BreakerSettings {
        calls_min: 5,
        slow_call_ms: 40,
        open_s: 1,
        half_open_probes: 2,
        ..BreakerSettings::default()
    };
    GuardSettings { breaker, ..GuardSettings::default() }
}

async fn pay(guarded: &Guarded, key: &str) -> Result<ChargeOutcome, GuardError> {
    guarded.guard.charge(charge(key, "tok_ok"), Urgency::Customer).await
}

fn state(guarded: &Guarded) -> BreakerState {
    guarded.guard.gauge().figures().breaker.state
}

/// Shows the gateway's fault until the breaker opens, heals it, and follows the `Retry-After` back to normal.
async fn opens_and_recovers(faults: Faults, expected: fn(&Result<ChargeOutcome, GuardError>) -> bool) -> Tested {
    let guarded = guarded(in_memory(80)?, settings());
    guarded.bank.drill.set_faults(faults)?;
    for number in 0..5 {
        let answer = pay(&guarded, &format!("fault{number}")).await;
        assert!(expected(&answer), "{answer:?}");
    }
    guarded.until_breaker(BreakerState::Open).await;
    let refused = pay(&guarded, "refused").now_or_never().ok_or("it is refused at once, without asking anyone")?;
    let Err(GuardError::Refused { retry_after, reason: RefusalReason::BreakerOpen }) = refused else {
        return Err("an open breaker refuses".into());
    };
    assert!(guarded.guard.gauge().admission().is_err());
    assert!(guarded.bank.drill.ledger(Some("pay_refused"), 1, 0).expect("the ledger").is_empty());

    guarded.bank.drill.set_faults(Faults::default())?;
    // Time is the subject: after what the caller was told to wait, and no later, requests are let in.
    sleep(retry_after).await;
    assert_eq!(guarded.guard.gauge().admission(), Ok(()));
    for probe in ["probe1", "probe2"] {
        pay(&guarded, probe).await?;
    }
    guarded.until_breaker(BreakerState::Closed).await;
    pay(&guarded, "normal").await?;
    Ok(())
}

#[actix_rt::test]
async fn a_slow_gateway_opens_the_breaker_and_recovers() -> Tested {
    opens_and_recovers(Faults { latency_ms: 50, ..Faults::default() }, Result::is_ok).await
}

#[actix_rt::test]
async fn a_failing_gateway_opens_the_breaker_and_recovers() -> Tested {
    opens_and_recovers(Faults { error_rate: 1.0, ..Faults::default() }, |answer| {
        matches!(answer, Err(GuardError::Gateway(GatewayError::Failed(_))))
    })
    .await
}

#[actix_rt::test]
async fn a_silent_gateway_opens_the_breaker_and_recovers() -> Tested {
    opens_and_recovers(Faults { timeout_rate: 1.0, ..Faults::default() }, |answer| {
        matches!(answer, Err(GuardError::Gateway(GatewayError::Unknown(_))))
    })
    .await
}

#[actix_rt::test]
async fn a_gateway_that_is_down_opens_the_breaker_and_recovers() -> Tested {
    opens_and_recovers(down(), |answer| matches!(answer, Err(GuardError::Gateway(GatewayError::NotSent(_))))).await
}

#[actix_rt::test]
async fn declines_never_open_the_breaker() -> Tested {
    let guarded = guarded(in_memory(80)?, settings());
    guarded.bank.drill.set_faults(Faults { decline_rate: 1.0, ..Faults::default() })?;
    for number in 0..30 {
        assert!(matches!(pay(&guarded, &number.to_string()).await?, ChargeOutcome::Declined { .. }));
    }
    assert_eq!(state(&guarded), BreakerState::Closed);
    Ok(())
}

#[actix_rt::test]
async fn a_failed_probe_opens_the_breaker_again() -> Tested {
    let guarded = guarded(in_memory(80)?, settings());
    guarded.bank.drill.set_faults(down())?;
    for number in 0..5 {
        assert!(pay(&guarded, &number.to_string()).await.is_err());
    }
    guarded.until_breaker(BreakerState::Open).await;
    let gauge = guarded.guard.gauge();
    until(|| gauge.admission().is_ok()).await;
    let probe = pay(&guarded, "probe").await;
    assert!(matches!(probe, Err(GuardError::Gateway(GatewayError::NotSent(_)))), "{probe:?}");
    // The guard notes the failure after it has answered the probe.
    until(|| gauge.admission().is_err()).await;
    assert_eq!(state(&guarded), BreakerState::Open);
    let wait = gauge.admission().err().ok_or("it is open")?;
    assert!((800..=1_000).contains(&wait.as_millis()), "{wait:?}");
    Ok(())
}

#[actix_rt::test]
async fn those_who_wait_behind_a_failing_request_are_told_when_the_breaker_opens() -> Tested {
    let breaker = BreakerSettings { calls_min: 1, ..settings().breaker };
    let guarded = guarded(in_memory(80)?, GuardSettings { in_flight_max: 1, breaker, ..settings() });
    guarded.bank.drill.set_faults(Faults { timeout_rate: 1.0, ..Faults::default() })?;
    let (first, second, third) = tokio::join!(pay(&guarded, "1"), pay(&guarded, "2"), pay(&guarded, "3"));
    assert!(matches!(first, Err(GuardError::Gateway(GatewayError::Unknown(_)))), "{first:?}");
    for waiting in [second, third] {
        let Err(error) = waiting else { return Err("it was sent".into()) };
        let GuardError::Refused { reason: RefusalReason::BreakerOpen, retry_after } = error else {
            return Err(format!("{error:?}").into());
        };
        assert_eq!(whole_seconds(retry_after), 1);
    }
    assert_eq!(guarded.keys(), ["1"]);
    Ok(())
}

#[actix_rt::test]
async fn an_operator_opens_and_closes_the_breaker() -> Tested {
    let guarded = guarded(in_memory(80)?, settings());
    let gauge = guarded.guard.gauge();
    gauge.set_breaker(BreakerMode::Open);
    assert_eq!(gauge.admission(), Err(Duration::from_secs(1)));
    assert!(matches!(pay(&guarded, "a").await, Err(GuardError::Refused { .. })));
    gauge.set_breaker(BreakerMode::Closed);
    guarded.bank.drill.set_faults(down())?;
    for number in 0..10 {
        assert!(matches!(pay(&guarded, &number.to_string()).await, Err(GuardError::Gateway(_))));
    }
    assert_eq!(state(&guarded), BreakerState::Closed);
    gauge.set_breaker(BreakerMode::Auto);
    guarded.bank.drill.set_faults(Faults::default())?;
    pay(&guarded, "b").await?;
    Ok(())
}
