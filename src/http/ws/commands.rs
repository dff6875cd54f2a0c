//! A socket's commands that are under way, beside the loop that reads it: an actor that does not answer keeps
//! nobody from hearing pings, a goodbye or the server's end. Bounded in number, in bytes and in time; in
//! order where order matters.

use std::{
    collections::{HashSet, VecDeque},
    future::Future,
};

use futures_util::{StreamExt, future::LocalBoxFuture, stream::FuturesUnordered};

use super::subscriptions;
use crate::domain::CallId;

/// Commands of one socket that are under way at once.
const UNDER_WAY_MAX: usize = 16;
/// Commands of one socket that wait for their turn: enough to follow all it may follow at once.
const WAITING_MAX: usize = subscriptions::MAX + 200;
/// The length of all frames whose commands wait, bytes.
const WAITING_BYTES_MAX: usize = 1 << 20;

/// Commands of one lane are done one after the other, in the order of their frames.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Lane {
    /// The news with which a socket opens.
    Opening,
    Position,
    /// Commands about this call.
    Call(CallId),
}

/// The commands of one socket: `C` is a command, `D` its outcome.
pub(super) struct Commands<C, D> {
    under_way: FuturesUnordered<LocalBoxFuture<'static, (Lane, D)>>,
    busy: HashSet<Lane>,
    waiting: VecDeque<Waiting<C>>,
    waiting_bytes: usize,
}

struct Waiting<C> {
    lane: Lane,
    bytes: usize,
    command: C,
}

/// A command that is refused because too many wait.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full<C>(pub C);

impl<C, D> Default for Commands<C, D> {
    fn default() -> Self {
        let (under_way, busy, waiting) = (FuturesUnordered::new(), HashSet::new(), VecDeque::new());
        Self { under_way, busy, waiting, waiting_bytes: 0 }
    }
}

impl<C, D: 'static> Commands<C, D> {
    /// Whether nothing is under way, and so nothing waits.
    pub fn is_idle(&self) -> bool {
        self.under_way.is_empty()
    }

    /// Takes a command that came in a frame of so many bytes. It waits for [`Self::next_turn`].
    pub fn take(&mut self, lane: Lane, bytes: usize, command: C) -> Result<(), Full<C>> {
        if self.waiting.len() >= WAITING_MAX || self.waiting_bytes + bytes > WAITING_BYTES_MAX {
            return Err(Full(command));
        }
        self.waiting_bytes += bytes;
        self.waiting.push_back(Waiting { lane, bytes, command });
        Ok(())
    }

    /// The next command that may be begun: there is room, and nothing of its lane is under way. It is for
    /// the caller to [`Self::begin`].
    pub fn next_turn(&mut self) -> Option<(Lane, C)> {
        if self.under_way.len() >= UNDER_WAY_MAX {
            return None;
        }
        let at = self.waiting.iter().position(|waiting| !self.busy.contains(&waiting.lane))?;
        let Waiting { lane, bytes, command } = self.waiting.remove(at)?;
        self.waiting_bytes -= bytes;
        Some((lane, command))
    }

    /// Forgets what waits for its turn: it is not done any more.
    pub fn drop_waiting(&mut self) {
        self.waiting.clear();
        self.waiting_bytes = 0;
    }

    /// Begins what a command does. Its lane is busy until [`Self::free`].
    pub fn begin(&mut self, lane: Lane, work: impl Future<Output = D> + 'static) {
        self.busy.insert(lane.clone());
        self.under_way.push(Box::pin(async move { (lane, work.await) }));
    }

    /// The outcome of the command that is done first; pending while nothing is under way.
    pub async fn done(&mut self) -> (Lane, D) {
        match self.under_way.next().await {
            Some(done) => done,
            None => std::future::pending().await,
        }
    }

    /// The lane's next command may be begun.
    pub fn free(&mut self, lane: &Lane) {
        self.busy.remove(lane);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(n: usize) -> Lane {
        Lane::Call(CallId::new(format!("call_{n}")).expect("an id"))
    }

    /// Begins all that may be begun; each ends with its own number.
    fn begin_all(commands: &mut Commands<usize, usize>) -> Vec<usize> {
        let mut begun = Vec::new();
        while let Some((lane, n)) = commands.next_turn() {
            commands.begin(lane, async move { n });
            begun.push(n);
        }
        begun
    }

    #[tokio::test]
    async fn commands_of_one_lane_are_done_one_after_the_other() {
        let mut commands = Commands::default();
        for (n, lane) in [call(1), call(1), Lane::Position, call(1)].into_iter().enumerate() {
            assert_eq!(commands.take(lane, 10, n), Ok(()));
        }
        assert_eq!(begin_all(&mut commands), [0, 2]);
        let mut done = vec![commands.done().await, commands.done().await];
        done.sort_by_key(|(_, n)| *n);
        assert_eq!(done, [(call(1), 0), (Lane::Position, 2)]);
        assert_eq!(begin_all(&mut commands), [0; 0], "the lane is busy until it is freed");
        commands.free(&call(1));
        assert_eq!(begin_all(&mut commands), [1]);
    }

    #[test]
    fn what_is_under_way_and_what_waits_is_bounded() {
        let mut commands = Commands::<usize, usize>::default();
        for n in 0..WAITING_MAX {
            assert_eq!(commands.take(call(n), 10, n), Ok(()));
        }
        assert_eq!(commands.take(call(0), 10, 7), Err(Full(7)));
        assert_eq!(begin_all(&mut commands).len(), UNDER_WAY_MAX);
        assert_eq!(
            commands.take(call(0), WAITING_BYTES_MAX, 8),
            Err(Full(8)),
            "long frames are bounded by their bytes"
        );
        assert_eq!(commands.take(call(0), 10, 9), Ok(()));
    }
}
