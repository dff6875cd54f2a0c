//! `docs/configuration.md` has every key with its default, and none that there is not.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use callout::config::Config;

use super::{Result, given};

/// The rows of the page, by section: each key with its default.
type Page = BTreeMap<String, BTreeMap<String, String>>;

const KINDS: &str = "actors.supervision.<kind>";

fn text() -> Result<String> {
    Ok(fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md"))?)
}

fn page(text: &str) -> Page {
    let mut page = Page::new();
    let mut section = None;
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("### `[").and_then(|rest| rest.strip_suffix("]`")) {
            section = Some(page.entry(name.to_owned()).or_default());
        }
        let mut cells = line.split(" | ").map(|cell| cell.trim_matches(['|', ' ', '`']).to_owned());
        if let (true, Some(section)) = (line.starts_with("| `"), &mut section)
            && let (Some(key), Some(default)) = (cells.next(), cells.next())
        {
            section.insert(key, default);
        }
    }
    page.remove(KINDS);
    page
}

/// Every key that has a default, by section; supervision of single kinds is left out.
fn defaults() -> Result<Page> {
    let mut page = Page::new();
    collect("", &toml::from_str(&Config::default().to_toml())?, &mut page);
    page.retain(|section, _| !section.starts_with("actors.supervision.") || section.contains(".default"));
    Ok(page)
}

fn collect(section: &str, table: &toml::Table, page: &mut Page) {
    for (key, value) in table {
        if let toml::Value::Table(inner) = value {
            collect(format!("{section}.{key}").trim_start_matches('.'), inner, page);
        } else {
            page.entry(section.to_owned()).or_default().insert(key.clone(), value.to_string());
        }
    }
}

/// The keys a section takes, as the refusal of an unknown one names them; tables in it are left out.
fn known(section: &str, sections: &Page) -> Result<BTreeSet<String>> {
    let problems = given(&format!("[{section}]\nno_such_key = 1"))?.problems().join("\n");
    let (_, list) = problems.split_once("known here: ").ok_or(problems.clone())?;
    let is_table = |key: &str| sections.keys().any(|other| other.starts_with(&format!("{section}.{key}")));
    let keys = list.lines().next().unwrap_or_default().split(", ").flat_map(|keys| keys.split(" or "));
    Ok(keys.filter(|key| !is_table(key)).map(str::to_owned).collect())
}

#[test]
fn the_page_shows_every_default() -> Result {
    let mut shown = page(&text()?);
    shown.values_mut().for_each(|rows| rows.retain(|_, default| default != "unset"));
    assert_eq!(shown, defaults()?);
    Ok(())
}

#[test]
fn the_page_has_the_keys_that_are_unset_and_none_that_there_is_not() -> Result {
    let shown = page(&text()?);
    for (section, rows) in &shown {
        assert_eq!(rows.keys().cloned().collect::<BTreeSet<_>>(), known(section, &shown)?, "[{section}]");
    }
    Ok(())
}

#[test]
fn the_page_says_which_kinds_of_actors_differ() -> Result {
    let text = text()?;
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
