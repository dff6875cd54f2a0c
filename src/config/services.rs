//! Reads the folder of services: one policy per file, the file's stem is the service's id. What a policy is, and which
//! values it may have, its owner knows.

use std::{fs, io, path::Path, sync::Arc};

use serde::de::DeserializeOwned;
use utoipa::ToSchema;

use crate::{
    domain::ServiceId,
    settings::{Findings, Node, Origin, Problem, Problems, read},
};

/// Reads every `<folder>/*.toml` as a `T` and makes a `U` of it with `build`, which checks the values as well and gives
/// `None` when they are no good. Ordered by file name.
///
/// # Errors
/// Everything that is wrong in any of the files, or that there is none.
pub fn services<T: DeserializeOwned + ToSchema, U>(
    folder: &Path,
    build: impl Fn(ServiceId, T, &mut Findings) -> Option<U>,
) -> Result<Vec<U>, Problems> {
    let mut problems = Vec::new();
    let files = match files(folder) {
        Ok(files) => files,
        Err(error) => {
            problems.push(about(folder, format!("the services cannot be read: {error}")));
            return Problems::or(problems, None);
        }
    };
    if files.is_empty() {
        problems.push(about(folder, "there is no service here: at least one <id>.toml is needed".to_owned()));
    }
    let services = files.iter().filter_map(|file| service(file, &build, &mut problems)).collect();
    Problems::or(problems, Some(services))
}

fn service<T: DeserializeOwned + ToSchema, U>(
    file: &Arc<Path>,
    build: impl Fn(ServiceId, T, &mut Findings) -> Option<U>,
    problems: &mut Vec<Problem>,
) -> Option<U> {
    let id = ServiceId::new(file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default())
        .map_err(|error| problems.push(about(file, format!("the file's name must be <id>.toml: {error}"))));
    let text = fs::read_to_string(file)
        .map_err(|error| problems.push(about(file, format!("cannot be read: {error}"))))
        .ok()?;
    let before = problems.len();
    let mut root = Node::parse(&text, file, problems);
    if problems.len() > before {
        return None;
    }
    let mut reading = read::<T>(&mut root, None, problems);
    let mut findings = Findings::default();
    let service = build(id.ok()?, reading.value.take()?, &mut findings);
    reading.place(&root, findings.into_vec(), |origin| usize::from(*origin != Origin::Default), problems);
    service
}

fn files(folder: &Path) -> io::Result<Vec<Arc<Path>>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path.into());
        }
    }
    files.sort();
    Ok(files)
}

fn about(path: &Path, message: String) -> Problem {
    Problem { origin: Origin::File(path.into(), None), key: String::new(), message }
}
