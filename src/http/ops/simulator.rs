//! `/v1/ops/gateway/simulator`: faults and ledger of the simulated gateway. Not there with a real one.

use actix_web::{HttpResponse, web::Data};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    actors::ports::gateway::{Faults, GatewayDrill, LedgerEntry, LedgerKind},
    http::{
        auth::only::{Only, OperatorsOfAll},
        error::{
            Code, Problem, Refusals,
            refusals::{Body, Missing},
        },
        extract::{
            json::{self, Json},
            query::{Given, Paging, Parameters, Query},
        },
        state::State,
        views::{Page, Time},
    },
};

/// The faults that the simulated gateway shows. None is required: what is left out is 0 or false.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = Faults)]
pub(in crate::http) struct FaultsBody {
    /// How long every answer takes, in ms, at most 60000; 0 when left out.
    #[schema(required = false)]
    latency_ms: u64,
    /// The share of charges that are declined, 0 to 1; 0 when left out.
    #[schema(required = false)]
    decline_rate: f64,
    /// The share of requests answered with a server error, 0 to 1; 0 when left out.
    #[schema(required = false)]
    error_rate: f64,
    /// The share of requests that are performed but never answered, 0 to 1; 0 when left out.
    #[schema(required = false)]
    timeout_rate: f64,
    /// Whether connections are refused; false when left out.
    #[schema(required = false)]
    down: bool,
}

impl From<FaultsBody> for Faults {
    fn from(body: FaultsBody) -> Self {
        let FaultsBody { latency_ms, decline_rate, error_rate, timeout_rate, down } = body;
        Self { latency_ms, decline_rate, error_rate, timeout_rate, down }
    }
}

/// Which movements of money.
#[derive(Debug, Default, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct LedgerQuery {
    /// Only of this payment.
    payment_id: Option<String>,
    #[param(ignore)]
    page: Paging,
}

impl Parameters for LedgerQuery {
    fn read(given: &Given) -> Result<Self, Problem> {
        Ok(Self { payment_id: given.text("payment_id").map(str::to_owned), page: Paging::read(given)? })
    }
}

/// One movement of money at the gateway.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct Movement {
    /// The payment, which has the id of its call.
    payment_id: String,
    /// Whether money was taken (`charge`) or given back (`refund`).
    kind: LedgerKind,
    /// How much, in minor units.
    amount: u64,
    /// The currency's code in ISO 4217.
    #[schema(value_type = String, example = "KRW")]
    currency: &'static str,
    /// The idempotency key of the request.
    key: String,
    /// When it was recorded.
    #[schema(value_type = String, format = DateTime)]
    at: Time,
}

impl From<&LedgerEntry> for Movement {
    fn from(entry: &LedgerEntry) -> Self {
        Self {
            payment_id: entry.payment_id.to_string(),
            kind: entry.kind,
            amount: entry.amount.amount,
            currency: entry.amount.currency.code(),
            key: entry.key.to_string(),
            at: entry.at.into(),
        }
    }
}

/// Gives the simulated gateway faults; what is left out works.
#[utoipa::path(put, path = "/v1/ops/gateway/simulator", tag = "operator", request_body = FaultsBody,
    responses((status = 200, body = FaultsBody), Refusals<(Body, Missing)>))]
pub(in crate::http) async fn set_faults(
    state: Data<State>,
    Only(who, _): Only<OperatorsOfAll>,
    Json(body): Json<FaultsBody>,
) -> Result<HttpResponse, Problem> {
    let drill = drill(&state)?;
    let faults = Faults::from(body);
    drill.set_faults(faults).map_err(|error| {
        Problem::at(&format!("/{}", error.field), format_args!("must be {}, got {}", error.expected, error.value))
    })?;
    tracing::warn!(?faults, by = who.id(), "an operator gives the simulated gateway faults");
    json::ok(&drill.faults())
}

/// The charges and refunds that the simulated gateway made, oldest first.
#[utoipa::path(get, path = "/v1/ops/gateway/simulator/charges", tag = "operator", params(LedgerQuery, Paging),
    responses((status = 200, body = Page<Movement>), Refusals<Missing>))]
pub(in crate::http) async fn charges(
    state: Data<State>,
    _: Only<OperatorsOfAll>,
    Query(query): Query<LedgerQuery>,
) -> Result<HttpResponse, Problem> {
    let limit = query.page.limit();
    let after = match query.page.cursor() {
        None => 0,
        Some(cursor) => cursor.parse().map_err(|_| Problem::at_parameter("cursor", "is not from this list"))?,
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
