//! `GET /v1/me/notifications`: what one was told.

use actix_web::{
    HttpResponse,
    http::header::{ACCEPT_LANGUAGE, CONTENT_LANGUAGE, HeaderValue, VARY},
    web::Data,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    domain::{CallId, Role, ServiceId, policy::Text},
    http::{
        auth::Principal,
        error::{Problem, Refusals, refusals::Listed},
        extract::{
            json,
            language::Language,
            query::{Given, Paging, Parameters, Query},
        },
        state::State,
        views::{Label, Page, Time},
    },
    readmodel::{Notice, Occasion},
};

/// Which notifications are asked for, and how many.
#[derive(Debug, Default, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct NoticeQuery {
    /// The service of the notifications; without it, all services of the token.
    service: Option<String>,
    #[param(ignore)]
    page: Paging,
}

impl Parameters for NoticeQuery {
    fn read(given: &Given) -> Result<Self, Problem> {
        Ok(Self { service: given.text("service").map(str::to_owned), page: Paging::read(given)? })
    }
}

/// Something that a person was told.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct Notification {
    /// Its id; higher is later.
    id: String,
    /// The occasion: a status of the call, or what happened to it.
    #[schema(value_type = Occasion)]
    occasion: String,
    /// About which call, if about one.
    #[schema(value_type = Option<String>)]
    call: Option<CallId>,
    /// The service that it is about, by its id.
    #[schema(value_type = String)]
    service: ServiceId,
    /// In what words, in the language that `Accept-Language` asks for: Korean or English.
    message: String,
    /// The same in every language.
    #[schema(value_type = Label<'static>)]
    text: Text,
    /// When what it tells of happened.
    #[schema(value_type = String, format = DateTime)]
    at: Time,
}

impl Notification {
    fn new(notice: Notice, Language(lang): Language) -> Self {
        let Notice { id, occasion, call, service, text, at, .. } = notice;
        Self { id, occasion, call, service, message: text.in_lang(lang).to_owned(), text, at: at.into() }
    }
}

/// Notifications, latest first, in the language that `Accept-Language` asks for (Korean, or English for clients that
/// ask for neither). Operators get those of their services.
#[utoipa::path(get, path = "/v1/me/notifications", tag = "me", params(NoticeQuery, Paging),
    responses((status = 200, body = Page<Notification>), Refusals<Listed>))]
pub(in crate::http) async fn handle(
    state: Data<State>,
    who: Principal,
    language: Language,
    Query(query): Query<NoticeQuery>,
) -> Result<HttpResponse, Problem> {
    let (limit, cursor) = (query.page.limit(), query.page.cursor());
    let service = query.service.as_deref().map(|named| state.service_named(named)).transpose()?;
    let page = match who.role() {
        Role::Operator => {
            let services = operated(&state, &who, service.as_ref())?;
            state.read_model.notifications(Role::Operator, &services, None, limit, cursor).await?
        }
        role @ (Role::Customer | Role::Driver) => {
            let services = match &service {
                Some(service) => {
                    who.must_use(service)?;
                    Some(std::slice::from_ref(service))
                }
                None => who.services(),
            };
            state.read_model.notifications(role, &[who.id()], services, limit, cursor).await?
        }
    };
    let items = page.items.into_iter().map(|notice| Notification::new(notice, language)).collect();
    let mut response = json::ok(&Page { items, next_cursor: page.next_cursor })?;
    let headers = response.headers_mut();
    headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(language.tag()));
    headers.insert(VARY, HeaderValue::from(ACCEPT_LANGUAGE));
    Ok(response)
}

/// The services whose notifications an operator gets: the one in the request, or all of the token.
fn operated<'a>(state: &'a State, who: &Principal, service: Option<&'a ServiceId>) -> Result<Vec<&'a str>, Problem> {
    if let Some(service) = service {
        who.must_use(service)?;
        return Ok(vec![service.as_str()]);
    }
    let services = state.engine.policies().services();
    Ok(services.filter(|service| who.may_use(service)).map(ServiceId::as_str).collect())
}
