//! The embedded store: its data sets, and what only a file can do.

use std::{error::Error, path::PathBuf};

use callout::{
    actors::ports::store::StoreError,
    persistence::{OpenError, StoreSettings},
};
use sqlx::{Connection, SqliteConnection};

use libtest_mimic::Trial;

use crate::{
    harness::{Case, Fixture, TestResult, case, trial},
    suite,
};

/// An empty folder with the path of a file that is not there yet.
fn fixture() -> Result<Fixture, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let url = format!("sqlite://{}", folder.path().join("data/callout.db").display());
    Ok(Fixture { url, _keep: Box::new(folder) })
}

/// The contract, and what is the file's own.
pub fn trials() -> Vec<Trial> {
    suite::cases().into_iter().chain(cases()).map(|case| trial("sqlite", fixture, case)).collect()
}

fn cases() -> Vec<Case> {
    vec![
        case(a_file_of_a_later_release_is_left_alone),
        case(a_file_of_an_earlier_release_is_brought_up_to_date_with_what_it_has),
        case(a_file_of_another_program_is_left_alone),
        case(a_damaged_file_is_corrupt),
        case(a_file_that_another_process_has_locked_is_unavailable_and_then_good_again),
        case(a_new_file_that_many_open_at_once_is_opened_by_all),
        case(a_folder_that_cannot_be_made_is_named),
        case(a_setting_out_of_range_and_an_unknown_scheme_are_refused),
    ]
}

impl Fixture {
    fn path(&self) -> PathBuf {
        PathBuf::from(self.url.trim_start_matches("sqlite://"))
    }

    async fn connect(&self) -> Result<SqliteConnection, sqlx::Error> {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(self.path()).create_if_missing(true);
        SqliteConnection::connect_with(&options).await
    }
}

async fn a_file_of_a_later_release_is_left_alone(fixture: Fixture) -> TestResult {
    fixture.open().await?.close().await;
    let mut connection = fixture.connect().await?;
    sqlx::raw_sql("PRAGMA user_version = 99").execute(&mut connection).await?;
    let Err(OpenError::Newer { found: 99, known: 2, .. }) = fixture.open().await else {
        return Err("a file with schema 99 was opened".into());
    };
    Ok(())
}

async fn a_file_of_an_earlier_release_is_brought_up_to_date_with_what_it_has(fixture: Fixture) -> TestResult {
    let owner = fixture.own().await?;
    let (first, identity) = (owner.first("a"), owner.store.identity().await?);
    owner.put(&first).await?;
    owner.store.close().await;
    let mut connection = fixture.connect().await?;
    sqlx::raw_sql("DROP TABLE terms; PRAGMA user_version = 1").execute(&mut connection).await?;
    let now = fixture.own().await?;
    assert_eq!(now.load(&first).await?, Some(crate::harness::stored(&first)));
    assert_eq!((now.store.identity().await?, now.store.kept_terms().await?), (identity, Vec::new()));
    Ok(())
}

async fn a_file_of_another_program_is_left_alone(fixture: Fixture) -> TestResult {
    std::fs::create_dir_all(fixture.path().parent().ok_or("the path has no folder")?)?;
    let mut connection = fixture.connect().await?;
    sqlx::raw_sql("CREATE TABLE letters (body TEXT)").execute(&mut connection).await?;
    let before = std::fs::read(fixture.path())?;
    let Err(OpenError::Foreign { .. }) = fixture.open().await else {
        return Err("another program's file was opened".into());
    };
    assert_eq!(std::fs::read(fixture.path())?, before);
    Ok(())
}

async fn a_damaged_file_is_corrupt(fixture: Fixture) -> TestResult {
    fixture.open().await?.close().await;
    std::fs::write(fixture.path(), [0x5a; 20_000])?;
    let Err(error @ OpenError::Damaged { .. }) = fixture.open().await else {
        return Err("20,000 times Z was opened".into());
    };
    assert!(error.to_string().contains("Put it back from a backup"), "{error}");
    Ok(())
}

async fn a_file_that_another_process_has_locked_is_unavailable_and_then_good_again(fixture: Fixture) -> TestResult {
    let settings = StoreSettings { lock_timeout_ms: 50, ..StoreSettings::default() };
    let store = callout::persistence::open(&settings.clone().at(&fixture.url)).await?;
    let epoch = store.take_ownership().await?;
    let owner = crate::harness::Owner { store, epoch };
    let mut other = fixture.connect().await?;
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await?;
    let Err(StoreError::Unavailable { reason, .. }) = owner.commit(&owner.first("a")).await else {
        return Err("a commit went through a lock".into());
    };
    assert!(reason.starts_with("another process holds the file's write lock"), "{reason}");
    assert!(matches!(owner.store.ready().await, Err(StoreError::Unavailable { .. })));
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await?;
    owner.put(&owner.first("a")).await?;
    owner.store.ready().await?;
    Ok(())
}

async fn a_new_file_that_many_open_at_once_is_opened_by_all(fixture: Fixture) -> TestResult {
    let opening: Vec<_> = (0..8).map(|_| tokio::spawn(opened(fixture.url.clone()))).collect();
    let mut identities = std::collections::BTreeSet::new();
    for identity in opening {
        identities.insert(identity.await??);
    }
    assert_eq!(identities.len(), 1, "it is one data set: {identities:?}");
    Ok(())
}

/// The identity of the store at that URL.
async fn opened(url: String) -> Result<uuid::Uuid, String> {
    let store =
        callout::persistence::open(&StoreSettings::default().at(&url)).await.map_err(|error| error.to_string())?;
    store.identity().await.map_err(|error| error.to_string())
}

async fn a_folder_that_cannot_be_made_is_named(fixture: Fixture) -> TestResult {
    let folder = fixture.path().parent().ok_or("the path has no folder")?.to_owned();
    std::fs::write(&folder, "a file where a folder should be")?;
    let Err(error @ OpenError::Folder { .. }) = fixture.open().await else {
        return Err("a folder was made where a file is".into());
    };
    assert!(error.to_string().contains(&folder.display().to_string()), "{error}");
    Ok(())
}

async fn a_setting_out_of_range_and_an_unknown_scheme_are_refused(fixture: Fixture) -> TestResult {
    let settings = StoreSettings { queue_max_commits: 0, ..StoreSettings::default() };
    let refused = callout::persistence::open(&settings.clone().at(&fixture.url)).await;
    let Err(error @ OpenError::Setting { .. }) = refused else { return Err("0 is out of range".into()) };
    assert_eq!(error.to_string(), "store.queue_max_commits must be 1 to 1000000, got 0");
    for url in ["postgres://app:secret@host/db", "data/callout.db", ""] {
        let Err(error @ OpenError::Url { .. }) = callout::persistence::open(&StoreSettings::default().at(url)).await
        else {
            return Err(format!("{url} was opened").into());
        };
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    Ok(())
}
