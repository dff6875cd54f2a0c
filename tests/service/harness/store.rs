//! Which store the server under test runs on: `CALLOUT_TEST_STORE=sqlite` (default) or `redis`.

use std::{
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use super::{server::free_port, setup::Home};

/// A store of one server's own, gone when dropped.
pub enum Store {
    /// A file in the server's folder.
    Sqlite,
    /// A redis-server process of its own, with its data in the server's folder.
    Redis(Redis),
    /// Where the test says; it is the test's own affair.
    At(String),
}

/// A redis-server process.
pub struct Redis {
    child: Child,
    port: u16,
}

impl Store {
    /// The store that the test asks for, or else the environment.
    pub fn of(home: &Home) -> Self {
        if let Some(url) = &home.store_url {
            return Self::At(url.clone());
        }
        let folder = home.folder.path();
        match std::env::var("CALLOUT_TEST_STORE").as_deref() {
            Err(_) | Ok("" | "sqlite") => Self::Sqlite,
            Ok("redis") => Self::Redis(Redis::start(folder)),
            Ok(other) => panic!("CALLOUT_TEST_STORE must be sqlite or redis, got {other:?}"),
        }
    }

    /// The value of `CALLOUT_STORE__URL`.
    pub fn url(&self, folder: &Path) -> String {
        match self {
            Self::Sqlite => format!("sqlite://{}", folder.join("callout.db").display()),
            Self::At(url) => url.clone(),
            Self::Redis(redis) => format!("redis://127.0.0.1:{}/0", redis.port),
        }
    }
}

impl Redis {
    fn start(folder: &Path) -> Self {
        let port = free_port();
        let child = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes"])
            .args(["--appendfsync", "everysec", "--maxmemory-policy", "noeviction", "--dir"])
            .arg(folder)
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server must be installed to run the tests with CALLOUT_TEST_STORE=redis");
        let redis = Self { child, port };
        let deadline = Instant::now() + Duration::from_secs(15);
        while redis.ping().is_err() {
            assert!(Instant::now() < deadline, "redis-server on port {port} did not answer PING within 15 s");
            std::thread::sleep(Duration::from_millis(20));
        }
        redis
    }

    fn ping(&self) -> std::io::Result<()> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(b"PING\r\n")?;
        let mut answer = [0; 5];
        stream.read_exact(&mut answer)?;
        if &answer == b"+PONG" { Ok(()) } else { Err(std::io::ErrorKind::InvalidData.into()) }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // Fails only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
