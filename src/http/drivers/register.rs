//! `PUT /v1/drivers/{id}`: a driver registers or changes itself; an operator any.

use actix_web::{HttpResponse, http::StatusCode, web::Data};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{must_concern, must_not_be_chosen};
use crate::{
    domain::{
        LatLng, Role, ServiceId,
        driver::{Driver, Duty, Profile},
    },
    http::{
        auth::Principal,
        error::{Code, Problem},
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

/// Registers a driver, or changes its registration. What customers choose, cars and seats, operators register.
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
    must_not_be_chosen(&state, &who, &service)?;
    let profile = Profile { service, name, phone, plate };
    let known = state.engine.driver(&id).await?;
    if let Some(known) = &known {
        who.must_use(&known.profile.service)?;
        must_not_be_chosen(&state, &who, &known.profile.service)?;
        must_not_be_retired(&who, known)?;
    }
    let driver = state.engine.register_driver(&id, profile, position, who.cause()).await?;
    let status = if known.is_some() { StatusCode::OK } else { StatusCode::CREATED };
    json::answer(status, &state.driver_view(&driver))
}

/// Who was retired by an operator comes back by an operator.
fn must_not_be_retired(who: &Principal, known: &Driver) -> Result<(), Problem> {
    if known.duty == Duty::Retired && who.role() != Role::Operator {
        let detail = "a retired driver cannot register itself: an operator can register it again";
        return Err(Problem::new(Code::IllegalTransition, detail));
    }
    Ok(())
}
