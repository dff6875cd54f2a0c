//! The payment methods in what is stored and shown of an entity. They come sealed ([`Vault`]); this seals those that a
//! release before seal keys stored as they were given, and leaves all of them out of what is shown.
//!
//! It goes by the name of the field, not by the types of the domain: whatever is called `method` and is a text is one.

use std::borrow::Cow;

use serde_json::Value;

use crate::vault::{self, Vault};

/// The field that holds a method, in snapshots and events.
const FIELD: &str = "method";
/// The field with a text. Within a text the quotes are escaped, so that no note or name looks like it.
const WITH_TEXT: &str = "\"method\":\"";
/// What is shown in the place of a method.
const HIDDEN: &str = "…";

/// A snapshot of the entity of a call, with all its methods sealed.
pub(super) fn sealed<'a>(snapshot: &'a str, call: &str, vault: &Vault) -> Cow<'a, str> {
    let is_plain = |text: &str| !vault::is_sealed(text.split('"').next().unwrap_or_default());
    if !snapshot.split(WITH_TEXT).skip(1).any(is_plain) {
        return Cow::Borrowed(snapshot);
    }
    let Ok(mut value) = serde_json::from_str(snapshot) else { return Cow::Borrowed(snapshot) };
    each_method(&mut value, &|method| {
        if !vault::is_sealed(method) {
            *method = vault.seal(method, call);
        }
    });
    Cow::Owned(value.to_string())
}

/// The JSON of a state without its methods.
pub(super) fn hidden(mut value: Value) -> Value {
    each_method(&mut value, &|method| HIDDEN.clone_into(method));
    value
}

fn each_method(value: &mut Value, change: &impl Fn(&mut String)) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match field {
                    Value::String(method) if name == FIELD => change(method),
                    field => each_method(field, change),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| each_method(item, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::vault::SealKey;

    fn vault() -> Vault {
        Vault::new(SealKey::derived_from(&"a secret".into()), Vec::new())
    }

    #[test]
    fn methods_that_were_stored_plainly_are_sealed_and_nothing_else_changes() {
        let vault = vault();
        let snapshot = |method: &str| {
            json!({
                "state": { "method": method, "phase": { "phase": "charging", "method": method } },
                "owed": [{ "effect": "submit", "method": method }],
                "mark": { "method": { "number": 1, "digest": "ab" } }, "note": "\"method\":\"tok_ok\"", "lat": 37.497_900_000_01,
            })
        };
        let plain = snapshot("tok_ok").to_string();
        let written = sealed(&plain, "call_1", &vault).into_owned();
        assert_eq!(serde_json::from_str::<Value>(&written).ok(), Some(snapshot(&vault.seal("tok_ok", "call_1"))));
        assert!(matches!(sealed(&written, "call_1", &vault), Cow::Borrowed(same) if same == written));
    }

    #[test]
    fn a_shown_state_has_no_method_not_even_a_sealed_one() {
        let sealed = vault().seal("tok_ok", "call_1");
        let shown =
            hidden(json!({ "phase": { "method": sealed }, "method": "tok_ok", "mark": { "method": { "number": 1 } } }));
        assert_eq!(shown, json!({ "phase": { "method": "…" }, "method": "…", "mark": { "method": { "number": 1 } } }));
    }
}
