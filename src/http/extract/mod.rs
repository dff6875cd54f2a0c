//! Reads and checks the parts of a request for a handler: body, path, query, language. Every refusal here names the
//! field and the values that are allowed.

pub(in crate::http) mod json;
pub(in crate::http) mod language;
pub(in crate::http) mod path;
pub(in crate::http) mod query;
pub(in crate::http) mod strict;
pub(in crate::http) mod text;
pub(in crate::http) mod time;
pub(in crate::http) mod wrong;
