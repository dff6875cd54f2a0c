//! Which store the server under test runs on: `CALLOUT_TEST_STORE=sqlite` (default) or `redis`.

use std::{
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use sqlx::{Connection as _, Sqlite, SqliteConnection, query::Query, sqlite::SqliteArguments};

use super::{server::free_port, setup::Home, wait::eventually};

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

/// A store that writes nothing, until it is [thawed](Frozen::thaw).
pub enum Frozen {
    /// Its write lock is taken.
    Sqlite(SqliteConnection),
    /// Its process is stopped.
    Redis(u32),
}

impl Frozen {
    /// Lets it go on.
    pub async fn thaw(self) {
        match self {
            Self::Sqlite(lock) => lock.close().await.expect("the lock is given back"),
            Self::Redis(process) => signal("CONT", process),
        }
    }
}

fn signal(name: &str, process: u32) {
    let status = Command::new("kill").args([&format!("-{name}"), &process.to_string()]).status().expect("kill");
    assert!(status.success(), "kill -{name}: {status}");
}

impl Store {
    /// Has it write nothing for a while.
    pub async fn freeze(&self, folder: &Path) -> Frozen {
        if let Self::Redis(redis) = self {
            signal("STOP", redis.child.id());
            return Frozen::Redis(redis.child.id());
        }
        let mut lock = SqliteConnection::connect(&self.url(folder)).await.expect("the store's file");
        sqlx::query("PRAGMA busy_timeout = 10000").execute(&mut lock).await.expect("a bound");
        sqlx::query("BEGIN IMMEDIATE").execute(&mut lock).await.expect("the write lock");
        Frozen::Sqlite(lock)
    }

    /// Empties it, while no server is on it.
    pub fn empty(&self, folder: &Path) {
        match self {
            Self::Redis(redis) => assert_eq!(redis.ask("FLUSHALL").expect("an answer of Redis"), b"+OK\r\n"),
            Self::Sqlite => std::fs::write(folder.join("callout.db"), "").expect("the store is emptied"),
            Self::At(url) => panic!("{url} is the test's own affair"),
        }
    }

    /// Waits until it has no events any more: they are in the read model, and were trimmed.
    pub async fn trimmed(&self, folder: &Path) {
        eventually("the events are trimmed", async || {
            let left = match self {
                Self::Redis(redis) => redis.events(),
                Self::Sqlite | Self::At(_) => {
                    let mut file = SqliteConnection::connect(&self.url(folder)).await.expect("the store's file");
                    let count = sqlx::query_scalar("SELECT count(*) FROM events").fetch_one(&mut file).await;
                    count.expect("a count")
                }
            };
            if left == 0 { Ok(()) } else { Err(format!("{left} are left")) }
        })
        .await;
    }

    /// Waits until a call that is over has expired. Redis comes to that by itself (`store.keep_finished_s`), the embedded
    /// store keeps every call.
    pub async fn expired(&self, call: &str) {
        if let Self::Redis(redis) = self {
            eventually("the call has expired", async || {
                if redis.has(call) { Err("it is still there".to_owned()) } else { Ok(()) }
            })
            .await;
        }
    }

    /// Has the embedded store, which no server is on, no longer know of a call that is over.
    pub async fn forget(&self, call: &str, folder: &Path) {
        if matches!(self, Self::Redis(_)) {
            return;
        }
        let mut file = SqliteConnection::connect(&self.url(folder)).await.expect("the store's file");
        let forget = sqlx::query("DELETE FROM snapshots WHERE kind IN ('call', 'payment') AND id = ?1").bind(call);
        assert_eq!(forget.execute(&mut file).await.expect("a statement").rows_affected(), 2, "{call} and its payment");
    }

    /// Makes the state in a call's snapshot unreadable, while no server is on the store.
    pub async fn damage_state(&self, call: &str, folder: &Path) {
        if let Self::Redis(redis) = self {
            let stale = "redis.call('SET',k,(string.gsub(redis.call('GET',k),'.state.:{','\\\"stale\\\":{',1)))";
            return redis.with_key(&format!("call/{call}"), stale);
        }
        let stale =
            "UPDATE snapshots SET body = replace(body, '\"state\":', '\"stale\":') WHERE kind = 'call' AND id = ?1";
        assert_eq!(self.by_hand(sqlx::query(stale).bind(call), folder).await, 1, "{call}");
    }

    /// Writes over what is stored of a thing, as somebody might by hand.
    pub async fn damage(&self, thing: &str, folder: &Path) {
        match self {
            Self::Redis(redis) => redis.with_key(thing, "redis.call('COPY',k,k..'.kept') redis.call('SET',k,'oops')"),
            _ => self.turn_version(thing, folder).await,
        }
    }

    /// Takes that back.
    pub async fn mend(&self, thing: &str, folder: &Path) {
        match self {
            Self::Redis(redis) => redis.with_key(thing, "redis.call('RENAME',k..'.kept',k)"),
            _ => self.turn_version(thing, folder).await,
        }
    }

    /// Makes a version one that cannot be, or what it was.
    async fn turn_version(&self, thing: &str, folder: &Path) {
        let (kind, id) = thing.split_once('/').expect("a kind and an id");
        let turn = "UPDATE snapshots SET version = -1 - version WHERE kind = ?1 AND id = ?2";
        let changed = self.by_hand(sqlx::query(turn).bind(kind).bind(id), folder).await;
        assert_eq!(changed, 1, "{thing} is stored");
    }

    /// Has it say another version of a thing than the snapshot does.
    pub async fn raise_version(&self, thing: &str, folder: &Path) {
        if let Self::Redis(redis) = self {
            let raise =
                "redis.call('SET',k,(string.gsub(redis.call('GET',k),'.version.:%d+','\\\"version\\\":999',1)))";
            return redis.with_key(thing, raise);
        }
        let (kind, id) = thing.split_once('/').expect("a kind and an id");
        let raise = "UPDATE snapshots SET version = 999 WHERE kind = ?1 AND id = ?2";
        assert_eq!(self.by_hand(sqlx::query(raise).bind(kind).bind(id), folder).await, 1, "{thing} is stored");
    }

    /// Puts an event into the stream that no server wrote.
    pub async fn put_nonsense_into_the_stream(&self, folder: &Path) {
        if let Self::Redis(redis) = self {
            let answer = redis.ask("XADD callout:{017}:events * nonsense nonsense").expect("an answer of Redis");
            assert!(answer.starts_with(b"$"), "{answer:?}");
            return;
        }
        let nonsense = "INSERT INTO events (kind, id, seq, at, body) VALUES ('nonsense', '', -1, 0, 'nonsense')";
        self.by_hand(sqlx::query(nonsense), folder).await;
    }

    /// How many terms it keeps.
    pub async fn kept_terms(&self, folder: &Path) -> usize {
        if let Self::Redis(redis) = self {
            let answer = redis.ask("HLEN callout:{000}:terms").expect("an answer of Redis");
            let digits: String = answer.iter().map(|byte| char::from(*byte)).filter(char::is_ascii_digit).collect();
            return digits.parse().expect("a number");
        }
        let mut file = SqliteConnection::connect(&self.url(folder)).await.expect("the store's file");
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM terms").fetch_one(&mut file).await.expect("a count");
        usize::try_from(count).expect("a count")
    }

    /// Deletes all terms.
    pub async fn lose_terms(&self, folder: &Path) {
        if let Self::Redis(redis) = self {
            assert_eq!(redis.ask("DEL callout:{000}:terms").expect("an answer of Redis"), b":1\r\n");
            return;
        }
        assert!(self.by_hand(sqlx::query("DELETE FROM terms"), folder).await > 0, "there were terms");
    }

    /// Takes the name of its terms out of the snapshot of a call.
    pub async fn unname_terms(&self, call: &str, folder: &Path) {
        if let Self::Redis(redis) = self {
            let unname = "redis.call('SET',k,(string.gsub(redis.call('GET',k),'.terms.:.[%w_-]+.,','')))";
            return redis.with_key(&format!("call/{call}"), unname);
        }
        let unname = "UPDATE snapshots SET body = replace(body, (
                          SELECT '\"terms\":\"' || terms.id || '\",' FROM terms
                          WHERE instr(snapshots.body, '\"terms\":\"' || terms.id || '\",') > 0 LIMIT 1), '')
                      WHERE kind = 'call' AND id = ?1 AND instr(body, '\"terms\":') > 0";
        assert_eq!(self.by_hand(sqlx::query(unname).bind(call), folder).await, 1, "{call}");
    }

    /// Changes what all kept terms say.
    pub async fn change_terms(&self, folder: &Path) {
        if let Self::Redis(redis) = self {
            let each = "for _,f in ipairs(redis.call('HKEYS',KEYS[1])) do";
            let changed = "string.gsub(redis.call('HGET',KEYS[1],f),'KRW','USD')";
            let script = format!(
                "EVAL \"{each} redis.call('HSET',KEYS[1],f,({changed})) end return 1\" 1 callout:{{000}}:terms"
            );
            assert_eq!(redis.ask(&script).expect("an answer of Redis"), b":1\r\n");
            return;
        }
        let change = "UPDATE terms SET body = replace(body, 'KRW', 'USD')";
        assert!(self.by_hand(sqlx::query(change), folder).await > 0, "there were terms");
    }

    async fn by_hand(&self, statement: Query<'_, Sqlite, SqliteArguments>, folder: &Path) -> u64 {
        let mut file = SqliteConnection::connect(&self.url(folder)).await.expect("the store's file");
        statement.execute(&mut file).await.expect("a statement").rows_affected()
    }

    /// The store that the test asks for, or else the environment.
    pub fn of(home: &Home) -> Self {
        // The embedded store, whatever the environment says.
        if home.store_url.as_deref() == Some("sqlite://") {
            return Self::Sqlite;
        }
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
        if self.ask("PING")? == *b"+PONG" { Ok(()) } else { Err(std::io::ErrorKind::InvalidData.into()) }
    }

    /// Whether it has a call, in whichever shard.
    fn has(&self, call: &str) -> bool {
        let keys: Vec<_> = (0..64).map(|shard| format!("callout:{{{shard:03}}}:call/{call}")).collect();
        let answer = self.ask(&format!("EXISTS {}", keys.join(" "))).expect("an answer of Redis");
        assert!(answer.starts_with(b":"), "{answer:?}");
        answer.get(1) != Some(&b'0')
    }

    /// Runs a script over the key of a thing, in whichever shard.
    fn with_key(&self, thing: &str, script: &str) {
        let found =
            "for s=0,63 do local k=string.format('callout:{%03d}:%s',s,ARGV[1]) if redis.call('EXISTS',k)==1 then";
        let script = format!("EVAL \"{found} {script} return 1 end end return 0\" 0 {thing}");
        let answer = self.ask(&script).expect("an answer of Redis");
        assert!(answer.starts_with(b":1"), "{thing}: {answer:?}");
    }

    /// How many shards have events.
    fn events(&self) -> i64 {
        let length = |shard| self.ask(&format!("XLEN callout:{{{shard:03}}}:events")).expect("an answer of Redis");
        (0..64).filter(|shard| length(*shard) != *b":0\r\n").map(|_| 1).sum()
    }

    /// Sends a command and returns the answer's first bytes.
    fn ask(&self, command: &str) -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(format!("{command}\r\n").as_bytes())?;
        let mut answer = [0; 5];
        let length = stream.read(&mut answer)?;
        Ok(answer[..length].to_vec())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // Fails only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
