//! Every requirement of the services has a test that carries its id in its name: `dc_3_…` proves DC-3, `tx_k1_…` TX-K1.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// How many requirements there are of each kind: `dc_` is DC-1 to DC-10, `dc_n` DC-N1 to DC-N5.
const REQUIREMENTS: [(&str, usize); 11] = [
    ("dc_", 10),
    ("dc_n", 5),
    ("cl_", 6),
    ("cl_n", 4),
    ("rc_", 7),
    ("rc_n", 4),
    ("tx_", 7),
    ("tx_n", 5),
    ("tx_k", 2),
    ("sc_", 5),
    ("sc_n", 2),
];

/// How the name of a test begins that proves a requirement, for all of them: `dc_1_`, `dc_n1_`, `tx_k2_`.
fn beginnings() -> BTreeSet<String> {
    let of_kind = |(kind, count)| (1..=count).map(move |number| format!("{kind}{number}_"));
    REQUIREMENTS.into_iter().flat_map(of_kind).collect()
}

#[test]
fn every_requirement_has_a_test_named_after_it() {
    let tests = tests_of_the_services();
    let without: Vec<_> =
        beginnings().into_iter().filter(|id| !tests.iter().any(|name| name.starts_with(id))).collect();
    assert!(without.is_empty(), "tests/service has no test for {without:?}");
}

#[test]
fn no_test_is_named_after_a_requirement_that_is_none() {
    let known = beginnings();
    let claims = |name: &&String| REQUIREMENTS.iter().any(|(kind, _)| kind.ends_with('_') && name.starts_with(kind));
    let tests = tests_of_the_services();
    let wrong: Vec<_> =
        tests.iter().filter(claims).filter(|name| !known.iter().any(|id| name.starts_with(id))).collect();
    assert!(wrong.is_empty(), "these requirements do not exist: {wrong:?}");
}

/// The names of all tests that speak to the services.
fn tests_of_the_services() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/service");
    let mut names = BTreeSet::new();
    for file in rust_files(&folder) {
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let tests = text.split("#[tokio::test").skip(1).filter_map(|rest| rest.split_once("async fn "));
        names.extend(tests.filter_map(|(_, rest)| rest.split_once('(')).map(|(name, _)| name.to_owned()));
    }
    assert!(names.len() > 200, "only {} tests were found in {}", names.len(), folder.display());
    names
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let (folders, files): (Vec<_>, Vec<_>) =
        entries.map(|entry| entry.expect("an entry").path()).partition(|path| path.is_dir());
    let rust = files.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    rust.chain(folders.iter().flat_map(|folder| rust_files(folder))).collect()
}
