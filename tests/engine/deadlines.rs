//! Deadlines, and actors that come into memory and leave it.

use callout::{
    actors::ports::store::{EntityKind, EntityRef},
    clock,
};
use jiff::SignedDuration;

use crate::support::{Bench, Tested, eventually};

#[actix_rt::test]
async fn a_deadline_that_nobody_keeps_is_found_in_the_store_and_kept_again() -> Tested {
    let bench = Bench::new().await?;
    let call = bench.request(Some("tok_ok")).await?;
    let entity = EntityRef::new(EntityKind::Call, call.id.as_str());
    let due_at = bench.engine.world().timers.due_at(&entity);
    assert!(due_at.is_some(), "a search has a deadline");
    let later = clock::now() + SignedDuration::from_hours(24);
    assert_eq!(bench.engine.sweep_deadlines(later).await?, 0, "somebody keeps it");
    bench.engine.world().timers.set(&entity, None);
    assert_eq!(bench.engine.sweep_deadlines(clock::now()).await?, 0, "it lies ahead");
    assert_eq!(bench.engine.sweep_deadlines(later).await?, 1);
    assert_eq!(bench.engine.world().timers.due_at(&entity), due_at);
    assert_eq!(bench.engine.sweep_deadlines(later).await?, 0);
    Ok(())
}

#[actix_rt::test]
async fn an_entity_that_is_woken_too_early_keeps_its_deadline() -> Tested {
    let bench = Bench::new().await?;
    let call = bench.request(Some("tok_ok")).await?;
    let entity = EntityRef::new(EntityKind::Call, call.id.as_str());
    let due_at = bench.engine.world().timers.due_at(&entity);
    bench.engine.world().timers.set(&entity, Some(clock::now()));
    eventually("its own deadline holds again", async || bench.engine.world().timers.due_at(&entity) == due_at).await;
    assert_eq!(bench.call(&call.id).await.version, call.version);
    Ok(())
}

#[actix_rt::test]
async fn a_deadline_of_nobody_is_forgotten() -> Tested {
    let bench = Bench::new().await?;
    let entity = EntityRef::new(EntityKind::Call, "call_that_never_was");
    bench.engine.world().timers.set(&entity, Some(clock::now()));
    eventually("nobody is woken any more", async || bench.engine.world().timers.due_at(&entity).is_none()).await;
    Ok(())
}

#[actix_rt::test]
async fn actors_of_ids_that_never_were_leave_memory_even_where_all_others_stay() -> Tested {
    let bench = Bench::that_keeps_all_in_memory().await?;
    let call = bench.request(Some("tok_ok")).await?;
    assert!(bench.engine.call(&callout::domain::CallId::new("call_that_never_was")?).await?.is_none());
    assert!(bench.engine.world().calls.vitals("call_that_never_was").is_some());
    eventually("it has left memory", async || bench.engine.world().calls.vitals("call_that_never_was").is_none()).await;
    assert!(bench.engine.world().calls.vitals(call.id.as_str()).is_some(), "a call stays");
    Ok(())
}
