//! The services' policies: `services/*.toml` in the configuration folder, and the areas they name.

use std::{fs, path::Path};

use super::{Problems, Sources, services};
use crate::{
    domain::{
        ServiceId,
        geo::{InvalidArea, ServiceArea},
        policy::{AreaRule, Policies, Policy, PolicyFile},
    },
    gateway::GatewaySettings,
    settings::Findings,
};

/// Reads and checks the policies of all services, for a server whose payments go through `gateway`.
///
/// # Errors
/// Everything that is wrong in any of them, each with its place.
pub fn policies(sources: &Sources, gateway: &GatewaySettings) -> Result<Policies, Problems> {
    let dir = sources.dir();
    services(&sources.services_dir(), |id, file, findings| policy(dir, gateway, id, file, findings)).map(Policies::new)
}

fn policy(
    dir: &Path,
    gateway: &GatewaySettings,
    service: ServiceId,
    file: PolicyFile,
    findings: &mut Findings,
) -> Option<Policy> {
    for problem in file.problems() {
        findings.problem(&problem.key, problem.what);
    }
    gateway.check(&file, findings);
    let area = match &file.area {
        Some(rule) => area(dir, rule, findings)?,
        None => ServiceArea::Everywhere,
    };
    Some(Policy::new(service, file, area))
}

fn area(dir: &Path, rule: &AreaRule, findings: &mut Findings) -> Option<ServiceArea> {
    let path = dir.join(&rule.file);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => {
            findings.problem("area.file", format!("{} cannot be read: {error}", path.display()));
            return None;
        }
    };
    let mut names = rule.districts.clone();
    loop {
        match ServiceArea::from_geojson(&text, &names) {
            Ok(area) => return Some(area),
            Err(error @ InvalidArea::NoSuchDistrict(_)) => {
                findings.problem("area.districts", format!("{} {error}", path.display()));
                let InvalidArea::NoSuchDistrict(missing) = error else { return None };
                names.retain(|name| *name != missing);
            }
            Err(error) => {
                findings.problem("area.file", format!("{} {error}", path.display()));
                return None;
            }
        }
    }
}
