//! Which query parameters a path has: those that the OpenAPI document describes. Others are refused by name, and so is
//! one that is given twice: a misspelt filter must not answer with everything.

use actix_web::{HttpMessage, HttpRequest, http::Method};

use crate::http::{error::Problem, extract::query::Given, openapi, openapi::Parameter};

/// The query parameters of one path, by method.
#[derive(Clone, Copy)]
pub(in crate::http) struct Takes(&'static [(Method, Vec<Parameter>)]);

impl Takes {
    /// Those of a path as its pattern is written in the document. HEAD takes what GET does.
    pub(in crate::http) fn of(pattern: &str) -> Self {
        Self(openapi::query_parameters(pattern))
    }

    fn by(self, method: &Method) -> &'static [Parameter] {
        let method = if *method == Method::HEAD { &Method::GET } else { method };
        self.0.iter().find(|(taken, _)| taken == method).map_or(&[], |(_, names)| names)
    }
}

/// Refuses a query with a parameter that the endpoint does not have, or with one that comes twice. For those who may
/// use the endpoint at all: their identity comes first.
pub(in crate::http) fn check(request: &HttpRequest) -> Result<(), Problem> {
    if request.query_string().is_empty() {
        return Ok(());
    }
    let Some(takes) = request.extensions().get::<Takes>().copied() else { return Ok(()) };
    refuse_others(takes.by(request.method()), &Given::of(request.query_string()))
}

fn refuse_others(known: &[Parameter], given: &Given) -> Result<(), Problem> {
    let mut seen = Vec::new();
    for name in given.names() {
        let Some((_, repeats)) = known.iter().find(|(known, _)| known == name) else {
            let names: Vec<&str> = known.iter().map(|(name, _)| name.as_str()).collect();
            let right = match known {
                [] => "this request takes none".to_owned(),
                _ => format!("the parameters are {}", names.join(", ")),
            };
            return Err(Problem::at_parameter(name, format_args!("there is no such parameter; {right}")));
        };
        if !repeats && seen.contains(&name) {
            return Err(Problem::at_parameter(name, "is given twice; give it once"));
        }
        seen.push(name);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_takes_what_the_document_says() {
        let calls = Takes::of("/v1/calls");
        let names: Vec<_> = calls.by(&Method::GET).iter().map(|(name, repeats)| (name.as_str(), *repeats)).collect();
        assert_eq!(
            names,
            [("service", false), ("status", true), ("active", false), ("limit", false), ("cursor", false)]
        );
        assert_eq!(calls.by(&Method::HEAD), calls.by(&Method::GET));
        assert!(calls.by(&Method::POST).is_empty());
    }

    #[test]
    fn others_and_repeated_ones_are_refused_by_name() {
        let calls = Takes::of("/v1/calls");
        let refused =
            |query| refuse_others(calls.by(&Method::GET), &Given::of(query)).err().map(|problem| problem.to_string());
        assert_eq!(refused("limit=1&status=denied&status=completed"), None);
        for (query, said) in [
            (
                "limt=1",
                "the query parameter limt: there is no such parameter; the parameters are service, status, active, limit, cursor",
            ),
            ("limit=1&limit=2", "the query parameter limit: is given twice; give it once"),
        ] {
            assert_eq!(refused(query), Some(format!("invalid_request: {said}")), "{query}");
        }
    }
}
