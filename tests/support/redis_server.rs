//! A real `redis-server` of a test's own: random port, temporary folder, append-only file on; ended with the test.

use std::{
    error::Error,
    io,
    net::TcpListener,
    os::unix::net::UnixStream,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// How long a server may take until it listens.
const START: Duration = Duration::from_secs(10);

/// A free port may be someone else's a moment later: how often to try another.
const PORTS: usize = 5;

/// In the server's own folder, so that who answers there is the server that was started.
const SOCKET: &str = "redis.sock";

/// A running server. Killed, and its files removed, when dropped.
pub struct RedisServer {
    folder: TempDir,
    port: u16,
    options: Vec<String>,
    child: Child,
}

impl RedisServer {
    /// Starts a server. `options` are as on its command line: `["--appendfsync", "always"]`.
    pub fn start(options: &[&str]) -> Result<Self, Box<dyn Error>> {
        let options: Vec<String> = options.iter().map(|&option| option.to_owned()).collect();
        Self::on_a_free_port(&options, |folder, port| spawn(folder, port, &options))
    }

    /// Starts a sentinel with these lines of configuration.
    pub fn start_sentinel(configuration: &str) -> Result<Self, Box<dyn Error>> {
        Self::on_a_free_port(&[], |folder, port| {
            let file = folder.join("sentinel.conf");
            let own = format!("port {port}\nbind 127.0.0.1\nunixsocket {}\n", folder.join(SOCKET).display());
            std::fs::write(&file, own + configuration)?;
            run(Command::new("redis-server").arg(&file).arg("--sentinel").current_dir(folder))
        })
    }

    fn on_a_free_port(
        options: &[String],
        start: impl Fn(&Path, u16) -> Result<Child, Box<dyn Error>>,
    ) -> Result<Self, Box<dyn Error>> {
        let mut failed = None;
        for _ in 0..PORTS {
            let (folder, port) = (tempfile::tempdir()?, free_port()?);
            let child = start(folder.path(), port)?;
            let mut server = Self { folder, port, options: options.to_vec(), child };
            match server.wait_until_it_listens() {
                Ok(()) => return Ok(server),
                Err(error) => failed = Some(error),
            }
        }
        Err(failed.unwrap_or_else(|| "no port was tried".into()))
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its data set, as the store's URL.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// Ends it as `kill -9` does.
    pub fn kill(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    /// Starts it again on the same files, with further options.
    pub fn restart(&mut self, more: &[&str]) -> Result<(), Box<dyn Error>> {
        let options: Vec<String> = self.options.iter().cloned().chain(more.iter().map(|&o| o.to_owned())).collect();
        self.child = spawn(self.folder.path(), self.port, &options)?;
        self.wait_until_it_listens()
    }

    /// Sends it a signal: `STOP`, `CONT`.
    pub fn signal(&self, name: &str) -> Result<(), Box<dyn Error>> {
        let status = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status()?;
        if status.success() { Ok(()) } else { Err(format!("kill -{name}: {status}").into()) }
    }

    /// Says one command to it, as an operator would, and gives its answer.
    pub async fn say(&self, command: &str) -> Result<redis::Value, redis::RedisError> {
        let client = redis::Client::open(self.url())?;
        let mut connection = client.get_multiplexed_async_connection().await?;
        let mut words = command.split(' ');
        let mut request = redis::cmd(words.next().unwrap_or_default());
        words.for_each(|word| {
            request.arg(word);
        });
        request.query_async(&mut connection).await
    }

    /// Holds writes back until what was acknowledged has been given to the operating system. While a sync runs in the
    /// background, a Redis that syncs every second keeps its writes to itself for up to two seconds and answers all the
    /// same: a slow disk and a kill at that moment lose them, whoever the client is.
    pub async fn hold_writes_until_none_is_postponed(&self) -> Result<(), Box<dyn Error>> {
        self.say("CLIENT PAUSE 60000 WRITE").await?;
        let started = Instant::now();
        while started.elapsed() < START {
            let said: String = redis::from_redis_value(self.say("INFO persistence").await?)?;
            let idle = ["aof_buffer_length:0", "aof_pending_bio_fsync:0"];
            if idle.iter().all(|line| said.lines().any(|found| found == *line)) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Err(format!("redis-server still postpones writes after {START:?}").into())
    }

    fn wait_until_it_listens(&mut self) -> Result<(), Box<dyn Error>> {
        let started = Instant::now();
        while UnixStream::connect(self.folder.path().join(SOCKET)).is_err() {
            if let Some(status) = self.child.try_wait()? {
                return Err(format!("redis-server ended at once ({status}) with {:?}", self.options).into());
            }
            if started.elapsed() > START {
                return Err(format!("redis-server does not listen on port {} after {START:?}", self.port).into());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        let _ = self.kill();
    }
}

fn spawn(folder: &Path, port: u16, options: &[String]) -> Result<Child, Box<dyn Error>> {
    let mut command = Command::new("redis-server");
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes"]);
    run(command.arg("--dir").arg(folder).arg("--unixsocket").arg(folder.join(SOCKET)).args(options))
}

fn run(command: &mut Command) -> Result<Child, Box<dyn Error>> {
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "redis-server is not installed; on Debian: apt-get install redis-server".into(),
        _ => error.into(),
    })
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
