//! Calls of which a reader may see more or less, as the OpenAPI document describes them.

use std::borrow::Cow;

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Ref, RefOr,
        schema::{AnyOfBuilder, Schema},
    },
};

use super::{CallOutline, CallView};

/// The answer to a command: the call, or its outline for a driver whose command ended its sight of it.
pub(in crate::http) struct CallAsSeen;

/// The call that a refusal is about: the whole call, its outline, or its id alone.
pub(in crate::http) struct CallInProblem;

/// The id of a call of which nothing else is known.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes a part of refusals in the OpenAPI document")]
struct CallReference {
    /// The call's id.
    #[schema(example = "call_01890a5d")]
    id: String,
}

impl PartialSchema for CallAsSeen {
    fn schema() -> RefOr<Schema> {
        let described = "The call, or its outline for a driver whose command ended its sight of it.";
        any_of(described, &[CallView::name(), CallOutline::name()])
    }
}

impl ToSchema for CallAsSeen {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("CallAsSeen")
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        add::<CallView<'_>>(schemas);
        add::<CallOutline<'_>>(schemas);
    }
}

impl PartialSchema for CallInProblem {
    fn schema() -> RefOr<Schema> {
        let described = "The call that a refusal is about: the whole call for those who may see it, its outline for a \
                         driver who was too late, its id alone when it is not known whether the request was taken.";
        any_of(described, &[CallView::name(), CallOutline::name(), CallReference::name()])
    }
}

impl ToSchema for CallInProblem {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("CallInProblem")
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        CallAsSeen::schemas(schemas);
        add::<CallReference>(schemas);
    }
}

fn any_of(described: &str, names: &[Cow<'static, str>]) -> RefOr<Schema> {
    let any = AnyOfBuilder::new().description(Some(described));
    names.iter().fold(any, |any, name| any.item(Ref::from_schema_name(name.as_ref()))).into()
}

/// Adds a type and the types that it names.
fn add<T: ToSchema>(schemas: &mut Vec<(String, RefOr<Schema>)>) {
    schemas.push((T::name().into_owned(), T::schema()));
    T::schemas(schemas);
}
