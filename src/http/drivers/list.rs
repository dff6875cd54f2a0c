//! `GET /v1/drivers`: the drivers of a service, from the read model: for operators, and for customers where they choose.

use actix_web::{HttpResponse, web::Data};

use crate::{
    domain::{Role, ServiceId, driver::STATUSES, policy::Policy},
    http::{
        auth::Principal,
        error::{Code, Problem},
        json,
        openapi::Refusals,
        query::{self, ListQuery, Query},
        state::State,
        views::{DriverView, Page},
    },
    readmodel::DriverFilter,
};

/// `offered` and `available` are one in the read model: open offers are known to the actors alone.
const OFFERED: &str = "offered";
const AVAILABLE: &str = "available";

/// Drivers, by id; those of the token's services, when it is limited.
#[utoipa::path(get, path = "/v1/drivers", tag = "operator", params(ListQuery),
    responses((status = 200, body = Page<DriverView<'static>>), Refusals))]
pub(in crate::http) async fn handle(
    state: Data<State>,
    who: Principal,
    Query(query): Query<ListQuery>,
) -> Result<HttpResponse, Problem> {
    let service = query::service(query.service)?;
    if who.role() != Role::Operator {
        must_be_chosen(&state, &who, service.as_ref())?;
    }
    let status = query::status(query.status.as_deref(), &STATUSES)?;
    let filter = DriverFilter {
        service: service.as_ref(),
        status: if status == Some(OFFERED) { Some(AVAILABLE) } else { status },
        services: who.services(),
    };
    let page = state.read_model.drivers(filter, query::limit(query.limit)?, query.cursor.as_deref()).await?;
    // A page may be shorter than its limit when offers decide; the cursor still leads on.
    let shown = |view: &DriverView<'_>| !matches!(status, Some(OFFERED | AVAILABLE)) || status == Some(view.status());
    let items = page.items.iter().map(|driver| state.driver_view(driver)).filter(shown).collect();
    json::ok(&Page { items, next_cursor: page.next_cursor })
}

/// Refuses everybody but customers of a service whose drivers they choose: cars, seats.
fn must_be_chosen(state: &State, who: &Principal, service: Option<&ServiceId>) -> Result<(), Problem> {
    who.customer()?;
    let chosen = service.is_some_and(|service| {
        who.may_use(service) && state.engine.policies.get(service).is_some_and(Policy::is_chosen)
    });
    if chosen {
        return Ok(());
    }
    let detail = "customers see the drivers of services where they choose one; name such a service with ?service=";
    Err(Problem::new(Code::Forbidden, detail))
}
