//! How this server speaks to others over HTTP and TLS: the payment gateway, the routing engine, Redis.

use std::net::IpAddr;

use reqwest::{Client, ClientBuilder, Url, redirect};
use rustls::crypto::{CryptoProvider, ring};

/// Chooses the library that TLS computes with, unless another part of the process has chosen one.
pub fn choose_tls() {
    if CryptoProvider::get_default().is_none() {
        // Losing a race against another installer is as good.
        drop(ring::default_provider().install_default());
    }
}

/// The HTTP address in `<prefix>http(s)://host[:port]`; `None` when there is more to it: a path, a query, a login.
#[must_use]
pub fn base_of(url: &str, prefix: &str) -> Option<Url> {
    let base = Url::parse(url.strip_prefix(prefix)?).ok()?;
    let is_bare = base.has_host()
        && base.path() == "/"
        && base.query().is_none()
        && base.fragment().is_none()
        && base.username().is_empty()
        && base.password().is_none();
    is_bare.then_some(base)
}

/// Whether the server at `base` is on this machine: what is sent to it passes no network.
#[must_use]
pub fn is_local(base: &Url) -> bool {
    let host = base.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse();
    host == "localhost" || address.is_ok_and(|address: IpAddr| address.is_loopback())
}

/// A client for the server at `base` that follows no redirects and uses no proxy: a variable such as `HTTP_PROXY`, set for
/// another program, would send keys and customers' data there.
pub fn client_for(base: &Url) -> ClientBuilder {
    choose_tls();
    let builder = Client::builder().redirect(redirect::Policy::none()).no_proxy();
    // Without TLS no certificate is needed, and a machine without any must do.
    if base.scheme() == "https" { builder.https_only(true) } else { builder.tls_certs_only(Vec::new()) }
}
