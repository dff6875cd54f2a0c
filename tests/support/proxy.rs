//! A wire that can be cut, held and silenced: a TCP proxy in front of a server.

use std::{
    collections::HashSet,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
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
    held_below: watch::Sender<u64>,
    /// The connections of which something is kept back, or was and has not been answered since.
    late: watch::Sender<HashSet<u64>>,
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
            held_below: watch::Sender::new(0),
            late: watch::Sender::default(),
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
        self.shared.held_below.send_replace(self.shared.connections.load(Ordering::SeqCst));
    }

    /// Sends on what was kept back, and waits until the server has answered it or has closed the connection.
    pub async fn release(&self) {
        self.shared.held_below.send_replace(0);
        self.shared.late.subscribe().wait_for(HashSet::is_empty).await.expect("the proxy is there");
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
        Err(_) = requests(from_client, to_server, &shared, number) => {}
        _ = replies(from_server, to_client, &shared, number) => {}
        _ = cut.changed() => {}
    }
    shared.is_not_late(number);
}

impl Shared {
    fn is_not_late(&self, connection: u64) {
        self.late.send_if_modified(|late| late.remove(&connection));
    }
}

/// Ends well when the client has ended: then the server is told, and has time to answer what it was sent before.
async fn requests(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, shared: &Shared, number: u64) -> io::Result<()> {
    let mut buffer = vec![0; 1 << 16];
    let mut held_below = shared.held_below.subscribe();
    loop {
        let read = from.read(&mut buffer).await?;
        if number < *held_below.borrow_and_update() {
            shared.late.send_if_modified(|late| late.insert(number));
            held_below.wait_for(|held_below| *held_below <= number).await.expect("the proxy is there");
        }
        if read == 0 {
            return to.shutdown().await;
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

async fn replies(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, shared: &Shared, number: u64) -> io::Result<()> {
    let wire = &shared.wire;
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        if *shared.held_below.borrow() <= number {
            shared.is_not_late(number);
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
