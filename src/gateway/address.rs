//! The address of a gateway: its forms, and what is wrong with another one.

use crate::{outbound, settings::Url};

/// What a URL names.
pub(super) enum Address {
    Simulated,
    /// A server that speaks the Stripe protocol.
    Stripe(reqwest::Url),
}

const UNKNOWN: &str =
    "simulated://, stripe+https://<host>[:port], or stripe+http://<host>[:port] for a gateway on this machine";
const NOT_BARE: &str =
    "stripe+https://<host>[:port] and no more: no path such as /v1, which is added, no query and no login";
const NOT_ENCRYPTED: &str =
    "stripe+https://…, because stripe+http is not encrypted and for a gateway on this machine only";

/// A URL that names no gateway.
#[derive(Debug, thiserror::Error)]
#[error("must be {right}, got {got:?}")]
pub struct InvalidUrl {
    /// The forms that are allowed.
    right: &'static str,
    /// The URL, which shows no login.
    got: Url,
}

/// What the URL names. The start and `config check` both ask here.
pub(super) fn of(url: &Url) -> Result<Address, InvalidUrl> {
    let wrong = |right| InvalidUrl { right, got: url.clone() };
    match url.scheme() {
        "simulated" if url.as_str() == "simulated://" => return Ok(Address::Simulated),
        "stripe+http" | "stripe+https" if !url.rest().is_empty() => {}
        _ => return Err(wrong(UNKNOWN)),
    }
    let base = outbound::base_of(url.as_str(), "stripe+").ok_or_else(|| wrong(NOT_BARE))?;
    if base.scheme() == "http" && !outbound::is_local(&base) {
        return Err(wrong(NOT_ENCRYPTED));
    }
    Ok(Address::Stripe(base))
}
