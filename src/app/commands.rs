//! The commands of the binary.

use std::{
    io::{self, IsTerminal as _, Write as _},
    net::SocketAddr,
    process::ExitCode,
    time::Duration,
};

use clap::Parser as _;

use super::{
    AppError,
    backup::{self, BackupError},
    reconcile::reconcile,
    serve,
};
use crate::{
    cli::{Cli, Command, ConfigCommand, TokenArgs},
    config::{Config, Sources, auth, command},
    domain::Role,
    http::Keys,
    telemetry,
};

/// How long the tokens printed in development mode are good.
const DEVELOPMENT_TTL: Duration = Duration::from_secs(24 * 3600);

/// Runs the binary. The exit code is 0 when all went well, 1 when not.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    keep_files_private();
    let sources = Sources::of_process(cli.config_files());
    let done = match &cli.command {
        None | Some(Command::Serve) => block_on(serve(&sources)).map_err(Into::into),
        Some(Command::Token(args)) => token(&sources, args),
        Some(Command::Backup { folder }) => told(block_on(backup::backup(&sources, folder))),
        Some(Command::Restore { folder }) => told(block_on(backup::restore(&sources, folder))),
        Some(Command::Reconcile(args)) => match block_on(reconcile(&sources, args, &mut io::stdout())) {
            Ok(true) => Ok(()),
            Ok(false) => return ExitCode::FAILURE,
            Err(error) => Err(error.into()),
        },
        Some(Command::Config(ConfigCommand::Show)) => command::show(&sources, &mut io::stdout()).map_err(Into::into),
        Some(Command::Config(ConfigCommand::Check { .. })) => match command::check(&sources, &mut io::stdout()) {
            Ok(true) => Ok(()),
            Ok(false) => return ExitCode::FAILURE,
            Err(error) => Err(error.into()),
        },
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if telemetry::is_json() => {
            tracing::error!(%error, "callout ends");
            ExitCode::FAILURE
        }
        Err(error) => {
            let _ = writeln!(io::stderr(), "callout: {error}");
            ExitCode::FAILURE
        }
    }
}

fn block_on<T>(doing: impl Future<Output = T>) -> T {
    actix_web::rt::System::new().block_on(doing)
}

/// Says that it was done.
fn told(done: Result<String, BackupError>) -> Result<(), Box<dyn std::error::Error>> {
    Ok(writeln!(io::stdout(), "{}", done?)?)
}

/// Makes files of the process readable for its own user only: they have calls, names, phone numbers and the secret.
#[cfg(unix)]
fn keep_files_private() {
    use nix::sys::stat::{Mode, umask};
    umask(Mode::S_IRWXG | Mode::S_IRWXO);
}

#[cfg(not(unix))]
fn keep_files_private() {}

fn token(sources: &Sources, args: &TokenArgs) -> Result<(), Box<dyn std::error::Error>> {
    let config = Config::load(sources).map_err(AppError::from)?;
    let file = auth::development_secret_file(&config);
    let is_new = auth::is_development(&config) && !file.exists();
    let secret = auth::secret(&config)?;
    if is_new {
        let file = std::path::absolute(&file).unwrap_or(file);
        let said = "there was none in this folder. No server that runs already takes this token";
        writeln!(io::stderr(), "callout: made a new development secret, {}: {said}.", file.display())?;
    }
    let keys = Keys::new(&secret, &config.auth.issuer, config.auth.leeway_s);
    let mut out = io::BufWriter::new(io::stdout().lock());
    for subject in args.subjects()? {
        writeln!(out, "{}", keys.mint(args.role, &subject, args.ttl)?)?;
    }
    Ok(out.flush()?)
}

/// Shows a newcomer a token per role: only in development mode, and only on a terminal. Other outputs are kept and
/// collected, where a token would be a password in a log.
pub(super) fn print_development_tokens(keys: &Keys, address: SocketAddr) {
    let mut out = io::stdout().lock();
    if !out.is_terminal() {
        tracing::info!("development mode: `callout token --role customer --sub alice` prints a token");
        return;
    }
    let _ = writeln!(out, "\ncallout listens on http://{address} in development mode. Tokens, good for a day:\n");
    for (role, name, sub) in
        [(Role::Customer, "CUSTOMER", "alice"), (Role::Driver, "DRIVER", "kim"), (Role::Operator, "OPERATOR", "ops")]
    {
        if let Ok(token) = keys.mint(role, sub, DEVELOPMENT_TTL) {
            let _ = writeln!(out, "export {name}={token}");
        }
    }
    let _ = writeln!(out);
}
