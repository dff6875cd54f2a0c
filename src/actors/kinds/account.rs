//! The account's actor. It owes nobody anything; calls tell it of debts, and it is asked for what it knows.

use std::{borrow::Cow, sync::Arc};

use super::super::{
    World,
    entity::{Change, Entity, LocalFuture, Task},
    ports::store::EntityKind,
};
use crate::domain::account::{Account, AccountMachine, Command, Effect, Event};

impl Entity for AccountMachine {
    const KIND: EntityKind = EntityKind::Account;

    fn version(account: &Account) -> u64 {
        account.version
    }

    /// No board shows accounts.
    fn project(_: &World, _: &Change<'_, Account>, _: &Arc<Account>) {}

    fn streamed(event: &Event) -> Cow<'_, Event> {
        event.without_personal_data().map_or(Cow::Borrowed(event), Cow::Owned)
    }

    /// Without the profile: operators need no personal data to look after an actor.
    fn inspected(account: &Account) -> serde_json::Value {
        serde_json::to_value(Account { profile: None, ..account.clone() }).unwrap_or_default()
    }

    fn perform(task: Task<Effect>) -> LocalFuture<Option<Command>> {
        match task.effect {}
    }
}
