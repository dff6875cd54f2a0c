//! The refusals of each endpoint, as the OpenAPI document describes them. An endpoint names the sets of codes that it may
//! answer with. The service tests fail on a refusal that its endpoint does not name.

use std::{collections::BTreeMap, marker::PhantomData};

use utoipa::{
    IntoResponses,
    openapi::{
        Content, ContentBuilder, Ref, RefOr, Response, ResponseBuilder,
        example::{Example, ExampleBuilder},
    },
};

use super::{Code, Document};
use crate::domain::policy::Lang;

/// The media type of problem documents.
const PROBLEM: &str = "application/problem+json";

/// The refusals of an endpoint: those of every endpoint, and those of the sets `T`.
pub(in crate::http) struct Refusals<T = ()>(PhantomData<T>);

/// The refusals of an endpoint that asks for no token: those of the sets `T`.
pub(in crate::http) struct OnlyRefusals<T>(PhantomData<T>);

/// Codes that come together.
pub(in crate::http) trait Codes {
    fn codes() -> Vec<Code>;
}

/// The codes of every endpoint that asks for a token.
struct Every;
/// The codes of every endpoint that asks for no token.
pub(in crate::http) struct Open;
/// For endpoints with a body.
pub(in crate::http) struct Body;
/// For endpoints about one entity, whose actor answers.
pub(in crate::http) struct Actor;
/// For endpoints about something that need not be there.
pub(in crate::http) struct Missing;
/// For commands that only some states allow.
pub(in crate::http) struct Step;
/// For commands about an offer.
pub(in crate::http) struct Offered;
/// For commands that take money.
pub(in crate::http) struct Paid;
/// For commands that wait for the payer.
pub(in crate::http) struct Payer;
/// For commands that choose a place.
pub(in crate::http) struct Chosen;
/// For commands that need the driver to be free.
pub(in crate::http) struct Free;
/// For probes.
pub(in crate::http) struct Unready;
/// For the request for a call.
pub(in crate::http) struct Requested;
/// For the end of a ride whose payment cannot be had.
pub(in crate::http) struct Settling;
/// For commands that may come before their time.
pub(in crate::http) struct Timed;
/// For lists and histories.
pub(in crate::http) struct Listed;

impl Codes for () {
    fn codes() -> Vec<Code> {
        Vec::new()
    }
}

impl Codes for Every {
    fn codes() -> Vec<Code> {
        use Code as C;
        vec![C::InvalidRequest, C::Unauthorized, C::Forbidden, C::RateLimited, C::Internal, C::Overloaded]
    }
}

impl Codes for Open {
    fn codes() -> Vec<Code> {
        use Code as C;
        vec![C::InvalidRequest, C::RateLimited, C::Internal, C::Overloaded]
    }
}

impl Codes for Body {
    fn codes() -> Vec<Code> {
        vec![Code::RequestTimeout, Code::PayloadTooLarge, Code::UnsupportedMediaType]
    }
}

impl Codes for Actor {
    fn codes() -> Vec<Code> {
        use Code as C;
        vec![C::NotFound, C::StoreUnavailable, C::Parked, C::ActorRestarted, C::NotReady]
    }
}

impl Codes for Missing {
    fn codes() -> Vec<Code> {
        vec![Code::NotFound]
    }
}

impl Codes for Step {
    fn codes() -> Vec<Code> {
        vec![Code::IllegalTransition]
    }
}

impl Codes for Offered {
    fn codes() -> Vec<Code> {
        vec![Code::CallTaken, Code::NotOffered]
    }
}

impl Codes for Paid {
    fn codes() -> Vec<Code> {
        use Code as C;
        vec![C::PaymentDeclined, C::PaymentRejected, C::PaymentBelowMinimum, C::PaymentUnavailable, C::PaymentPending]
    }
}

impl Codes for Payer {
    fn codes() -> Vec<Code> {
        vec![Code::PaymentActionRequired]
    }
}

impl Codes for Chosen {
    fn codes() -> Vec<Code> {
        vec![Code::OutOfArea]
    }
}

impl Codes for Free {
    fn codes() -> Vec<Code> {
        vec![Code::DriverUnavailable]
    }
}

impl Codes for Unready {
    fn codes() -> Vec<Code> {
        vec![Code::NotReady]
    }
}

impl Codes for Requested {
    fn codes() -> Vec<Code> {
        vec![Code::IdempotencyConflict, Code::TooManyUnpaid, Code::DebtOpen, Code::QuoteExpired]
    }
}

impl Codes for Settling {
    fn codes() -> Vec<Code> {
        vec![Code::ChargeInFlight, Code::PaymentPending]
    }
}

impl Codes for Timed {
    fn codes() -> Vec<Code> {
        vec![Code::TooEarly]
    }
}

impl Codes for Listed {
    fn codes() -> Vec<Code> {
        vec![Code::StoreUnavailable]
    }
}

impl<A: Codes, B: Codes> Codes for (A, B) {
    fn codes() -> Vec<Code> {
        [A::codes(), B::codes()].concat()
    }
}

impl<A: Codes, B: Codes, C: Codes> Codes for (A, B, C) {
    fn codes() -> Vec<Code> {
        [A::codes(), B::codes(), C::codes()].concat()
    }
}

impl<A: Codes, B: Codes, C: Codes, D: Codes> Codes for (A, B, C, D) {
    fn codes() -> Vec<Code> {
        [A::codes(), B::codes(), C::codes(), D::codes()].concat()
    }
}

impl<A: Codes, B: Codes, C: Codes, D: Codes, E: Codes> Codes for (A, B, C, D, E) {
    fn codes() -> Vec<Code> {
        [A::codes(), B::codes(), C::codes(), D::codes(), E::codes()].concat()
    }
}

impl<T: Codes> IntoResponses for Refusals<T> {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        responses([Every::codes(), T::codes()].concat())
    }
}

impl<T: Codes> IntoResponses for OnlyRefusals<T> {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        responses(T::codes())
    }
}

/// Responses with these codes, by status.
fn responses(mut codes: Vec<Code>) -> BTreeMap<String, RefOr<Response>> {
    codes.sort_unstable();
    codes.dedup();
    let mut by_status = BTreeMap::<String, Vec<Code>>::new();
    for code in codes {
        by_status.entry(code.status().as_str().to_owned()).or_default().push(code);
    }
    by_status.into_iter().map(|(status, codes)| (status, response(&codes).into())).collect()
}

fn response(codes: &[Code]) -> Response {
    let said = codes.iter().map(|code| format!("`{}`: {}", code.as_str(), code.title()));
    let lines = said.collect::<Vec<_>>().join("\n\n");
    ResponseBuilder::new().description(lines).content(PROBLEM, content(codes)).build()
}

fn content(codes: &[Code]) -> Content {
    let examples = codes.iter().map(|code| (code.as_str().to_owned(), RefOr::Ref(Ref::new(example_at(*code)))));
    ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).examples_from_iter(examples).build()
}

fn example_at(code: Code) -> String {
    format!("#/components/examples/{}", code.as_str())
}

/// An example of a problem document for each code, by the code.
pub(in crate::http) fn examples() -> impl Iterator<Item = (String, RefOr<Example>)> {
    Code::ALL.into_iter().map(|code| {
        let message = code.message().map(|words| words.in_lang(Lang::En));
        let value = serde_json::to_value(Document { message, ..Document::of(code, code.when()) }).ok();
        let example = ExampleBuilder::new().summary(code.title()).description(code.advice()).value(value);
        (code.as_str().to_owned(), example.build().into())
    })
}
