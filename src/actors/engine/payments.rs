//! Money that is not settled: the list of it, an operator's word about it, and a look at the gateway that somebody asks for.

use std::sync::Arc;

use tokio::sync::watch;

use super::{Engine, once_more};
use crate::{
    actors::{
        Cause,
        boards::Unsettled,
        entity::AskError,
        kinds::{look_at_charge, look_at_refund},
    },
    domain::{
        CallId,
        payment::{Command, Payment, PaymentStatus, Word},
    },
};

impl Engine {
    /// The payments whose money is not settled, oldest first.
    #[must_use]
    pub fn unsettled(&self) -> Vec<Unsettled> {
        self.world.boards.unsettled.list()
    }

    /// An operator says how it stands with the money of a payment.
    ///
    /// # Errors
    /// When there is no such payment, it is not open, or its actor gives no answer.
    pub async fn settle_payment(
        &self,
        id: &CallId,
        word: Word,
        cause: Cause,
    ) -> Result<Arc<Payment>, AskError<Payment>> {
        let command = Command::SettleByHand(word);
        let asked = async || self.world.payments.ask(id.as_str(), command.clone(), cause.clone()).await;
        once_more(asked).await
    }

    /// Looks at the gateway what became of a payment's charge or refund, and tells the payment. Answers whether there is such
    /// a payment.
    ///
    /// # Errors
    /// Why it could not be found out, in words; somebody should ask again.
    pub async fn look_at_payment(&self, id: &CallId, cause: Cause) -> Result<bool, String> {
        let asked = async || self.world.payments.get(id.as_str()).await;
        let Some(payment) = once_more(asked).await.map_err(|error| error.to_string())? else { return Ok(false) };
        let found = match payment.status() {
            PaymentStatus::Unknown | PaymentStatus::ActionRequired => look_at_charge(&self.world, &payment).await,
            PaymentStatus::Refunding | PaymentStatus::Refunded => look_at_refund(&self.world, &payment).await,
            // It is settled, or whoever sent it waits for the answer.
            _ => Ok(None),
        };
        let Some(command) = found.map_err(|error| error.to_string())? else { return Ok(true) };
        match self.world.payments.ask(id.as_str(), command, cause).await {
            Ok(_) | Err(AskError::Rejected { .. }) => Ok(true),
            Err(error) => Err(error.to_string()),
        }
    }

    /// The alarm: the gateway refuses the API key, so that nobody can pay.
    #[must_use]
    pub fn gateway_locked_out(&self) -> watch::Receiver<bool> {
        self.world.guard.gauge().locked_out()
    }
}
