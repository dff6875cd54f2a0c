//! The work that a payment owes to the gateway and its call.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Method, News};
use crate::domain::Money;

/// One attempt at charging, as the work for it names it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// Which attempt, from 1: part of the key.
    pub attempt: u32,
    pub amount: Money,
    /// How it is paid.
    pub method: Method,
    /// The name of the gateway. `None`: from before payments remembered it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<Arc<str>>,
    /// The intent to confirm, where the gateway has intents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Arc<str>>,
    /// How often it was sent before.
    #[serde(default, skip_serializing_if = "is_first")]
    pub repeats: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_first(repeats: &u32) -> bool {
    *repeats == 0
}

/// Work that a payment owes to the gateway or its call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Effect {
    /// Begin a charge: ask for it in one step, or have an intent opened.
    Begin(Attempt),
    /// Confirm the intent.
    Confirm(Attempt),
    /// Find out what became of a charge.
    #[serde(alias = "submit")]
    Resolve(Attempt),
    /// Look at a charge from time to time until its payer has done what it waits for.
    AwaitPayer(Attempt),
    /// Give a charge up, so that it can never take money.
    Withdraw {
        /// Which attempt, from 1: part of the key.
        attempt: u32,
        amount: Money,
        /// The name of the gateway. `None`: from before payments remembered it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gateway: Option<Arc<str>>,
        /// The intent, where the gateway has intents.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        intent: Option<Arc<str>>,
    },
    /// Ask the gateway to give the money back, until it says how that ended.
    Refund {
        /// The gateway's name for the charge.
        reference: Arc<str>,
        amount: Money,
        /// The name of the gateway. `None`: from before payments remembered it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gateway: Option<Arc<str>>,
    },
    /// Report the payment's state to the call.
    Tell(News),
}
