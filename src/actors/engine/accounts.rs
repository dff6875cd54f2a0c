//! The use cases of customers' accounts.

use std::sync::Arc;

use super::{Engine, once_more};
use crate::{
    actors::{Cause, entity::AskError},
    domain::{
        CustomerId, Role,
        account::{Account, Command, ProfileChange, ReadMark},
    },
};

/// Why there is no answer about an account.
pub type AccountError = AskError<Account>;

impl Engine {
    /// An account as it is now, read from its actor. A customer who never said anything, owes nothing and has marked no
    /// notification as read has none.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn account(&self, customer: &CustomerId) -> Result<Option<Arc<Account>>, AccountError> {
        once_more(async || self.world.accounts.get(customer.as_str()).await).await
    }

    /// A customer says who it is.
    ///
    /// # Errors
    /// Why it could not be committed.
    pub async fn set_profile(
        &self,
        customer: &CustomerId,
        profile: ProfileChange,
        cause: Cause,
    ) -> Result<Arc<Account>, AccountError> {
        let command = Command::SetProfile { id: customer.clone(), profile };
        once_more(async || self.world.accounts.ask(customer.as_str(), command.clone(), cause.clone()).await).await
    }

    /// The bearer of an id has read its notifications up to a mark.
    ///
    /// # Errors
    /// Why it could not be committed.
    pub async fn mark_read(
        &self,
        id: &CustomerId,
        role: Role,
        mark: ReadMark,
        cause: Cause,
    ) -> Result<Arc<Account>, AccountError> {
        let command = Command::MarkRead { id: id.clone(), role, mark };
        once_more(async || self.world.accounts.ask(id.as_str(), command.clone(), cause.clone()).await).await
    }
}
