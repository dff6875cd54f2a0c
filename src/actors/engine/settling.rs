//! The end of a ride whose payment cannot be had, and what a customer's debts stand in the way of.

use std::sync::Arc;

use super::{CallError, Engine, calls::CallResult};
use crate::{
    actors::Cause,
    domain::{
        CallId, CustomerId, Party,
        call::{Call, Command},
        payment::Settlement,
        policy::Policy,
    },
};

impl Engine {
    /// An operator ends a ride whose payment cannot be had. The answer waits until the payment and the customer's account know
    /// of it, so that a debt is there for whoever looks after the answer.
    ///
    /// # Errors
    /// When the ride is not under way, its payment is, or it was settled in another way.
    pub async fn settle_call(
        &self,
        id: &CallId,
        by: Party,
        how: Settlement,
        reason: String,
        cause: Cause,
    ) -> CallResult {
        let call = self.command(id, Command::Settle { by, how, reason }, cause).await?;
        Ok(self.settled_up(call).await)
    }

    /// The call once everybody knows of its settlement or of the payment of its debt, or as it is after the configured time:
    /// what is owed then is done later.
    pub(super) async fn settled_up(&self, call: Arc<Call>) -> Arc<Call> {
        if !call.is_being_settled() {
            return call;
        }
        let is_settled = Box::new(|call: &Call| !call.is_being_settled());
        let waiting = self.world.calls.get_when(call.id.as_str(), is_settled);
        match tokio::time::timeout(self.payment_wait, waiting).await {
            Ok(Ok(Some(settled))) => settled,
            Ok(Ok(None) | Err(_)) | Err(_) => call,
        }
    }

    /// A call whose payment was answered. When that was a debt, the account is to know it before the customer does: the next
    /// request must not be refused for it.
    pub(super) async fn paid_up(&self, call: Arc<Call>) -> Arc<Call> {
        if call.is_owed() { call } else { self.settled_up(call).await }
    }

    /// Refuses a new call of a customer who owes an earlier fare, where the service's policy says so. The account is asked
    /// itself: a debt counts from the moment when its settlement is answered, and no longer once its payment is answered.
    pub(super) async fn must_owe_nothing(&self, policy: &Policy, customer: &CustomerId) -> Result<(), CallError> {
        if !policy.file.payment.refuse_debtors {
            return Ok(());
        }
        match self.account(customer).await.map_err(CallError::Account)? {
            Some(account) if !account.debts.is_empty() => Err(CallError::DebtOpen { debts: account.debts.clone() }),
            Some(_) | None => Ok(()),
        }
    }
}
