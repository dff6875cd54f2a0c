//! The file outlives its writers, also when they die in the middle of a line.

use std::{fs, path::PathBuf, sync::Arc};

use jiff::Timestamp;

use super::*;
use crate::{
    domain::{Currency, Money},
    gateway::simulated::ledger::Event,
};

type Tested = Result<(), Box<dyn std::error::Error>>;

fn record(key: &str) -> Record {
    Record {
        payment_id: Arc::from("p"),
        key: Arc::from(key),
        money: Money::new(100, Currency::KRW),
        at: Timestamp::UNIX_EPOCH,
        event: Event::Charge { reference: format!("ref_{key}").into() },
    }
}

fn write(journal: &mut Journal, key: &str) -> Result<(), String> {
    journal.transact(|_| Ok((Some(record(key)), ()))).map_err(|trouble| format!("{trouble:?}"))
}

fn keys(journal: &Journal) -> Vec<String> {
    journal.books().movements(None, 100, 0).expect("read").iter().map(|entry| entry.key.to_string()).collect()
}

fn file(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("not/yet/there/ledger.jsonl")
}

#[test]
fn a_torn_last_line_is_cut_off_and_the_rest_is_kept() -> Tested {
    let folder = tempfile::tempdir()?;
    let path = file(&folder);
    let mut journal = Journal::open(Some(&path))?;
    write(&mut journal, "one")?;
    write(&mut journal, "two")?;
    drop(journal);
    let whole = fs::read(&path)?;
    for torn in [1, 20, whole.len() / 2 - 1] {
        fs::write(&path, &whole[..whole.len() - torn])?;
        let mut journal = Journal::open(Some(&path))?;
        assert_eq!(keys(&journal), ["one"]);
        write(&mut journal, "three")?;
        assert_eq!(keys(&Journal::open(Some(&path))?), ["one", "three"]);
    }
    Ok(())
}

#[test]
fn a_broken_line_inside_is_an_error_that_tells_where() -> Tested {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("ledger.jsonl");
    fs::write(&path, "{\"kind\":\"charge\"}\n")?;
    let Err(error) = Journal::open(Some(&path)) else { return Err("it was opened".into()) };
    let text = error.to_string();
    assert!(text.contains("ledger.jsonl") && text.contains("byte 0"), "{text}");
    Ok(())
}

#[test]
fn two_writers_see_each_other_s_records_before_each_step() -> Tested {
    let folder = tempfile::tempdir()?;
    let path = file(&folder);
    let mut one = Journal::open(Some(&path))?;
    let mut two = Journal::open(Some(&path))?;
    write(&mut one, "one")?;
    write(&mut two, "two")?;
    write(&mut one, "three")?;
    assert_eq!(keys(&one), ["one", "two", "three"]);
    let Kept::InFile(file) = &one.shelf else { return Err("a file".into()) };
    file.file.lock()?;
    assert!(matches!(two.transact(|_| Ok((None, ()))), Err(Trouble::Busy)));
    Ok(())
}
