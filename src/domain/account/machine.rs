//! Decides on the commands of an account, and applies its events.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Account, Command, Effect, Event};
use crate::domain::{CustomerId, Decision, Machine, Rejection, Undecided, policy::Policies};

/// The account as a state machine.
pub enum AccountMachine {}

impl Machine for AccountMachine {
    type State = Account;
    type Command = Command;
    type Event = Event;
    type Effect = Effect;
    type Policy = Policies;

    fn decide(
        state: Option<&Account>,
        command: &Command,
        _: &Policies,
        _: Timestamp,
    ) -> Result<Decision<Event, Effect>, Undecided> {
        Ok(match command {
            Command::SetProfile { id, profile } => {
                let known = state.and_then(|account| account.profile.as_ref());
                let after = profile.over(known);
                if known == Some(&after) {
                    Decision::nothing()
                } else {
                    opened(state, id).and(Event::ProfileChanged { profile: Some(after) })
                }
            }
            Command::NoteDebt { id, debt } => match state {
                Some(account) if account.owes(&debt.call) => Decision::nothing(),
                _ => opened(state, id).and(Event::DebtNoted(debt.clone())),
            },
            Command::ClearDebt { call } => match state.ok_or(Rejection::NotFound)? {
                account if account.owes(call) => Decision::event(Event::DebtCleared { call: call.clone() }),
                _ => Decision::nothing(),
            },
            Command::MarkRead { id, role, mark } => match state.and_then(|account| account.read.get(role)) {
                Some(known) if !mark.is_beyond(known) => Decision::nothing(),
                _ => opened(state, id).and(Event::NotificationsRead { role: *role, mark: mark.clone() }),
            },
            Command::Wake => Decision::nothing(),
        })
    }

    fn evolve(state: Option<Account>, event: &Event, _: Timestamp) -> Option<Account> {
        let Some(mut account) = state else {
            return match event {
                Event::AccountOpened { id } => Some(Account {
                    id: id.clone(),
                    profile: None,
                    debts: Vec::new(),
                    read: BTreeMap::new(),
                    version: 1,
                }),
                _ => None,
            };
        };
        account.version += 1;
        match event {
            Event::ProfileChanged { profile: Some(profile) } => account.profile = Some(profile.clone()),
            Event::DebtNoted(debt) if !account.owes(&debt.call) => account.debts.push(debt.clone()),
            Event::DebtCleared { call } => account.debts.retain(|debt| debt.call != *call),
            Event::NotificationsRead { role, mark } => {
                account.read.insert(*role, mark.clone());
            }
            Event::AccountOpened { .. } | Event::ProfileChanged { profile: None } | Event::DebtNoted(_) => {}
        }
        Some(account)
    }

    fn due_at(_: &Account) -> Option<Timestamp> {
        None
    }

    fn wake() -> Command {
        Command::Wake
    }

    /// An account without debts is loaded when somebody asks for it, and not with every start.
    fn is_terminal(account: &Account) -> bool {
        account.debts.is_empty()
    }
}

fn opened(state: Option<&Account>, id: &CustomerId) -> Decision<Event, Effect> {
    match state {
        Some(_) => Decision::nothing(),
        None => Decision::event(Event::AccountOpened { id: id.clone() }),
    }
}
