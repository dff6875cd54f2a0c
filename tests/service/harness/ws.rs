//! One principal's WebSocket. Frames that nobody has asked for yet are kept, so that their order does not matter.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest, http::HeaderValue, protocol::CloseFrame},
};

use super::{Client, Contract, call_named_by, wait::PATIENCE};

/// An open socket.
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    waiting: VecDeque<Value>,
    /// Frames with a `ref` that are not answered yet.
    asked: HashMap<String, Value>,
    /// Whether the client has said goodbye: then its own code comes back.
    is_leaving: bool,
}

impl Client {
    /// Opens a socket with the token in `Authorization`.
    pub async fn ws(&self) -> Socket {
        let token = self.token().map(|token| format!("Bearer {token}"));
        Socket::open(&format!("{}/v1/ws", self.base()), token.as_deref()).await.expect("an open socket")
    }

    /// Opens a socket that asks for a language.
    pub async fn ws_in(&self, language: &str) -> Socket {
        let token = format!("Bearer {}", self.token().unwrap_or_default());
        let headers = [("authorization", token.as_str()), ("accept-language", language)];
        Socket::open_with(&format!("{}/v1/ws", self.base()), &headers).await.expect("an open socket")
    }

    /// Opens a socket as browsers do: the token in the query.
    pub async fn ws_by_query(&self) -> Socket {
        let url = format!("{}/v1/ws?access_token={}", self.base(), self.token().unwrap_or_default());
        Socket::open(&url, None).await.expect("an open socket")
    }
}

impl Socket {
    /// Opens a socket.
    pub async fn open(url: &str, authorization: Option<&str>) -> Result<Self, Box<Error>> {
        let headers: Vec<_> = authorization.map(|text| ("authorization", text)).into_iter().collect();
        Self::open_with(url, &headers).await
    }

    /// Opens a socket as a page of that origin does.
    pub async fn open_from(client: &Client, origin: Option<&str>) -> Result<Self, Box<Error>> {
        let token = format!("Bearer {}", client.token().unwrap_or_default());
        let origin = origin.map(|origin| ("origin", origin));
        let headers: Vec<_> = [Some(("authorization", token.as_str())), origin].into_iter().flatten().collect();
        Self::open_with(&format!("{}/v1/ws", client.base()), &headers).await
    }

    async fn open_with(url: &str, headers: &[(&'static str, &str)]) -> Result<Self, Box<Error>> {
        let mut request = url.replacen("http", "ws", 1).into_client_request()?;
        for (name, text) in headers {
            request.headers_mut().insert(*name, HeaderValue::from_str(text).expect("a header value"));
        }
        let (stream, _) = connect_async(request).await?;
        Ok(Self { stream, waiting: VecDeque::new(), asked: HashMap::new(), is_leaving: false })
    }

    /// Sends a frame.
    pub async fn send(&mut self, frame: Value) {
        if let Some(reference) = frame.get("ref") {
            self.asked.insert(reference.to_string(), frame.clone());
        }
        self.send_raw(Message::text(frame.to_string())).await.expect("a sent frame");
    }

    /// Sends any message, good or bad.
    pub async fn send_raw(&mut self, message: Message) -> Result<(), Box<Error>> {
        Ok(self.stream.send(message).await?)
    }

    /// Sends a frame with a `ref` and returns the answer that carries it.
    pub async fn ask(&mut self, mut frame: Value, reference: &str) -> Value {
        frame["ref"] = json!(reference);
        self.send(frame).await;
        self.frame_where(&format!("an answer to {reference}"), |frame| frame["ref"] == reference).await
    }

    /// Sends that many pings of the protocol, and returns how many are answered.
    pub async fn pongs_to(&mut self, pings: usize) -> usize {
        for _ in 0..pings {
            self.send_raw(Message::Ping("p".into())).await.expect("an open socket");
        }
        self.send(json!({"type": "ping", "ref": "after the pings"})).await;
        let mut pongs = 0;
        let counting = async {
            loop {
                match self.stream.next().await {
                    Some(Ok(Message::Pong(_))) => pongs += 1,
                    Some(Ok(Message::Text(text))) if text.contains("after the pings") => return,
                    Some(Ok(_)) => {}
                    end => panic!("the socket ended: {end:?}"),
                }
            }
        };
        timeout(PATIENCE, counting).await.expect("an answer to the last frame");
        pongs
    }

    /// Subscribes to a call.
    pub async fn subscribe(&mut self, call: &str, after: Option<u64>) {
        let mut frame = json!({"type": "subscribe", "call": call});
        if let Some(seq) = after {
            frame["after"] = json!(seq);
        }
        self.send(frame).await;
    }

    /// The next frame of a type.
    pub async fn next_frame_of(&mut self, kind: &str) -> Value {
        self.frame_where(kind, |frame| frame["type"] == kind).await
    }

    /// The next frame of a type about a call.
    pub async fn next_about(&mut self, kind: &str, call: &str) -> Value {
        self.frame_where(&format!("{kind} of {call}"), |frame| {
            frame["type"] == kind && call_named_by(frame) == Some(call)
        })
        .await
    }

    /// The next `call` frame in which the call has that status.
    pub async fn call_is(&mut self, call: &str, status: &str) -> Value {
        self.frame_where(&format!("{call} {status}"), |frame| {
            frame["type"] == "call" && frame["call"]["id"] == call && frame["call"]["status"] == status
        })
        .await
    }

    /// The next frame that fits.
    pub async fn frame_where(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.waiting.iter().position(&fits)
            && let Some(frame) = self.waiting.remove(at)
        {
            return frame;
        }
        let search = async {
            loop {
                let frame = self.read().await.unwrap_or_else(|code| panic!("closed ({code:?}) before {what}"));
                if fits(&frame) {
                    return frame;
                }
                self.waiting.push_back(frame);
            }
        };
        match timeout(PATIENCE, search).await {
            Ok(frame) => frame,
            Err(_) => panic!("no such frame within {PATIENCE:?}: {what}; seen: {:?}", self.waiting),
        }
    }

    /// Whether a kept frame fits. Only after something later is known to have arrived does "no" mean anything.
    pub fn has_seen(&self, fits: impl Fn(&Value) -> bool) -> bool {
        self.waiting.iter().any(fits)
    }

    /// Says goodbye. Returns the code of the answer, and how long after it the connection stays open.
    pub async fn say_goodbye(&mut self, code: u16) -> (Option<u16>, Duration) {
        let frame = CloseFrame { code: code.into(), reason: "".into() };
        self.is_leaving = true;
        self.send_raw(Message::Close(Some(frame))).await.expect("an open socket");
        let answer = self.close_code().await;
        let answered = Instant::now();
        let _ = timeout(PATIENCE, self.stream.next()).await.expect("an end of the connection");
        (answer, answered.elapsed())
    }

    /// Reads to the end and returns the close code, if the server gave one.
    pub async fn close_code(&mut self) -> Option<u16> {
        let end = async {
            loop {
                if let Err(code) = self.read().await {
                    return code;
                }
            }
        };
        timeout(PATIENCE * 2, end).await.unwrap_or_else(|_| panic!("the server did not close the socket"))
    }

    /// Holds a frame of the server, and the frame of the client that it answers with success, against the published
    /// document.
    async fn hold(&mut self, frame: &Value) {
        let contract = Contract::published().await;
        contract.hold_frame(frame);
        let asked = frame.get("ref").and_then(|reference| self.asked.remove(&reference.to_string()));
        if let Some(asked) = asked.filter(|_| frame["type"] != "error") {
            contract.hold_command(&asked);
        }
    }

    /// The next frame, or the close code.
    async fn read(&mut self) -> Result<Value, Option<u16>> {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => {
                    let frame = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
                    self.hold(&frame).await;
                    return Ok(frame);
                }
                Some(Ok(Message::Close(frame))) => {
                    let code = frame.map(|frame| frame.code.into());
                    if let Some(code) = code.filter(|_| !self.is_leaving) {
                        Contract::published().await.hold_close(code);
                    }
                    return Err(code);
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }
}
