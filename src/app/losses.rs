//! Tells operators which calls and payments were acknowledged and are gone, or went back to an earlier state, because the
//! store lost commits.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    actors::{
        Engine,
        ports::{
            loss::{Loss, LostEntity},
            store::{EntityKind, Store},
        },
    },
    clock,
    domain::ServiceId,
    notify,
    readmodel::ReadModel,
};

/// Ids of one kind that a notification names, at most. The log has them all.
const IDS_MAX: usize = 20;
/// Calls whose service is asked of the store, at most; for the others the operators of all services are told.
const ASKED_MAX: usize = 1_000;

/// The lost entities of one service.
#[derive(Default)]
struct Lost<'a> {
    entities: Vec<&'a LostEntity>,
}

/// Tells operators of every loss, for as long as the store is open.
pub(super) async fn tell_of_losses(engine: Arc<Engine>, store: Arc<dyn Store>, read_model: Arc<ReadModel>) {
    let mut losses = store.lost();
    loop {
        let loss = Arc::clone(&losses.borrow_and_update());
        if loss.number > 0 {
            tell(&engine, &read_model, &loss).await;
        }
        if losses.changed().await.is_err() {
            return;
        }
    }
}

async fn tell(engine: &Engine, read_model: &ReadModel, loss: &Loss) {
    for (service, lost) in by_service(engine, loss).await {
        let told = notify::writes_lost(engine.policies().shown(&service, None), &service, &lost.in_words(loss));
        if let Err(error) = read_model.tell(clock::now(), told).await {
            tracing::error!(%service, %error, "operators cannot be told of a loss");
        }
    }
}

/// The lost entities of each service. An entity whose service nobody knows is every service's, and so are commits that
/// nobody can name.
async fn by_service<'a>(engine: &Engine, loss: &'a Loss) -> BTreeMap<ServiceId, Lost<'a>> {
    let all: Vec<ServiceId> = engine.policies().services().cloned().collect();
    let mut services: BTreeMap<ServiceId, Lost<'a>> = BTreeMap::new();
    let mut known: BTreeMap<&str, ServiceId> = BTreeMap::new();
    for lost in loss.entities.iter().filter(|lost| lost.entity.kind == EntityKind::Call) {
        known
            .extend(engine.ops.service_in(lost.entity.kind, &lost.snapshot).map(|service| (&*lost.entity.id, service)));
    }
    for (nth, lost) in loss.entities.iter().filter(|lost| lost.entity.kind != EntityKind::Driver).enumerate() {
        let service = match known.get(&*lost.entity.id) {
            Some(service) => Some(service.clone()),
            None if nth < ASKED_MAX => engine.ops.service_of("call", &lost.entity.id).await.ok().flatten(),
            None => None,
        };
        let known = service.filter(|service| all.contains(service));
        for service in known.map_or_else(|| all.clone(), |service| vec![service]) {
            services.entry(service).or_default().entities.push(lost);
        }
    }
    if loss.unnamed > 0 {
        for service in all {
            services.entry(service).or_default();
        }
    }
    services
}

impl Lost<'_> {
    fn in_words(&self, loss: &Loss) -> String {
        let parts = [
            (EntityKind::Call, true, "calls that are gone"),
            (EntityKind::Call, false, "calls that went back"),
            (EntityKind::Payment, true, "payments that are gone"),
            (EntityKind::Payment, false, "payments that went back"),
        ];
        let mut words: Vec<String> =
            parts.iter().filter_map(|(kind, gone, name)| self.ids(*kind, *gone, name)).collect();
        if loss.unnamed > 0 {
            words.push(format!("{} more commits whose calls are not known", loss.unnamed));
        }
        words.join("; ")
    }

    fn ids(&self, kind: EntityKind, gone: bool, name: &str) -> Option<String> {
        let wanted = |lost: &&&LostEntity| lost.entity.kind == kind && lost.is_gone() == gone;
        let ids: BTreeSet<&str> = self.entities.iter().filter(wanted).map(|lost| &*lost.entity.id).collect();
        let shown: Vec<&str> = ids.iter().copied().take(IDS_MAX).collect();
        let more = ids.len() - shown.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        (!ids.is_empty()).then(|| format!("{name}: {}{more}", shown.join(", ")))
    }
}
