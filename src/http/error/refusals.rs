//! The refusals of every endpoint, as the OpenAPI document describes them.

use utoipa::IntoResponses;

use super::Document;

/// The refusals that every endpoint may answer: problem documents.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes refusals in the OpenAPI document")]
pub(in crate::http) enum Refusals {
    /// invalid_request
    #[response(status = 400, content_type = "application/problem+json")]
    Invalid(Document<'static>),
    /// unauthorized
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthorized(Document<'static>),
    /// forbidden
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(Document<'static>),
    /// not_found
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(Document<'static>),
    /// call_taken, not_offered, illegal_transition, driver_unavailable, idempotency_conflict, already_exists,
    /// too_many_unpaid, too_early; payment_pending where a charge is under way
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(Document<'static>),
    /// payload_too_large
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(Document<'static>),
    /// unsupported_media_type
    #[response(status = 415, content_type = "application/problem+json")]
    MediaType(Document<'static>),
    /// out_of_area, payment_below_minimum, quote_expired
    #[response(status = 422, content_type = "application/problem+json")]
    Unprocessable(Document<'static>),
    /// rate_limited; Retry-After says when to come back
    #[response(status = 429, content_type = "application/problem+json")]
    TooMany(Document<'static>),
    /// overloaded, parked, store_unavailable, actor_restarted, payment_unavailable, payment_pending; Retry-After says
    /// when to come back
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(Document<'static>),
}
