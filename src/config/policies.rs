//! The services' policies: `services/*.toml` in the configuration folder, and the areas they name.

use std::{fs, path::Path};

use super::{Check, Problems, Sources, services};
use crate::domain::{
    ServiceId,
    geo::{InvalidArea, ServiceArea},
    policy::{AreaRule, Policies, Policy, PolicyFile},
};

/// Reads and checks the policies of all services.
///
/// # Errors
/// Everything that is wrong in any of them, each with its place.
pub fn policies(sources: &Sources) -> Result<Policies, Problems> {
    let dir = sources.dir();
    services(&sources.services_dir(), |id, file, check| policy(dir, id, file, check)).map(Policies::new)
}

fn policy(dir: &Path, service: ServiceId, file: PolicyFile, mut check: Check<'_>) -> Option<Policy> {
    let problems = file.problems();
    check.all(problems.iter().map(|problem| (&*problem.key, problem.what.clone())));
    let area = match &file.area {
        Some(rule) => area(dir, rule, &mut check.table("area"))?,
        None => ServiceArea::Everywhere,
    };
    Some(Policy { service, file, area })
}

fn area(dir: &Path, rule: &AreaRule, check: &mut Check<'_>) -> Option<ServiceArea> {
    let path = dir.join(&rule.file);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => {
            check.problem("file", format!("{} cannot be read: {error}", path.display()));
            return None;
        }
    };
    let mut names = rule.districts.clone();
    loop {
        match ServiceArea::from_geojson(&text, &names) {
            Ok(area) => return Some(area),
            Err(error @ InvalidArea::NoSuchDistrict(_)) => {
                check.problem("districts", format!("{} {error}", path.display()));
                let InvalidArea::NoSuchDistrict(missing) = error else { return None };
                names.retain(|name| *name != missing);
            }
            Err(error) => {
                check.problem("file", format!("{} {error}", path.display()));
                return None;
            }
        }
    }
}
