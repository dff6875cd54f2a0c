//! The output of `callout config check` and `callout config show`. The caller prints it and sets the exit code.

use std::{
    fmt,
    io::{self, Write},
};

use super::{Config, Problems, Sources, load};

/// Checks configuration and services; writes every problem and every warning on its own line, and one line when
/// there is no problem.
///
/// # Errors
/// When writing to `out` fails. `Ok(false)`: there are problems.
pub fn check(sources: &Sources, out: &mut impl Write) -> io::Result<bool> {
    let loaded = load(sources);
    for problem in loaded.as_ref().err().map(Problems::as_slice).unwrap_or_default() {
        writeln!(out, "{problem}")?;
    }
    for warning in Config::load(sources).iter().flat_map(Config::warnings) {
        writeln!(out, "warning: {warning}")?;
    }
    if let Ok((_, policies)) = &loaded {
        let services: Vec<_> = policies.iter().map(|policy| policy.service.as_str()).collect();
        writeln!(out, "no problems; services: {}; read: {}", services.join(", "), Read(sources))?;
    }
    Ok(loaded.is_ok())
}

/// Writes the effective configuration as TOML, secrets hidden.
///
/// # Errors
/// When `out` cannot be written to, or, as [`io::ErrorKind::InvalidData`], with everything that is wrong.
pub fn show(sources: &Sources, out: &mut impl Write) -> io::Result<()> {
    let config = Config::load(sources).map_err(|problems| io::Error::new(io::ErrorKind::InvalidData, problems))?;
    writeln!(out, "# Effective configuration; read: {}", Read(sources))?;
    write!(out, "{}", config.to_toml())
}

/// The layers that were read, in order.
struct Read<'a>(&'a Sources);

impl fmt::Display for Read<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("defaults")?;
        for file in self.0.present_files() {
            write!(f, ", {}", file.display())?;
        }
        f.write_str(", environment")
    }
}
