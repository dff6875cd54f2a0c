//! A wire that can be cut, held and silenced: a TCP proxy in front of a server.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinHandle,
};

/// What the wire does with what is sent from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Wire {
    /// Carries it.
    Open,
    /// Carries requests, swallows replies.
    SwallowReplies,
    /// Carries half of the next reply, then cuts the connection.
    CutReplies,
    /// A black hole: what is sent either way is gone, and so is the connection, though neither end is told.
    BlackHole,
}

struct Shared {
    wire: AtomicU8,
    /// Requests of connections numbered below this are kept back.
    held_below: AtomicU64,
    connections: AtomicU64,
}

/// A proxy on a port of its own. Its connections end with it.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    cut: watch::Sender<u64>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// A proxy in front of a local port.
    pub async fn start(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            wire: AtomicU8::new(Wire::Open as u8),
            held_below: AtomicU64::new(0),
            connections: AtomicU64::new(0),
        });
        let cut = watch::Sender::new(0);
        let (all, cuts) = (Arc::clone(&shared), cut.clone());
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, port, Arc::clone(&all), cuts.subscribe()));
            }
        });
        Ok(Self { address, shared, cut, task })
    }

    /// Its address as the store's URL.
    pub fn url(&self) -> String {
        format!("redis://{}/0", self.address)
    }

    /// Changes what it does.
    pub fn set(&self, wire: Wire) {
        self.shared.wire.store(wire as u8, Ordering::SeqCst);
    }

    /// Keeps back what the connections that are there now send; later ones are not concerned.
    pub fn hold(&self) {
        self.shared.held_below.store(self.shared.connections.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    /// Sends on what was kept back.
    pub fn release(&self) {
        self.shared.held_below.store(0, Ordering::SeqCst);
    }

    /// Cuts every connection there is.
    pub fn cut(&self) {
        self.cut.send_modify(|count| *count += 1);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn carry(client: TcpStream, port: u16, shared: Arc<Shared>, mut cut: watch::Receiver<u64>) {
    let number = shared.connections.fetch_add(1, Ordering::SeqCst);
    let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    cut.borrow_and_update();
    tokio::select! {
        _ = requests(from_client, to_server, &shared, number) => {}
        _ = replies(from_server, to_client, &shared.wire) => {}
        _ = cut.changed() => {}
    }
}

async fn requests(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, shared: &Shared, number: u64) -> io::Result<()> {
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = from.read(&mut buffer).await?;
        while number < shared.held_below.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        if read == 0 {
            return Ok(());
        }
        if is(&shared.wire, Wire::BlackHole) {
            return swallow(from).await;
        }
        to.write_all(&buffer[..read]).await?;
    }
}

/// Reads for ever, so that the sender never learns that nobody listens.
async fn swallow(mut from: OwnedReadHalf) -> io::Result<()> {
    let mut buffer = vec![0; 1 << 16];
    while from.read(&mut buffer).await? > 0 {}
    Ok(())
}

async fn replies(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, wire: &AtomicU8) -> io::Result<()> {
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        if is(wire, Wire::CutReplies) {
            wire.store(Wire::Open as u8, Ordering::SeqCst);
            return to.write_all(&buffer[..read / 2]).await;
        }
        if is(wire, Wire::BlackHole) {
            return swallow(from).await;
        }
        if !is(wire, Wire::SwallowReplies) {
            to.write_all(&buffer[..read]).await?;
        }
    }
}

fn is(wire: &AtomicU8, state: Wire) -> bool {
    wire.load(Ordering::SeqCst) == state as u8
}
