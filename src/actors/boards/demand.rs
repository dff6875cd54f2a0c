//! Calls that look for a driver, longest waiting first: those without an open offer, and those that have some
//! and room for more.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use jiff::Timestamp;
use parking_lot::Mutex;

use crate::domain::{CallId, DriverId, LatLng, Period, ServiceId, call::Call, call::Phase, policy::TermsId};

/// The search of a call for a driver.
#[derive(Debug, Clone, PartialEq)]
pub struct Demand {
    pub call: CallId,
    /// The call's terms.
    pub terms: Option<TermsId>,
    pub pickup: LatLng,
    /// The time for which it wants a driver; from now on without.
    pub period: Option<Period>,
    /// In which round it is.
    pub round: u32,
    /// The drivers who declined it.
    pub declined: Arc<[DriverId]>,
    /// The drivers who let an offer pass. They are asked again only when there is nobody else.
    pub passed: Arc<[DriverId]>,
    /// The drivers with an open offer of it.
    pub offered: Arc<[DriverId]>,
}

#[derive(Default)]
struct Waiting {
    /// Without an open offer.
    order: BTreeSet<(Timestamp, CallId)>,
    /// With one or more.
    offered: BTreeSet<(Timestamp, CallId)>,
    demands: HashMap<CallId, (Timestamp, Demand)>,
}

/// The demand, by service.
#[derive(Default)]
pub struct DemandBoard(Mutex<HashMap<ServiceId, Waiting>>);

impl DemandBoard {
    /// Forgets every call.
    pub(super) fn clear(&self) {
        self.0.lock().clear();
    }

    /// Notes what a call looks for, or that it looks no more. Answers whether it looks for a driver and
    /// has no open offer.
    pub fn show(&self, call: &Call) -> bool {
        let demand = match &call.phase {
            Phase::Dispatching(search) => Some(Demand {
                call: call.id.clone(),
                terms: call.terms.clone(),
                pickup: call.pickup.position(),
                period: call.period,
                round: search.round,
                declined: search.declined.clone().into(),
                passed: search.passed.clone().into(),
                offered: search.open_offers().map(|(driver, _)| driver.clone()).collect(),
            }),
            _ => None,
        };
        let mut services = self.0.lock();
        let Some(demand) = demand else {
            if let Some(waiting) = services.get_mut(&call.service) {
                waiting.remove(&call.id);
            }
            return false;
        };
        let is_without = demand.offered.is_empty();
        let waiting = services.entry(call.service.clone()).or_default();
        waiting.remove(&call.id);
        let order = if is_without { &mut waiting.order } else { &mut waiting.offered };
        order.insert((call.created_at, call.id.clone()));
        waiting.demands.insert(call.id.clone(), (call.created_at, demand));
        is_without
    }

    /// The calls of a service without an open offer that have waited longest, at most `limit`, after
    /// those given as `after`.
    #[must_use]
    pub fn longest_waiting(
        &self,
        service: &ServiceId,
        after: Option<&(Timestamp, CallId)>,
        limit: usize,
    ) -> Vec<(Timestamp, Demand)> {
        self.in_order(service, after, limit, |waiting| &waiting.order)
    }

    /// The same of the calls that have an open offer and may have room for more.
    #[must_use]
    pub fn longest_offered(
        &self,
        service: &ServiceId,
        after: Option<&(Timestamp, CallId)>,
        limit: usize,
    ) -> Vec<(Timestamp, Demand)> {
        self.in_order(service, after, limit, |waiting| &waiting.offered)
    }

    fn in_order(
        &self,
        service: &ServiceId,
        after: Option<&(Timestamp, CallId)>,
        limit: usize,
        which: impl Fn(&Waiting) -> &BTreeSet<(Timestamp, CallId)>,
    ) -> Vec<(Timestamp, Demand)> {
        let services = self.0.lock();
        let Some(waiting) = services.get(service) else { return Vec::new() };
        let from = after.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
        let order = which(waiting).range((from, std::ops::Bound::Unbounded));
        order.take(limit).filter_map(|(_, call)| waiting.demands.get(call).cloned()).collect()
    }

    /// How many calls of a service have no open offer.
    #[must_use]
    pub fn len(&self, service: &ServiceId) -> usize {
        self.0.lock().get(service).map_or(0, |waiting| waiting.order.len())
    }
}

impl Waiting {
    fn remove(&mut self, call: &CallId) {
        if let Some((since, _)) = self.demands.remove(call) {
            let place = (since, call.clone());
            self.order.remove(&place);
            self.offered.remove(&place);
        }
    }
}
