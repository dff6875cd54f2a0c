//! Quotes: a signed promise of a fare for one customer's trip, good for five minutes. Nothing is stored.

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, Header, decode, encode, errors::ErrorKind};
use serde::{Deserialize, Serialize};

use crate::{
    domain::{CustomerId, DriverId, LatLng, Money, Period, ServiceId},
    http::{
        auth::keys::Keys,
        error::{Code, Problem},
    },
};

/// How long a quote is good, in seconds.
pub(super) const GOOD_FOR_S: i64 = 300;

/// The trip whose price a customer asks, as the quote's token holds it.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::http) struct QuotedTrip<'a> {
    pub customer: &'a CustomerId,
    pub service: &'a ServiceId,
    pub pickup: LatLng,
    pub dropoff: Option<LatLng>,
    pub driver: Option<&'a DriverId>,
    pub period: Option<Period>,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: CustomerId,
    exp: i64,
    service: ServiceId,
    pickup: LatLng,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dropoff: Option<LatLng>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    driver: Option<DriverId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    period: Option<Period>,
    fare: Money,
}

/// A quote of `fare` for the trip, good until `until`.
pub(super) fn sign(keys: &Keys, trip: &QuotedTrip<'_>, fare: Money, until: Timestamp) -> Result<String, Problem> {
    let claims = Claims {
        sub: trip.customer.clone(),
        exp: until.as_second(),
        service: trip.service.clone(),
        pickup: trip.pickup,
        dropoff: trip.dropoff,
        driver: trip.driver.cloned(),
        period: trip.period,
        fare,
    };
    encode(&Header::new(Algorithm::HS256), &claims, &keys.sign_quotes)
        .map_err(|error| Problem::new(Code::Internal, format!("the quote cannot be signed: {error}")))
}

/// The fare that a quote promises for this very trip.
pub(in crate::http) fn verify(keys: &Keys, quote: &str, trip: &QuotedTrip<'_>) -> Result<Money, Problem> {
    let claims = decode::<Claims>(quote, &keys.read_quotes, &keys.quotes)
        .map_err(|error| match error.kind() {
            ErrorKind::ExpiredSignature => Problem::new(
                Code::QuoteExpired,
                format!("quote: it was good for {GOOD_FOR_S} s; ask for a new one or leave it out"),
            ),
            _ => Problem::at("/quote", "this server did not make it; ask POST /v1/quotes for one"),
        })?
        .claims;
    let same = claims.sub == *trip.customer
        && claims.service == *trip.service
        && claims.pickup == trip.pickup
        && claims.dropoff == trip.dropoff
        && claims.driver.as_ref() == trip.driver
        && claims.period == trip.period;
    if same {
        return Ok(claims.fare);
    }
    Err(Problem::at("/quote", "it is for another trip or customer; ask POST /v1/quotes for one for this trip"))
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;

    use super::*;
    use crate::{clock, domain::Currency};

    type Tested = Result<(), Box<dyn std::error::Error>>;

    #[test]
    fn a_quote_is_good_for_its_trip_its_customer_and_its_time() -> Tested {
        let keys = Keys::new(&"0123456789abcdef0123456789abcdef".into(), "callout", 30);
        let (mina, jun) = (CustomerId::new("mina")?, CustomerId::new("jun")?);
        let service = ServiceId::new("driver-call")?;
        let (here, there) = (LatLng::new(37.4979, 127.0276)?, LatLng::new(37.5547, 126.9707)?);
        let trip = QuotedTrip {
            customer: &mina,
            service: &service,
            pickup: here,
            dropoff: Some(there),
            driver: None,
            period: None,
        };
        let fare = Money::new(20_000, Currency::KRW);
        let quote = sign(&keys, &trip, fare, clock::now() + 5.minutes())?;
        assert_eq!(verify(&keys, &quote, &trip)?, fare);
        for other in [
            QuotedTrip { customer: &jun, ..trip.clone() },
            QuotedTrip { dropoff: Some(here), ..trip.clone() },
            QuotedTrip { dropoff: None, ..trip.clone() },
        ] {
            assert_eq!(verify(&keys, &quote, &other).expect_err("another trip").code(), Code::InvalidRequest);
        }
        let old = sign(&keys, &trip, fare, clock::now() - 2.seconds())?;
        assert_eq!(verify(&keys, &old, &trip).expect_err("too old").code(), Code::QuoteExpired);
        Ok(())
    }

    #[test]
    fn a_bearer_token_is_no_quote() -> Tested {
        let keys = Keys::new(&"0123456789abcdef0123456789abcdef".into(), "callout", 30);
        let token = keys.mint(crate::domain::Role::Customer, "mina", std::time::Duration::from_secs(9))?;
        let (mina, service) = (CustomerId::new("mina")?, ServiceId::new("driver-call")?);
        let trip = QuotedTrip {
            customer: &mina,
            service: &service,
            pickup: LatLng::new(37.0, 127.0)?,
            dropoff: None,
            driver: None,
            period: None,
        };
        assert_eq!(verify(&keys, &token, &trip).expect_err("no quote").code(), Code::InvalidRequest);
        Ok(())
    }
}
