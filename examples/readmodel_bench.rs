//! How fast the read model takes events in: `cargo run --release --example readmodel_bench [CALLS] [DRIVERS]`.
//!
//! Whole lives of calls, interleaved as they come under load, each offered to DRIVERS drivers, in pages of 500 events.

use std::{io::Write, time::Instant};

use fixture::{Home, Life, Outcome, feed};

#[expect(dead_code, reason = "the fixture serves the tests first")]
#[path = "../tests/readmodel/fixture.rs"]
mod fixture;

/// Calls that are under way at the same time.
const AT_ONCE: usize = 200;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let mut numbers = std::env::args().skip(1).map(|argument| argument.parse::<usize>());
    let calls = numbers.next().transpose()?.unwrap_or(10_000);
    let drivers = numbers.next().transpose()?.unwrap_or(20);
    let home = Home::new();
    let model = home.open().await;
    let names: Vec<String> = (0..drivers.max(1)).map(|n| format!("driver-{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let winner = names[0];
    let life = |n: usize| {
        let customer = format!("customer-{}", n % 1_000);
        let clock = i64::try_from(n).unwrap_or_default();
        Life::new(&format!("call_{n:08}"), &customer, clock).paid(&names).taken_by(winner).completed_by(winner)
    };
    let (mut events, mut spent) = (0, std::time::Duration::ZERO);
    for batch in (0..calls).collect::<Vec<_>>().chunks(AT_ONCE) {
        let lives: Vec<Life> = batch.iter().copied().map(life).collect();
        let longest = lives.iter().map(|life| life.events.len()).max().unwrap_or_default();
        let mixed = (0..longest).flat_map(|seq| lives.iter().filter_map(move |life| life.events.get(seq)));
        let mixed: Vec<_> = mixed.cloned().collect();
        let began = Instant::now();
        for page in mixed.chunks(500) {
            events += feed(&model, page).await?;
        }
        spent += began.elapsed();
    }
    let rate = f64::from(u32::try_from(events)?) / spent.as_secs_f64();
    let out = &mut std::io::stdout();
    model.close().await;
    let kilobytes = std::fs::metadata(home.settings().file())?.len() / 1_000;
    writeln!(
        out,
        "{events} events of {calls} calls, {drivers} drivers offered each: {rate:.0} events/s, {kilobytes} kB in the file"
    )?;
    Ok(())
}
