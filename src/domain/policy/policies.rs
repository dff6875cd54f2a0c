//! The policies of all services: as they stand now, and the terms of earlier files that calls were made under.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::OnceLock,
};

use super::{Policy, TermsId, UnreadableTerms};
use crate::domain::ServiceId;

/// The policy that something goes by is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoPolicy {
    /// There is neither a file of the service nor terms of it.
    #[error("the service {0} has no policy: services/{0}.toml is missing in the configuration folder")]
    Service(ServiceId),
    /// The service's file says something else now, and the terms are not kept.
    #[error(
        "the terms {terms} of the service {service} are not in the store, and services/{service}.toml is missing or says something \
         else; put it back as it was and start again"
    )]
    NotKept { service: ServiceId, terms: TermsId },
    /// The terms are kept in a form that this release does not know.
    #[error("the terms {terms} of the service {service} are in the store, but this release cannot read them: {reason}")]
    Unreadable { service: ServiceId, terms: TermsId, reason: UnreadableTerms },
}

/// Terms of a service that were kept, or the reason why they cannot be read.
#[derive(Debug, Clone)]
pub struct KeptTerms {
    service: ServiceId,
    terms: TermsId,
    policy: Result<Policy, UnreadableTerms>,
}

/// The policies of all services.
#[derive(Debug, Clone, Default)]
pub struct Policies {
    now: BTreeMap<ServiceId, Policy>,
    /// By service, the oldest terms first. Known once the store has been asked, before anything is decided.
    kept: OnceLock<BTreeMap<ServiceId, Vec<KeptTerms>>>,
}

impl KeptTerms {
    /// Reads the terms of a service from their text.
    #[must_use]
    pub fn read(service: ServiceId, terms: TermsId, text: &str) -> Self {
        let policy = Policy::from_terms(service.clone(), terms.clone(), text);
        Self { service, terms, policy }
    }

    /// The policy that they say.
    ///
    /// # Errors
    /// When this release cannot read them.
    pub fn policy(&self) -> Result<&Policy, NoPolicy> {
        self.policy.as_ref().map_err(|reason| NoPolicy::Unreadable {
            service: self.service.clone(),
            terms: self.terms.clone(),
            reason: reason.clone(),
        })
    }
}

impl Policies {
    /// The policies of these services as they stand now.
    #[must_use]
    pub fn new(policies: impl IntoIterator<Item = Policy>) -> Self {
        let now = policies.into_iter().map(|policy| (policy.service.clone(), policy)).collect();
        Self { now, kept: OnceLock::new() }
    }

    /// Makes kept terms known, the oldest first. Once: later ones are not taken.
    pub fn remember(&self, kept: impl IntoIterator<Item = KeptTerms>) {
        let mut by_service: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for terms in kept {
            by_service.entry(terms.service.clone()).or_default().push(terms);
        }
        let _ = self.kept.set(by_service);
    }

    /// The policy of a service as it stands now: for new calls, and for the service itself. `None` when its file is gone.
    #[must_use]
    pub fn get(&self, service: &ServiceId) -> Option<&Policy> {
        self.now.get(service)
    }

    /// The policy by those terms, for a call that was made under them. A call without a name of its terms was made before
    /// terms were kept: its terms are the first that were kept.
    ///
    /// # Errors
    /// When the terms are not known here, or cannot be read.
    pub fn under(&self, service: &ServiceId, terms: Option<&TermsId>) -> Result<&Policy, NoPolicy> {
        let (now, kept) = (self.get(service), self.kept_of(service));
        let Some(terms) = terms else {
            let first = kept.first().map(KeptTerms::policy);
            return first.unwrap_or_else(|| now.ok_or_else(|| NoPolicy::Service(service.clone())));
        };
        if let Some(now) = now.filter(|now| now.terms == *terms) {
            return Ok(now);
        }
        match kept.iter().find(|kept| kept.terms == *terms) {
            Some(kept) => kept.policy(),
            None if now.is_none() && kept.is_empty() => Err(NoPolicy::Service(service.clone())),
            None => Err(NoPolicy::NotKept { service: service.clone(), terms: terms.clone() }),
        }
    }

    /// The policy whose words something is shown in: that of its terms, or of the service as it stands now when those are
    /// forgotten.
    #[must_use]
    pub fn shown(&self, service: &ServiceId, terms: Option<&TermsId>) -> Option<&Policy> {
        self.under(service, terms).ok().or_else(|| self.get(service))
    }

    /// The policies of all services as they stand now, by service id.
    pub fn iter(&self) -> impl Iterator<Item = &Policy> {
        self.now.values()
    }

    /// All services by id: those that there are now, and those that were removed and may have calls under way.
    pub fn services(&self) -> impl Iterator<Item = &ServiceId> {
        let kept = self.kept.get().into_iter().flat_map(BTreeMap::keys);
        self.now.keys().chain(kept).collect::<BTreeSet<_>>().into_iter()
    }

    /// Whether calls of a service can have been made under one policy alone.
    #[must_use]
    pub fn has_one(&self, service: &ServiceId) -> bool {
        let mut terms: BTreeSet<_> = self.kept_of(service).iter().map(|kept| &kept.terms).collect();
        terms.extend(self.get(service).map(|now| &now.terms));
        terms.len() <= 1
    }

    fn kept_of(&self, service: &ServiceId) -> &[KeptTerms] {
        self.kept.get().and_then(|kept| kept.get(service)).map_or(&[], Vec::as_slice)
    }
}
