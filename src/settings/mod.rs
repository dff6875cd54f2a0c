//! The machinery of settings, for the parts that own some: each part has one struct with its keys, defaults, ranges and
//! contradictions, and the configuration composes them. No key is named here.

mod findings;
mod hidden;
mod overlay;
mod problem;
mod read;
mod section;
mod shape;
mod tree;

pub use self::{
    findings::{Finding, Findings},
    hidden::{Hidden, Url, secret, secrets},
    overlay::Overlay,
    problem::{Origin, Problem, Problems},
    read::{Reading, read},
    section::Section,
    shape::{Field, Shape, Table},
    tree::{Body, Node, Step, dotted},
};
