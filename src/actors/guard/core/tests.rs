//! The guard's decisions over made-up time.

use proptest::prelude::*;

use super::*;
use crate::actors::guard::{breaker::BreakerState, settings::BreakerSettings};

const WAIT: Duration = Duration::from_secs(2);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Job {
    number: usize,
    wanted: bool,
}

impl Waiting for Job {
    fn is_wanted(&self) -> bool {
        self.wanted
    }

    fn begin(&self) -> bool {
        true
    }
}

fn job(number: usize) -> Job {
    Job { number, wanted: true }
}

fn core(settings: GuardSettings, now: Instant) -> GuardCore<Job> {
    GuardCore::new(settings, Arc::new(Semaphore::new(settings.in_flight_max)), now)
}

fn small() -> GuardSettings {
    GuardSettings { in_flight_max: 2, queue_max: 3, ..GuardSettings::default() }
}

fn offer(core: &mut GuardCore<Job>, now: Instant, number: usize) -> Result<(), Refusal> {
    core.offer(now, job(number), Urgency::Customer, now + WAIT).map_err(|(_, refusal)| refusal)
}

type Sent = Vec<(usize, Sending)>;
type Refused = Vec<(usize, RefusalReason)>;

/// Everything that goes now, and everything refused now.
fn drain(core: &mut GuardCore<Job>, now: Instant) -> (Sent, Refused) {
    let (mut sent, mut refused) = (Vec::new(), Vec::new());
    while let Some(turn) = core.next(now) {
        match turn {
            Next::Send(job, sending) => sent.push((job.number, sending)),
            Next::Refuse(job, refusal) => refused.push((job.number, refusal.reason)),
        }
    }
    (sent, refused)
}

#[test]
fn first_in_is_first_out_within_the_bound_in_flight() {
    let now = Instant::now();
    let mut core = core(small(), now);
    for number in 0..3 {
        assert_eq!(offer(&mut core, now, number), Ok(()));
    }
    let (mut sent, _) = drain(&mut core, now);
    assert_eq!(sent.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [0, 1]);
    let (_, done) = sent.remove(0);
    core.on_done(now, done.ticket, Outcome::Ok, Duration::ZERO);
    drop(done.slot);
    assert_eq!(drain(&mut core, now).0.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [2]);
}

#[test]
fn a_full_queue_refuses_and_tells_when_it_has_drained() {
    let now = Instant::now();
    let mut core = core(small(), now);
    let mut under_way = Vec::new();
    for number in 0..5 {
        assert_eq!(offer(&mut core, now, number), Ok(()));
        under_way.extend(drain(&mut core, now).0);
    }
    let refusal = Refusal { reason: RefusalReason::QueueFull, retry_after: WAIT };
    assert_eq!(offer(&mut core, now, 5), Err(refusal), "nothing is known about the pace");
    for _ in 0..3 {
        core.on_done(now, under_way[0].1.ticket, Outcome::Ok, Duration::ZERO);
    }
    let later = now + Duration::from_secs(1);
    assert_eq!(core.drain_time(later), Duration::from_secs(1), "three wait, three were done in a second");
}

#[test]
fn background_requests_leave_room_for_customers() {
    let now = Instant::now();
    let mut core = core(small(), now);
    let background =
        |core: &mut GuardCore<Job>, number| core.offer(now, job(number), Urgency::Background, now + WAIT).is_ok();
    assert!(background(&mut core, 0));
    assert!(!background(&mut core, 1));
    assert_eq!(offer(&mut core, now, 2), Ok(()));
    let (sent, _) = drain(&mut core, now);
    assert_eq!(sent.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [0, 2], "in the order they came");
}

#[test]
fn who_waited_past_the_deadline_is_refused_unsent() {
    let now = Instant::now();
    let mut core = core(small(), now);
    let mut under_way = Vec::new();
    for number in 0..4 {
        assert_eq!(offer(&mut core, now, number), Ok(()));
        under_way.extend(drain(&mut core, now).0);
    }
    assert_eq!(core.wake_at(), Some(now + WAIT));
    let (sent, refused) = drain(&mut core, now + WAIT);
    assert!(sent.is_empty());
    assert_eq!(refused, [(2, RefusalReason::WaitedTooLong), (3, RefusalReason::WaitedTooLong)]);
}

#[test]
fn a_breaker_that_opens_refuses_those_who_wait_and_those_who_come() {
    let now = Instant::now();
    let breaker = BreakerSettings { calls_min: 1, ..BreakerSettings::default() };
    let mut core = core(GuardSettings { in_flight_max: 1, breaker, ..small() }, now);
    assert_eq!((offer(&mut core, now, 0), offer(&mut core, now, 1)), (Ok(()), Ok(())));
    let (sent, _) = drain(&mut core, now);
    core.on_done(now, sent[0].1.ticket, Outcome::Failed, Duration::ZERO);
    assert_eq!(drain(&mut core, now).1, [(1, RefusalReason::BreakerOpen)]);
    let refusal = Refusal { reason: RefusalReason::BreakerOpen, retry_after: Duration::from_secs(4) };
    assert_eq!(offer(&mut core, now + Duration::from_secs(1), 2), Err(refusal));
    drop(sent);
    let later = now + Duration::from_secs(5);
    assert_eq!(offer(&mut core, later, 3), Ok(()));
    assert_eq!(drain(&mut core, later).0.len(), 1);
    assert_eq!(core.breaker.state(), BreakerState::HalfOpen);
}

#[test]
fn the_rate_limit_holds_back_and_tells_when_to_look_again() {
    let now = Instant::now();
    let settings = GuardSettings { rate_per_s: Some(10), burst: Some(1), ..GuardSettings::default() };
    let mut core = core(settings, now);
    assert_eq!((offer(&mut core, now, 0), offer(&mut core, now, 1)), (Ok(()), Ok(())));
    assert_eq!(drain(&mut core, now).0.len(), 1);
    let again = now + Duration::from_millis(100);
    assert_eq!(core.wake_at(), Some(again));
    assert_eq!(drain(&mut core, again).0.len(), 1);
    assert_eq!(core.wake_at(), None);
}

#[test]
fn what_nobody_waits_for_any_more_is_not_sent() {
    let now = Instant::now();
    let mut core = core(small(), now);
    assert!(core.offer(now, Job { number: 0, wanted: false }, Urgency::Customer, now + WAIT).is_ok());
    assert_eq!(offer(&mut core, now, 1), Ok(()));
    let (sent, refused) = drain(&mut core, now);
    assert_eq!((sent.len(), sent[0].0, refused.len(), core.queue_len()), (1, 1, 0, 0));
}

proptest! {
    #[test]
    fn every_request_is_sent_or_refused_once_in_order_within_the_bounds(
        steps in prop::collection::vec((0_u64..400, 0_u8..4, any::<bool>()), 1..300)
    ) {
        let mut now = Instant::now();
        let settings = GuardSettings { in_flight_max: 4, queue_max: 6, ..GuardSettings::default() };
        let mut core = core(settings, now);
        let (mut sent, mut refused, mut flying) = (Vec::new(), Vec::new(), Vec::new());
        let total = steps.len();
        for (number, (gap, step, success)) in steps.into_iter().enumerate() {
            now += Duration::from_millis(gap);
            let urgency = if step == 0 { Urgency::Background } else { Urgency::Customer };
            if let Err((job, _)) = core.offer(now, job(number), urgency, now + WAIT) {
                refused.push(job.number);
            }
            if step > 1 && !flying.is_empty() {
                let sending: Sending = flying.remove(0);
                core.on_done(now, sending.ticket, if success { Outcome::Ok } else { Outcome::Failed }, Duration::ZERO);
            }
            let (now_sent, now_refused) = drain(&mut core, now);
            refused.extend(now_refused.into_iter().map(|(number, _)| number));
            for (number, sending) in now_sent {
                sent.push(number);
                flying.push(sending);
            }
            prop_assert!(flying.len() <= 4 && core.queue_len() <= 6);
        }
        refused.extend(drain(&mut core, now + WAIT).1.into_iter().map(|(number, _)| number));
        prop_assert!(sent.is_sorted());
        let mut all = [sent, refused].concat();
        all.sort_unstable();
        let sent_at_last = total - all.len();
        prop_assert!(sent_at_last == 0, "{sent_at_last} requests are unaccounted for");
    }
}
