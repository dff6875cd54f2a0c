//! Open calls that are not paid, counted for each customer of a service: somebody who pays nothing may not begin any number.

use std::{collections::HashSet, sync::Arc};

use dashmap::DashMap;

use crate::domain::{CallId, CustomerId, ServiceId, call::Call};

type Owner = (ServiceId, CustomerId);

#[derive(Default)]
struct Unpaid {
    calls: HashSet<CallId>,
    /// Requests whose call is not committed yet.
    begun: usize,
}

/// The open calls that are not paid.
#[derive(Default)]
pub struct UnpaidBoard(Arc<DashMap<Owner, Unpaid>>);

/// A place among a customer's open unpaid calls, for as long as the request for one lasts. The call itself counts once it
/// is committed.
pub struct Place {
    board: Arc<DashMap<Owner, Unpaid>>,
    owner: Owner,
}

impl UnpaidBoard {
    /// Forgets every call, but not the requests that are under way: each gives its place back when it ends.
    pub(super) fn clear(&self) {
        self.0.retain(|_, unpaid| {
            unpaid.calls.clear();
            unpaid.begun > 0
        });
    }

    /// A place for one more open unpaid call, unless the customer has `max` of them in this service. A repetition of the
    /// request for `call`, which counts already, finds a place.
    #[must_use]
    pub fn place(&self, service: &ServiceId, customer: &CustomerId, call: &CallId, max: usize) -> Option<Place> {
        let owner = (service.clone(), customer.clone());
        let mut unpaid = self.0.entry(owner.clone()).or_default();
        if unpaid.calls.len() + unpaid.begun >= max && !unpaid.calls.contains(call) {
            return None;
        }
        unpaid.begun += 1;
        drop(unpaid);
        Some(Place { board: Arc::clone(&self.0), owner })
    }

    /// Notes whether a call is open and not paid.
    pub fn show(&self, call: &Call) {
        let owner = (call.service.clone(), call.customer_id.clone());
        if call.is_open_and_unpaid() {
            self.0.entry(owner).or_default().calls.insert(call.id.clone());
        } else {
            if let Some(mut unpaid) = self.0.get_mut(&owner) {
                unpaid.calls.remove(&call.id);
            }
            forget_if_empty(&self.0, &owner);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(mut unpaid) = self.board.get_mut(&self.owner) {
            unpaid.begun = unpaid.begun.saturating_sub(1);
        }
        forget_if_empty(&self.board, &self.owner);
    }
}

fn forget_if_empty(board: &DashMap<Owner, Unpaid>, owner: &Owner) {
    board.remove_if(owner, |_, unpaid| unpaid.calls.is_empty() && unpaid.begun == 0);
}
