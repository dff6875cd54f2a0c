//! The ledger's file: one JSON line per record, handed to the operating system before anything is answered, so that the
//! end of the process loses nothing. Several processes may share it: each reads what the others wrote, under the
//! file's lock, before it takes a step. It decides nothing itself.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, BufRead, BufReader, Seek, SeekFrom, Write},
    path::Path,
};

use super::{
    super::settings::OpenError,
    ledger::{Ledger, Record},
};

/// The ledger, and the file behind it if there is one.
pub(super) struct Journal {
    ledger: Ledger,
    file: Option<LedgerFile>,
}

/// Why a step could not be taken. Nothing was recorded.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Another process holds the file's lock.
    Busy,
    /// The file cannot be read or written.
    Io(io::Error),
}

struct LedgerFile {
    file: File,
    /// How much of the file is in the ledger, in bytes.
    read: u64,
}

impl Journal {
    /// The ledger in that file, or one in memory only.
    pub(super) fn open(path: Option<&Path>) -> Result<Self, OpenError> {
        let mut journal = Self { ledger: Ledger::default(), file: None };
        if let Some(path) = path {
            journal.load(path).map_err(|source| OpenError::Ledger { path: path.to_owned(), source })?;
        }
        Ok(journal)
    }

    /// What is recorded, as of the last step.
    pub(super) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Takes one step; when it makes a record, that is written before this returns.
    pub(super) fn transact<T>(&mut self, step: impl FnOnce(&Ledger) -> (Option<Record>, T)) -> Result<T, Trouble> {
        let Self { ledger, file } = self;
        let Some(file) = file else {
            let (record, taken) = step(ledger);
            record.into_iter().for_each(|record| ledger.add(record));
            return Ok(taken);
        };
        file.file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => Trouble::Busy,
            TryLockError::Error(error) => Trouble::Io(error),
        })?;
        let result = file.locked(ledger, step).map_err(Trouble::Io);
        file.file.unlock().map_err(Trouble::Io)?;
        result
    }

    fn load(&mut self, path: &Path) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        let mut file = LedgerFile { file, read: 0 };
        file.file.lock()?;
        let loaded = file.catch_up(&mut self.ledger);
        file.file.unlock()?;
        self.file = Some(file);
        loaded
    }
}

impl LedgerFile {
    fn locked<T>(&mut self, ledger: &mut Ledger, step: impl FnOnce(&Ledger) -> (Option<Record>, T)) -> io::Result<T> {
        self.catch_up(ledger)?;
        let (record, taken) = step(ledger);
        if let Some(record) = record {
            self.append(&record)?;
            ledger.add(record);
        }
        Ok(taken)
    }

    /// Reads what others wrote. An unfinished last line is of a writer that died: it was never answered, so it goes.
    fn catch_up(&mut self, ledger: &mut Ledger) -> io::Result<()> {
        let len = self.file.metadata()?.len();
        if len < self.read {
            return Err(invalid(format!("shrank from {} to {len} bytes; it must only grow", self.read)));
        }
        if len == self.read {
            return Ok(());
        }
        self.file.seek(SeekFrom::Start(self.read))?;
        let mut lines = BufReader::new(&self.file);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line)? > 0 && line.last() == Some(&b'\n') {
            let record = serde_json::from_slice(&line)
                .map_err(|error| invalid(format!("the line at byte {} is not a record: {error}", self.read)))?;
            ledger.add(record);
            self.read += line.len() as u64;
            line.clear();
        }
        if self.read < len { self.file.set_len(self.read) } else { Ok(()) }
    }

    /// One write for the whole line. What a failed one left behind is cut off again, at the latest by the next reader.
    fn append(&mut self, record: &Record) -> io::Result<()> {
        let mut line = serde_json::to_vec(record).map_err(io::Error::other)?;
        line.push(b'\n');
        if let Err(error) = self.file.write_all(&line) {
            self.file.set_len(self.read)?;
            return Err(error);
        }
        self.read += line.len() as u64;
        Ok(())
    }
}

fn invalid(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests;
