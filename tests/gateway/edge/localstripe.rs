//! The process of localstripe, and the client that the edge asks it with.

use std::{
    env,
    error::Error,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{ChildStdin, ChildStdout, Command, Stdio},
};

use callout::outbound::client_for;
use parking_lot::Mutex;
use reqwest::{Client, Method, Url};
use serde_json::Value;

use super::answer::Refusal;

/// Any key that begins with `sk_` and is longer than five characters; the edge checks the real one.
const API_KEY: &str = "sk_edge";

/// The process that forks servers: one for all tests of a program, and ended with them by the end of its input.
static FORKS: Mutex<Option<Forks>> = Mutex::new(None);

struct Forks {
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Forks {
    fn open() -> Result<Self, Box<dyn Error>> {
        let serve = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gateway/edge/serve.py");
        let mut process = Command::new(python()?).arg(serve).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (orders, answers) = (process.stdin.take(), process.stdout.take());
        Ok(Self {
            orders: orders.ok_or("its input is piped")?,
            answers: BufReader::new(answers.ok_or("its output is piped")?),
        })
    }

    /// Gives an order, and waits for its answer.
    fn order(order: &str) -> Result<String, Box<dyn Error>> {
        let mut forks = FORKS.lock();
        let forks = match &mut *forks {
            Some(forks) => forks,
            none => none.insert(Self::open()?),
        };
        writeln!(forks.orders, "{order}")?;
        let mut answer = String::new();
        forks.answers.read_line(&mut answer)?;
        Ok(answer)
    }
}

/// A server of its own, on a port of the loopback. Ended when dropped.
pub struct Localstripe {
    process: u32,
    port: u16,
}

impl Localstripe {
    /// Starts it, and waits until it listens.
    pub fn start() -> Result<Self, Box<dyn Error>> {
        let answer = Forks::order("start")?;
        let (port, process) = answer.trim().split_once(' ').ok_or("localstripe ended before it listened")?;
        Ok(Self { process: process.parse()?, port: port.parse()? })
    }

    pub fn client(&self) -> Result<LocalstripeClient, Box<dyn Error>> {
        let base = Url::parse(&format!("http://127.0.0.1:{}", self.port))?;
        // A connection of its own for each request: tests and server ask from different runtimes.
        let http = client_for(&base).no_proxy().pool_max_idle_per_host(0).build()?;
        Ok(LocalstripeClient { http, base })
    }

    /// The number of the process.
    pub fn process(&self) -> u32 {
        self.process
    }
}

impl Drop for Localstripe {
    fn drop(&mut self) {
        // All of them may have ended, which is as good.
        drop(Forks::order(&format!("end {}", self.process)));
    }
}

/// The Python of `scripts/localstripe`, in the target folder that this test was built into.
fn python() -> Result<PathBuf, Box<dyn Error>> {
    let test = env::current_exe()?;
    let found = test.ancestors().map(|folder| folder.join("localstripe/bin/python")).find(|python| python.exists());
    found.ok_or_else(|| "localstripe is not installed: run scripts/localstripe (it needs python3 with venv)".into())
}

/// Asks localstripe.
#[derive(Clone)]
pub struct LocalstripeClient {
    http: Client,
    base: Url,
}

/// A status and a body.
pub type Told = (u16, Value);

impl LocalstripeClient {
    pub async fn get(&self, path: &str) -> Result<Told, Refusal> {
        self.ask(Method::GET, path, None).await
    }

    /// Posts JSON, which localstripe takes as well as a form and which says `null`.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Told, Refusal> {
        self.ask(Method::POST, path, Some(body)).await
    }

    /// All objects of a kind (`charges`), in the order in which they were made.
    pub async fn all(&self, kind: &str) -> Result<Vec<Value>, Refusal> {
        let (_, mut list) = self.get(&format!("/v1/{kind}?limit=1000000")).await?;
        let Value::Array(mut all) = list["data"].take() else { return Err(Refusal::broken(&list.to_string())) };
        // Refunds come newest second first, and in the order of their making within a second.
        all.sort_by_key(|object| object["created"].as_u64());
        Ok(all)
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Told, Refusal> {
        let url = self.base.join(path).map_err(|error| Refusal::broken(&error.to_string()))?;
        let request = self.http.request(method, url).bearer_auth(API_KEY);
        let request = if let Some(body) = body { request.json(body) } else { request };
        let asked = async {
            let response = request.send().await?;
            Ok((response.status().as_u16(), response.json().await?))
        };
        asked.await.map_err(|error: reqwest::Error| Refusal::broken(&format!("{path}: {error:?}")))
    }
}
