//! Calls that look for a driver and have no open offer, longest waiting first.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use jiff::Timestamp;
use parking_lot::Mutex;

use crate::domain::{CallId, DriverId, LatLng, ServiceId, call::Call, call::Phase};

/// What a call looks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Demand {
    /// The call.
    pub call: CallId,
    /// Where it begins.
    pub pickup: LatLng,
    /// In which round it is.
    pub round: u32,
    /// Who does not want it.
    pub declined: Arc<[DriverId]>,
    /// Who let an offer pass: to be asked again only when there is nobody else.
    pub passed: Arc<[DriverId]>,
}

#[derive(Default)]
struct Waiting {
    order: BTreeSet<(Timestamp, CallId)>,
    demands: HashMap<CallId, (Timestamp, Demand)>,
}

/// The demand, by service.
#[derive(Default)]
pub struct DemandBoard(Mutex<HashMap<ServiceId, Waiting>>);

impl DemandBoard {
    /// Notes what a call looks for, or that it looks no more. Answers whether it newly looks for a driver.
    pub fn show(&self, call: &Call) -> bool {
        let demand = match &call.phase {
            Phase::Dispatching(search) if search.offers.is_empty() => Some(Demand {
                call: call.id.clone(),
                pickup: call.pickup.position(),
                round: search.round,
                declined: search.declined.clone().into(),
                passed: search.passed.clone().into(),
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
        let waiting = services.entry(call.service.clone()).or_default();
        waiting.remove(&call.id);
        waiting.order.insert((call.created_at, call.id.clone()));
        waiting.demands.insert(call.id.clone(), (call.created_at, demand));
        true
    }

    /// The calls of a service that have waited longest, at most `limit`, after those given as `after`.
    #[must_use]
    pub fn longest_waiting(
        &self,
        service: &ServiceId,
        after: Option<&(Timestamp, CallId)>,
        limit: usize,
    ) -> Vec<(Timestamp, Demand)> {
        let services = self.0.lock();
        let Some(waiting) = services.get(service) else { return Vec::new() };
        let from = after.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
        let order = waiting.order.range((from, std::ops::Bound::Unbounded));
        order.take(limit).filter_map(|(_, call)| waiting.demands.get(call).cloned()).collect()
    }

    /// How many calls of a service wait.
    #[must_use]
    pub fn len(&self, service: &ServiceId) -> usize {
        self.0.lock().get(service).map_or(0, |waiting| waiting.order.len())
    }
}

impl Waiting {
    fn remove(&mut self, call: &CallId) {
        if let Some((since, _)) = self.demands.remove(call) {
            self.order.remove(&(since, call.clone()));
        }
    }
}
