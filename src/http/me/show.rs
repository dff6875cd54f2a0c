//! `GET /v1/me`: who one is, and one's history in numbers.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, web::Data};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    domain::{Party, Role, ServiceId, account::Account},
    http::{
        auth::Principal,
        error::{
            Problem, Refusals,
            refusals::{Actor, Listed},
        },
        extract::json,
        state::State,
        views::{DebtView, DriverView, ProfileView},
    },
};

/// The principal of the token.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct Me<'a> {
    /// The id that the token's `sub` names.
    #[schema(value_type = String, example = "mina")]
    id: &'a str,
    /// The role of the token.
    role: Role,
    /// The services that the token is limited to; null: all.
    #[schema(value_type = Option<Vec<String>>)]
    services: Option<&'a [ServiceId]>,
    /// How many calls there are in each status that occurs.
    calls: BTreeMap<String, u64>,
    /// A driver's own registration, when it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    driver: Option<DriverView<'a>>,
    /// A customer's own profile, when it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<ProfileView<'a>>,
    /// The fares that a customer owes, oldest first; those of the token's services, when it is limited.
    #[serde(skip_serializing_if = "Option::is_none")]
    debts: Option<Vec<DebtView<'a>>>,
}

/// The token's principal, and its calls in numbers. A customer's profile and debts are read from its account, and are always
/// current.
#[utoipa::path(get, path = "/v1/me", tag = "me",
    responses((status = 200, body = Me<'static>), Refusals<(Actor, Listed)>))]
pub(in crate::http) async fn handle(state: Data<State>, who: Principal) -> Result<HttpResponse, Problem> {
    let driver = match who.party() {
        Party::Driver(id) => state.engine.driver(id).await?.filter(|driver| who.may_use(&driver.profile.service)),
        Party::Customer(_) | Party::Operator(_) | Party::System => None,
    };
    let account = match who.party() {
        Party::Customer(id) => state.engine.account(id).await?,
        Party::Driver(_) | Party::Operator(_) | Party::System => None,
    };
    json::ok(&Me {
        id: who.id(),
        role: who.role(),
        services: who.services(),
        calls: counts(&state, &who).await?,
        driver: driver.as_deref().map(|driver| state.driver_view(driver, who.role())),
        profile: account.as_deref().and_then(|account| account.profile.as_ref()).map(ProfileView::from),
        debts: (who.role() == Role::Customer).then(|| debts(&who, account.as_deref())),
    })
}

fn debts<'a>(who: &Principal, account: Option<&'a Account>) -> Vec<DebtView<'a>> {
    let owed = account.map_or(&[][..], |account| &account.debts);
    owed.iter().filter(|debt| who.may_use(&debt.service)).map(DebtView::from).collect()
}

/// An operator's are those of its services.
async fn counts(state: &State, who: &Principal) -> Result<BTreeMap<String, u64>, Problem> {
    if who.role() != Role::Operator {
        return Ok(state.read_model.summary(who.role(), who.id(), who.services()).await?.calls);
    }
    let mut sum = BTreeMap::new();
    for service in state.engine.policies().services().filter(|service| who.may_use(service)) {
        for (status, count) in state.read_model.summary(Role::Operator, service.as_str(), None).await?.calls {
            *sum.entry(status).or_default() += count;
        }
    }
    Ok(sum)
}
