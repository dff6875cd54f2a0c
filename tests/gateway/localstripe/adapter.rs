//! The Stripe adapter against localstripe: whatever goes wrong on the way, the books have one charge and one refund.

use std::{sync::Arc, time::Duration};

use callout::{
    actors::ports::gateway::{
        ChargeOutcome, GatewayError, LedgerKind, Lookup, PaymentGateway, RefundOutcome, RefundRequest, WithdrawOutcome,
    },
    clock,
    gateway::{GatewaySettings, Simulation, open},
    settings::Url,
};
use jiff::ToSpan;

use super::client::{StripeClient, send};
use crate::{
    edge::{API_KEY, Booked, Edge, Fault, RefundCourse, RefundEnd, When},
    stripe::{confirm, opened, read, withdraw},
    support::{Tested, refund},
};

const CONFIRM: &str = "/v1/payment_intents/*/confirm";
const VISA: &str = "pm_card_visa";

type Opened = Result<Arc<dyn PaymentGateway>, Box<dyn std::error::Error>>;

fn gateway(edge: &Edge) -> Opened {
    let settings = GatewaySettings {
        url: Url::new(format!("stripe+{}", edge.url())),
        api_key: Some(API_KEY.to_owned().into()),
        ..GatewaySettings::default()
    };
    Ok(open(&settings, &Simulation::default())?.gateway)
}

/// Every fault that leaves open whether a request was performed, before and after it was.
fn faults() -> Vec<Fault> {
    let of = |when| {
        let statuses = [500, 502, 503, 504].map(|status| Fault::status(status, when));
        statuses.into_iter().chain([Fault::cut(when)]).collect::<Vec<_>>()
    };
    [of(When::Before), of(When::After)].concat()
}

/// What the books have of each kind.
async fn booked(edge: &Edge, booked: Booked) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let books = edge.books().await?.into_iter();
    Ok(books.filter(|booking| booking.booked == booked).map(|booking| booking.payment_id).collect())
}

#[actix_rt::test]
async fn a_charge_that_was_interrupted_is_made_once() -> Tested {
    let edge = Edge::start()?;
    let gateway = gateway(&edge)?;
    let mut payments = Vec::new();
    for (number, fault) in faults().into_iter().enumerate() {
        let payment = format!("pay_{number}");
        let intent = opened(&*gateway, &payment).await?;
        edge.order(fault.on("POST", CONFIRM));
        let answer = gateway.charge(confirm(&intent, &format!("{payment}:1"), VISA)).await;
        assert!(matches!(answer, Err(GatewayError::Unknown(_) | GatewayError::Failed(_))), "{number}: {answer:?}");
        edge.forget_keys();
        if let Lookup::Absent { .. } = gateway.lookup(read(&intent)).await? {
            gateway.charge(confirm(&intent, &format!("{payment}:2"), VISA)).await?;
        }
        let found = gateway.lookup(read(&intent)).await?;
        assert!(matches!(found, Lookup::Found(ChargeOutcome::Charged { .. })), "{number}: {found:?}");
        payments.push(payment);
    }
    assert_eq!((booked(&edge, Booked::Charge).await?, edge.mend()), (payments, 0));
    Ok(())
}

#[actix_rt::test]
async fn a_refund_that_was_interrupted_is_made_once() -> Tested {
    let edge = Edge::start()?;
    let gateway = gateway(&edge)?;
    let mut payments = Vec::new();
    for (number, fault) in faults().into_iter().enumerate() {
        let payment = format!("pay_{number}");
        let intent = opened(&*gateway, &payment).await?;
        gateway.charge(confirm(&intent, &format!("{payment}:1"), VISA)).await?;
        edge.order(fault.on("POST", "/v1/refunds"));
        let first = refund(&format!("{payment}:refund"), &number.to_string(), &intent, 20_000);
        let answer = gateway.refund(first.clone()).await;
        assert!(matches!(answer, Err(GatewayError::Unknown(_) | GatewayError::Failed(_))), "{number}: {answer:?}");
        edge.forget_keys();
        let again = gateway.refund(RefundRequest { repeated: true, ..first }).await?;
        assert_eq!(again, RefundOutcome::Refunded, "{number}");
        payments.push(payment);
    }
    assert_eq!((booked(&edge, Booked::Refund).await?, edge.mend()), (payments, 0));
    Ok(())
}

#[actix_rt::test]
async fn a_decline_has_its_reason_and_a_used_method_is_rejected() -> Tested {
    let edge = Edge::start()?;
    let (gateway, client) = (gateway(&edge)?, StripeClient::of(&edge)?);
    let intent = opened(&*gateway, "pay_a").await?;
    let declined = gateway.charge(confirm(&intent, "a:1", "pm_card_visa_chargeDeclinedInsufficientFunds")).await?;
    let ChargeOutcome::Declined { reason } = declined else { return Err(format!("{declined:?}").into()) };
    assert!(reason.contains("insufficient_funds"), "{reason}");
    assert_eq!(gateway.lookup(read(&intent)).await?, Lookup::Absent { refused: Some(reason) });
    let card = client.post("/v1/payment_methods", &[("type", "card"), ("card[number]", "4242424242424242")]).await?;
    let charged = gateway.charge(confirm(&intent, "a:2", card.id())).await?;
    assert!(matches!(charged, ChargeOutcome::Charged { .. }), "{charged:?}");
    let other = opened(&*gateway, "pay_b").await?;
    let used = gateway.charge(confirm(&other, "b:1", card.id())).await?;
    assert!(matches!(&used, ChargeOutcome::Rejected { reason } if reason.contains("previously used")), "{used:?}");
    assert_eq!(booked(&edge, Booked::Charge).await?, ["pay_a"]);
    Ok(())
}

#[actix_rt::test]
async fn a_payer_who_authenticates_has_paid() -> Tested {
    let edge = Edge::start()?;
    let (gateway, client) = (gateway(&edge)?, StripeClient::of(&edge)?);
    let intent = opened(&*gateway, "pay_a").await?;
    let asked = gateway.charge(confirm(&intent, "a:1", "pm_card_authenticationRequired")).await?;
    let ChargeOutcome::ActionRequired { action, .. } = asked else { return Err(format!("{asked:?}").into()) };
    let secret = action.client_secret.ok_or("a secret")?;
    let path = format!("/v1/payment_intents/{intent}/_authenticate");
    let form = [("client_secret", secret.as_str()), ("success", "true")];
    send(client.request(reqwest::Method::POST, &path)?.form(&form)).await?;
    let found = gateway.lookup(read(&intent)).await?;
    assert!(matches!(found, Lookup::Found(ChargeOutcome::Charged { .. })), "{found:?}");
    assert_eq!(booked(&edge, Booked::Charge).await?, ["pay_a"]);
    Ok(())
}

#[actix_rt::test]
async fn a_withdrawn_charge_is_never_made() -> Tested {
    let edge = Edge::start()?;
    let gateway = gateway(&edge)?;
    let open = opened(&*gateway, "pay_a").await?;
    let asking = opened(&*gateway, "pay_b").await?;
    gateway.charge(confirm(&asking, "b:1", "pm_card_authenticationRequired")).await?;
    for intent in [&open, &asking] {
        assert_eq!(gateway.withdraw(withdraw(intent)).await?, WithdrawOutcome::Withdrawn);
        let late = gateway.charge(confirm(intent, "late", VISA)).await;
        assert!(matches!(late, Err(GatewayError::Unknown(_))), "{late:?}");
        assert_eq!(gateway.lookup(read(intent)).await?, Lookup::Withdrawn);
        edge.forget_keys();
    }
    let charged = opened(&*gateway, "pay_c").await?;
    gateway.charge(confirm(&charged, "c:1", VISA)).await?;
    assert_eq!(gateway.withdraw(withdraw(&charged)).await?, WithdrawOutcome::Charged { reference: charged });
    assert_eq!(booked(&edge, Booked::Charge).await?, ["pay_c"]);
    Ok(())
}

#[actix_rt::test]
async fn an_answer_about_other_money_is_not_believed() -> Tested {
    let edge = Edge::start()?;
    let gateway = gateway(&edge)?;
    let intent = opened(&*gateway, "pay_a").await?;
    let changed =
        [Fault::changed("/amount", 2_000), Fault::changed("/currency", "usd"), Fault::changed("/livemode", true)];
    for fault in changed {
        edge.order(fault.on("POST", CONFIRM));
        let answer = gateway.charge(confirm(&intent, "a:1", VISA)).await;
        assert!(matches!(answer, Err(GatewayError::Unknown(_))), "{answer:?}");
    }
    assert!(matches!(gateway.lookup(read(&intent)).await?, Lookup::Found(ChargeOutcome::Charged { .. })));
    Ok(())
}

#[actix_rt::test]
async fn a_busy_gateway_and_a_wrong_key_are_told_apart_and_heal() -> Tested {
    let edge = Edge::start()?;
    let gateway = gateway(&edge)?;
    let intent = opened(&*gateway, "pay_a").await?;
    edge.order(Fault::busy(7));
    let busy = gateway.charge(confirm(&intent, "a:1", VISA)).await;
    let Err(GatewayError::Busy { retry_after, .. }) = busy else { return Err(format!("{busy:?}").into()) };
    assert_eq!(retry_after, Duration::from_secs(7));
    edge.accept_key("sk_test_another");
    for answer in [gateway.charge(confirm(&intent, "a:1", VISA)).await.map(drop), gateway.check().await] {
        assert!(matches!(answer, Err(GatewayError::Unauthorized(_))), "{answer:?}");
    }
    edge.accept_key(API_KEY);
    gateway.check().await?;
    gateway.charge(confirm(&intent, "a:1", VISA)).await?;
    assert_eq!(booked(&edge, Booked::Charge).await?, ["pay_a"]);
    Ok(())
}

#[actix_rt::test]
async fn a_refund_on_its_way_ends_as_the_gateway_says() -> Tested {
    let edge = Edge::start()?;
    let gateway = gateway(&edge)?;
    edge.refunds(RefundCourse::Pends);
    for (payment, end) in [("a", RefundEnd::Succeeded), ("b", RefundEnd::Failed("lost_or_stolen_card"))] {
        let intent = opened(&*gateway, &format!("pay_{payment}")).await?;
        gateway.charge(confirm(&intent, &format!("{payment}:1"), VISA)).await?;
        let first = refund(&format!("{payment}:refund"), payment, &intent, 20_000);
        let pending = gateway.refund(first.clone()).await;
        assert!(matches!(pending, Err(GatewayError::Unknown(_))), "{pending:?}");
        let made = edge.events().into_iter().rfind(|event| event.kind == "charge.refunded").ok_or("an event")?;
        let client = StripeClient::of(&edge)?;
        let charge = made.about();
        let refunds = client.get(&format!("/v1/refunds?payment_intent={intent}")).await?;
        let refund = &refunds.body["data"][0];
        assert_eq!((&refund["status"], &refund["charge"]), (&"pending".into(), &charge.into()));
        edge.end_refund(refund["id"].as_str().unwrap_or_default(), end).await?;
        match (end, gateway.refund(RefundRequest { repeated: true, ..first }).await?) {
            (RefundEnd::Succeeded, RefundOutcome::Refunded) => {}
            (RefundEnd::Failed(why), RefundOutcome::Failed { reason }) => assert!(reason.contains(why), "{reason}"),
            (_, other) => return Err(format!("{other:?}").into()),
        }
    }
    assert_eq!(booked(&edge, Booked::Refund).await?, ["pay_a"]);
    Ok(())
}

#[actix_rt::test]
async fn the_movements_are_those_of_the_books() -> Tested {
    let edge = Edge::start()?;
    let gateway = gateway(&edge)?;
    for payment in ["a", "b"] {
        let intent = opened(&*gateway, &format!("pay_{payment}")).await?;
        gateway.charge(confirm(&intent, &format!("{payment}:0"), "pm_card_visa_chargeDeclined")).await?;
        gateway.charge(confirm(&intent, &format!("{payment}:1"), VISA)).await?;
        gateway.refund(refund(&format!("{payment}:refund"), payment, &intent, 20_000)).await?;
    }
    let (from, to) = (clock::now() - 1.hour(), clock::now() + 1.hour());
    for (kind, book) in [(LedgerKind::Charge, Booked::Charge), (LedgerKind::Refund, Booked::Refund)] {
        let page = gateway.movements(kind, from, to, None).await?;
        let mut payments: Vec<_> = page.items.iter().filter_map(|item| item.payment_id.as_deref()).collect();
        payments.reverse();
        assert_eq!(payments, booked(&edge, book).await?);
        assert!(page.items.iter().all(|item| item.amount == 20_000 && item.currency == "KRW"));
    }
    Ok(())
}
