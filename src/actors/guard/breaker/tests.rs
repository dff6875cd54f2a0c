//! The breaker over made-up time.

use proptest::prelude::*;

use super::*;

const QUICK: Duration = Duration::from_millis(10);
const SLOW: Duration = Duration::from_secs(3);

fn health(success: bool) -> Health {
    if success { Health::Good } else { Health::Bad }
}

fn breaker(now: Instant) -> Breaker {
    Breaker::new(BreakerSettings::default(), now)
}

fn call(breaker: &mut Breaker, now: Instant, success: bool, took: Duration) {
    assert!(breaker.can_send(now));
    let ticket = breaker.send(now);
    breaker.record(now, ticket, health(success), took);
}

fn opened(now: Instant) -> Breaker {
    let mut breaker = breaker(now);
    (0..20).for_each(|_| call(&mut breaker, now, false, QUICK));
    assert_eq!(breaker.state(), BreakerState::Open);
    breaker
}

#[test]
fn it_opens_at_the_failure_rate_but_not_before_enough_calls() {
    let now = Instant::now();
    let mut breaker = breaker(now);
    (0..10).for_each(|_| call(&mut breaker, now, true, QUICK));
    (0..9).for_each(|_| call(&mut breaker, now, false, QUICK));
    assert_eq!(breaker.state(), BreakerState::Closed);
    call(&mut breaker, now, false, QUICK);
    assert_eq!(breaker.state(), BreakerState::Open);
    assert_eq!(breaker.admission(now + Duration::from_secs(2)), Err(Duration::from_secs(3)));
}

#[test]
fn slow_calls_open_it_although_they_succeed() {
    let now = Instant::now();
    let mut breaker = breaker(now);
    (0..20).for_each(|_| call(&mut breaker, now, true, SLOW));
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[test]
fn failures_older_than_the_window_are_forgotten() {
    let now = Instant::now();
    let mut breaker = breaker(now);
    (0..19).for_each(|_| call(&mut breaker, now, false, QUICK));
    let later = now + Duration::from_secs(11);
    (0..20).for_each(|_| call(&mut breaker, later, true, QUICK));
    assert_eq!((breaker.state(), breaker.totals(later).failures), (BreakerState::Closed, 0));
}

#[test]
fn after_its_time_a_few_probes_go_and_their_success_closes_it() {
    let now = Instant::now();
    let mut breaker = opened(now);
    let later = now + Duration::from_secs(5);
    assert_eq!(breaker.admission(later), Ok(()));
    let probes: Vec<Ticket> = (0..3).map(|_| breaker.send(later)).collect();
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    assert!(!breaker.can_send(later), "a fourth has to wait");
    assert_eq!(breaker.admission(later), Ok(()), "but may come in");
    probes.into_iter().for_each(|probe| breaker.record(later, probe, Health::Good, QUICK));
    assert_eq!((breaker.state(), breaker.totals(later).calls), (BreakerState::Closed, 0));
}

#[test]
fn one_failed_probe_or_slow_probes_open_it_again() {
    let now = Instant::now();
    let later = now + Duration::from_secs(5);
    let mut failed = opened(now);
    call(&mut failed, later, true, QUICK);
    call(&mut failed, later, false, QUICK);
    assert_eq!(failed.admission(later), Err(Duration::from_secs(5)));
    let mut slow = opened(now);
    (0..3).for_each(|_| call(&mut slow, later, true, SLOW));
    assert_eq!(slow.state(), BreakerState::Open);
}

#[test]
fn what_was_sent_before_it_opened_is_no_probe() {
    let now = Instant::now();
    let mut breaker = breaker(now);
    let early = breaker.send(now);
    (0..20).for_each(|_| call(&mut breaker, now, false, QUICK));
    let later = now + Duration::from_secs(6);
    breaker.send(later);
    breaker.record(later, early, Health::Bad, SLOW);
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
}

#[test]
fn late_time_outs_of_before_it_opened_do_not_open_it_again() {
    let now = Instant::now();
    let mut breaker = breaker(now);
    let late: Vec<Ticket> = (0..40).map(|_| breaker.send(now)).collect();
    (0..20).for_each(|_| call(&mut breaker, now, false, QUICK));
    assert_eq!(breaker.state(), BreakerState::Open);
    let later = now + Duration::from_secs(5);
    (0..3).for_each(|_| call(&mut breaker, later, true, QUICK));
    late.into_iter().for_each(|ticket| breaker.record(later, ticket, Health::Bad, SLOW));
    call(&mut breaker, later, true, QUICK);
    assert_eq!((breaker.state(), breaker.totals(later).failures), (BreakerState::Closed, 0));
}

#[test]
fn an_operator_overrides_the_rates_and_gives_back_a_clean_start() {
    let now = Instant::now();
    let mut breaker = breaker(now);
    breaker.set_mode(now, BreakerMode::Open);
    assert_eq!(breaker.admission(now), Err(Duration::from_secs(5)));
    breaker.set_mode(now, BreakerMode::Closed);
    (0..100).for_each(|_| call(&mut breaker, now, false, QUICK));
    assert_eq!(breaker.state(), BreakerState::Closed);
    breaker.set_mode(now, BreakerMode::Auto);
    assert_eq!((breaker.state(), breaker.totals(now).calls), (BreakerState::Closed, 0));
}

proptest! {
    #[test]
    fn it_always_recovers_and_never_lets_more_probes_out_than_allowed(
        steps in prop::collection::vec((0_u64..4_000, any::<bool>(), any::<bool>(), any::<bool>()), 1..200)
    ) {
        let mut now = Instant::now();
        let mut breaker = breaker(now);
        let mut out = Vec::new();
        for (gap, send, success, slow) in steps {
            now += Duration::from_millis(gap);
            if send && breaker.can_send(now) {
                out.push(breaker.send(now));
            } else if let Some(ticket) = out.pop() {
                breaker.record(now, ticket, health(success), if slow { SLOW } else { QUICK });
            }
            if let Circuit::HalfOpen { sent, succeeded, .. } = breaker.circuit {
                prop_assert!(succeeded <= sent && sent <= 3);
            }
            prop_assert!(breaker.admission(now).err().unwrap_or_default() <= Duration::from_secs(5));
        }
        out.into_iter().for_each(|ticket| breaker.record(now, ticket, Health::Good, QUICK));
        now += Duration::from_secs(20);
        for _ in 0..3 {
            call(&mut breaker, now, true, QUICK);
        }
        prop_assert_eq!(breaker.state(), BreakerState::Closed);
    }
}
