//! What a test wants its server to be like, and the folder it runs in.

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use toml::{Table, Value};

use super::{
    Server,
    chance::secret,
    knobs::{DRIVER_CALL, IMPATIENT, Knob},
};

/// The configuration that the repository ships.
const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config");

/// A server to be started.
#[derive(Default)]
pub struct Setup {
    text: String,
    knobs: Vec<Knob>,
    policies: Vec<(&'static str, &'static str, Value)>,
    services: Vec<(&'static str, &'static str)>,
    env: Vec<(String, String)>,
    store_url: Option<String>,
    port: Option<u16>,
}

/// A server's folder with everything in it.
pub struct Home {
    pub folder: TempDir,
    pub config_dir: PathBuf,
    pub config_files: Vec<PathBuf>,
    pub secret: String,
    pub env: Vec<(String, String)>,
    pub store_url: Option<String>,
    pub port: Option<u16>,
}

impl Setup {
    /// As shipped, with limits that no test meets by accident.
    pub fn new() -> Self {
        Self::default()
    }

    /// Turns a knob.
    pub fn with(mut self, knob: Knob) -> Self {
        self.knobs.push(knob);
        self
    }

    /// Sets a key in the policy file of a service.
    pub fn policy(mut self, service: &'static str, key: &'static str, value: impl Into<Value>) -> Self {
        self.policies.push((service, key, value.into()));
        self
    }

    /// Adds a service: its id and its policy file.
    pub fn service(mut self, id: &'static str, policy: &'static str) -> Self {
        self.services.push((id, policy));
        self
    }

    /// Adds configuration as TOML text.
    pub fn config(mut self, text: &str) -> Self {
        self.text.push_str(text);
        self
    }

    /// Adds an environment variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Runs on the store there, which is the test's own.
    pub fn on_store(mut self, url: &str) -> Self {
        self.store_url = Some(url.into());
        self
    }

    /// Listens on that port, which is free.
    pub fn on_port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Starts the server and waits until it is ready.
    pub async fn start(self) -> Server {
        Server::start_in(self.home()).await
    }

    fn home(self) -> Home {
        let folder = tempfile::Builder::new().prefix("callout-test-").tempdir().expect("a temporary folder");
        let config_dir = folder.path().join("config");
        copy(Path::new(SHIPPED), &config_dir);
        for (id, policy) in &self.services {
            write(&policy_file(&config_dir, id), policy);
        }
        let knobs = self.knobs.iter().flat_map(|knob| knob.policy());
        let knobs = knobs.map(|(key, value)| (DRIVER_CALL, key, value));
        for (service, key, value) in knobs.chain(self.policies) {
            change_policy(&policy_file(&config_dir, service), key, value);
        }
        let config_files =
            [("impatient.toml", IMPATIENT), ("knobs.toml", &knob_text(&self.knobs)), ("extra.toml", &self.text)]
                .map(|(name, text)| write(&folder.path().join(name), text))
                .into();
        let (env, store_url, port) = (self.env, self.store_url, self.port);
        Home { folder, config_dir, config_files, secret: secret(), env, store_url, port }
    }
}

pub(super) fn policy_file(config_dir: &Path, service: &str) -> PathBuf {
    config_dir.join("services").join(format!("{service}.toml"))
}

pub(super) fn change_policy(file: &Path, key: &str, value: Value) {
    let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut policy: Table = text.parse().expect("the policy is TOML");
    set(&mut policy, key, value);
    write(file, &policy.to_string());
}

fn knob_text(knobs: &[Knob]) -> String {
    let mut config = Table::new();
    for (key, value) in knobs.iter().flat_map(|knob| knob.config()) {
        set(&mut config, key, value);
    }
    config.to_string()
}

/// Sets `a.b.c`, making the tables on the way.
fn set(table: &mut Table, key: &str, value: Value) {
    match key.split_once('.') {
        None => drop(table.insert(key.into(), value)),
        Some((first, rest)) => {
            let inner = table.entry(first).or_insert_with(|| Value::Table(Table::new()));
            set(inner.as_table_mut().unwrap_or_else(|| panic!("{first} is not a table")), rest, value);
        }
    }
}

fn write(file: &Path, text: &str) -> PathBuf {
    std::fs::write(file, text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    file.into()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder for the configuration");
    for entry in std::fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display())) {
        let source = entry.expect("a readable folder").path();
        let target = to.join(source.file_name().expect("a name"));
        if source.is_dir() {
            copy(&source, &target);
        } else {
            std::fs::copy(&source, &target).expect("a copied file");
        }
    }
}
