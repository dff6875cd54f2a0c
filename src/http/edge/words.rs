//! Adds the message for the person at the phone to a refusal, in the language of whoever asked. Here, because only an answer
//! on its way out knows the request.

use actix_web::{HttpRequest, body::BoxBody, dev::ServiceResponse, web::Data};

use crate::http::{
    auth::{Principal, bearer},
    edge::trace::Trace,
    error::{Code, Problem},
    extract::language::{Language, Wanted},
    state::State,
};

/// The same answer, with a message if it is a refusal that is meant for a person.
pub(super) async fn add(response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let refused = response.response().error().and_then(|error| error.as_error::<Problem>());
    let Some(problem) = refused else { return response };
    let language = language(response.request(), problem.code()).await;
    let Some(message) = problem.message(language.0) else { return response };
    let document = problem.document(Some(message));
    let mut response = response.map_body(|_, _| BoxBody::new(document));
    language.tell(response.headers_mut());
    response
}

/// The language for the person whose request was refused. The customer's own one is looked up only where no other is asked
/// for, and where the refusal leaves time for that.
async fn language(request: &HttpRequest, code: Code) -> Language {
    let wanted = Wanted::of(request);
    if !wanted.is_any() || code.message().is_none() || !code.leaves_time() {
        return wanted.or_korean();
    }
    let Some(state) = request.app_data::<Data<State>>() else { return wanted.or_korean() };
    let token = bearer(request);
    let who = token.and_then(|token| Principal::of_token(token, &state.keys, Trace::of(request).id()));
    match who {
        Ok(who) => wanted.or_own(state, &who).await,
        Err(_) => wanted.or_korean(),
    }
}
