//! The shape of the code: which part may use which, and what every file owes its reader.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Which top-level modules a top-level module uses, besides itself. `app` and `main` may use them all.
///
/// `main → app → config → { http, persistence, gateway, routing, readmodel, notify } → actors → domain`, with the clock as
/// the one source of time, ids and randomness for everything but the domain, which takes them as arguments, and `settings`
/// as what every section of the configuration is made of. A part owns its section; the configuration knows the parts.
const MAY_USE: [(&str, &[&str]); 20] = [
    ("domain", &[]),
    ("clock", &[]),
    ("claim", &[]),
    ("open_file", &[]),
    ("settings", &[]),
    ("telemetry", &["settings"]),
    ("outbound", &[]),
    ("sqlite_copy", &[]),
    ("vault", &[]),
    ("actors", &["domain", "clock", "claim", "settings", "vault"]),
    ("persistence", &["actors", "clock", "claim", "open_file", "outbound", "settings", "sqlite_copy"]),
    ("gateway", &["actors", "domain", "clock", "outbound", "settings", "vault"]),
    ("routing", &["actors", "domain", "outbound", "settings"]),
    ("notify", &["domain"]),
    ("readmodel", &["actors", "domain", "clock", "notify", "open_file", "settings", "sqlite_copy"]),
    ("http", &["actors", "domain", "clock", "notify", "readmodel", "settings", "vault"]),
    (
        "config",
        &[
            "actors",
            "domain",
            "clock",
            "persistence",
            "gateway",
            "routing",
            "readmodel",
            "http",
            "settings",
            "telemetry",
        ],
    ),
    ("cli", &["domain"]),
    ("app", EVERYTHING),
    ("main", EVERYTHING),
];

const EVERYTHING: &[&str] = &[
    "domain",
    "clock",
    "claim",
    "open_file",
    "settings",
    "telemetry",
    "outbound",
    "sqlite_copy",
    "vault",
    "actors",
    "persistence",
    "gateway",
    "routing",
    "notify",
    "readmodel",
    "http",
    "config",
    "cli",
    "app",
];

/// Crates that belong to some parts alone.
const ONLY_IN: [(&str, &[&str]); 11] = [
    ("sqlx", &["persistence", "readmodel", "sqlite_copy"]),
    ("redis", &["persistence"]),
    ("reqwest", &["gateway", "outbound", "routing"]),
    ("actix", &["actors", "app", "readmodel"]),
    ("actix_cors", &["http"]),
    ("actix_web", &["http", "app"]),
    ("actix_ws", &["http"]),
    ("aes_gcm_siv", &["vault"]),
    ("governor", &["actors", "http"]),
    ("hkdf", &["vault"]),
    ("serde_path_to_error", &["settings", "http"]),
];

/// What the domain is not given: the machine's clock, randomness, threads, files and sockets.
const NOT_IN_THE_DOMAIN: [&str; 8] =
    ["tokio", "std::fs", "std::net", "std::thread", "std::env", "std::process", "Timestamp::now", "Uuid::"];

const MAX_LINES: usize = 400;

struct Source {
    path: PathBuf,
    /// The modules it lies in: `["actors", "entity", "actor"]`.
    modules: Vec<String>,
    text: String,
    /// The text without comments.
    code: String,
}

impl Source {
    fn top(&self) -> &str {
        self.modules.first().map_or("lib", String::as_str)
    }
}

#[test]
fn imports_follow_the_arrows() {
    let allowed: BTreeMap<_, _> = MAY_USE.into_iter().collect();
    let mut wrong = Vec::new();
    for source in sources("src").iter().filter(|source| source.top() != "lib") {
        let Some(may_use) = allowed.get(source.top()) else {
            wrong.push(format!("{}: src has no place for `{}`; give it one", source.path.display(), source.top()));
            continue;
        };
        for used in uses(source).into_iter().filter(|used| used != source.top()) {
            if !may_use.contains(&used.as_str()) {
                wrong.push(format!("{}: `{}` may not use `{used}`", source.path.display(), source.top()));
            }
        }
    }
    assert!(wrong.is_empty(), "against the arrows of ARCHITECTURE.md:\n{}", wrong.join("\n"));
}

#[test]
fn every_arrow_and_every_place_of_a_library_is_used() {
    let mut used: BTreeSet<(String, String)> = BTreeSet::new();
    let mut libraries: BTreeSet<(&str, String)> = BTreeSet::new();
    for source in sources("src") {
        used.extend(uses(&source).into_iter().map(|other| (source.top().to_owned(), other)));
        let named = ONLY_IN.iter().filter(|(library, _)| names(&source.code, &format!("{library}::")));
        libraries.extend(named.map(|(library, _)| (*library, source.top().to_owned())));
    }
    let arrows = MAY_USE.iter().filter(|(part, _)| !matches!(*part, "app" | "main"));
    let arrows = arrows.flat_map(|(part, others)| others.iter().map(|other| (part.to_string(), other.to_string())));
    let idle: Vec<_> = arrows.filter(|arrow| !used.contains(arrow)).collect();
    assert!(idle.is_empty(), "allowed, and used by nothing: {idle:?}");
    let places = ONLY_IN.iter().flat_map(|(library, parts)| parts.iter().map(|part| (*library, part.to_string())));
    let idle: Vec<_> = places.filter(|place| !libraries.contains(place)).collect();
    assert!(idle.is_empty(), "allowed, and used by nothing: {idle:?}");
}

#[test]
fn libraries_stay_in_the_parts_they_belong_to() {
    let mut wrong = Vec::new();
    for source in sources("src") {
        for (library, parts) in ONLY_IN {
            if names(&source.code, &format!("{library}::")) && !parts.contains(&source.top()) {
                wrong.push(format!("{}: `{library}` belongs to {parts:?}", source.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "libraries out of place:\n{}", wrong.join("\n"));
}

/// The files of `domain/call` that decide, each before those that it may use.
const ORDER_OF_A_CALL: [&str; 9] =
    ["decide", "terms", "approval", "request", "paying", "dispatch", "settling", "steps", "refused"];

#[test]
fn what_decides_about_a_call_uses_only_what_comes_after_it() {
    let mut wrong = Vec::new();
    for source in sources("src") {
        let ["domain", "call", file] = source.modules.iter().map(String::as_str).collect::<Vec<_>>()[..] else {
            continue;
        };
        let Some(place) = ORDER_OF_A_CALL.iter().position(|name| *name == file) else { continue };
        for earlier in ORDER_OF_A_CALL[..place].iter().filter(|name| names(&source.code, &format!("{name}::"))) {
            wrong.push(format!("`{file}` uses `{earlier}`"));
        }
    }
    assert!(wrong.is_empty(), "circles in domain/call: {wrong:?}");
}

#[test]
fn the_domain_is_pure() {
    let mut wrong = Vec::new();
    for source in sources("src").iter().filter(|source| source.top() == "domain") {
        for forbidden in NOT_IN_THE_DOMAIN.iter().filter(|forbidden| names(&source.code, forbidden)) {
            wrong.push(format!("{}: `{forbidden}`", source.path.display()));
        }
    }
    assert!(wrong.is_empty(), "the domain takes time and ids as arguments and does no I/O:\n{}", wrong.join("\n"));
}

#[test]
fn every_file_says_first_what_it_is_for() {
    let silent = paths(everywhere().filter(|source| !source.text.starts_with("//! ")));
    assert!(silent.is_empty(), "these do not open with `//!`: {silent:#?}");
}

/// The compiler's own lint asks for a sentence at every field as well, and gets "The id." there.
#[test]
fn every_public_type_says_what_it_is() {
    let kinds = ["struct ", "enum ", "trait "];
    let mut silent = Vec::new();
    for source in sources("src") {
        let lines: Vec<_> = source.text.lines().collect();
        for (number, line) in lines.iter().enumerate() {
            let begins = line
                .trim_start()
                .strip_prefix("pub ")
                .is_some_and(|rest| kinds.iter().any(|kind| rest.starts_with(kind)));
            let above = lines[..number].iter().rev().find(|above| !is_attribute(above));
            if begins && !above.is_some_and(|above| above.trim_start().starts_with("///")) {
                silent.push(format!("{}:{}", source.path.display(), number + 1));
            }
        }
    }
    assert!(silent.is_empty(), "these are public and say nothing: {silent:#?}");
}

/// Whether a line is an attribute, or the inside of one that goes over several lines.
fn is_attribute(line: &str) -> bool {
    let line = line.trim();
    line.starts_with("#[") || line.ends_with(")]") || line.ends_with("\",") || line == ")]"
}

#[test]
fn no_file_is_over_400_lines() {
    let long = paths(everywhere().filter(|source| source.text.lines().count() > MAX_LINES));
    assert!(long.is_empty(), "split these: {long:#?}");
}

#[test]
fn nothing_is_left_to_do() {
    let macros = ["todo!", "unimplemented!"];
    let open = paths(sources("src").into_iter().filter(|source| macros.iter().any(|name| names(&source.code, name))));
    assert!(open.is_empty(), "these are not finished: {open:#?}");
}

#[test]
fn links_between_the_pages_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut wrong = Vec::new();
    for page in [root.to_owned(), root.join("docs")].iter().flat_map(|folder| pages(folder)) {
        let text = fs::read_to_string(&page).expect("a page");
        let links = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
        for link in links.filter(|link| !link.is_empty() && !link.contains("://")) {
            let there = page.parent().is_some_and(|folder| folder.join(link).exists());
            if !there {
                wrong.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "these lead nowhere: {wrong:#?}");
}

#[test]
fn the_map_names_what_there_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("ARCHITECTURE.md")).expect("the page");
    let named =
        text.split('`').skip(1).step_by(2).filter(|name| name.starts_with("src/") || name.starts_with("tests/"));
    let missing: Vec<_> = named.filter(|name| !root.join(name).exists()).collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md names what is not there: {missing:?}");
    let parts = fs::read_dir(root.join("src")).expect("src").map(|entry| entry.expect("an entry").path());
    let silent: Vec<_> = parts
        .filter(|part| part.is_dir())
        .filter(|part| !text.contains(&format!("`src/{}/", part.file_name().unwrap_or_default().to_string_lossy())))
        .collect();
    assert!(silent.is_empty(), "ARCHITECTURE.md does not say what is in {silent:?}");
}

/// The Markdown files of a folder.
fn pages(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let files = entries.map(|entry| entry.expect("an entry").path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect()
}

#[test]
fn the_scanner_sees_imports_however_they_are_written() {
    let source = |modules: &[&str], code: &str| Source {
        path: PathBuf::new(),
        modules: modules.iter().map(|&module| module.to_owned()).collect(),
        text: String::new(),
        code: without_comments(code),
    };
    let grouped = source(&["domain", "call"], "use crate::{\n    actors::{self, http},\n    gateway::Port,\n};");
    assert_eq!(uses(&grouped), ["actors", "gateway"].map(str::to_owned).into());
    let by_super = source(&["domain", "call"], "use super::super::{http::Error};");
    assert_eq!(uses(&by_super), ["http".to_owned()].into());
    let inside = source(&["domain", "call", "evolve"], "use super::{Call, Event}; // crate::http");
    assert_eq!(uses(&inside), BTreeSet::new());
    let in_code = source(&["domain"], "fn now() { crate::clock::now() }");
    assert_eq!(uses(&in_code), ["clock".to_owned()].into());
}

/// The top-level modules that a file names, by `crate::` or by climbing up with `super::`.
fn uses(source: &Source) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for rest in after_each(&source.code, "crate::") {
        used.extend(first_names(rest));
    }
    let climb = "super::".repeat(source.modules.len());
    for rest in after_each(&source.code, &climb) {
        used.extend(first_names(rest).into_iter().filter(|name| EVERYTHING.contains(&name.as_str())));
    }
    used
}

/// The first name of a path, or of each path in a group.
fn first_names(rest: &str) -> Vec<String> {
    let Some(group) = rest.strip_prefix('{') else { return vec![name_at(rest)] };
    let (mut depth, mut start, mut names) = (1, 0, Vec::new());
    for (index, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        let ends = depth == 0 || (depth == 1 && character == ',');
        if ends {
            names.push(name_at(group[start..index].trim()));
            start = index + 1;
        }
        if depth == 0 {
            break;
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

fn name_at(text: &str) -> String {
    text.chars().take_while(|&character| is_name(character)).collect()
}

fn is_name(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Whether `what` occurs, not as the end of a longer name.
fn names(code: &str, what: &str) -> bool {
    !after_each(code, what).is_empty()
}

/// What follows each occurrence of `what` that is not the end of a longer name.
fn after_each<'a>(code: &'a str, what: &str) -> Vec<&'a str> {
    code.match_indices(what)
        .filter(|(index, _)| !code[..*index].ends_with(|before: char| is_name(before) || before == '$'))
        .map(|(index, _)| &code[index + what.len()..])
        .collect()
}

fn without_comments(text: &str) -> String {
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

fn everywhere() -> impl Iterator<Item = Source> {
    sources("src").into_iter().chain(sources("tests"))
}

fn paths(sources: impl Iterator<Item = Source>) -> Vec<PathBuf> {
    sources.map(|source| source.path).collect()
}

fn sources(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut sources = Vec::new();
    collect(&root, &root, &mut sources);
    assert!(!sources.is_empty(), "no sources in {}", root.display());
    sources
}

fn collect(root: &Path, folder: &Path, sources: &mut Vec<Source>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        if path.is_dir() {
            collect(root, &path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let inside = path.strip_prefix(root).expect("inside").with_extension("");
            let mut modules: Vec<String> =
                inside.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
            modules.retain(|module| module != "mod" && module != "lib");
            let code = without_comments(&text);
            sources.push(Source { path, modules, text, code });
        }
    }
}
