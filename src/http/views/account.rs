//! A customer's account as clients see it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{
    CallId, Currency,
    account::{Account, Debt, Profile},
    policy::Lang,
};

/// A customer's profile, for the customer alone.
#[derive(Serialize, ToSchema)]
#[schema(as = Profile)]
pub(in crate::http) struct ProfileView<'a> {
    /// The customer's name for people.
    #[schema(value_type = String, example = "김민아")]
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    phone: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    email: Option<&'a str>,
    /// The language that the customer reads best.
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<Lang>,
}

/// The fare of a call that was served and is not paid.
#[derive(Serialize, ToSchema)]
#[schema(as = Debt)]
pub(in crate::http) struct DebtView<'a> {
    /// The call, by its id. `POST /v1/calls/{id}/pay` pays the debt.
    #[schema(value_type = String, example = "call_01890a5d")]
    call: &'a CallId,
    /// The amount in the currency's minor unit.
    amount: u64,
    #[schema(value_type = String, example = "KRW")]
    currency: Currency,
}

/// The customer of a call, for the driver who has it.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct CustomerOnCall {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<String>,
}

impl<'a> From<&'a Profile> for ProfileView<'a> {
    fn from(profile: &'a Profile) -> Self {
        let Profile { name, phone, email, language } = profile;
        Self { name, phone: phone.as_deref(), email: email.as_deref(), language: *language }
    }
}

impl<'a> From<&'a Debt> for DebtView<'a> {
    fn from(debt: &'a Debt) -> Self {
        Self { call: &debt.call, amount: debt.amount.amount, currency: debt.amount.currency }
    }
}

impl CustomerOnCall {
    /// The customer with that account, if the customer has said who it is.
    pub(in crate::http) fn of(account: &Account) -> Option<Self> {
        let profile = account.profile.as_ref()?;
        Some(Self { name: profile.name.clone(), phone: profile.phone.clone() })
    }
}
