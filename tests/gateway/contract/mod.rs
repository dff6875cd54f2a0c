//! The one contract of the payment port, run against every adapter: the simulator, the Stripe adapter in front of a server that
//! is written here, and the same adapter in front of localstripe, whose books are its own.

mod payment;
mod promises;

use std::sync::Arc;

use callout::{
    actors::ports::gateway::{ChargeWay, LedgerKind, OpenOutcome, OpenRequest, PaymentGateway},
    gateway::{GatewaySettings, Simulation, open},
    settings::Url,
};

use self::payment::Payment;
use crate::{
    edge::{self, Booked, Edge},
    stripe_server::{self, StripeServer},
    support::{Simulated, Tested, in_memory, won},
};

/// Where the money is really moved.
enum Bank {
    Simulated(Simulated),
    Fake(StripeServer),
    Localstripe(Edge),
}

/// An adapter, the bank behind it, and a method that pays and one that is declined there.
struct Subject {
    gateway: Arc<dyn PaymentGateway>,
    bank: Bank,
    pays: &'static str,
    declines: &'static str,
}

type Made = Result<Subject, Box<dyn std::error::Error>>;

impl Subject {
    fn simulated() -> Made {
        let simulated = in_memory(5_000)?;
        let gateway = Arc::clone(&simulated.gateway);
        Ok(Self { gateway, bank: Bank::Simulated(simulated), pays: "tok_ok", declines: "tok_declined" })
    }

    fn fake() -> Made {
        let server = StripeServer::start()?;
        let gateway = stripe(&format!("http://{}", server.address), stripe_server::API_KEY)?;
        Ok(Self { gateway, bank: Bank::Fake(server), pays: "pm_ok", declines: "pm_declined" })
    }

    fn localstripe() -> Made {
        let edge = Edge::start()?;
        let gateway = stripe(edge.url(), edge::API_KEY)?;
        let declines = "pm_card_visa_chargeDeclined";
        Ok(Self { gateway, bank: Bank::Localstripe(edge), pays: "pm_card_visa", declines })
    }

    /// A payment of 20,000 won, with its intent where the gateway has intents.
    async fn payment(&self, id: &str) -> Result<Payment<'_>, Box<dyn std::error::Error>> {
        let intent = match self.gateway.way() {
            ChargeWay::OneStep => None,
            ChargeWay::Intents => {
                let key = format!("{id}:intent").into();
                match self.gateway.open(OpenRequest { key, payment_id: id.into(), amount: won(20_000) }).await? {
                    OpenOutcome::Opened { intent } => Some(intent),
                    OpenOutcome::Rejected { reason } => return Err(reason.into()),
                }
            }
        };
        Ok(Payment { subject: self, id: id.to_owned(), intent })
    }

    /// How many charges and refunds were really made.
    async fn movements(&self) -> Result<(usize, usize), Box<dyn std::error::Error>> {
        Ok(match &self.bank {
            Bank::Simulated(simulated) => {
                let ledger = simulated.drill.ledger(None, usize::MAX, 0)?;
                let charges = ledger.iter().filter(|entry| entry.kind == LedgerKind::Charge).count();
                (charges, ledger.len() - charges)
            }
            Bank::Fake(server) => {
                let books = server.books();
                let charges = books.intents.iter().filter(|intent| intent.status == "succeeded").count();
                (charges, books.refunds.len())
            }
            Bank::Localstripe(edge) => {
                let books = edge.books().await?;
                let charges = books.iter().filter(|booking| booking.booked == Booked::Charge).count();
                (charges, books.len() - charges)
            }
        })
    }
}

fn stripe(url: &str, key: &str) -> Result<Arc<dyn PaymentGateway>, Box<dyn std::error::Error>> {
    let settings = GatewaySettings {
        url: Url::new(format!("stripe+{url}")),
        api_key: Some(key.to_owned().into()),
        ..GatewaySettings::default()
    };
    Ok(open(&settings, &Simulation::default())?.gateway)
}

/// Each promise has a gateway of its own.
async fn keeps_every_promise(make: fn() -> Made) -> Tested {
    promises::a_charge_that_is_repeated_takes_the_money_once(&make()?).await?;
    promises::a_decline_has_its_reason_and_another_method_is_charged(&make()?).await?;
    promises::a_look_finds_what_was_charged_and_nothing_else(&make()?).await?;
    promises::what_was_withdrawn_never_takes_money(&make()?).await?;
    promises::what_has_taken_the_money_is_not_withdrawn(&make()?).await?;
    promises::a_refund_that_is_repeated_gives_the_money_back_once(&make()?).await?;
    promises::a_refund_of_what_was_not_charged_fails(&make()?).await?;
    make()?.gateway.check().await?;
    Ok(())
}

#[actix_rt::test]
async fn the_simulator_keeps_every_promise() -> Tested {
    keeps_every_promise(Subject::simulated).await
}

#[actix_rt::test]
async fn the_stripe_adapter_keeps_every_promise() -> Tested {
    keeps_every_promise(Subject::fake).await
}

mod localstripe {
    use super::{Subject, Tested, keeps_every_promise};

    #[actix_rt::test]
    async fn the_stripe_adapter_keeps_every_promise_with_books_of_their_own() -> Tested {
        keeps_every_promise(Subject::localstripe).await
    }
}
