//! `GET /v1/me/notifications`: what one was told.

use actix_web::{
    HttpResponse,
    http::header::{ACCEPT_LANGUAGE, CONTENT_LANGUAGE, HeaderValue, VARY},
    web::Data,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    domain::{CallId, Role, ServiceId, policy::Text},
    http::{
        auth::Principal,
        error::Problem,
        json,
        language::Language,
        openapi::Refusals,
        query::{self, Query},
        state::State,
        views::{Label, Page, Time},
    },
    readmodel::Notice,
};

/// Which notifications.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct NoticeQuery {
    /// For operators: of which service; without it, of all that the token is for.
    #[serde(default)]
    service: Option<String>,
    /// How many, 1 to 200; 50 unless given.
    #[serde(default)]
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// Where to go on: `next_cursor` of the page before.
    #[serde(default)]
    cursor: Option<String>,
}

/// Something that a person was told.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct Notification {
    /// Its id; higher is later.
    id: String,
    /// On what occasion.
    #[schema(example = "assigned")]
    occasion: String,
    /// About which call, if about one.
    #[schema(value_type = Option<String>)]
    call: Option<CallId>,
    /// Of which service.
    #[schema(value_type = String)]
    service: ServiceId,
    /// In what words, in the language that `Accept-Language` asks for: Korean or English.
    message: String,
    /// The same in every language.
    #[schema(value_type = Label<'static>)]
    text: Text,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    at: Time,
}

impl Notification {
    fn new(notice: Notice, Language(lang): Language) -> Self {
        let Notice { id, occasion, call, service, text, at, .. } = notice;
        Self { id, occasion, call, service, message: text.in_lang(lang).to_owned(), text, at: at.into() }
    }
}

/// What one was told, latest first, in the language that `Accept-Language` asks for (Korean, or English for those who
/// read neither). Operators are told by service.
#[utoipa::path(get, path = "/v1/me/notifications", tag = "me", params(NoticeQuery),
    responses((status = 200, body = Page<Notification>), Refusals))]
pub(in crate::http) async fn handle(
    state: Data<State>,
    who: Principal,
    language: Language,
    Query(query): Query<NoticeQuery>,
) -> Result<HttpResponse, Problem> {
    let (limit, cursor) = (query::limit(query.limit)?, query.cursor.as_deref());
    let service = query::service(query.service)?;
    let page = match who.role() {
        Role::Operator => {
            let services = operated(&state, &who, service.as_ref())?;
            state.read_model.notifications_of(Role::Operator, &services, limit, cursor).await?
        }
        role @ (Role::Customer | Role::Driver) => state.read_model.notifications(role, who.id(), limit, cursor).await?,
    };
    let items = page.items.into_iter().map(|notice| Notification::new(notice, language)).collect();
    let mut response = json::ok(&Page { items, next_cursor: page.next_cursor })?;
    let headers = response.headers_mut();
    headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(language.tag()));
    headers.insert(VARY, HeaderValue::from(ACCEPT_LANGUAGE));
    Ok(response)
}

/// The services whose notifications an operator wants: the one that is named, or all that the token is for.
fn operated<'a>(state: &'a State, who: &Principal, service: Option<&'a ServiceId>) -> Result<Vec<&'a str>, Problem> {
    if let Some(service) = service {
        state.policy(service)?;
        who.must_use(service)?;
        return Ok(vec![service.as_str()]);
    }
    let services = state.engine.policies.iter().map(|policy| &policy.service);
    Ok(services.filter(|service| who.may_use(service)).map(ServiceId::as_str).collect())
}
