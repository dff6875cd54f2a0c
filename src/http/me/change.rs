//! `PUT /v1/me`: a customer says who it is.

use actix_web::{HttpResponse, web::Data};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::{
    domain::{Change, account::ProfileChange, policy::Lang},
    http::{
        auth::only::{Customers, Only},
        error::{
            Problem, Refusals,
            refusals::{Actor, Body},
        },
        extract::{
            json::{self, Json},
            text::{self, NAME_MAX},
        },
        state::State,
        views::ProfileView,
    },
};

/// The body of a change of the profile.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct NewProfile {
    /// The name for people.
    #[schema(min_length = 1, max_length = 100, example = "김민아")]
    name: String,
    /// The phone number, at most 100 characters. Left out, it stays as it is; `null` takes it away.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 100)]
    phone: Option<Option<String>>,
    /// The e-mail address, at most 254 characters. Left out, it stays as it is; `null` takes it away.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 254, example = "mina@example.com")]
    email: Option<Option<String>>,
    /// The language that the customer reads best. Left out, it stays as it is; `null` takes it away.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Lang>)]
    language: Option<Option<Lang>>,
}

/// The profile as it is now.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct Changed<'a> {
    #[schema(value_type = String, example = "mina")]
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<ProfileView<'a>>,
}

/// Tells what is `null` from what is left out.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl NewProfile {
    fn checked(self) -> Result<ProfileChange, Problem> {
        Ok(ProfileChange {
            name: text::line("/name", &self.name, NAME_MAX)?,
            phone: change(self.phone, |phone| text::line("/phone", &phone, NAME_MAX))?,
            email: change(self.email, |email| text::email("/email", &email))?,
            language: change(self.language, Ok)?,
        })
    }
}

fn change<T>(given: Option<Option<T>>, check: impl Fn(T) -> Result<T, Problem>) -> Result<Change<T>, Problem> {
    let Some(value) = given else { return Ok(Change::Keep) };
    Ok(Change::Set(value.map(check).transpose()?))
}

/// Changes the customer's profile: what is left out stays as it is. The driver who has a call of the customer sees name and
/// phone until the call ends; nobody else sees anything of it.
#[utoipa::path(put, path = "/v1/me", tag = "me", request_body = NewProfile,
    responses((status = 200, body = Changed<'static>), Refusals<(Body, Actor)>))]
pub(in crate::http) async fn handle(
    state: Data<State>,
    Only(who, _): Only<Customers>,
    Json(body): Json<NewProfile>,
) -> Result<HttpResponse, Problem> {
    let account = state.engine.set_profile(who.customer()?, body.checked()?, who.cause()).await?;
    json::ok(&Changed { id: who.id(), profile: account.profile.as_ref().map(ProfileView::from) })
}
