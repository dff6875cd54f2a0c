//! What a child process wrote to stderr, and what must not be in it.

use std::{
    io::{BufRead, BufReader},
    process::ChildStderr,
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
};

/// The lines of all runs of one server.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    /// Reads `stderr` to its end on a thread of its own.
    pub fn follow(&self, stderr: ChildStderr) -> JoinHandle<()> {
        let log = self.clone();
        std::thread::spawn(move || {
            let mut reader = BufReader::new(stderr);
            let mut line = Vec::new();
            while reader.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                log.push(String::from_utf8_lossy(&line).trim_end().to_owned());
                line.clear();
            }
        })
    }

    /// Adds a line.
    pub fn push(&self, line: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    /// Everything so far.
    pub fn text(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).join("\n")
    }

    /// The panics that no drill asked for: a drill's says `drill` where it happened or just after.
    pub fn unexpected_panics(&self) -> Vec<String> {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let around = |at: usize| lines.iter().skip(at).take(3).any(|line| line.contains("drill"));
        let panics = lines.iter().enumerate().filter(|(_, line)| line.contains("panicked at"));
        panics.filter(|(at, _)| !around(*at)).map(|(_, line)| line.clone()).collect()
    }
}
