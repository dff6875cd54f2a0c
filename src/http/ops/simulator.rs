//! `/v1/ops/gateway/simulator`: faults and ledger of the simulated gateway. Not there with a real one.

use actix_web::{HttpResponse, web::Data};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    actors::ports::gateway::{Faults, GatewayDrill, LedgerEntry, LedgerKind},
    http::{
        auth::Principal,
        error::{Code, Problem},
        json::{self, Json},
        openapi::Refusals,
        query::{self, Query},
        state::State,
        views::{Page, Time},
    },
};

/// The faults that the simulated gateway shows. None is required: what is left out is 0 or false.
#[derive(ToSchema)]
#[schema(as = Faults)]
#[expect(dead_code, reason = "describes the port's type in the OpenAPI document")]
pub(in crate::http) struct FaultsSchema {
    /// How long every answer takes, in ms, at most 60000.
    #[schema(required = false, default = 0)]
    latency_ms: u64,
    /// The share of charges that are declined, 0 to 1.
    #[schema(required = false, default = 0)]
    decline_rate: f64,
    /// The share of requests answered with a server error, 0 to 1.
    #[schema(required = false, default = 0)]
    error_rate: f64,
    /// The share of requests that are performed but never answered, 0 to 1.
    #[schema(required = false, default = 0)]
    timeout_rate: f64,
    /// Whether connections are refused.
    #[schema(required = false, default = false)]
    down: bool,
}

/// Which movements of money.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct LedgerQuery {
    /// Only of this payment.
    #[serde(default)]
    payment_id: Option<String>,
    /// How many, 1 to 200; 50 unless given.
    #[serde(default)]
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// Where to go on: `next_cursor` of the page before.
    #[serde(default)]
    cursor: Option<String>,
}

/// One movement of money at the gateway.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct Movement {
    /// The payment.
    payment_id: String,
    /// charge or refund.
    #[schema(value_type = String, example = "charge")]
    kind: &'static str,
    /// How much, in minor units.
    amount: u64,
    /// ISO 4217.
    #[schema(value_type = String, example = "KRW")]
    currency: &'static str,
    /// The idempotency key it came with.
    key: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Time,
}

impl From<&LedgerEntry> for Movement {
    fn from(entry: &LedgerEntry) -> Self {
        Self {
            payment_id: entry.payment_id.to_string(),
            kind: match entry.kind {
                LedgerKind::Charge => "charge",
                LedgerKind::Refund => "refund",
            },
            amount: entry.amount.amount,
            currency: entry.amount.currency.code(),
            key: entry.key.to_string(),
            at: entry.at.into(),
        }
    }
}

/// Gives the simulated gateway faults; what is left out works.
#[utoipa::path(put, path = "/v1/ops/gateway/simulator", tag = "operator", request_body = FaultsSchema,
    responses((status = 200, body = FaultsSchema), Refusals))]
pub(in crate::http) async fn set_faults(
    state: Data<State>,
    who: Principal,
    Json(faults): Json<Faults>,
) -> Result<HttpResponse, Problem> {
    who.must_be_operator()?;
    let drill = drill(&state)?;
    drill.set_faults(faults).map_err(|error| Problem::invalid(error.to_string()))?;
    tracing::warn!(?faults, by = who.id(), "an operator gives the simulated gateway faults");
    json::ok(&drill.faults())
}

/// What was really charged and refunded, oldest first.
#[utoipa::path(get, path = "/v1/ops/gateway/simulator/charges", tag = "operator", params(LedgerQuery),
    responses((status = 200, body = Page<Movement>), Refusals))]
pub(in crate::http) async fn charges(
    state: Data<State>,
    who: Principal,
    Query(query): Query<LedgerQuery>,
) -> Result<HttpResponse, Problem> {
    who.must_be_operator()?;
    let limit = query::limit(query.limit)?;
    let after = match &query.cursor {
        None => 0,
        Some(cursor) => cursor.parse().map_err(|_| Problem::invalid("cursor is not one that this list gave"))?,
    };
    let entries = drill(&state)?.ledger(query.payment_id.as_deref(), limit, after);
    let entries =
        entries.map_err(|error| Problem::new(Code::Internal, format!("the ledger cannot be read: {error}")))?;
    let next = entries.last().filter(|_| entries.len() == limit).map(|entry| entry.seq.to_string());
    json::ok(&Page { items: entries.iter().map(Movement::from).collect(), next_cursor: next })
}

fn drill(state: &State) -> Result<&dyn GatewayDrill, Problem> {
    state.drill.as_deref().ok_or_else(|| Problem::not_found("simulator: the gateway is a real one"))
}
