//! `PUT /v1/drivers/{id}`: a driver registers or changes itself where calls are offered; an operator any.

use actix_web::{HttpResponse, http::StatusCode, web::Data};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use super::must_concern;
use crate::{
    domain::{Change, LatLng, ServiceId, driver},
    http::{
        auth::only::{DriversAndOperators, Only},
        error::{
            Problem, Refusals,
            refusals::{Actor, Body, Free, Step},
        },
        extract::{
            json::{self, Json},
            path::DriverPath,
            text::{self, NAME_MAX},
        },
        state::State,
        views::{DriverView, LatLngSchema},
    },
};

/// The body of a registration.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "service": "driver-call",
    "name": "김기사",
    "phone": "010-1234-5678",
    "position": {"lat": 37.4985, "lng": 127.0280}
}))]
pub(in crate::http) struct Registration {
    /// The id of its service.
    #[schema(value_type = String, example = "driver-call")]
    service: ServiceId,
    /// The driver's name for people.
    #[schema(min_length = 1, max_length = 100, example = "김기사")]
    name: String,
    /// The phone number, at most 100 characters. Left out, it stays as it is; `null` takes it away.
    #[serde(default, deserialize_with = "given")]
    #[schema(max_length = 100)]
    phone: Option<Option<String>>,
    /// The licence plate, at most 100 characters. Left out, it stays as it is; `null` takes it away.
    #[serde(default, deserialize_with = "given")]
    #[schema(max_length = 100)]
    plate: Option<Option<String>>,
    /// Where the driver is now; calls are offered from there.
    #[serde(default)]
    #[schema(value_type = Option<LatLngSchema>)]
    position: Option<LatLng>,
}

/// Tells what is `null` from what is left out.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl Registration {
    fn checked(self) -> Result<driver::Registration, Problem> {
        Ok(driver::Registration {
            service: self.service,
            name: text::line("/name", &self.name, NAME_MAX)?,
            phone: change("/phone", self.phone)?,
            plate: change("/plate", self.plate)?,
        })
    }
}

fn change(at: &str, given: Option<Option<String>>) -> Result<Change<String>, Problem> {
    let Some(value) = given else { return Ok(Change::Keep) };
    Ok(Change::Set(value.map(|value| text::line(at, &value, NAME_MAX)).transpose()?))
}

/// Registers a driver, or changes its registration: phone and plate that are left out stay as they are. A driver
/// registers itself where calls are offered; companies, cars and seats are registered by operators.
#[utoipa::path(put, path = "/v1/drivers/{id}", tag = "driver", params(("id" = String, Path)),
    request_body = Registration,
    responses(
        (status = 201, body = DriverView<'static>,
            headers(("Location" = String, description = "The path of the driver: `/v1/drivers/{id}`"))),
        (status = 200, body = DriverView<'static>),
        Refusals<(Body, Actor, Step, Free)>,
    ))]
pub(in crate::http) async fn handle(
    state: Data<State>,
    Only(who, _): Only<DriversAndOperators>,
    DriverPath(id): DriverPath,
    Json(body): Json<Registration>,
) -> Result<HttpResponse, Problem> {
    must_concern(&who, &id)?;
    who.must_use(&body.service)?;
    let position = body.position;
    let registration = body.checked()?;
    state.policy(&registration.service)?;
    let known = state.engine.driver(&id).await?;
    let driver = state.engine.register_driver(&id, registration, position, who.asker(), who.cause()).await?;
    let view = state.driver_view(&driver, who.role());
    if known.is_some() {
        return json::ok(&view);
    }
    Ok(json::located(json::answer(StatusCode::CREATED, &view)?, &format!("/v1/drivers/{id}")))
}
