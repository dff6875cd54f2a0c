//! The gateway's own lists of charges and refunds, page by page.

use jiff::Timestamp;

use super::{
    client::{StripeAnswer, StripeClient},
    wire::{self, Moved, Named, Page},
};
use crate::actors::ports::gateway::{GatewayError, LedgerKind, MovementPage};

/// Items of one page: the most that the protocol allows.
const LIMIT: u32 = 100;

/// Movements from one time to another, newest first; `after` is the id of the last one of the page before.
pub(super) async fn movements(
    client: &StripeClient,
    kind: LedgerKind,
    from: Timestamp,
    to: Timestamp,
    after: Option<String>,
) -> Result<MovementPage, GatewayError> {
    let mut query = vec![
        ("created[gte]", from.as_second().to_string()),
        ("created[lt]", to.as_second().to_string()),
        ("limit", LIMIT.to_string()),
    ];
    query.extend(after.map(|after| ("starting_after", after)));
    let list = match kind {
        LedgerKind::Charge => "charges",
        LedgerKind::Refund => "refunds",
    };
    let page: Page<Moved> = read(client, &["v1", list], &query).await?;
    let next = page.data.last().filter(|_| page.has_more).map(|last| last.id.clone());
    let mut items = Vec::new();
    for moved in page.data.into_iter().filter(Moved::has_moved) {
        // A charge does not always carry the metadata of its intent.
        let payment_id = match moved.intent() {
            Some(intent) if !moved.names_its_payment() => {
                read::<Named>(client, &["v1", "payment_intents", intent], &[]).await?.payment_id()
            }
            _ => None,
        };
        items.push(moved.movement(kind, payment_id)?);
    }
    Ok(MovementPage { items, next })
}

async fn read<T: serde::de::DeserializeOwned>(
    client: &StripeClient,
    path: &[&str],
    query: &[(&str, String)],
) -> Result<T, GatewayError> {
    match client.get(path, query).await? {
        StripeAnswer::Ok(body) => wire::read(&body),
        StripeAnswer::Refused(_) => Err(GatewayError::Failed(format!("it refuses to list {}", path.join("/")))),
    }
}
