//! The terms that calls are made under, in the store: kept before the first call can name them, forgotten when no live one
//! does.
//!
//! Terms are kept after the shards were taken and before anything is committed, so the store has the terms of every call.
//! They are forgotten at the start alone, when every live snapshot has been read and nobody commits: neither this process
//! nor one before, which is fenced. One that has taken the shards since makes the store refuse.

use std::collections::BTreeSet;

use crate::{
    actors::ports::{
        set_aside,
        store::{Store, StoreError, StoredTerms},
    },
    clock,
    domain::{
        InvalidId, ServiceId,
        policy::{KeptTerms, Policies, Policy, TermsId},
    },
};

/// The service and the terms that an entity was made under; without terms: before they were kept.
pub(super) type Named = (ServiceId, Option<TermsId>);

/// The terms that the store has.
#[derive(Debug)]
pub(super) struct Terms(Vec<StoredTerms>);

impl Terms {
    /// Keeps the terms of every service as it stands now, and makes those known that were kept before.
    pub(super) async fn keep(policies: &Policies, store: &dyn Store) -> Result<Self, StoreError> {
        store.keep_terms(policies.iter().map(stored).collect()).await?;
        let kept = store.kept_terms().await?;
        policies.remember(kept.iter().filter_map(read));
        Ok(Self(kept))
    }

    /// Forgets those that neither a live entity names nor a service has now.
    pub(super) async fn forget_unnamed(&self, policies: &Policies, named: &BTreeSet<Named>, store: &dyn Store) {
        let unnamed = self.unnamed(policies, named);
        if unnamed.is_empty() {
            return;
        }
        let ids = unnamed.join(" ");
        match store.forget_terms(unnamed).await {
            Ok(()) => tracing::info!(ids, "terms that no live call was made under are forgotten"),
            // Nothing depends on it: the next start tries again.
            Err(error) => tracing::warn!(ids, %error, "terms that no live call was made under cannot be forgotten yet"),
        }
    }

    fn unnamed(&self, policies: &Policies, named: &BTreeSet<Named>) -> Vec<String> {
        let by_name = named.iter().filter_map(|(_, terms)| terms.as_ref()).map(TermsId::as_str);
        let now = policies.iter().map(|policy| policy.terms.as_str());
        let without_name = named.iter().filter(|(_, terms)| terms.is_none());
        let first = without_name.filter_map(|(service, _)| self.first_of(service));
        let needed: BTreeSet<&str> = by_name.chain(now).chain(first).collect();
        self.0.iter().map(|terms| &terms.id).filter(|id| !needed.contains(id.as_str())).cloned().collect()
    }

    /// The terms that calls of a service have which were made before terms were kept.
    fn first_of(&self, service: &ServiceId) -> Option<&str> {
        self.0.iter().find(|terms| terms.service == service.as_str()).map(|terms| terms.id.as_str())
    }
}

fn stored(policy: &Policy) -> StoredTerms {
    StoredTerms {
        id: policy.terms.to_string(),
        service: policy.service.to_string(),
        kept_at: clock::now(),
        body: policy.terms_text(),
    }
}

/// Terms that cannot be read hold up no start: the calls that were made under them are parked.
fn read(stored: &StoredTerms) -> Option<KeptTerms> {
    let of_no_service =
        |error: &InvalidId| set_aside::terms(&stored.id, &format!("the service {:?}: {error}", stored.service));
    let service = ServiceId::new(stored.service.as_str()).inspect_err(of_no_service).ok()?;
    let kept = KeptTerms::read(service, TermsId::named(&stored.id), &stored.body);
    if let Err(error) = kept.policy() {
        set_aside::terms(&stored.id, &error);
    }
    Some(kept)
}
