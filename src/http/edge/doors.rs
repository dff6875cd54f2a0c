//! The listener that serves a path: with `ops.bind` set, what is for operators is served there, and nothing else is.

use std::net::SocketAddr;

use actix_web::{dev::ServiceRequest, web::Data};

use crate::http::{
    error::{Code, Problem},
    state::State,
};

/// The listeners that serve a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Door {
    /// That for everybody.
    Public,
    /// That of `ops.bind`, when it is set.
    Operators,
    /// Each of them.
    Both,
}

impl Door {
    /// The door of a path, as its pattern is written where it is routed. A request's own path may be written in several ways.
    pub(in crate::http) fn of(pattern: &str) -> Self {
        if pattern == "/metrics" || pattern.starts_with("/v1/ops/") {
            Self::Operators
        } else if pattern.starts_with("/health/") {
            Self::Both
        } else {
            Self::Public
        }
    }

    /// Refuses a request that came to the other listener.
    pub(in crate::http) fn admit(self, request: &ServiceRequest) -> Result<(), Problem> {
        let ops = request.app_data::<Data<State>>().and_then(|state| state.ops_address);
        self.admit_at(request.app_config().local_addr(), ops)
    }

    fn admit_at(self, listener: SocketAddr, ops: Option<SocketAddr>) -> Result<(), Problem> {
        let is_for_operators = ops.map(|ops| ops == listener);
        match (self, is_for_operators) {
            (Self::Public, Some(true)) => {
                Err(elsewhere("only /metrics, /v1/ops and /health are served at this address"))
            }
            (Self::Operators, Some(false)) => Err(elsewhere("this path is not served at this address; see ops.bind")),
            _ => Ok(()),
        }
    }
}

fn elsewhere(detail: &'static str) -> Problem {
    Problem::new(Code::NotFound, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_path_is_behind_its_door() -> Result<(), std::net::AddrParseError> {
        let (public, ops) = ("127.0.0.1:8080".parse()?, "127.0.0.1:9090".parse()?);
        for (pattern, at_public, at_ops) in [
            ("/v1/calls", true, false),
            ("/v1/ws", true, false),
            ("/openapi.json", true, false),
            ("/health/ready", true, true),
            ("/metrics", false, true),
            ("/v1/ops/actors/{kind}/{id}", false, true),
        ] {
            let door = Door::of(pattern);
            assert_eq!(door.admit_at(public, Some(ops)).is_ok(), at_public, "{pattern}");
            assert_eq!(door.admit_at(ops, Some(ops)).is_ok(), at_ops, "{pattern}");
            assert!(door.admit_at(public, None).is_ok(), "{pattern}: there is one listener");
        }
        Ok(())
    }
}
