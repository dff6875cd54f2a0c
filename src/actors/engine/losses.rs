//! The reaction to a store that lost commits which it had acknowledged: what is in memory is dropped and what is stored is
//! brought back, as after a kill of the process, while the process goes on.
//!
//! The store's adapter refuses every commit from the moment at which it found the loss, and the fence answers nothing from
//! memory; so nothing of the time before the loss mixes with what comes after it. What was acknowledged and is gone is
//! reported, and the money of payments is kept in records in the store.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures_util::future;
use serde::{Deserialize, Serialize};

use super::recovery::{self, Recovered};
use crate::{
    actors::{
        Fence, World,
        backoff::BackoffSettings,
        entity::{Kind, envelope},
        ports::{
            loss::{Loss, LostEntity},
            store::{EntityKind, Store, StoreError},
        },
    },
    clock,
    domain::{
        CallId, Money,
        payment::{Payment, PaymentMachine, PaymentStatus, Phase},
    },
};

/// How long a step waits that the store did not take.
const AGAIN: BackoffSettings = BackoffSettings { initial_ms: 50, factor: 2.0, max_ms: 1_000, jitter: 0.2 };
/// Ids in one line of the log.
const IDS_A_LINE: usize = 50;

/// The money of a payment that lost acknowledged commits, as it is kept for a person to look at. A payment has the id of
/// its call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LostPayment {
    pub payment_id: CallId,
    /// The status that was acknowledged last.
    pub status: PaymentStatus,
    pub amount: Money,
    /// The gateway's name for the charge, if it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Arc<str>>,
    /// The last attempt at charging, and its key at the gateway.
    pub attempt: u32,
    pub charge_key: Arc<str>,
    /// The version that was acknowledged last.
    pub acknowledged_version: u64,
    /// The version that the store had afterwards; 0: the payment is gone.
    pub found_version: u64,
    /// When the loss was found.
    pub found_at: jiff::Timestamp,
}

impl LostPayment {
    /// The record of a payment with money that moved or may have moved.
    fn of(lost: &LostEntity, found_at: jiff::Timestamp) -> Option<Self> {
        if lost.entity.kind != EntityKind::Payment {
            return None;
        }
        let payment: Payment = match envelope::read::<PaymentMachine>(&lost.snapshot) {
            Ok(snapshot) => snapshot.state,
            Err(error) => {
                tracing::error!(entity = %lost.entity, "a lost snapshot {error}; its money is not recorded");
                return None;
            }
        };
        let reference = match &payment.phase {
            Phase::Charged { reference } | Phase::Refunding { reference } => Some(Arc::clone(reference)),
            _ => None,
        };
        (payment.attempt > 0).then(|| Self {
            status: payment.status(),
            amount: payment.amount,
            reference,
            attempt: payment.attempt,
            charge_key: Payment::charge_key(&payment.id, payment.attempt),
            acknowledged_version: lost.acknowledged,
            found_version: lost.found,
            found_at,
            payment_id: payment.id,
        })
    }
}

/// Notes the payments that an earlier process found to have lost commits, and whose charges are to be looked up.
pub(super) async fn remember(world: &World, store: &dyn Store) -> Result<(), StoreError> {
    for (id, record) in store.lost_payments().await? {
        match serde_json::from_str::<LostPayment>(&record) {
            Ok(lost) => world.doubts.add(&id, lost.attempt),
            Err(error) => tracing::error!(payment = id, %error, "the record of a lost payment cannot be read"),
        }
    }
    Ok(())
}

/// Waits for losses, and brings back what is stored after each.
pub(super) async fn heal_for_ever(world: Arc<World>, store: Arc<dyn Store>, fence: Arc<Fence>) {
    let (mut losses, mut healed, mut records) = (store.lost(), 0, BTreeMap::new());
    loop {
        let loss = Arc::clone(&losses.borrow_and_update());
        if loss.number != healed {
            fence.pause();
            let recovered = heal(&world, &store, &loss, &mut records).await;
            healed = loss.number;
            // A store that has lost more meanwhile is read once more.
            if losses.has_changed().is_ok_and(|changed| changed) {
                continue;
            }
            fence.go_on();
            store.accept_loss(healed);
            world.hub.let_go();
            recovered.awaken(&world);
        }
        if losses.changed().await.is_err() {
            return;
        }
    }
}

/// Drops what is in memory, keeps the money of lost payments in records, and shows what is stored to the boards.
///
/// `records`: those of earlier losses are written again, since a store that loses commits can lose them too.
async fn heal(
    world: &Arc<World>,
    store: &Arc<dyn Store>,
    loss: &Loss,
    records: &mut BTreeMap<String, String>,
) -> Recovered {
    tracing::error!(number = loss.number, "everything in memory is dropped and loaded anew: the store lost commits");
    future::join_all(world.kinds().map(Kind::drop_all)).await;
    report(loss);
    if loss.unnamed > 0 {
        world.doubts.add_all();
    }
    let now = clock::now();
    for lost in loss.entities.iter().filter_map(|lost| LostPayment::of(lost, now)) {
        world.doubts.add(lost.payment_id.as_str(), lost.attempt);
        if let Ok(record) = serde_json::to_string(&lost) {
            tracing::error!(record, "the money of a payment that lost acknowledged commits");
            records.insert(lost.payment_id.to_string(), record);
        }
    }
    let kept: Vec<_> = records.clone().into_iter().collect();
    until_done(|| store.keep_lost_payments(kept.clone())).await;
    until_done(|| {
        world.boards.clear();
        world.timers.clear();
        recovery::read(world, store)
    })
    .await
}

/// Logs what is gone or went back, so many ids a line.
fn report(loss: &Loss) {
    for kind in EntityKind::ALL {
        for gone in [true, false] {
            let of_kind = |lost: &&LostEntity| lost.entity.kind == kind && lost.is_gone() == gone;
            let ids: Vec<&str> = loss.entities.iter().filter(of_kind).map(|lost| &*lost.entity.id).collect();
            for ids in ids.chunks(IDS_A_LINE) {
                let what = if gone { "acknowledged and gone" } else { "went back to an earlier version" };
                tracing::error!(kind = kind.as_str(), ids = ids.join(" "), "{what}");
            }
        }
    }
}

/// Repeats a step until the store has taken it.
async fn until_done<T, F>(mut step: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, StoreError>>,
{
    for attempt in 0_u32.. {
        match step().await {
            Ok(done) => return done,
            Err(error) => tracing::warn!(%error, attempt, "what the store lost cannot be made good yet"),
        }
        let wait: Duration = AGAIN.delay(attempt, clock::random_unit());
        tokio::time::sleep(wait).await;
    }
    unreachable!("a step is repeated until it is done")
}
