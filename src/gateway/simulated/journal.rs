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
    ledger::{Books, Ledger, Record, Shelf},
};

/// The ledger, and the place of its records: a file or memory.
pub(super) struct Journal {
    ledger: Ledger,
    shelf: Kept,
}

enum Kept {
    InMemory(Vec<Record>),
    InFile(LedgerFile),
}

/// Why a step could not be taken. Nothing was recorded.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Another process holds the file's lock.
    Busy,
    /// The file cannot be read or written.
    Io(io::Error),
}

/// The length of most lines, in bytes.
const LINE_BYTES: usize = 512;

struct LedgerFile {
    file: File,
    /// How much of the file is in the ledger, in bytes.
    read: u64,
}

impl Journal {
    /// The ledger in that file, or one in memory only.
    pub(super) fn open(path: Option<&Path>) -> Result<Self, OpenError> {
        let mut ledger = Ledger::default();
        let shelf = match path {
            None => Kept::InMemory(Vec::new()),
            Some(path) => {
                let file = LedgerFile::open(path, &mut ledger);
                Kept::InFile(file.map_err(|source| OpenError::Ledger { path: path.to_owned(), source })?)
            }
        };
        Ok(Self { ledger, shelf })
    }

    /// The records, as of the last step.
    pub(super) fn books(&self) -> Books<'_> {
        Books { ledger: &self.ledger, shelf: &self.shelf }
    }

    /// Takes one step; when it makes a record, that is written before this returns.
    pub(super) fn transact<T>(
        &mut self,
        step: impl FnOnce(Books<'_>) -> io::Result<(Option<Record>, T)>,
    ) -> Result<T, Trouble> {
        if let Kept::InFile(file) = &self.shelf {
            file.file.try_lock().map_err(|error| match error {
                TryLockError::WouldBlock => Trouble::Busy,
                TryLockError::Error(error) => Trouble::Io(error),
            })?;
        }
        let result = self.locked(step).map_err(Trouble::Io);
        if let Kept::InFile(file) = &self.shelf {
            file.file.unlock().map_err(Trouble::Io)?;
        }
        result
    }

    fn locked<T>(&mut self, step: impl FnOnce(Books<'_>) -> io::Result<(Option<Record>, T)>) -> io::Result<T> {
        if let Kept::InFile(file) = &mut self.shelf {
            file.catch_up(&mut self.ledger)?;
        }
        let (record, taken) = step(self.books())?;
        if let Some(record) = record {
            let place = self.shelf.put(&record)?;
            self.ledger.add(&record, place);
        }
        Ok(taken)
    }
}

impl Kept {
    fn put(&mut self, record: &Record) -> io::Result<u64> {
        match self {
            Self::InMemory(records) => {
                records.push(record.clone());
                Ok(records.len() as u64 - 1)
            }
            Self::InFile(file) => file.append(record),
        }
    }
}

impl Shelf for Kept {
    fn record(&self, place: u64) -> io::Result<Record> {
        match self {
            Self::InMemory(records) => {
                let record = usize::try_from(place).ok().and_then(|place| records.get(place));
                record.cloned().ok_or_else(|| invalid(format!("there is no record {place}")))
            }
            Self::InFile(file) => file.record(place),
        }
    }
}

impl LedgerFile {
    fn open(path: &Path, ledger: &mut Ledger) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        let mut file = Self { file, read: 0 };
        file.file.lock()?;
        let loaded = file.catch_up(ledger);
        file.file.unlock()?;
        loaded.map(|()| file)
    }

    /// The record whose line begins at this byte.
    fn record(&self, place: u64) -> io::Result<Record> {
        (&self.file).seek(SeekFrom::Start(place))?;
        let mut line = Vec::with_capacity(LINE_BYTES);
        BufReader::with_capacity(LINE_BYTES, &self.file).read_until(b'\n', &mut line)?;
        parse(&line, place)
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
            ledger.add(&parse(&line, self.read)?, self.read);
            self.read += line.len() as u64;
            line.clear();
        }
        if self.read < len { self.file.set_len(self.read) } else { Ok(()) }
    }

    /// One write for the whole line; where it begins. What a failed one left behind is cut off again, at the latest
    /// by the next reader.
    fn append(&mut self, record: &Record) -> io::Result<u64> {
        let mut line = serde_json::to_vec(record).map_err(io::Error::other)?;
        line.push(b'\n');
        if let Err(error) = self.file.write_all(&line) {
            self.file.set_len(self.read)?;
            return Err(error);
        }
        let place = self.read;
        self.read += line.len() as u64;
        Ok(place)
    }
}

fn parse(line: &[u8], place: u64) -> io::Result<Record> {
    serde_json::from_slice(line).map_err(|error| invalid(format!("the line at byte {place} is not a record: {error}")))
}

fn invalid(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests;
