//! The statuses of a call, as the interface shows them.

use serde::Serialize;
use utoipa::ToSchema;

/// Where a call stands, in the order of its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CallStatus)]
pub enum Status {
    /// It is not paid, and the service is paid with the request.
    Requested,
    /// An operator is to approve it.
    AwaitingApproval,
    /// It is approved, and paid in the background.
    AwaitingPayment,
    /// It looks for a driver.
    Dispatching,
    /// A driver has it.
    Assigned,
    /// It is under way.
    Started,
    /// It was done. Final.
    Completed,
    /// It was called off. Final.
    Cancelled,
    /// The service refused it. Final.
    Denied,
}

impl Status {
    /// All statuses, in the order of a call's life.
    pub const ALL: [Self; 9] = [
        Self::Requested,
        Self::AwaitingApproval,
        Self::AwaitingPayment,
        Self::Dispatching,
        Self::Assigned,
        Self::Started,
        Self::Completed,
        Self::Cancelled,
        Self::Denied,
    ];

    /// The status as the interface shows it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::AwaitingApproval => "awaiting_approval",
            Self::AwaitingPayment => "awaiting_payment",
            Self::Dispatching => "dispatching",
            Self::Assigned => "assigned",
            Self::Started => "started",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Denied => "denied",
        }
    }
}

/// How many of [`STATUSES`], the first ones, are those of calls that are not over.
const ACTIVE: usize = 6;

/// The statuses of calls that are not over.
#[must_use]
pub fn active_statuses() -> &'static [&'static str] {
    &STATUSES[..ACTIVE]
}

/// The names of all statuses, in the order of a call's life.
pub const STATUSES: [&str; Status::ALL.len()] = {
    let mut names = [""; Status::ALL.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = Status::ALL[at].as_str();
        at += 1;
    }
    names
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_written_by_its_name() -> Result<(), serde_json::Error> {
        for status in Status::ALL {
            assert_eq!(serde_json::to_value(status)?, status.as_str());
        }
        Ok(())
    }
}
