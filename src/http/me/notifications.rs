//! `GET /v1/me/notifications`: what one was told, and what of it one has read.

use actix_web::{HttpResponse, web::Data};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::audience::Audience;
use crate::{
    domain::{
        CallId, ServiceId,
        account::{Account, ReadMark},
        policy::Text,
    },
    http::{
        auth::Principal,
        error::{Problem, Refusals, refusals::Listed},
        extract::{
            json,
            language::{Language, Wanted},
            query::{Given, Paging, Parameters, Query},
        },
        state::State,
        views::{Label, Time},
    },
    readmodel::{Notice, Occasion},
};

/// Which notifications are asked for, and how many.
#[derive(Debug, Default, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct NoticeQuery {
    /// The service of the notifications; without it, all services of the token.
    service: Option<String>,
    /// Only of what happened then or later; a time in RFC 3339, like the `at` of a notification.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    #[param(ignore)]
    page: Paging,
}

impl Parameters for NoticeQuery {
    fn read(given: &Given) -> Result<Self, Problem> {
        let service = given.text("service").map(str::to_owned);
        Ok(Self { service, since: given.time("since")?, page: Paging::read(given)? })
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
    /// In what words, in the language that `Accept-Language` asks for, or the customer's profile has: Korean or English.
    message: String,
    /// The same in every language.
    #[schema(value_type = Label<'static>)]
    text: Text,
    /// When what it tells of happened.
    #[schema(value_type = String, format = DateTime)]
    at: Time,
    /// Whether it was marked as read: `PUT /v1/me/notifications/read`. Left out while that cannot be said.
    #[serde(skip_serializing_if = "Option::is_none")]
    read: Option<bool>,
}

/// A page of notifications.
#[derive(Serialize, ToSchema)]
#[schema(as = NotificationPage)]
pub(in crate::http) struct Notifications {
    items: Vec<Notification>,
    /// Give this back as `cursor` to go on; null when that was all.
    next_cursor: Option<String>,
    /// How many are not read, of all services of the token and whatever the page shows; 100 means 100 or more. Left out while
    /// that cannot be said.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 100)]
    unread: Option<usize>,
}

impl Notification {
    fn new(notice: Notice, Language(lang): Language, read: Option<bool>) -> Self {
        let Notice { id, occasion, call, service, text, at, .. } = notice;
        Self { id, occasion, call, service, message: text.in_lang(lang).to_owned(), text, at: at.into(), read }
    }
}

/// Notifications, latest first, in the language that `Accept-Language` asks for (English for clients that ask for neither
/// Korean nor English). Without that header, in the language of the customer's profile, else in Korean. Operators get those
/// of their services.
#[utoipa::path(get, path = "/v1/me/notifications", tag = "me", params(NoticeQuery, Paging),
    responses((status = 200, body = Notifications,
        headers(("Content-Language" = String, description = "The language of each `message`: `ko` or `en`"))), Refusals<Listed>))]
pub(in crate::http) async fn handle(
    state: Data<State>,
    who: Principal,
    wanted: Wanted,
    Query(query): Query<NoticeQuery>,
) -> Result<HttpResponse, Problem> {
    let audience = Audience::of(&state, &who, query.service.as_deref())?;
    let page = audience.page(query.since, query.page.limit(), query.page.cursor()).await?;
    let everything = Audience::of(&state, &who, None)?;
    let account = state.account_in_time(&who.account()?).await;
    // Without the account nobody can say what was read. The list is worth having all the same.
    let mark = account.as_ref().map(|account| read_by(&who, account.as_deref()));
    let language = wanted.or_that_of(&who, account.flatten().as_deref());
    let shown = |notice: Notice| {
        let read = mark.as_ref().map(|mark| state.read_model.is_read(&notice, mark.as_ref()));
        Notification::new(notice, language, read)
    };
    let unread = match &mark {
        Some(mark) => Some(everything.unread(mark.as_ref()).await?),
        None => None,
    };
    let items = page.items.into_iter().map(shown).collect();
    let mut response = json::ok(&Notifications { items, next_cursor: page.next_cursor, unread })?;
    language.tell(response.headers_mut());
    Ok(response)
}

/// How far somebody has read, by its account.
pub(super) fn read_by(who: &Principal, account: Option<&Account>) -> Option<ReadMark> {
    account.and_then(|account| account.read.get(&who.role())).cloned()
}
