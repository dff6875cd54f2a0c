//! `config/default.toml` and `docs/configuration.md` say what the structs of the sections say: every key with its default,
//! its range and what it is for. With `CALLOUT_WRITE_PAGES=1` these tests write the two files instead of comparing them.

use std::{collections::BTreeSet, fmt::Write as _, fs, path::Path};

use callout::{
    config::Config,
    settings::{Field, Shape, Table, dotted},
};

use super::Result;

const HEAD: &str = "\
# callout: every key with its default. Units are in the names: _s, _ms, _m, _bytes.
#
# Read in this order, a later value replaces an earlier one: defaults in code, this file, --config files, environment.
# The environment names a key CALLOUT_<SECTION>__<KEY>: CALLOUT_HTTP__BIND, CALLOUT_GUARD__BREAKER__OPEN_S.
# Unknown keys are errors. `callout config check` names every problem, `callout config show` shows what is in force.
";

/// The longest line of a comment, characters.
const WIDTH: usize = 118;

/// The table under which kinds of actors say what differs.
const KINDS: &str = "actors.supervision.<kind>";

fn whole() -> (Table, toml::Value) {
    let Shape::Table(table) = Shape::of::<Config>() else { panic!("the configuration is a table") };
    (table, toml::from_str(&Config::default().to_toml()).expect("it is TOML"))
}

/// Each table of the configuration with its path, what it is for and its defaults, in order.
fn sections(
    path: &str,
    table: &Table,
    defaults: &toml::Value,
    each: &mut impl FnMut(&str, &str, &Table, &toml::Value),
) {
    let empty = toml::Value::Table(toml::Table::new());
    for (key, field) in &table.fields {
        let Shape::Table(inner) = &field.shape else { continue };
        let (path, defaults) = (dotted(path, key), defaults.get(key));
        if table.is_overlay && defaults.is_none() {
            continue;
        }
        each(&path, &field.description, inner, defaults.unwrap_or(&empty));
        sections(&path, inner, defaults.unwrap_or(&empty), each);
    }
}

/// What a key is for, and the values it permits.
fn described(field: &Field) -> String {
    match field.shape.range() {
        range if range.is_empty() => field.description.clone(),
        range => format!("{} Range: {range}.", field.description),
    }
}

fn keys<'a>(
    table: &'a Table,
    defaults: &'a toml::Value,
) -> impl Iterator<Item = (&'a str, &'a Field, Option<&'a toml::Value>)> {
    let all = table.fields.iter().filter(|(_, field)| !matches!(field.shape, Shape::Table(_)));
    let all = all.map(|(key, field)| (key.as_str(), field, defaults.get(key)));
    all.filter(|(_, _, default)| default.is_some() || !table.is_overlay)
}

fn default_file() -> String {
    let mut text = HEAD.to_owned();
    let (table, defaults) = whole();
    sections("", &table, &defaults, &mut |path, description, table, defaults| {
        text.push('\n');
        comment(&mut text, description);
        writeln!(text, "[{path}]").expect("written");
        for (key, field, default) in keys(table, defaults) {
            comment(&mut text, &described(field));
            match default {
                Some(default) => writeln!(text, "{key} = {default}").expect("written"),
                None if field.shape == Shape::Text => writeln!(text, "# {key} = \"…\"").expect("written"),
                None => writeln!(text, "# {key} = …").expect("written"),
            }
        }
    });
    text
}

fn comment(text: &mut String, words: &str) {
    let mut line = "#".to_owned();
    for word in words.split_whitespace() {
        if line.chars().count() + 1 + word.chars().count() > WIDTH {
            writeln!(text, "{line}").expect("written");
            line = "#".to_owned();
        }
        line.push(' ');
        line.push_str(word);
    }
    if line.len() > 1 {
        writeln!(text, "{line}").expect("written");
    }
}

/// The rows that the page has for a table.
fn rows(table: &Table, defaults: &toml::Value) -> String {
    let mut rows = "| key | default | range | meaning |\n|---|---|---|---|\n".to_owned();
    for (key, field, default) in keys(table, defaults) {
        let default = default.map_or_else(|| "unset".to_owned(), |default| format!("`{default}`"));
        let (range, meaning) = (field.shape.range(), field.description.replace('|', "\\|"));
        writeln!(rows, "| `{key}` | {default} | {range} | {meaning} |").expect("written");
    }
    rows
}

/// The page with the rows of its tables as they must be.
fn page(current: &str) -> String {
    let (table, defaults) = whole();
    let mut page = current.to_owned();
    sections("", &table, &defaults, &mut |path, _, table, defaults| {
        if table.is_overlay || path.strip_prefix("actors.supervision.").is_some_and(|kind| !kind.starts_with("default"))
        {
            return;
        }
        if keys(table, defaults).next().is_none() {
            return;
        }
        let heading = format!("### `[{path}]`\n");
        let at =
            page.find(&heading).unwrap_or_else(|| panic!("docs/configuration.md has no {heading}")) + heading.len();
        let end = page[at..].find("\n### ").map_or(page.len(), |end| at + end + 1);
        let begin = page[at..end].find("| key |").map_or(end, |begin| at + begin);
        let after = page[begin..end].find("\n\n").map_or(end, |after| begin + after + 1);
        page.replace_range(begin..after, &rows(table, defaults));
    });
    page
}

/// Compares a file with what it must be, or writes it.
fn hold(name: &str, right: &str) -> Result {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    if std::env::var_os("CALLOUT_WRITE_PAGES").is_some() {
        fs::write(path, right)?;
        return Ok(());
    }
    let current = fs::read_to_string(path)?;
    let wrong = current.lines().zip(right.lines()).find(|(is, should)| is != should);
    assert!(
        current == right,
        "{name} does not say what the code says; first: {wrong:?}; CALLOUT_WRITE_PAGES=1 cargo test --test config page writes it"
    );
    Ok(())
}

#[test]
fn the_shipped_file_has_every_key_with_its_default_its_range_and_what_it_is_for() -> Result {
    hold("config/default.toml", &default_file())
}

#[test]
fn the_page_has_every_key_with_its_default_its_range_and_what_it_is_for() -> Result {
    let current = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md"))?;
    hold("docs/configuration.md", &page(&current))
}

#[test]
fn the_page_has_no_section_that_there_is_not() -> Result {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md"))?;
    let shown = text.lines().filter_map(|line| line.strip_prefix("### `[")?.strip_suffix("]`"));
    let (table, defaults) = whole();
    let mut known = BTreeSet::from([KINDS.to_owned()]);
    sections("", &table, &defaults, &mut |path, _, _, _| {
        known.insert(path.to_owned());
    });
    let unknown: Vec<_> = shown.filter(|section| !known.contains(*section)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    Ok(())
}

#[test]
fn the_page_says_which_kinds_of_actors_differ() -> Result {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md"))?;
    let defaults: toml::Table = toml::from_str(&Config::default().to_toml())?;
    let kinds = defaults["actors"]["supervision"].as_table().ok_or("no kinds")?;
    for (kind, differs) in kinds.iter().filter(|(kind, _)| *kind != "default") {
        assert!(text.contains(&format!("`{kind}`")), "{kind} is not named");
        let rows =
            differs.as_table().into_iter().flatten().map(|(key, value)| format!("| `{kind}` | `{key} = {value}` |"));
        for row in rows {
            assert!(text.contains(&row), "{row}");
        }
    }
    Ok(())
}

/// Every key that is described badly: of unknown shape, or without a word about it.
fn lacking(path: &str, table: &Table, found: &mut Vec<String>) {
    for (key, field) in &table.fields {
        let path = dotted(path, key);
        if field.shape == Shape::Unknown || field.description.is_empty() {
            found.push(path.clone());
        }
        if let Shape::Table(inner) = &field.shape {
            lacking(&path, inner, found);
        }
    }
}

#[test]
fn every_key_has_a_type_a_range_and_a_description() {
    let mut found = Vec::new();
    lacking("", &whole().0, &mut found);
    assert!(found.is_empty(), "{found:#?}");
}
