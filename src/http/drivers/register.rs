//! `PUT /v1/drivers/{id}`: a driver registers or changes itself; an operator any.

use actix_web::{HttpResponse, http::StatusCode, web::Data};
use serde::Deserialize;
use utoipa::ToSchema;

use super::must_concern;
use crate::{
    domain::{LatLng, ServiceId, driver::Profile},
    http::{
        auth::Principal,
        error::Problem,
        json::{self, Json},
        openapi::Refusals,
        path::DriverPath,
        state::State,
        text::{self, NAME_MAX},
        views::{DriverView, LatLngSchema},
    },
};

/// What a driver is registered as.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Registration {
    /// The service it works for.
    #[schema(value_type = String, example = "driver-call")]
    service: ServiceId,
    /// What people call it.
    #[schema(min_length = 1, max_length = 100, example = "김기사")]
    name: String,
    /// Its phone number.
    #[serde(default)]
    #[schema(max_length = 100)]
    phone: Option<String>,
    /// Its licence plate.
    #[serde(default)]
    #[schema(max_length = 100)]
    plate: Option<String>,
    /// Where it is.
    #[serde(default)]
    #[schema(value_type = Option<LatLngSchema>)]
    position: Option<LatLng>,
}

impl Registration {
    fn check(&self) -> Result<(), Problem> {
        text::name("name", &self.name, NAME_MAX)?;
        for (field, value) in [("phone", &self.phone), ("plate", &self.plate)] {
            if let Some(value) = value {
                text::name(field, value, NAME_MAX)?;
            }
        }
        Ok(())
    }
}

/// Registers a driver, or changes its registration.
#[utoipa::path(put, path = "/v1/drivers/{id}", tag = "driver", params(("id" = String, Path)),
    request_body = Registration,
    responses((status = 201, body = DriverView<'static>), (status = 200, body = DriverView<'static>), Refusals))]
pub(in crate::http) async fn handle(
    state: Data<State>,
    who: Principal,
    DriverPath(id): DriverPath,
    Json(body): Json<Registration>,
) -> Result<HttpResponse, Problem> {
    must_concern(&who, &id)?;
    who.must_use(&body.service)?;
    body.check()?;
    state.policy(&body.service)?;
    let Registration { service, name, phone, plate, position } = body;
    let profile = Profile { service, name, phone, plate };
    if who.services().is_some() {
        refuse_others(&state, &who, &id).await?;
    }
    let (driver, created) = state.engine.register_driver(&id, profile, position, who.cause()).await?;
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    json::answer(status, &state.driver_view(&driver))
}

/// A token for some services takes no driver away from another one.
async fn refuse_others(state: &State, who: &Principal, id: &crate::domain::DriverId) -> Result<(), Problem> {
    match state.engine.driver(id).await? {
        Some(driver) => who.must_use(&driver.profile.service),
        None => Ok(()),
    }
}
