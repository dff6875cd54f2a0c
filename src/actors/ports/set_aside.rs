//! Records that are left out because they cannot be read. Each is logged and counted, so that one damaged record holds
//! up no other one, and is not overlooked.

use metrics::Unit;

use super::store::Unreadable;

const SET_ASIDE: &str = "callout_store_unreadable_total";

/// Names the figures and lets them begin at 0.
pub(crate) fn describe_metrics() {
    metrics::describe_counter!(
        SET_ASIDE,
        Unit::Count,
        "Stored records that were set aside because they cannot be read"
    );
    for record in ["snapshot", "event", "terms"] {
        metrics::counter!(SET_ASIDE, "record" => record).increment(0);
    }
}

/// A live entity's snapshot, at the start. Whoever reads the live set later finds the same ones,
/// and tells nobody again.
pub(crate) fn snapshot(found: &Unreadable) {
    metrics::counter!(SET_ASIDE, "record" => "snapshot").increment(1);
    tracing::error!(reason = found.reason, "a snapshot cannot be read and is set aside");
}

/// An event, and where it is.
pub(crate) fn event(place: &str, found: &dyn std::fmt::Display) {
    metrics::counter!(SET_ASIDE, "record" => "event").increment(1);
    tracing::error!(place, %found, "an event cannot be read and is set aside");
}

/// Terms of a service, and where they are. Calls that were made under them are parked.
pub(crate) fn terms(place: &str, found: &dyn std::fmt::Display) {
    metrics::counter!(SET_ASIDE, "record" => "terms").increment(1);
    tracing::error!(place, %found, "terms cannot be read and are set aside");
}
