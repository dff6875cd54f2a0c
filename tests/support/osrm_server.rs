//! A small server that speaks OSRM's protocol over real HTTP, and the ways it can fail.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// How it answers.
#[derive(Debug, Clone)]
pub enum Manner {
    /// With a route of so many metres and seconds.
    Route(f64, f64),
    /// With this status and body.
    Says(u16, &'static str),
    /// Without end: a body that never stops.
    Endless,
    Silent,
}

/// The running server; it stops when dropped.
pub struct OsrmServer {
    pub address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
    task: JoinHandle<()>,
}

struct Shared {
    manner: Manner,
    asked: Vec<String>,
}

impl OsrmServer {
    pub async fn start(manner: Manner) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Mutex::new(Shared { manner, asked: Vec::new() }));
        let of_task = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&of_task);
                // A client that hangs up ends its task alone.
                tokio::spawn(async move { drop(serve(stream, &shared).await) });
            }
        });
        Ok(Self { address, shared, task })
    }

    /// Where callout is to look for it.
    pub fn url(&self) -> String {
        format!("osrm+http://{}", self.address)
    }

    /// From now on it answers so.
    pub fn answer(&self, manner: Manner) {
        lock(&self.shared).manner = manner;
    }

    /// What it was asked, in order: paths with their queries.
    pub fn asked(&self) -> Vec<String> {
        lock(&self.shared).asked.clone()
    }
}

impl Drop for OsrmServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, shared: &Mutex<Shared>) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let path = String::from_utf8_lossy(&head).split(' ').nth(1).unwrap_or_default().to_owned();
    let manner = {
        let mut shared = lock(shared);
        shared.asked.push(path);
        shared.manner.clone()
    };
    let (status, body) = match manner {
        Manner::Route(metres, seconds) => {
            (200, format!(r#"{{"code":"Ok","routes":[{{"legs":[],"distance":{metres},"duration":{seconds}}}]}}"#))
        }
        Manner::Says(status, body) => (status, body.to_owned()),
        Manner::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
            loop {
                stream.write_all(&[b' '; 4096]).await?;
            }
        }
        Manner::Silent => {
            tokio::time::sleep(Duration::from_secs(60)).await;
            return Ok(());
        }
    };
    let length = body.len();
    let head = format!("HTTP/1.1 {status} So\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    stream.write_all((head + &body).as_bytes()).await
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
