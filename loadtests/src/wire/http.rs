//! HTTP/1.1 over kept connections. A request takes the connection that was used last, or a new one when all are busy, so
//! there are as many as requests at a time. hyper itself, without a client on top: client, server and
//! store share the machine, and what the client spends the server does not have.

use std::{
    net::SocketAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, Uri,
    client::conn::http1::{SendRequest, handshake},
    header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, RETRY_AFTER},
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::timeout};

use super::{Answer, Failure};

type Sender = SendRequest<Full<Bytes>>;

/// Where the server is.
#[derive(Debug, Clone)]
pub struct Target {
    pub address: SocketAddr,
    /// Its name and port.
    pub host: HeaderValue,
}

impl Target {
    /// Reads `http://host:port`.
    ///
    /// # Errors
    /// When it is something else or the host is not known.
    pub fn read(url: &str) -> Result<Self> {
        let uri: Uri = url.parse().with_context(|| format!("--target {url}: not a URL"))?;
        let plain = uri.scheme_str() == Some("http") && uri.path() == "/";
        let authority = uri.authority().filter(|_| plain);
        let authority = authority.with_context(|| format!("--target {url}: must be http://host:port"))?;
        let port = authority.port_u16().unwrap_or(80);
        let mut addresses = std::net::ToSocketAddrs::to_socket_addrs(&(authority.host(), port))
            .with_context(|| format!("--target {url}: the host is not known"))?;
        let address = addresses.next().with_context(|| format!("--target {url}: the host has no address"))?;
        Ok(Self { address, host: HeaderValue::from_str(authority.as_str())? })
    }
}

/// The client.
pub struct Http {
    target: Target,
    patience: Duration,
    idle: Mutex<Vec<Sender>>,
}

impl Http {
    /// A client that waits for an answer for `patience`.
    #[must_use]
    pub fn new(target: Target, patience: Duration) -> Self {
        Self { target, patience, idle: Mutex::default() }
    }

    /// Where the server is.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// `GET`.
    ///
    /// # Errors
    /// When no answer came.
    pub async fn get(&self, path: &str, bearer: &HeaderValue) -> Result<Answer, Failure> {
        self.send(Method::GET, path, bearer, Bytes::new()).await
    }

    /// `POST` of JSON.
    ///
    /// # Errors
    /// When no answer came.
    pub async fn post(&self, path: &str, bearer: &HeaderValue, body: impl Into<Bytes>) -> Result<Answer, Failure> {
        self.send(Method::POST, path, bearer, body.into()).await
    }

    /// `PUT` of JSON.
    ///
    /// # Errors
    /// When no answer came.
    pub async fn put(&self, path: &str, bearer: &HeaderValue, body: impl Into<Bytes>) -> Result<Answer, Failure> {
        self.send(Method::PUT, path, bearer, body.into()).await
    }

    async fn send(&self, method: Method, path: &str, bearer: &HeaderValue, body: Bytes) -> Result<Answer, Failure> {
        let exchange = async {
            let mut sender = self.connection().await?;
            let answer = exchange(&mut sender, self.request(method, path, bearer, body)?).await?;
            self.lock().push(sender);
            Ok(answer)
        };
        timeout(self.patience, exchange).await.unwrap_or(Err(Failure::Timeout))
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        bearer: &HeaderValue,
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, Failure> {
        let mut request = Request::builder().method(method).uri(path).header(HOST, &self.target.host);
        request = request.header(AUTHORIZATION, bearer);
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        request.body(Full::new(body)).map_err(|_| Failure::Connect)
    }

    async fn connection(&self) -> Result<Sender, Failure> {
        loop {
            let Some(mut kept) = self.lock().pop() else { return self.connect().await };
            if kept.ready().await.is_ok() {
                return Ok(kept);
            }
        }
    }

    async fn connect(&self) -> Result<Sender, Failure> {
        let stream = TcpStream::connect(self.target.address).await.map_err(|_| Failure::Connect)?;
        stream.set_nodelay(true).map_err(|_| Failure::Connect)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|_| Failure::Connect)?;
        tokio::spawn(connection);
        Ok(sender)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Sender>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn exchange(sender: &mut Sender, request: Request<Full<Bytes>>) -> Result<Answer, Failure> {
    let response = sender.send_request(request).await.map_err(|_| Failure::Broken)?;
    let status = response.status().as_u16();
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let body = response.into_body().collect().await.map_err(|_| Failure::Broken)?.to_bytes();
    Ok(Answer { status, retry_after: retry_after.map(Duration::from_secs), body })
}
