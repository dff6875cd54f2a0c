//! One principal's WebSocket.

use std::borrow::Cow;

use anyhow::{Context, Result};
use futures_util::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use hyper::header::{AUTHORIZATION, HeaderValue};
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{Message, Utf8Bytes, client::IntoClientRequest, protocol::WebSocketConfig},
};

use super::{CallSeen, Target};

/// What a socket's buffers hold at first, bytes: small, because there are thousands.
const BUFFER: usize = 4 * 1024;

/// An open socket.
pub struct Socket {
    /// What it sends with.
    pub sink: SplitSink<WebSocketStream<TcpStream>, Message>,
    pub stream: SplitStream<WebSocketStream<TcpStream>>,
}

/// A frame of the server, as far as it matters here.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Frame<'a> {
    Call {
        #[serde(borrow)]
        call: CallSeen<'a>,
    },
    /// A call is offered.
    Offer {
        #[serde(borrow)]
        call: CallSeen<'a>,
    },
    /// An offer ended: accepted by another, expired or cancelled.
    OfferWithdrawn {
        #[serde(borrow)]
        call: Cow<'a, str>,
    },
    Ack {
        /// What the client named its frame.
        #[serde(rename = "ref", default)]
        reference: Option<u64>,
    },
    Error {
        /// What the client named its frame.
        #[serde(rename = "ref", default)]
        reference: Option<u64>,
        #[serde(borrow)]
        code: Cow<'a, str>,
    },
    #[serde(other)]
    Other,
}

impl Socket {
    /// Opens a socket.
    ///
    /// # Errors
    /// When the server does not let it.
    pub async fn open(target: &Target, bearer: &HeaderValue) -> Result<Self> {
        let host = target.host.to_str().context("the host's name")?;
        let mut request = format!("ws://{host}/v1/ws").into_client_request()?;
        request.headers_mut().insert(AUTHORIZATION, bearer.clone());
        let stream = TcpStream::connect(target.address).await?;
        stream.set_nodelay(true)?;
        let config = WebSocketConfig::default().read_buffer_size(BUFFER).write_buffer_size(0);
        let (socket, _) = client_async_with_config(request, stream, Some(config)).await.context("the handshake")?;
        let (sink, stream) = socket.split();
        Ok(Self { sink, stream })
    }

    /// The next text; `None` once the socket is closed.
    pub async fn next(stream: &mut SplitStream<WebSocketStream<TcpStream>>) -> Option<Utf8Bytes> {
        loop {
            match stream.next().await? {
                Ok(Message::Text(text)) => return Some(text),
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// Sends a text.
    ///
    /// # Errors
    /// When the socket is closed.
    pub async fn say(sink: &mut SplitSink<WebSocketStream<TcpStream>, Message>, text: String) -> Result<()> {
        Ok(sink.send(Message::text(text)).await?)
    }
}
