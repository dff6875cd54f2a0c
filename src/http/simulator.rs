//! `/v1/gateway/simulator/actions/{secret}`: the page to which the simulated gateway sends a payer, as a bank's page for 3-D Secure
//! would be. Whoever knows the secret may use it; there is none with a real gateway.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    error::{
        Code, Problem,
        refusals::{Body, Missing, OnlyRefusals, Open},
    },
    extract::json::{self, Optional},
    state::State,
};
use crate::actors::ports::gateway::GatewayDrill;

/// The page for a person, who confirms or refuses with a button.
const PAGE: &str = include_str!("simulator.html");

/// What the payer does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum PayerOutcome {
    /// The payer confirms the payment: it is charged.
    #[default]
    Confirmed,
    /// The payer refuses: it is declined.
    Refused,
}

/// What the payer does with a payment that waits for it.
#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PayerAction {
    /// `confirmed` when left out.
    outcome: Option<PayerOutcome>,
}

/// The page that a payer of the simulated gateway is sent to.
#[utoipa::path(get, path = "/v1/gateway/simulator/actions/{secret}", tag = "other", params(("secret" = String, Path)),
    security(()), responses((status = 200, body = String, content_type = "text/html"), OnlyRefusals<(Open, Missing)>))]
pub(super) async fn page(state: Data<State>) -> Result<HttpResponse, Problem> {
    drill(&state)?;
    Ok(HttpResponse::Ok().content_type("text/html").body(PAGE))
}

/// The payer confirms the payment of the simulated gateway, or refuses to. It goes on within a few seconds.
#[utoipa::path(post, path = "/v1/gateway/simulator/actions/{secret}", tag = "other", params(("secret" = String, Path)),
    request_body = PayerAction, security(()), responses((status = 200, body = PayerAction), OnlyRefusals<(Open, Body, Missing)>))]
pub(super) async fn act(
    state: Data<State>,
    request: HttpRequest,
    Optional(action): Optional<PayerAction>,
) -> Result<HttpResponse, Problem> {
    let secret = request.match_info().get("secret").unwrap_or_default();
    let acted = drill(&state)?.act(secret, action.outcome.unwrap_or_default() == PayerOutcome::Confirmed).await;
    match acted.map_err(|error| Problem::new(Code::PaymentUnavailable, error.to_string()))? {
        true => json::ok(&action),
        false => Err(Problem::not_found("payment that waits for its payer with this secret")),
    }
}

fn drill(state: &State) -> Result<&dyn GatewayDrill, Problem> {
    state.drill.as_deref().ok_or_else(|| Problem::not_found("simulator: the gateway is a real one"))
}
