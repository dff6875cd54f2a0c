//! The server under test: one child process at a time on one folder and one port.

use std::{
    collections::BTreeSet,
    net::TcpListener,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use super::{
    Claims, Client, Setup,
    chance::candidate_port,
    log::Log,
    mint,
    setup::Home,
    store::{Frozen, Store},
    wait::{PATIENCE, eventually},
};

/// A running (or just killed) server. Dropping it kills it, and fails the test when it panicked without a drill.
pub struct Server {
    home: Arc<Home>,
    store: Arc<Store>,
    port: u16,
    http: reqwest::Client,
    log: Log,
    running: Option<(Child, JoinHandle<()>)>,
}

impl Server {
    /// Starts a server as shipped and waits until it is ready.
    pub async fn start() -> Self {
        Setup::new().start().await
    }

    /// Starts a server in its folder and waits until it is ready.
    pub async fn start_in(home: Home) -> Self {
        let store = Store::of(&home);
        Self::start_on(Arc::new(home), Arc::new(store)).await
    }

    /// Starts another server on the same store and in the same folder, which takes over from this one.
    pub async fn successor(&self) -> Self {
        Self::start_on(Arc::clone(&self.home), Arc::clone(&self.store)).await
    }

    async fn start_on(home: Arc<Home>, store: Arc<Store>) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().timeout(Duration::from_secs(60)).build().expect("an HTTP client");
        let port = home.port.unwrap_or_else(free_port);
        let mut server = Self { home, store, port, http, log: Log::default(), running: None };
        server.start_again().await;
        server
    }

    /// Starts the process on the same folder and port, without waiting for it.
    pub fn start_process(&mut self) {
        assert!(self.running.is_none(), "the server is running already");
        self.running = Some(self.spawn());
    }

    /// Starts the process again on the same folder and port, and waits until it is ready.
    pub async fn start_again(&mut self) {
        self.start_process();
        let deadline = Instant::now() + PATIENCE;
        while !self.is_ready().await {
            assert!(self.still_runs(), "the server ended before it was ready");
            assert!(Instant::now() < deadline, "the server was not ready within {PATIENCE:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// `kill -9`: nothing is written or answered any more.
    pub fn kill(&mut self) {
        let (mut child, reader) = self.running.take().expect("a running server");
        child.kill().expect("SIGKILL");
        child.wait().expect("the end of a killed process");
        reader.join().expect("the rest of the log");
    }

    /// `kill -9`, then a new process on the same folder and port.
    pub async fn kill_and_start_again(&mut self) {
        self.kill();
        self.start_again().await;
    }

    /// Ends the process as an operator does, and starts it again: everything is written by then.
    pub async fn stop_and_start_again(&mut self) {
        self.terminate();
        let status = self.ended().await;
        assert!(status.success(), "{status}");
        self.start_again().await;
    }

    /// Has the store no longer know of a call that is over, and starts the process again. On Redis that takes
    /// `store.keep_finished_s`.
    pub async fn forget_and_start_again(&mut self, call: &str) {
        self.store.expired(call).await;
        self.kill();
        self.store.forget(call, self.folder()).await;
        self.start_again().await;
    }

    /// Makes the snapshot of a call unreadable while the server is down, and starts the process again.
    pub async fn damage_and_start_again(&mut self, call: &str) {
        self.kill();
        self.store.damage_state(call, self.folder()).await;
        self.start_again().await;
    }

    /// Waits until the store has forgotten its events, which are all in the read model.
    pub async fn stream_is_trimmed(&self) {
        self.store.trimmed(self.folder()).await;
    }

    /// Empties the store, while no server is on it.
    pub fn empty_the_store(&self) {
        self.store.empty(self.folder());
    }

    /// Has the store write nothing, until it is thawed.
    pub async fn freeze_store(&self) -> Frozen {
        self.store.freeze(self.folder()).await
    }

    /// Writes over what the store has of a thing (`call/call_…`), so that it cannot be read.
    pub async fn damage(&self, thing: &str) {
        self.store.damage(thing, self.folder()).await;
    }

    /// Takes that back.
    pub async fn mend(&self, thing: &str) {
        self.store.mend(thing, self.folder()).await;
    }

    /// Has the store say another version of a thing than its snapshot does: every write of it meets a conflict.
    pub async fn raise_version(&self, thing: &str) {
        self.store.raise_version(thing, self.folder()).await;
    }

    /// Puts an event into the stream that no server wrote.
    pub async fn put_nonsense_into_the_stream(&self) {
        self.store.put_nonsense_into_the_stream(self.folder()).await;
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// The folder it runs in.
    pub fn folder(&self) -> &Path {
        self.home.folder.path()
    }

    /// Asks the process to end.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Sends the process a signal: `STOP`, `CONT`.
    pub fn signal(&self, name: &str) {
        let (child, _) = self.running.as_ref().expect("a running server");
        let status = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status().expect("kill");
        assert!(status.success(), "kill -{name}: {status}");
    }

    /// How the process ended, once it has.
    pub async fn ended(&mut self) -> ExitStatus {
        let (mut child, reader) = self.running.take().expect("a running server");
        let status = eventually("the server ends", async || {
            child.try_wait().map_err(|error| error.to_string())?.ok_or_else(|| "still running".to_owned())
        });
        let status = status.await;
        reader.join().expect("the rest of the log");
        status
    }

    /// Whether `GET /health/ready` is 200.
    pub async fn is_ready(&self) -> bool {
        let request = self.http.get(format!("{}/health/ready", self.base())).timeout(Duration::from_secs(2));
        request.send().await.is_ok_and(|response| response.status() == 200)
    }

    /// `http://127.0.0.1:PORT`.
    pub fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The secret that tokens are signed with.
    pub fn secret(&self) -> &str {
        &self.home.secret
    }

    /// What the process wrote to stderr, over all its runs.
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// A client with a token for that role.
    pub fn client(&self, role: &str, id: &str) -> Client {
        self.client_with(Some(mint(&Claims::new(role, id), self.secret())), id)
    }

    /// A client with any token, or none.
    pub fn client_with(&self, token: Option<String>, id: &str) -> Client {
        Client::new(self.http.clone(), &self.base(), token, id)
    }

    /// A customer.
    pub fn customer(&self, id: &str) -> Client {
        self.client("customer", id)
    }

    /// A driver, as its app: not registered by this.
    pub fn driver(&self, id: &str) -> Client {
        self.client("driver", id)
    }

    /// An operator.
    pub fn operator(&self) -> Client {
        self.client("operator", "operator-1")
    }

    /// Somebody without a token.
    pub fn nobody(&self) -> Client {
        self.client_with(None, "")
    }

    /// Runs a command of the binary with the configuration of this server, to its end. Answers whether it succeeded, and what
    /// it said.
    pub fn runs(&self, arguments: &[&str]) -> (bool, String) {
        let output = self.binary(arguments).output().expect("the callout binary starts");
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&said).into_owned())
    }

    fn binary(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_callout"));
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CALLOUT_")) {
            command.env_remove(name);
        }
        command.args(arguments);
        for file in &self.home.config_files {
            command.arg("--config").arg(file);
        }
        command
            .current_dir(self.home.folder.path())
            .env("CALLOUT_HTTP__BIND", self.address())
            .env("CALLOUT_STORE__URL", self.store.url(self.home.folder.path()))
            .env("CALLOUT_AUTH__SECRET", self.secret())
            .env("CALLOUT_GATEWAY__URL", "simulated://")
            .env("CALLOUT_CONFIG_DIR", &self.home.config_dir)
            .envs(self.home.env.iter().cloned())
            .stdin(Stdio::null());
        command
    }

    fn spawn(&self) -> (Child, JoinHandle<()>) {
        let mut command = self.binary(&["serve"]);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the callout binary starts");
        let reader = self.log.follow(child.stderr.take().expect("a piped stderr"));
        (child, reader)
    }

    fn still_runs(&mut self) -> bool {
        self.running.as_mut().is_some_and(|(child, _)| matches!(child.try_wait(), Ok(None)))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some((mut child, reader)) = self.running.take() {
            let ended = child.try_wait().ok().flatten();
            // Fails only when it has ended already.
            let _ = child.kill();
            let _ = child.wait();
            let _ = reader.join();
            if let Some(status) = ended {
                self.log.push(format!("the server had ended by itself: {status}"));
                assert!(std::thread::panicking(), "the server ended by itself: {status}\n{}", self.log());
            }
        }
        if std::thread::panicking() {
            eprintln!("--- log of the server on port {} ---\n{}\n---", self.port, self.log());
            return;
        }
        let panics = self.log.unexpected_panics();
        assert!(panics.is_empty(), "the server panicked: {panics:#?}\n{}", self.log());
    }
}

/// A port nobody listens on now, and that no test of this run was given before: whoever has it may not listen on it yet.
pub fn free_port() -> u16 {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    (0..1000)
        .map(|_| candidate_port())
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok() && given.insert(*port))
        .expect("a free port between 10000 and 32000")
}
