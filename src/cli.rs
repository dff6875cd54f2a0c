//! The command line: what can be asked of the binary. Parses; does nothing.

use std::{path::PathBuf, time::Duration};

use clap::{
    Args, Parser, Subcommand,
    builder::{PossibleValuesParser, TypedValueParser as _},
};

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use crate::domain::Role;

/// The longest life of a development token, seconds: a year.
const TTL_MAX_S: u64 = 365 * 86_400;

/// The most tokens that one command prints.
const TOKENS_MAX: i64 = 1_000_000;

/// An actor-based reactive backend for on-demand services.
#[derive(Debug, Parser)]
#[command(name = "callout", version, about)]
pub struct Cli {
    /// Reads FILE over config/default.toml; may be repeated, later ones win
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Vec<PathBuf>,
    /// The command; without one the server runs
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The commands of the binary.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs the server (the default)
    Serve,
    /// Prints a development token, signed with the configured secret
    Token(TokenArgs),
    /// Copies the embedded store and its read model into a folder, also while the server runs
    Backup {
        /// A new or an empty folder
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// Puts a backup in the place of the embedded store and its read model; the server must be stopped
    Restore {
        /// A folder that `callout backup` made
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// Compares what the gateway took and gave back with the payments; the exit code is 1 when they differ
    Reconcile(ReconcileArgs),
    /// Checks or shows the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
}

/// The span of time that is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
pub struct ReconcileArgs {
    /// The beginning: a date (its first moment, UTC) or a time like 2026-11-01T00:00:00Z
    #[arg(long, value_name = "DATE", value_parser = beginning)]
    pub from: Timestamp,
    /// The end: a date (all of it, UTC) or a time, which itself is not part of the span
    #[arg(long, value_name = "DATE", value_parser = end)]
    pub to: Timestamp,
    /// Prints one JSON object instead of lines
    #[arg(long)]
    pub json: bool,
}

/// The principal and the lifetime of a new token.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct TokenArgs {
    /// The role that the token speaks for
    #[arg(long, value_parser = PossibleValuesParser::new(ROLES.map(|(name, _)| name)).map(|name| role(&name)))]
    pub role: Role,
    /// The id of the token's principal: 1 to 64 characters out of A-Z a-z 0-9 _ -
    #[arg(long, value_name = "ID", value_parser = subject)]
    pub sub: String,
    /// How many tokens to print, one per line, for ID-1, ID-2 and so on; without it, one for ID itself
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=TOKENS_MAX))]
    pub count: Option<u32>,
    /// The time until it expires: 30s, 15m, 1h or 7d; at most 365d
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = duration)]
    pub ttl: Duration,
}

/// The commands for the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum ConfigCommand {
    /// Prints every problem of configuration and services, with file, key and line
    Check {
        /// Files over config/default.toml, as with --config
        #[arg(value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Prints the effective configuration, secrets hidden
    Show,
}

impl TokenArgs {
    /// The ids of the principals.
    ///
    /// # Errors
    /// When a numbered id is longer than an id may be.
    pub fn subjects(&self) -> Result<Vec<String>, String> {
        match self.count {
            None => Ok(vec![self.sub.clone()]),
            Some(count) => (1..=count).map(|number| subject(&format!("{}-{number}", self.sub))).collect(),
        }
    }
}

impl Cli {
    /// The files to read over `default.toml`, in order.
    #[must_use]
    pub fn config_files(&self) -> Vec<PathBuf> {
        let mut files = self.config.clone();
        if let Some(Command::Config(ConfigCommand::Check { files: more })) = &self.command {
            files.extend(more.iter().cloned());
        }
        files
    }
}

const ROLES: [(&str, Role); 3] = [("customer", Role::Customer), ("driver", Role::Driver), ("operator", Role::Operator)];

fn role(name: &str) -> Role {
    // The parser in front lets only the names of the table through.
    ROLES.into_iter().find_map(|(known, role)| (known == name).then_some(role)).unwrap_or(Role::Customer)
}

fn beginning(text: &str) -> Result<Timestamp, String> {
    moment(text, 0)
}

fn end(text: &str) -> Result<Timestamp, String> {
    moment(text, 1)
}

/// A time, or the first moment of the day that is so many days after a date.
fn moment(text: &str, days: i64) -> Result<Timestamp, String> {
    let midnight = |date: Date| {
        let day = date.checked_add(jiff::Span::new().days(days)).ok()?;
        Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp())
    };
    let date = if text.len() == "2026-11-01".len() { text.parse().ok().and_then(midnight) } else { text.parse().ok() };
    date.ok_or_else(|| "must be a date like 2026-11-01 or a time like 2026-11-01T00:00:00Z".to_owned())
}

fn subject(text: &str) -> Result<String, String> {
    crate::domain::CustomerId::new(text).map(|id| id.to_string()).map_err(|error| error.to_string())
}

fn duration(text: &str) -> Result<Duration, String> {
    let units = [("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400)];
    units
        .into_iter()
        .find_map(|(unit, seconds)| {
            let number = text.strip_suffix(unit).filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()))?;
            number.parse::<u64>().ok()?.checked_mul(seconds)
        })
        .filter(|seconds| (1..=TTL_MAX_S).contains(seconds))
        .map(Duration::from_secs)
        .ok_or_else(|| "must be a number and a unit, 1s to 365d: 30s, 15m, 1h or 7d".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn a_span_takes_whole_days_or_times() {
        let reconcile = |line: &str| match parse(line).map(|cli| cli.command) {
            Ok(Some(Command::Reconcile(ReconcileArgs { from, to, .. }))) => Some((from.to_string(), to.to_string())),
            _ => None,
        };
        let of = |from: &str, to: &str| Some((from.to_owned(), to.to_owned()));
        let days = reconcile("callout reconcile --from 2026-11-01 --to 2026-11-30");
        assert_eq!(days, of("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"));
        let times = reconcile("callout reconcile --from 2026-11-01T09:00:00+09:00 --to 2026-11-01T01:00:00Z");
        assert_eq!(times, of("2026-11-01T00:00:00Z", "2026-11-01T01:00:00Z"));
        for wrong in ["yesterday", "2026-13-01", "2026-02-30", "9999-12-31"] {
            assert_eq!(reconcile(&format!("callout reconcile --from 2026-11-01 --to {wrong}")), None, "{wrong}");
        }
    }

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split(' '))
    }

    #[test]
    fn the_definitions_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn without_a_subcommand_it_serves_and_config_files_go_anywhere() -> Result<(), clap::Error> {
        for line in ["callout --config a --config b", "callout serve --config a --config b"] {
            let cli = parse(line)?;
            assert!(matches!(cli.command, None | Some(Command::Serve)));
            assert_eq!(cli.config_files(), [PathBuf::from("a"), PathBuf::from("b")]);
        }
        let files = parse("callout config check b c --config a")?.config_files();
        assert_eq!(files, ["a", "b", "c"].map(PathBuf::from));
        assert!(matches!(parse("callout config show")?.command, Some(Command::Config(ConfigCommand::Show))));
        Ok(())
    }

    #[test]
    fn a_token_has_a_role_a_subject_and_an_hour_unless_told_otherwise() -> Result<(), clap::Error> {
        let Some(Command::Token(token)) = parse("callout token --role driver --sub d-1")?.command else {
            return Err(clap::Error::new(clap::error::ErrorKind::InvalidSubcommand));
        };
        let ttl = Duration::from_secs(3_600);
        assert_eq!(token, TokenArgs { role: Role::Driver, sub: "d-1".to_owned(), count: None, ttl });
        let numbered = TokenArgs { count: Some(3), ..token };
        assert_eq!(numbered.subjects(), Ok(["d-1-1", "d-1-2", "d-1-3"].map(str::to_owned).to_vec()));
        let too_long = TokenArgs { sub: "x".repeat(63), ..numbered };
        assert!(too_long.subjects().is_err());
        for bad in [
            "--role admin --sub a",
            "--role driver --sub a/b",
            "--role driver",
            "--role driver --sub a --ttl 0s",
            "--role driver --sub a --count 0",
        ] {
            assert!(parse(&format!("callout token {bad}")).is_err(), "{bad}");
        }
        Ok(())
    }

    #[test]
    fn a_duration_is_a_number_with_a_unit_up_to_a_year() {
        for (text, seconds) in [("30s", 30), ("15m", 900), ("1h", 3_600), ("7d", 604_800), ("365d", TTL_MAX_S)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for bad in ["", "s", "1", "1.5h", "-1s", "+1s", "0s", "366d", "1w", "1 h", "99999999999999999999d"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
