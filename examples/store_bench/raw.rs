//! The figure to compare with: the commit script of the Redis store over a bare connection, without any adapter.
//!
//! Two groups are under way, as in the store. The same entities write the same commits.

use std::{
    collections::VecDeque,
    error::Error,
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use callout::actors::ports::store::Commit;
use redis::{ConnectionAddr, IntoConnectionInfo, Script};

const COMMIT: &str = include_str!("../../src/persistence/redis/commit.lua");
const GROUP: usize = 512;
const UNDER_WAY: usize = 2;

/// Commits a second through a bare connection. `next` makes the commit of an entity at a version.
pub fn run(url: &str, entities: u64, time: Duration, next: impl Fn(u64, u64) -> Commit) -> Result<f64, Box<dyn Error>> {
    let info = url.into_connection_info()?;
    let ConnectionAddr::Tcp(host, port) = info.addr() else { return Err("only redis:// can be measured raw".into()) };
    let mut stream = TcpStream::connect((host.as_str(), *port))?;
    stream.set_nodelay(true)?;
    let mut replies = BufReader::with_capacity(1 << 16, stream.try_clone()?);
    say(&mut stream, &mut replies, redis::cmd("SELECT").arg(info.redis_settings().db()))?;
    say(&mut stream, &mut replies, redis::cmd("SCRIPT").arg("LOAD").arg(COMMIT))?;
    let hash = Script::new(COMMIT).get_hash().to_owned();
    let (started, mut under_way, mut committed) = (Instant::now(), VecDeque::new(), 0);
    let mut turns = (0..).flat_map(|version| (0..entities).map(move |entity| (entity, version)));
    while started.elapsed() < time {
        let group: Vec<Commit> = turns.by_ref().take(GROUP).map(|(entity, version)| next(entity, version)).collect();
        stream.write_all(&encode(&hash, &group))?;
        under_way.push_back(group.len());
        if under_way.len() == UNDER_WAY {
            committed += answered(&mut replies, under_way.pop_front())?;
        }
    }
    while !under_way.is_empty() {
        committed += answered(&mut replies, under_way.pop_front())?;
    }
    Ok(super::per(committed, started.elapsed().as_secs_f64()))
}

fn encode(hash: &str, group: &[Commit]) -> Vec<u8> {
    let mut request = redis::Pipeline::with_capacity(group.len());
    for commit in group {
        let (entity, shard) = (commit.entity.to_string(), commit.entity.shard().index());
        let key = |name: &str| format!("callout:{{{shard:03}}}:{name}");
        let due = commit.due_at.map(|at| at.as_millisecond()).unwrap_or_default().to_string();
        let envelope = format!(
            r#"{{"v":1,"version":{},"write":"{}","live":{},"due":{due},"snapshot":{}}}"#,
            commit.version,
            write(commit),
            commit.live,
            commit.snapshot
        );
        let mut call = redis::Cmd::with_capacity(14 + 3 * commit.events.len(), 600 + envelope.len());
        call.arg("EVALSHA").arg(hash).arg(5);
        call.arg(key("owner")).arg(key(&entity)).arg(key("agenda")).arg(key("events")).arg(key("commits"));
        call.arg(commit.epoch.0).arg(commit.expected_version).arg(write(commit));
        call.arg(envelope).arg(entity).arg(due).arg(0);
        for event in &commit.events {
            let (seq, at, body) = (event.seq, event.at.as_millisecond(), &event.body);
            call.arg(format!(r#"{{"seq":{seq},"at":{at},"body":{body}}}"#));
        }
        request.add_command(call);
    }
    request.get_packed_pipeline()
}

fn say(stream: &mut TcpStream, replies: &mut impl BufRead, command: &redis::Cmd) -> Result<(), Box<dyn Error>> {
    stream.write_all(&command.get_packed_command())?;
    let mut line = String::new();
    replies.read_line(&mut line)?;
    match line.as_bytes().first() {
        Some(b'+') => Ok(()),
        // The hash of the script, on a line of its own.
        Some(b'$') => replies.read_line(&mut line).map(drop).map_err(Into::into),
        _ => Err(line.into()),
    }
}

fn answered(replies: &mut impl BufRead, group: Option<usize>) -> Result<u64, Box<dyn Error>> {
    let mut line = String::new();
    for _ in 0..group.unwrap_or_default() {
        line.clear();
        replies.read_line(&mut line)?;
        // The count of the shard's commits: 0 or less for one that was there already.
        let count: Option<i64> = line.trim_end().strip_prefix(':').and_then(|count| count.parse().ok());
        if count.is_none_or(|count| count < 1) {
            return Err(format!("the script answered {line:?}").into());
        }
    }
    Ok(u64::try_from(group.unwrap_or_default())?)
}

/// As the store shortens it.
fn write(commit: &Commit) -> String {
    let (high, low) = commit.write_id.as_u64_pair();
    format!("{:016x}", high ^ low)
}
