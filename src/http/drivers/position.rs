//! `POST /v1/drivers/{id}/position`: where a driver is, or the way it came, oldest first.

use actix_web::{HttpResponse, web::Data};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use utoipa::ToSchema;

use super::in_scope;
use crate::{
    clock,
    domain::{LatLng, driver::Fix},
    http::{
        auth::only::{DriversAndOperators, Only},
        error::{
            Problem, Refusals,
            refusals::{Actor, Body, Free, Step},
        },
        extract::{
            json::{self, Text},
            path::DriverPath,
            time,
        },
        state::State,
    },
};

/// The most positions that are taken at once.
const POSITIONS_MAX: usize = 1_000;
/// How far ahead of the server a driver's clock may be.
const AHEAD_MAX: SignedDuration = SignedDuration::from_secs(60);

/// Where a driver is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Position {
    /// Degrees north, -90 to 90.
    #[schema(example = 37.4979, minimum = -90, maximum = 90)]
    lat: f64,
    /// Degrees east, -180 to 180.
    #[schema(example = 127.0276, minimum = -180, maximum = 180)]
    lng: f64,
    /// How accurate that is, in metres.
    #[serde(default)]
    #[schema(minimum = 0)]
    accuracy_m: Option<f64>,
    /// Where it is heading, in degrees from north, 0 to 360.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 360)]
    heading: Option<f64>,
    /// How fast it is, in metres per second.
    #[serde(default)]
    #[schema(minimum = 0)]
    speed_mps: Option<f64>,
    /// When it was there, by the device's clock; now, unless given. At most 60 s ahead of the server, which then takes it for now.
    #[serde(default, deserialize_with = "time::optional")]
    #[schema(value_type = Option<String>, format = DateTime)]
    at: Option<Timestamp>,
}

impl Position {
    /// The position as a driver's actor takes it. `place` is the JSON pointer of the position.
    pub(in crate::http) fn fix(&self, place: &str, now: Timestamp) -> Result<Fix, Problem> {
        in_range(place, "lat", Some(self.lat), -90.0..=90.0)?;
        in_range(place, "lng", Some(self.lng), -180.0..=180.0)?;
        in_range(place, "accuracy_m", self.accuracy_m, 0.0..=1e6)?;
        in_range(place, "heading", self.heading, 0.0..=360.0)?;
        in_range(place, "speed_mps", self.speed_mps, 0.0..=1e4)?;
        let position = LatLng::new(self.lat, self.lng).map_err(|error| Problem::invalid(format!("{place}{error}")))?;
        if let Some(at) = self.at.filter(|at| *at > now + AHEAD_MAX) {
            let place = format!("{place}/at");
            return Err(Problem::at(
                &place,
                format_args!("{at} is more than {AHEAD_MAX:#} ahead of the server's {now}"),
            ));
        }
        let (heading, speed_mps) = (self.heading, self.speed_mps);
        // A device whose clock is fast was there now, and not later.
        let at = self.at.map_or(now, |at| at.min(now));
        Ok(Fix { position, at, heard_at: now, by_device: self.at.is_some(), heading, speed_mps })
    }
}

fn in_range(
    place: &str,
    member: &str,
    value: Option<f64>,
    range: std::ops::RangeInclusive<f64>,
) -> Result<(), Problem> {
    match value {
        Some(value) if !range.contains(&value) => {
            let (low, high) = range.into_inner();
            Err(Problem::at(
                &format!("{place}/{member}"),
                format_args!("must be a number from {low} to {high}, got {value}"),
            ))
        }
        Some(_) | None => Ok(()),
    }
}

/// The newest of the positions in a body, all of them checked.
fn newest(body: &[u8], now: Timestamp) -> Result<Option<Fix>, Problem> {
    let is_list = body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    if !is_list {
        return json::parse::<Position>(body)?.fix("", now).map(Some);
    }
    let positions: Vec<Position> = json::parse(body)?;
    if positions.len() > POSITIONS_MAX {
        let count = positions.len();
        return Err(Problem::at("the body", format_args!("must be at most {POSITIONS_MAX} positions, got {count}")));
    }
    let mut newest: Option<Fix> = None;
    for (index, position) in positions.iter().enumerate() {
        let fix = position.fix(&format!("/{index}"), now)?;
        if newest.is_some_and(|before| before.at > fix.at) {
            return Err(Problem::at(&format!("/{index}/at"), "positions must be given oldest first"));
        }
        newest = Some(fix);
    }
    Ok(newest)
}

/// One position, or the way a driver came.
#[derive(ToSchema)]
#[schema(as = Positions)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes the body in the OpenAPI document")]
enum PositionsSchema {
    One(Position),
    Way(Way),
}

/// The way a driver came, oldest first.
#[derive(ToSchema)]
#[schema(as = Way, min_items = 1, max_items = 1_000)]
#[expect(dead_code, reason = "describes the body in the OpenAPI document")]
struct Way(Vec<Position>);

/// Says where a driver is, or the way it came: a list, oldest first.
#[utoipa::path(post, path = "/v1/drivers/{id}/position", tag = "driver", params(("id" = String, Path)),
    request_body(content = PositionsSchema, description = "One position, or a list of up to 1000, oldest first"),
    responses((status = 204), Refusals<(Body, Actor, Step, Free)>))]
pub(in crate::http) async fn handle(
    state: Data<State>,
    Only(who, _): Only<DriversAndOperators>,
    DriverPath(id): DriverPath,
    Text(body): Text,
) -> Result<HttpResponse, Problem> {
    in_scope(&state, &who, &id).await?;
    if let Some(fix) = newest(&body, clock::now())? {
        state.engine.move_driver(&id, fix, who.cause()).await?;
    }
    Ok(HttpResponse::NoContent().finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Option<Fix>, Problem> {
        newest(body.as_bytes(), "2026-01-01T12:00:00Z".parse().expect("a time"))
    }

    #[test]
    fn the_newest_of_a_list_counts() -> Result<(), Problem> {
        let list = r#"[{"lat":1,"lng":2,"at":"2026-01-01T11:59:00Z"},{"lat":3,"lng":4,"at":"2026-01-01T11:59:30Z"}]"#;
        assert_eq!(read(list)?.map(|fix| fix.position.lat()), Some(3.0));
        assert_eq!(
            read(r#" {"lat":1,"lng":2,"heading":90,"speed_mps":3.5,"accuracy_m":10}"#)?.map(|fix| fix.position.lng()),
            Some(2.0)
        );
        assert_eq!(read("[]")?, None);
        Ok(())
    }

    #[test]
    fn wrong_positions_are_refused() {
        for (body, word) in [
            (r#"{"lat":91,"lng":2}"#, "/lat: must be"),
            (r#"{"lat":1,"lng":2,"accuracy_m":-1}"#, "/accuracy_m: must be"),
            (r#"{"lat":1,"lng":2,"heading":1e300}"#, "/heading: must be"),
            (r#"{"lat":1,"lng":2,"at":"2026-01-01T12:02:00Z"}"#, "ahead"),
            (r#"{"lat":1,"lng":2,"at":"yesterday"}"#, "at"),
            (r#"[{"lat":1,"lng":2},{"lat":1,"lng":181}]"#, "/1/lng: must be"),
            (r#"[{"lat":1,"lng":2},{"lat":1,"lng":2,"at":"2026-01-01T11:00:00Z"}]"#, "oldest first"),
        ] {
            let problem = read(body).expect_err(body);
            assert!(problem.detail().contains(word), "{body} → {problem}");
        }
    }
}
