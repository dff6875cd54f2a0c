//! `GET /v1/drivers`: the drivers of a service, from the read model: for operators, and for customers where they choose.

use actix_web::{HttpResponse, web::Data};

use crate::{
    domain::{Role, ServiceId, policy::Policy},
    http::{
        auth::Principal,
        error::{Code, Problem, Refusals, refusals::Listed},
        extract::{
            json,
            query::{DriversQuery, Paging, Query},
        },
        state::State,
        views::{DriverView, Page},
    },
    readmodel::DriverFilter,
};

/// These are one in the read model: open offers, and who gave no sign for too long, are known to the actors alone.
const AVAILABLE: &str = "available";
const SHADES: [&str; 3] = [AVAILABLE, "offered", "stale"];

/// Drivers, by id; those of the token's services, when it is limited.
#[utoipa::path(get, path = "/v1/drivers", tag = "operator", params(DriversQuery, Paging),
    responses((status = 200, body = Page<DriverView<'static>>), Refusals<Listed>))]
pub(in crate::http) async fn handle(
    state: Data<State>,
    who: Principal,
    Query(query): Query<DriversQuery>,
) -> Result<HttpResponse, Problem> {
    let service = query.service(&state)?;
    if who.role() != Role::Operator {
        must_be_chosen(&state, &who, service.as_ref())?;
    }
    let status = query.status()?;
    let filter = DriverFilter {
        service: service.as_ref(),
        status: if status.is_some_and(|status| SHADES.contains(&status)) { Some(AVAILABLE) } else { status },
        services: who.services(),
    };
    let page = state.read_model.drivers(filter, query.page.limit(), query.page.cursor()).await?;
    // A page may be shorter than its limit when actors decide; the cursor still leads on.
    let fits = |view: &DriverView<'_>| status.is_none_or(|status| !SHADES.contains(&status) || status == view.status());
    // Nobody can choose what is there no more.
    let is_there = |view: &DriverView<'_>| who.role() != Role::Customer || view.status() != "retired";
    let shown = |view: &DriverView<'_>| fits(view) && is_there(view);
    let items = page.items.iter().map(|driver| state.driver_view(driver, who.role())).filter(shown).collect();
    json::ok(&Page { items, next_cursor: page.next_cursor })
}

/// Refuses everybody but customers of a service whose drivers they choose: cars, seats.
fn must_be_chosen(state: &State, who: &Principal, service: Option<&ServiceId>) -> Result<(), Problem> {
    who.customer()?;
    let chosen = service.is_some_and(|service| {
        who.may_use(service) && state.engine.policies().get(service).is_some_and(Policy::is_chosen)
    });
    if chosen {
        return Ok(());
    }
    let detail = "customers see the drivers of services where they choose one; name such a service with ?service=";
    Err(Problem::new(Code::Forbidden, detail))
}
