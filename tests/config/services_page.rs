//! `docs/services.md` names every key of a policy, and none that there is not.

use std::{collections::BTreeSet, fs, path::Path};

use super::{
    Result,
    services::{POLICY, checked, given_service},
};

/// Where the page's tables of keys are, and the table of the file that has them.
const TABLES: [(&str, &str); 5] = [
    ("## Keys", ""),
    ("### `[dispatch]`", "dispatch."),
    ("### `[booking]`", "booking."),
    ("### `[redispatch]`", "redispatch."),
    ("### `[payment]`", "payment."),
];

fn page() -> Result<String> {
    Ok(fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/services.md"))?)
}

fn section(heading: &str) -> Result<String> {
    let page = page()?;
    let (_, rest) = page.split_once(heading).ok_or(format!("no {heading:?}"))?;
    Ok(rest.split("\n#").next().unwrap_or_default().to_owned())
}

/// The keys of the rows of a table: those in the first cell.
fn shown(heading: &str) -> Result<BTreeSet<String>> {
    let section = section(heading)?;
    let cells = section.lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
    let keys = cells.flat_map(|cell| cell.split(", ")).map(|key| key.trim_matches(['`', ' ', '|']));
    Ok(keys.map(|key| key.split('.').next().unwrap_or(key).to_owned()).collect())
}

/// The keys that are taken there, as the refusal of an unknown one names them.
fn known(table: &str) -> Result<BTreeSet<String>> {
    let policy = match table.strip_suffix('.') {
        Some(table) if POLICY.contains(&format!("[{table}]")) => {
            POLICY.replace(&format!("[{table}]"), &format!("[{table}]\nno_such_key = 1"))
        }
        Some(table) => format!("{POLICY}\n[{table}]\nno_such_key = 1\n"),
        None => format!("no_such_key = 1\n{POLICY}"),
    };
    let (_, said) = checked(&given_service("", &policy)?)?;
    let (_, list) = said.split_once("known here: ").ok_or(said.clone())?;
    Ok(list.lines().next().unwrap_or_default().split(", ").map(str::to_owned).collect())
}

#[test]
fn the_page_has_every_key_and_none_that_there_is_not() -> Result {
    let tables =
        ["dispatch", "redispatch", "booking", "payment", "fare", "travel", "area", "steps", "labels", "messages"];
    for (heading, table) in TABLES {
        let mut shown = shown(heading)?;
        if table.is_empty() {
            // These have sections of their own, which say their name.
            for own in tables {
                assert!(page()?.contains(&format!("`[{own}]`")), "[{own}] has no section");
                shown.insert(own.to_owned());
            }
        }
        assert_eq!(shown, known(table)?, "{heading}");
    }
    Ok(())
}
