//! What the codes mean to those who write clients: when each comes, and what to do then. The OpenAPI document and
//! `docs/errors.md` are made from it.

use super::Code;

impl Code {
    /// The circumstances of the refusal.
    pub(in crate::http) fn when(self) -> &'static str {
        match self {
            Self::InvalidRequest => {
                "A path, a query parameter, a header, a body or a frame is not valid. `detail` names the place and the values that are allowed."
            }
            Self::Unauthorized => "The token is missing, expired, or not signed by a key that this server knows.",
            Self::Forbidden => "The token is good, but its role, its `sub` or its `services` do not allow this.",
            Self::NotFound => "There is no such path or resource, or this token may not know of it.",
            Self::MethodNotAllowed => {
                "The path exists, but not with this method; the header `Allow` names its methods."
            }
            Self::RequestTimeout => {
                "The body took longer than `http.client_body_timeout_ms` to arrive. The connection ends."
            }
            Self::PayloadTooLarge => "The body is longer than `http.body_max_bytes`. The connection ends.",
            Self::UnsupportedMediaType => "The body is not declared as `application/json`.",
            Self::OutOfArea => {
                "The pickup, or the destination where the service's policy asks for it, is outside the service area. A call that was requested is `denied`, and what was paid is refunded."
            }
            Self::PaymentDeclined => {
                "The gateway refused the payment method. Nothing was taken; the call exists and is in the member `call`."
            }
            Self::PaymentRejected => {
                "The gateway did not accept the payment method or the request; `detail` has its reason. Nothing was taken; the call exists and is in the member `call`."
            }
            Self::PaymentActionRequired => {
                "The call is completed once it is paid, and its payer must confirm the payment first, with 3-D Secure for instance. `payment.action` of the call says how, to the customer only."
            }
            Self::PaymentUnavailable => {
                "The gateway is down or overloaded, or refuses the server's key, and nothing was taken. The call exists and is in the member `call`."
            }
            Self::PaymentPending => {
                "The outcome of the payment is not known yet. It is being found out; the card is never charged twice."
            }
            Self::PaymentBelowMinimum => {
                "The fare is below the least that the service may charge (`payment_minimum` of its policy)."
            }
            Self::CallTaken => "Another driver has the call, or it is over.",
            Self::NotOffered => "The call is not offered to this driver, or its offer has ended.",
            Self::IllegalTransition => "The state of the call or driver does not allow this step; `detail` names both.",
            Self::DriverUnavailable => "The driver, car or seat is not free, or not for that time.",
            Self::IdempotencyConflict => {
                "The `Idempotency-Key` was used for a request with another body. The call of that request is in the member `call`."
            }
            Self::QuoteExpired => "The quote is older than five minutes.",
            Self::AlreadyExists => "There is one with this id already.",
            Self::TooManyUnpaid => {
                "The customer has as many open calls that are not paid as the service allows (`payment.unpaid_max`)."
            }
            Self::TooEarly => {
                "The call is booked for later than the step may be taken (`dispatch.early_s` of the service's policy)."
            }
            Self::DebtOpen => {
                "The customer owes the fare of an earlier call, and the service takes no new calls then (`payment.refuse_debtors`)."
            }
            Self::ChargeInFlight => "A charge is under way; until its outcome is known the ride cannot be settled.",
            Self::RateLimited => {
                "More requests or frames than allowed from this token's `sub` and role or from this address, or more sockets."
            }
            Self::Overloaded => {
                "The server, a mailbox or the supply of drivers is exhausted, or the answer took too long. `detail` says which, and whether the request may still take effect."
            }
            Self::StoreUnavailable => {
                "The store takes no commits now, or has not confirmed one, or a list cannot be read."
            }
            Self::Parked => "The actor of this call or driver failed again and again and waits for an operator.",
            Self::ActorRestarted => "The actor failed at this request and is being restarted.",
            Self::NotReady => "The server is starting or stopping, or the policy file of the service is missing.",
            Self::Internal => "A fault of the server. It is logged under the `x-request-id` of the answer.",
        }
    }

    /// The advice to a client.
    pub(in crate::http) fn advice(self) -> &'static str {
        match self {
            Self::InvalidRequest => "Correct the request. Repeating it unchanged is refused again.",
            Self::Unauthorized => "Get a new token and send it as `Authorization: Bearer …`.",
            Self::Forbidden => "Do not repeat it with this token.",
            Self::NotFound => {
                "Do not repeat it. Look for the id in the lists of `GET /v1/me/calls` or `GET /v1/drivers`."
            }
            Self::MethodNotAllowed => "Correct the client.",
            Self::RequestTimeout => "Repeat the request on a new connection.",
            Self::PayloadTooLarge => "Send less at once.",
            Self::UnsupportedMediaType => "Set `Content-Type: application/json`.",
            Self::OutOfArea => "Tell the customer. Ask for another place.",
            Self::PaymentDeclined => "Pay with another method: `POST /v1/calls/{id}/pay`.",
            Self::PaymentRejected => "Pay with another method: `POST /v1/calls/{id}/pay`.",
            Self::PaymentActionRequired => {
                "Ask the customer to confirm the payment in its app; then the call is completed by itself, or `POST /v1/calls/{id}/complete` again."
            }
            Self::PaymentUnavailable => {
                "Wait for `Retry-After`, then `POST /v1/calls/{id}/pay`, or repeat the same request with its `Idempotency-Key`."
            }
            Self::PaymentPending => {
                "Wait for `Retry-After`, then read the call, or listen on the WebSocket. Repeating the request is safe with its `Idempotency-Key`."
            }
            Self::PaymentBelowMinimum => "Tell the customer. Repeating it is refused again.",
            Self::CallTaken => "Take the offer off the screen.",
            Self::NotOffered => "Take the offer off the screen, and read `GET /v1/drivers/{id}/offers`.",
            Self::IllegalTransition => "Read the call again and go on from its status.",
            Self::DriverUnavailable => "Choose another one, or another time.",
            Self::IdempotencyConflict => "Use a new key for a new request.",
            Self::QuoteExpired => "Ask `POST /v1/quotes` for a new one, or leave the quote out.",
            Self::AlreadyExists => "Read it instead.",
            Self::TooManyUnpaid => "Pay or cancel one of them first.",
            Self::TooEarly => "Repeat it after `Retry-After`.",
            Self::DebtOpen => {
                "Show the customer the `debts` of `GET /v1/me`, and have them paid with `POST /v1/calls/{id}/pay`."
            }
            Self::ChargeInFlight => "Look at the call again in a few seconds: it may be paid by then.",
            Self::RateLimited => {
                "Wait for `Retry-After`. The headers `RateLimit` and `RateLimit-Policy` say what is left."
            }
            Self::Overloaded => {
                "Wait for `Retry-After`, then repeat the request. A request for a new call needs its `Idempotency-Key` for that."
            }
            Self::StoreUnavailable => {
                "Wait for `Retry-After`, then repeat the request. A request for a new call needs its `Idempotency-Key` for that."
            }
            Self::Parked => {
                "Wait for `Retry-After`. An operator resumes it with `POST /v1/ops/actors/{kind}/{id}/resume`."
            }
            Self::ActorRestarted => {
                "Wait for `Retry-After`, then repeat the request. A request for a new call needs its `Idempotency-Key` for that."
            }
            Self::NotReady => "Wait for `Retry-After`, then ask again, behind a balancer another server.",
            Self::Internal => "Report it with the `x-request-id`. Read the call before you repeat a command.",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fmt::Write as _, path::Path};

    use super::*;
    use crate::domain::policy::Lang;

    /// The mark in front of the table, and the one behind it.
    const BEGIN: &str = "<!-- codes: written by CALLOUT_WRITE_PAGES=1 cargo test --lib guide -->\n";
    const END: &str = "<!-- end of codes -->\n";

    fn table() -> Result<String, std::fmt::Error> {
        let mut codes = Code::ALL;
        codes.sort_by_key(|code| (code.status(), code.as_str()));
        let mut rows =
            "| code | status | when it comes | what a client should do | `message` |\n|---|---|---|---|---|\n"
                .to_owned();
        for code in codes {
            let (status, when, advice) = (code.status().as_u16(), code.when(), code.advice());
            let message = code.message().map_or("none", |words| words.in_lang(Lang::En));
            writeln!(rows, "| `{}` | {status} | {when} | {advice} | {message} |", code.as_str())?;
        }
        Ok(rows)
    }

    #[test]
    fn the_page_of_errors_has_every_code() -> Result<(), Box<dyn std::error::Error>> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/errors.md");
        let page = std::fs::read_to_string(&path)?;
        let (before, rest) = page.split_once(BEGIN).ok_or("docs/errors.md has lost the mark in front of its table")?;
        let (_, after) = rest.split_once(END).ok_or("docs/errors.md has lost the mark behind its table")?;
        let right = format!("{before}{BEGIN}{}{END}{after}", table()?);
        if std::env::var_os("CALLOUT_WRITE_PAGES").is_some() {
            std::fs::write(&path, &right)?;
        }
        assert!(
            page == right || std::env::var_os("CALLOUT_WRITE_PAGES").is_some(),
            "the codes have changed; write the page with CALLOUT_WRITE_PAGES=1 cargo test --lib guide"
        );
        Ok(())
    }
}
