//! The statuses of a driver, as the interface shows them.

use serde::Serialize;
use utoipa::ToSchema;

/// Where a driver stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DriverStatus)]
pub enum Status {
    /// It wants no calls.
    Offline,
    /// It can be offered a call, or chosen.
    Available,
    /// A call is offered to it.
    Offered,
    /// For operators: it is available, but there is no sign of it.
    Stale,
    /// It is held for a call that is not settled yet.
    Reserved,
    /// It has a call.
    Engaged,
    /// It is no driver any more.
    Retired,
}

impl Status {
    /// All statuses that operators see.
    pub const ALL: [Self; 7] =
        [Self::Offline, Self::Available, Self::Offered, Self::Stale, Self::Reserved, Self::Engaged, Self::Retired];

    /// The status as the interface shows it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::Available => "available",
            Self::Offered => "offered",
            Self::Stale => "stale",
            Self::Reserved => "reserved",
            Self::Engaged => "engaged",
            Self::Retired => "retired",
        }
    }
}

/// The names of the statuses that operators see: also that of a driver who is available, and of whom there is no sign.
pub const SHOWN_STATUSES: [&str; Status::ALL.len()] = {
    let mut names = [""; Status::ALL.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = Status::ALL[at].as_str();
        at += 1;
    }
    names
};

/// The names of the statuses that a service's policy may give labels.
pub const STATUSES: [&str; 6] = [
    Status::Offline.as_str(),
    Status::Available.as_str(),
    Status::Offered.as_str(),
    Status::Reserved.as_str(),
    Status::Engaged.as_str(),
    Status::Retired.as_str(),
];

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
