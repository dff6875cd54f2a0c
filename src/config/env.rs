//! The environment layer: `CALLOUT_<SECTION>__<KEY>` becomes `section.key`, deeper with more `__`.
//! Types and known keys are checked by the reader, as for files. Only a variable that sets no key, but looks as if it
//! should, is refused here.

use std::ffi::OsString;

use super::Config;
use crate::settings::{Body, Node, Origin, Problem, Shape, dotted};

/// The beginning of every variable of callout.
const PREFIX: &str = "CALLOUT_";
/// The folder of `default.toml` and `services/`. Not a key.
pub(super) const CONFIG_DIR: &str = "CALLOUT_CONFIG_DIR";
/// Short for `log.format` (when it is `text` or `json`) or `log.filter`.
const LOG: &str = "CALLOUT_LOG";

/// The variables of ours among `env`, as a tree.
pub(super) fn layer(env: &[(OsString, OsString)], problems: &mut Vec<Problem>) -> Node {
    let mut root = Node::table("", Origin::Default);
    let mut ours: Vec<_> = env.iter().filter_map(|(name, value)| Some((name.to_str()?, value))).collect();
    ours.retain(|(name, _)| is_meant_for_us(name));
    // The exact name wins over the short one.
    ours.sort_by_key(|(name, _)| (*name != LOG, *name));
    for (name, value) in ours {
        let origin = Origin::Env(name.into());
        let mut problem = |message: &str| {
            problems.push(Problem { origin: origin.clone(), key: String::new(), message: message.to_owned() });
        };
        if let Some(key) = slip(name) {
            let right = key.to_ascii_uppercase().replace('.', "__");
            problem(&format!("sets nothing; {key} is set with {PREFIX}{right}, two underscores after each table"));
            continue;
        }
        let Some(text) = value.to_str() else {
            problem("the value is not UTF-8");
            continue;
        };
        match path(name, text) {
            Some(path) => root.merge(branch("", &path, &origin, text)),
            None => problem(
                "unknown; a key is set with CALLOUT_<SECTION>__<KEY>, for example CALLOUT_HTTP__BIND, and outside the \
                 sections there are only CALLOUT_CONFIG_DIR and CALLOUT_LOG",
            ),
        }
    }
    root
}

/// Whether a variable is to set a key. One without `__` sets none: it may belong to a tool around the server, as those
/// that Kubernetes adds for a service of our name, unless it names a section or is a slip.
fn is_meant_for_us(name: &str) -> bool {
    let Some(rest) = name.strip_prefix(PREFIX) else { return false };
    let is_section = || matches!(Shape::of::<Config>().at(&[&rest.to_ascii_lowercase()]), Some(Shape::Table(_)));
    name == LOG || rest.contains("__") || is_section() || slip(name).is_some()
}

/// The key that a variable with single underscores was meant to set, if there is one of that name.
fn slip(name: &str) -> Option<String> {
    let rest = name.strip_prefix(PREFIX).filter(|rest| !rest.contains("__"))?;
    meant(&Shape::of::<Config>(), &rest.to_ascii_lowercase())
}

/// The key that a name with single underscores would be if some of them were to lead into a
/// table: `http.bind` for `http_bind`.
fn meant(shape: &Shape, name: &str) -> Option<String> {
    let Shape::Table(table) = shape else { return None };
    table.fields.iter().find_map(|(key, field)| {
        let rest = name.strip_prefix(key.as_str())?.strip_prefix('_')?;
        let Shape::Table(inner) = &field.shape else { return None };
        match inner.field(rest) {
            Some(field) if !matches!(field.shape, Shape::Table(_)) => Some(dotted(key, rest)),
            _ => meant(&field.shape, rest).map(|inner| dotted(key, &inner)),
        }
    })
}

fn path(name: &str, value: &str) -> Option<Vec<String>> {
    if name == LOG {
        let key = if matches!(value, "text" | "json") { "format" } else { "filter" };
        return Some(vec!["log".to_owned(), key.to_owned()]);
    }
    let path: Vec<_> = name.strip_prefix(PREFIX)?.split("__").map(str::to_ascii_lowercase).collect();
    (path.len() > 1 && path.iter().all(|key| !key.is_empty())).then_some(path)
}

fn branch(parent: &str, path: &[String], origin: &Origin, text: &str) -> Node {
    let mut node = Node::table(parent, origin.clone());
    match (path.split_first(), &mut node.body) {
        (Some((key, rest)), Body::Table(table)) => {
            table.insert(key.clone(), branch(&dotted(parent, key), rest, origin, text));
        }
        _ => node.body = Body::Text(text.to_owned()),
    }
    node
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_single_underscores_is_understood_when_it_would_be_a_key() {
        for (name, key) in [
            ("auth_secret", Some("auth.secret")),
            ("guard_breaker_open_s", Some("guard.breaker.open_s")),
            ("actors_supervision_call_backoff_max_ms", Some("actors.supervision.call.backoff.max_ms")),
            ("limits_principal_burst", Some("limits.principal.burst")),
            ("service_host", None),
            ("port_8080_tcp_addr", None),
            ("http_service_port", None),
            ("http", None),
        ] {
            assert_eq!(meant(&Shape::of::<Config>(), name).as_deref(), key, "{name}");
        }
    }
}
