//! A wire that can be cut, held and silenced: a TCP proxy in front of a server.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
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
    /// Keeps requests back until it is open again.
    HoldRequests,
}

/// A proxy on a port of its own. Its connections end with it.
pub struct Proxy {
    address: SocketAddr,
    wire: Arc<AtomicU8>,
    cut: watch::Sender<u64>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// A proxy in front of a local port.
    pub async fn start(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let wire = Arc::new(AtomicU8::new(Wire::Open as u8));
        let cut = watch::Sender::new(0);
        let (shared, cuts) = (Arc::clone(&wire), cut.clone());
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, port, Arc::clone(&shared), cuts.subscribe()));
            }
        });
        Ok(Self { address, wire, cut, task })
    }

    /// Its address as the store's URL.
    pub fn url(&self) -> String {
        format!("redis://{}/0", self.address)
    }

    /// Changes what it does.
    pub fn set(&self, wire: Wire) {
        self.wire.store(wire as u8, Ordering::SeqCst);
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

async fn carry(client: TcpStream, port: u16, wire: Arc<AtomicU8>, mut cut: watch::Receiver<u64>) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    cut.borrow_and_update();
    tokio::select! {
        _ = requests(from_client, to_server, &wire) => {}
        _ = replies(from_server, to_client, &wire) => {}
        _ = cut.changed() => {}
    }
}

async fn requests(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, wire: &AtomicU8) -> io::Result<()> {
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = from.read(&mut buffer).await?;
        while is(wire, Wire::HoldRequests) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        if read == 0 {
            return Ok(());
        }
        to.write_all(&buffer[..read]).await?;
    }
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
        if !is(wire, Wire::SwallowReplies) {
            to.write_all(&buffer[..read]).await?;
        }
    }
}

fn is(wire: &AtomicU8, state: Wire) -> bool {
    wire.load(Ordering::SeqCst) == state as u8
}
