//! Which keys there are. The types of the configuration know that, and nobody repeats it.

use super::Config;

/// What a path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    /// A key.
    Key,
    /// A table of keys.
    Table,
    /// Nothing.
    Nothing,
}

/// What `path` names in the configuration.
pub(super) fn named(path: &[&str]) -> Named {
    let mut whole = Config::default().to_value();
    let Some((last, tables)) = path.split_last() else { return Named::Table };
    let mut table = whole.as_table_mut();
    for name in tables {
        let inner = table.map(|table| table.entry(*name).or_insert_with(|| toml::Table::new().into()));
        table = inner.and_then(toml::Value::as_table_mut);
    }
    let Some(table) = table else { return Named::Nothing };
    match table.get(*last) {
        Some(toml::Value::Table(_)) => return Named::Table,
        Some(_) => return Named::Key,
        None => drop(table.insert((*last).to_owned(), String::new().into())),
    }
    // One that has no default shows when it is read: as what it is, or as unknown.
    match serde_path_to_error::deserialize::<_, Config>(whole) {
        Ok(_) => Named::Key,
        Err(error) if error.path().iter().count() < path.len() => Named::Nothing,
        Err(error) => match error.inner().message() {
            message if message.starts_with("unknown field") => Named::Nothing,
            message if message.contains("expected struct") || message.contains("expected a map") => Named::Table,
            _ => Named::Key,
        },
    }
}

/// The key that a name with single underscores would be if some of them were to lead into a table: `http.bind` for
/// `http_bind`.
pub(super) fn meant(name: &str) -> Option<String> {
    find(&mut Vec::new(), name)
}

fn find<'a>(tables: &mut Vec<&'a str>, rest: &'a str) -> Option<String> {
    for (at, _) in rest.match_indices('_') {
        let (first, behind) = (&rest[..at], &rest[at + 1..]);
        tables.push(first);
        let found = match named(tables) {
            Named::Table => key(tables, behind).or_else(|| find(tables, behind)),
            Named::Key | Named::Nothing => None,
        };
        tables.pop();
        if found.is_some() {
            return found;
        }
    }
    None
}

fn key(tables: &[&str], last: &str) -> Option<String> {
    let path = [tables, &[last]].concat();
    (named(&path) == Named::Key).then(|| path.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_known_with_or_without_a_default() {
        for key in
            ["http.bind", "auth.secret", "gateway.api_key", "guard.breaker.open_s", "store.password", "readmodel.url"]
        {
            assert_eq!(named(&key.split('.').collect::<Vec<_>>()), Named::Key, "{key}");
        }
        for table in ["http", "routing", "guard.breaker", "actors.supervision.call"] {
            assert_eq!(named(&table.split('.').collect::<Vec<_>>()), Named::Table, "{table}");
        }
        for nothing in ["port", "service.host", "http.port", "auth.secret.file", "guard.breaker.colour"] {
            assert_eq!(named(&nothing.split('.').collect::<Vec<_>>()), Named::Nothing, "{nothing}");
        }
    }

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
            assert_eq!(meant(name).as_deref(), key, "{name}");
        }
    }
}
