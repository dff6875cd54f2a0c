//! The messages that Stripe sends by itself: whether they are its own, and which payment each is about.
//!
//! The signature is that of <https://docs.stripe.com/webhooks#verify-manually>: the header `Stripe-Signature` has the time `t`
//! and one or more `v1`, each the hex of HMAC-SHA256 over `<t>.<body>` with the endpoint's secret.

use hmac::{Hmac, Mac as _};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use sha2::Sha256;

use crate::actors::ports::gateway::{EventError, GatewayEvent, GatewayEvents};

/// How much older or newer than now a signature may be, in seconds, as Stripe's own libraries have it.
const TOLERANCE_S: u64 = 300;

/// Reads what Stripe sends to one endpoint.
pub(in crate::gateway) struct StripeEvents {
    secret: SecretString,
}

#[derive(Deserialize)]
struct Event {
    id: String,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    object: Object,
}

#[derive(Deserialize)]
struct Object {
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata {
    payment_id: Option<String>,
}

impl StripeEvents {
    pub(in crate::gateway) fn new(secret: SecretString) -> Self {
        Self { secret }
    }

    fn check(&self, body: &[u8], signature: &str, now: Timestamp) -> Result<(), EventError> {
        let unsigned = |why: &str| EventError::Unsigned(why.to_owned());
        let parts: Vec<(&str, &str)> = signature.split(',').filter_map(|part| part.trim().split_once('=')).collect();
        let time = parts.iter().find(|(name, _)| *name == "t").map(|(_, value)| *value);
        let time = time.ok_or_else(|| unsigned("Stripe-Signature must be like t=<seconds>,v1=<hex>"))?;
        let mut is_signed = false;
        for (_, hex) in parts.iter().filter(|(name, _)| *name == "v1") {
            let Some(given) = from_hex(hex) else { continue };
            let mac = Hmac::<Sha256>::new_from_slice(self.secret.expose_secret().as_bytes());
            let mut mac = mac.map_err(|_| unsigned("gateway.webhook_secret cannot be used as a key"))?;
            mac.update(time.as_bytes());
            mac.update(b".");
            mac.update(body);
            is_signed |= mac.verify_slice(&given).is_ok();
        }
        if !is_signed {
            return Err(unsigned("no v1 in Stripe-Signature fits the body and gateway.webhook_secret"));
        }
        // Looked at last: it is the gateway's own word by now.
        let signed_at: i64 = time.parse().map_err(|_| unsigned("t in Stripe-Signature must be a time in seconds"))?;
        if now.as_second().abs_diff(signed_at) > TOLERANCE_S {
            return Err(unsigned("the signature's time is more than 300 s away from this server's clock"));
        }
        Ok(())
    }
}

impl GatewayEvents for StripeEvents {
    fn read(&self, body: &[u8], signature: &str, now: Timestamp) -> Result<GatewayEvent, EventError> {
        self.check(body, signature, now)?;
        let event: Event = serde_json::from_slice(body)
            .map_err(|_| EventError::Unreadable("the body must be an event with id and data.object".to_owned()))?;
        Ok(GatewayEvent { id: event.id, payment_id: event.data.object.metadata.payment_id })
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"id": "evt_1", "data": {"object": {"id": "pi_1", "metadata": {"payment_id": "call_1"}}}}"#;

    fn events() -> StripeEvents {
        StripeEvents::new("whsec_right".to_owned().into())
    }

    fn signed(secret: &str, time: &str, body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key");
        mac.update(time.as_bytes());
        mac.update(b".");
        mac.update(body);
        let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("t={time},v0=00,v1={hex}")
    }

    fn read(signature: &str, body: &[u8]) -> Result<GatewayEvent, EventError> {
        events().read(body, signature, Timestamp::from_second(1_000).expect("a time"))
    }

    #[test]
    fn a_signed_event_names_its_payment() {
        let event = read(&signed("whsec_right", "1000", BODY), BODY).expect("it is signed");
        assert_eq!((event.id.as_str(), event.payment_id.as_deref()), ("evt_1", Some("call_1")));
        let other = br#"{"id": "evt_2", "data": {"object": {"id": "cus_1"}}}"#;
        assert_eq!(read(&signed("whsec_right", "1000", other), other).expect("it is signed").payment_id, None);
    }

    #[test]
    fn one_of_several_signatures_is_enough_as_while_a_secret_is_replaced() {
        let right = signed("whsec_right", "1000", BODY);
        let old = signed("whsec_old", "1000", BODY).replace("t=1000,", "");
        assert!(read(&format!("{right},{old}"), BODY).is_ok());
    }

    #[test]
    fn what_is_not_signed_or_too_old_is_not_believed() {
        let other = signed("whsec_wrong", "1000", BODY);
        let (early, late) = (signed("whsec_right", "699", BODY), signed("whsec_right", "1301", BODY));
        let changed = signed("whsec_right", "1000", b"{}");
        let no_time = signed("whsec_right", "soon", BODY);
        for wrong in ["", "t=1000", "v1=00", "t=1000,v1=zz", "t=1000,v1=0", &other, &early, &late, &changed, &no_time] {
            assert!(matches!(read(wrong, BODY), Err(EventError::Unsigned(_))), "{wrong}");
        }
        assert!(read(&signed("whsec_right", "700", BODY), BODY).is_ok());
    }

    #[test]
    fn a_signed_text_that_is_no_event_says_so() {
        for body in [&b"{"[..], b"[]", br#"{"id": "evt_1"}"#] {
            assert!(matches!(read(&signed("whsec_right", "1000", body), body), Err(EventError::Unreadable(_))));
        }
    }
}
