//! A customer's account in the store: personal data is in its snapshot and nowhere else.

use callout::{
    actors::ports::store::{EntityKind, EntityRef, EventCursor},
    domain::{Change, CustomerId, account::ProfileChange},
};

use crate::support::{Bench, Tested, cause};

#[actix_rt::test]
async fn the_event_stream_says_that_a_profile_changed_and_not_to_what() -> Tested {
    let bench = Bench::new().await?;
    let customer = CustomerId::new("mina")?;
    let profile = ProfileChange {
        name: "Kim Mina".to_owned(),
        phone: Change::Set(Some("010-1234-5678".to_owned())),
        email: Change::Set(Some("mina@example.com".to_owned())),
        language: Change::Keep,
    };
    bench.engine.set_profile(&customer, profile, cause()).await?;
    let stored = bench.store.load(EntityRef::new(EntityKind::Account, "mina")).await?.ok_or("no snapshot")?;
    let page = bench.store.events(EventCursor::default(), 100).await?;
    let streamed: String = page.events.iter().map(|event| event.body.as_str()).collect();
    assert!(streamed.contains("profile_changed"), "{streamed}");
    for secret in ["Mina", "010-1234", "mina@"] {
        assert!(stored.snapshot.contains(secret), "{secret} is not in {}", stored.snapshot);
        assert!(!streamed.contains(secret), "{secret} is in {streamed}");
    }
    assert!(!stored.live, "a start does not load every customer");
    let shown = bench.engine.ops.actor("account", "mina").await?;
    assert!(!serde_json::to_string(&shown)?.contains("Mina"), "operators see the actor without the profile");
    let bench = bench.taken_over().await?;
    let account = bench.engine.account(&customer).await?.ok_or("no account")?;
    assert_eq!(account.profile.as_ref().map(|profile| profile.name.as_str()), Some("Kim Mina"));
    Ok(())
}
