//! Telling another entity something until it has taken it.

use super::super::{
    Cause,
    entity::{AskError, Entities, Entity},
    ports::store::EntityKind,
    world::Repeats,
};
use crate::{clock, domain::Rejection};

/// The receiver's answer to an effect.
pub(super) enum Told {
    Done,
    /// It refuses, for good.
    Refused(Rejection),
}

/// Sends a command to an entity until it answers. A receiver that is parked, overloaded, cut off from the store or
/// without its policy is tried again. A receiver that this command crashes again and again is left alone: the effect
/// stays owed, and is tried when its owner is loaded again.
pub(super) async fn tell<E: Entity>(
    entities: &Entities<E>,
    id: &str,
    command: E::Command,
    cause: &Cause,
    repeats: &Repeats,
) -> Told {
    let mut crashes = 0;
    for attempt in 0_u32.. {
        match entities.ask(id, command.clone(), cause.clone()).await {
            Ok(_) => return Told::Done,
            Err(AskError::Rejected { rejection, .. }) => return Told::Refused(rejection),
            Err(AskError::Crashed) => crashes += 1,
            Err(
                AskError::NoPolicy(_)
                | AskError::Parked
                | AskError::Overloaded { .. }
                | AskError::Unavailable { .. }
                | AskError::Undecided { .. },
            ) => {}
            Err(AskError::Stopping) => std::future::pending::<()>().await,
        }
        if crashes > repeats.crashes_max {
            quarantine(E::KIND.as_str(), id, cause).await;
        }
        tokio::time::sleep(repeats.inside.delay(attempt, clock::random_unit())).await;
    }
    unreachable!("a message is repeated until it is taken")
}

const QUARANTINED: &str = "callout_quarantined_messages_total";

/// Lets the figures begin at 0: what is first shown as 1 has not increased.
pub(in crate::actors) fn show_metrics() {
    let said = "Messages between entities that were given up after too many attempts, by kind of the receiver";
    metrics::describe_counter!(QUARANTINED, metrics::Unit::Count, said);
    for kind in EntityKind::ALL {
        metrics::counter!(QUARANTINED, "kind" => kind.as_str()).increment(0);
    }
}

async fn quarantine(kind: &str, id: &str, cause: &Cause) {
    tracing::error!(receiver = format!("{kind}/{id}"), by = %cause.by, trace = %cause.trace, "a message is quarantined");
    metrics::counter!(QUARANTINED, "kind" => kind.to_owned()).increment(1);
    std::future::pending::<()>().await;
}
