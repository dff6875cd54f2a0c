//! Lists and the search.

use std::time::Duration;

use super::client::{Reply, StripeClient};
use crate::{edge::Edge, support::Tested};

fn ids(list: &Reply) -> Vec<&str> {
    list.body["data"].as_array().into_iter().flatten().filter_map(|one| one["id"].as_str()).collect()
}

#[actix_rt::test]
async fn lists_are_read_page_by_page_newest_first() -> Tested {
    let edge = Edge::start()?;
    let client = StripeClient::of(&edge)?;
    let mut made = Vec::new();
    for payment in ["p1", "p2", "p3"] {
        let paid = client.paid(payment).await?;
        let refund = client.refund(&paid, "20000").await?;
        made.insert(0, (paid, refund));
    }
    let intents: Vec<_> = made.iter().map(|(paid, _)| paid.id()).collect();
    let refunds: Vec<_> = made.iter().map(|(_, refund)| refund.id()).collect();
    let charges: Vec<_> = made.iter().filter_map(|(paid, _)| paid.body["latest_charge"].as_str()).collect();
    for (kind, all) in [("payment_intents", intents), ("refunds", refunds), ("charges", charges)] {
        let first = client.get(&format!("/v1/{kind}?limit=2")).await?;
        assert_eq!((ids(&first), &first.body["has_more"]), (all[..2].to_vec(), &true.into()), "{kind}");
        let second = client.get(&format!("/v1/{kind}?limit=2&starting_after={}", all[1])).await?;
        assert_eq!((ids(&second), &second.body["has_more"]), (all[2..].to_vec(), &false.into()), "{kind}");
    }
    Ok(())
}

#[actix_rt::test]
async fn lists_are_bounded_by_the_time_of_making() -> Tested {
    let edge = Edge::start()?;
    let client = StripeClient::of(&edge)?;
    let paid = client.paid("p1").await?;
    client.refund(&paid, "20000").await?;
    let created = paid.body["created"].as_u64().ok_or("a time")?;
    for kind in ["charges", "refunds", "payment_intents"] {
        let from = client.get(&format!("/v1/{kind}?created[gte]={created}")).await?;
        assert_eq!(ids(&from).len(), 1, "{kind}");
        let until = client.get(&format!("/v1/{kind}?created[lt]={created}")).await?;
        assert_eq!(ids(&until).len(), 0, "{kind}");
    }
    Ok(())
}

#[actix_rt::test]
async fn a_charge_has_its_intent_s_metadata() -> Tested {
    let edge = Edge::start()?;
    let client = StripeClient::of(&edge)?;
    let paid = client.paid("p1").await?;
    let charges = client.get(&format!("/v1/charges?payment_intent={}", paid.id())).await?;
    assert_eq!(charges.body["data"][0]["metadata"]["payment_id"], "p1");
    Ok(())
}

#[actix_rt::test]
async fn the_search_finds_what_is_older_than_its_lag() -> Tested {
    let edge = Edge::start()?;
    let client = StripeClient::of(&edge)?;
    let (intent, _) = (client.intent("p1").await?, client.intent("p2").await?);
    let search = "/v1/payment_intents/search?query=metadata['payment_id']:'p1'";
    edge.search_lag(Duration::from_secs(60));
    assert_eq!(ids(&client.get(search).await?), [""; 0]);
    edge.search_lag(Duration::ZERO);
    assert_eq!(ids(&client.get(search).await?), [intent.id()]);
    Ok(())
}

#[actix_rt::test]
async fn the_search_is_limited_and_says_when_to_come_back() -> Tested {
    let edge = Edge::start()?;
    let client = StripeClient::of(&edge)?;
    edge.search_limit(0);
    let refused = client.get("/v1/payment_intents/search?query=metadata['payment_id']:'p1'").await?;
    assert_eq!((refused.status, refused.retry_after.as_deref()), (429, Some("1")));
    assert_eq!(refused.error()["code"], "rate_limit");
    Ok(())
}
