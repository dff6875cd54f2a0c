//! The terms of a call: it goes by the policy that it was made under until its end, whatever becomes of the file.

use super::{
    Call, Command, Phase, dispatch,
    refused::{Decided, illegal},
    steps::may_step,
};
use crate::domain::{
    Decision, Party, Role,
    policy::{NoPolicy, Policies, Policy},
};

impl Call {
    /// The policy that it was made under.
    ///
    /// # Errors
    /// When its terms are not known: of a call that is over they may have been forgotten.
    pub fn policy<'a>(&self, policies: &'a Policies) -> Result<&'a Policy, NoPolicy> {
        policies.under(&self.service, self.terms.as_ref())
    }

    /// The policy in whose words it is shown.
    #[must_use]
    pub fn shown_policy<'a>(&self, policies: &'a Policies) -> Option<&'a Policy> {
        policies.shown(&self.service, self.terms.as_ref())
    }
}

/// The answer of a call that is over to a command that asks for its terms, which may be forgotten: nothing changes any
/// more, whatever they said. `None` for the other commands, which are decided without them.
pub(super) fn without(call: &Call, command: &Command) -> Option<Decided> {
    let (by, name) = match command {
        Command::Cancel { by: Party::Driver(driver), .. } | Command::Release { by: Party::Driver(driver), .. }
            if dispatch::is_released_by(call, driver) =>
        {
            return Some(Ok(Decision::nothing()));
        }
        Command::Release { by, .. } => (by, "release"),
        Command::Start { by } => (by, "start"),
        Command::Complete { by } => (by, "complete"),
        Command::Approve { by, .. } => (by, "approve"),
        Command::Offer { .. } | Command::GiveBack { .. } => return Some(Ok(Decision::nothing())),
        _ => return None,
    };
    let own = may_step(call, by, &[Role::Customer, Role::Driver, Role::Operator]);
    Some(own.and_then(|()| match (command, &call.phase) {
        (Command::Complete { .. }, Phase::Completed { .. }) => Ok(Decision::nothing()),
        _ => Err(illegal(call, name)),
    }))
}
