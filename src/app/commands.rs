//! The commands of the binary.

use std::{
    io::{self, Write as _},
    net::SocketAddr,
    process::ExitCode,
    time::Duration,
};

use clap::Parser as _;

use super::{AppError, serve};
use crate::{
    cli::{Cli, Command, ConfigCommand, TokenArgs},
    config::{Config, Sources, auth, command},
    domain::Role,
    http::Keys,
};

/// How long the tokens printed in development mode are good.
const DEVELOPMENT_TTL: Duration = Duration::from_secs(24 * 3600);

/// Runs the binary. The exit code is 0 when all went well, 1 when not.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let sources = Sources::of_process(cli.config_files());
    let done = match &cli.command {
        None | Some(Command::Serve) => actix_web::rt::System::new().block_on(serve(&sources)).map_err(Into::into),
        Some(Command::Token(args)) => token(&sources, args),
        Some(Command::Config(ConfigCommand::Show)) => command::show(&sources, &mut io::stdout()).map_err(Into::into),
        Some(Command::Config(ConfigCommand::Check { .. })) => match command::check(&sources, &mut io::stdout()) {
            Ok(true) => Ok(()),
            Ok(false) => return ExitCode::FAILURE,
            Err(error) => Err(error.into()),
        },
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "callout: {error}");
            ExitCode::FAILURE
        }
    }
}

fn token(sources: &Sources, args: &TokenArgs) -> Result<(), Box<dyn std::error::Error>> {
    let config = Config::load(sources).map_err(AppError::from)?;
    let secret = auth::secret(&config)?;
    let keys = Keys::new(&secret, &config.auth.issuer, config.auth.leeway_s);
    writeln!(io::stdout(), "{}", keys.mint(args.role, &args.sub, args.ttl)?)?;
    Ok(())
}

/// Shows a newcomer a token per role: only in development mode, only on the terminal.
pub(super) fn print_development_tokens(keys: &Keys, address: SocketAddr) {
    let mut out = io::stdout().lock();
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
