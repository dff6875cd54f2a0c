//! `callout backup` and `callout restore`: an online copy of the embedded store with its read model, and the way back.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    clock,
    config::{Config, Problems, Sources},
    persistence::{self, backup::StoreCopy},
    readmodel::{self, backup::ReadModelCopy},
    sqlite_copy::{self, CopyError},
};

/// The files of a backup.
const STORE: &str = "store.db";
const READ_MODEL: &str = "readmodel.db";

/// How often the beginning of the two copies is tried. They do not fit together when the store forgets events, which it
/// does every two seconds at most, just between the two.
const ATTEMPTS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(100);

/// Why nothing was copied or put back.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("the configuration is wrong:\n{0}")]
    Config(#[from] Problems),
    #[error(
        "store.url is {url}: only the embedded store is copied by this command. Redis has means of its own (docs/redis.md), \
         and the read model's file goes with them (docs/operations.md, Backup)"
    )]
    NotEmbedded { url: String },
    #[error("there is no store at {0:?} (store.url): there is nothing to copy")]
    NoStore(PathBuf),
    #[error("{0:?} is not empty: name a new or an empty folder for the backup")]
    NotEmpty(PathBuf),
    #[error("{0:?} has no {STORE}: it is no backup that `callout backup` made")]
    NoBackup(PathBuf),
    #[error("the backup's {file} is damaged: {reason}. Nothing was changed")]
    Damaged { file: &'static str, reason: String },
    #[error("the backup's {READ_MODEL} belongs to another store than its {STORE}. Nothing was changed")]
    Mixed,
    #[error("{0:?} is in use: stop the server first. Nothing was changed")]
    InUse(PathBuf),
    #[error(
        "store and read model changed faster than they could be looked at together; try again when there is less to do"
    )]
    NeverFit,
    #[error("{path:?}: {source}")]
    Files { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Copy(#[from] CopyError),
    #[error(transparent)]
    Store(#[from] persistence::OpenError),
    #[error(transparent)]
    ReadModel(#[from] readmodel::OpenError),
}

/// Copies the embedded store and its read model into a new or empty folder, while the server runs or not. The two fit
/// together: the copy of the store has every event that the copy of the read model lacks.
///
/// # Errors
/// Why there is no copy; the folder has no finished files then.
pub async fn backup(sources: &Sources, folder: &Path) -> Result<String, BackupError> {
    let config = Config::load(sources)?;
    let store = embedded(&config)?;
    if !store.exists() {
        return Err(BackupError::NoStore(store));
    }
    empty(folder)?;
    let made = copy(&config, &store, folder).await;
    if made.is_err() {
        [STORE, READ_MODEL].iter().for_each(|file| drop(fs::remove_file(folder.join(file))));
    }
    made
}

async fn copy(config: &Config, store: &Path, folder: &Path) -> Result<String, BackupError> {
    let identity = persistence::backup::identity_of(store).await?;
    let files = readmodel::backup::files_of(&config.readmodel(), &identity).await?;
    let Some(file) = files.first() else {
        StoreCopy::begin(store, &folder.join(STORE)).await?.copy().await?;
        sync_folder(folder)?;
        return Ok(format!("copied the store to {}; there is no read model of it yet", folder.display()));
    };
    for _ in 0..ATTEMPTS {
        let read_model = ReadModelCopy::begin(file, &folder.join(READ_MODEL)).await?;
        let store = StoreCopy::begin(store, &folder.join(STORE)).await?;
        if store.identity == identity && store.has_events_after(&read_model.cursor) {
            store.copy().await?;
            read_model.copy().await?;
            sync_folder(folder)?;
            return Ok(format!("copied the store and its read model to {}", folder.display()));
        }
        store.give_up().await;
        read_model.give_up().await;
        tokio::time::sleep(PAUSE).await;
    }
    Err(BackupError::NeverFit)
}

/// Puts a backup in the place of the configured store and read model, while no server runs. What is there is renamed, not
/// deleted.
///
/// # Errors
/// Why nothing was put back.
pub async fn restore(sources: &Sources, folder: &Path) -> Result<String, BackupError> {
    let config = Config::load(sources)?;
    let store = embedded(&config)?;
    let (from_store, from_read_model) = (folder.join(STORE), folder.join(READ_MODEL));
    if !from_store.exists() {
        return Err(BackupError::NoBackup(folder.to_owned()));
    }
    is_sound(STORE, &from_store).await?;
    let identity = persistence::backup::identity_of(&from_store).await?;
    let has_read_model = from_read_model.exists();
    if has_read_model {
        is_sound(READ_MODEL, &from_read_model).await?;
        if readmodel::backup::identity_of(&from_read_model).await? != Some(identity) {
            return Err(BackupError::Mixed);
        }
    }
    let read_models = config.readmodel();
    let named = read_models.file();
    for file in [&store, &named] {
        // A file that is damaged cannot be asked; a server that has it open notices that it is gone, and stops.
        if file.exists() && sqlite_copy::is_in_use(file).await.unwrap_or(false) {
            return Err(BackupError::InUse(file.clone()));
        }
    }
    let suffix = format!(".before-restore-{}", clock::now().as_second());
    set_aside(&store, &suffix)?;
    set_aside(&named, &suffix)?;
    // The store comes last: without it, a start is refused because a read model is there.
    if has_read_model {
        put(&from_read_model, &named)?;
    }
    put(&from_store, &store)?;
    let said = format!("{} is in place; former files are beside it with the suffix {suffix}", store.display());
    Ok(if has_read_model { said } else { format!("{said}; the backup has no read model, a new one will be made") })
}

fn embedded(config: &Config) -> Result<PathBuf, BackupError> {
    let url = || BackupError::NotEmbedded { url: format!("{:?}", config.store.url) };
    config.store.sqlite_file().map(Path::to_owned).ok_or_else(url)
}

/// Makes the folder, which must have nothing in it.
fn empty(folder: &Path) -> Result<(), BackupError> {
    let failed = |source| BackupError::Files { path: folder.to_owned(), source };
    fs::create_dir_all(folder).map_err(failed)?;
    match fs::read_dir(folder).map_err(failed)?.next() {
        None => Ok(()),
        Some(_) => Err(BackupError::NotEmpty(folder.to_owned())),
    }
}

async fn is_sound(file: &'static str, path: &Path) -> Result<(), BackupError> {
    match sqlite_copy::damage(path).await {
        Ok(None) => Ok(()),
        Ok(Some(reason)) => Err(BackupError::Damaged { file, reason }),
        Err(error) => Err(BackupError::Damaged { file, reason: error.to_string() }),
    }
}

/// Renames a database's files.
fn set_aside(path: &Path, suffix: &str) -> Result<(), BackupError> {
    for part in ["", "-wal", "-shm"] {
        let from = with_suffix(path, part);
        let failed = |source| BackupError::Files { path: from.clone(), source };
        if from.exists() {
            fs::rename(&from, with_suffix(&with_suffix(path, suffix), part)).map_err(failed)?;
        }
    }
    Ok(())
}

/// Copies a file to its place: it is there whole, or not at all.
fn put(from: &Path, to: &Path) -> Result<(), BackupError> {
    let failed = |source| BackupError::Files { path: to.to_owned(), source };
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(failed)?;
    let unfinished = with_suffix(to, ".restoring");
    fs::copy(from, &unfinished).map_err(failed)?;
    fs::File::open(&unfinished).and_then(|file| file.sync_all()).map_err(failed)?;
    fs::rename(&unfinished, to).map_err(failed)?;
    sync_folder(folder)
}

fn sync_folder(folder: &Path) -> Result<(), BackupError> {
    let failed = |source| BackupError::Files { path: folder.to_owned(), source };
    fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
