//! The process that gets killed: this test program again, committing as fast as it is answered.

use std::{
    env, io,
    io::Write,
    process::{Child, Command, ExitCode, Stdio},
    sync::Arc,
};

use tokio::sync::Mutex;

use crate::harness::{Fixture, Owner, TestResult, next};

const URL: &str = "CALLOUT_TEST_WRITING_CHILD";
/// How many entities it writes to at the same time.
const WRITERS: u32 = 40;

/// The store to write to, when this process is the child.
pub fn url() -> Option<String> {
    env::var(URL).ok()
}

/// Starts the child.
pub fn spawn(url: &str) -> io::Result<Child> {
    Command::new(env::current_exe()?).env(URL, url).stdout(Stdio::piped()).spawn()
}

/// Commits for ever, writing `id version;` for each that was acknowledged.
pub fn run(url: &str) -> ExitCode {
    let write = || -> TestResult {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        runtime.block_on(write_for_ever(url))
    };
    if let Err(error) = write() {
        eprintln!("the writing child: {error}");
    }
    ExitCode::SUCCESS
}

async fn write_for_ever(url: &str) -> TestResult {
    let fixture = Fixture { url: url.to_owned(), _keep: Box::new(()) };
    let owner = fixture.own().await?;
    let output = Arc::new(Mutex::new(io::stdout()));
    let writers = (0..WRITERS).map(|n| {
        let (owner, output) = (owner.clone(), Arc::clone(&output));
        tokio::spawn(async move { write_one(&owner, &format!("call_{}_{n}", owner.epoch.0), &output).await })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await??;
    }
    Ok(())
}

async fn write_one(owner: &Owner, id: &str, output: &Mutex<io::Stdout>) -> io::Result<()> {
    let mut commit = owner.first(id);
    loop {
        owner.put(&commit).await.map_err(|error| io::Error::other(error.to_string()))?;
        writeln!(output.lock().await, "{id} {};", commit.version)?;
        commit = next(&commit, 1);
    }
}
