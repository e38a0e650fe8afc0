//! The command line of `smdpp` as a whole: its words, its exit codes, its error output.
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::CommandFactory;
use clap::Parser;

use super::CliError;
use super::audit::AuditCommand;
use super::init::Init;
use super::notification::NotificationCommand;
use super::order::OrderCommand;
use super::out::Out;
use super::out::wants_colour;
use super::outbox::OutboxCommand;
use super::pki::PkiCommand;
use super::profile::ProfileCommand;
use super::serve::Serve;
use crate::config::Config;
use crate::time::Clock;
use crate::time::SystemClock;

/// Refused, or could not be done.
const FAILED: u8 = 1;
/// A verification found what must not be.
const UNSOUND: u8 = 2;

/// An SM-DP+ server (GSMA SGP.22): takes orders from operators, delivers eSIM profiles to phones
#[derive(Debug, Parser)]
#[command(name = "smdpp", version, arg_required_else_help = true)]
#[command(after_help = "First steps, with a test PKI:
  smdpp init demo --with-test-pki          a folder with everything to start from
  cd demo
  smdpp profile import profile.der --operator acme --type consumer
  smdpp serve                              open the doors

Exit codes: 0 done, 1 refused or failed, 2 wrong words, or the audit trail does not hold.")]
pub struct Smdpp {
    /// Configuration file
    #[arg(long, global = true, env = "SMDPP_CONFIG", default_value = "smdpp.toml", value_name = "FILE")]
    config: PathBuf,
    /// Answer with one JSON document; init, serve and the commands that write a PKI speak text all the same
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Init(Init),
    /// Make a test PKI, or take one over; look at revocation lists
    #[command(subcommand)]
    Pki(PkiCommand),
    Serve(Serve),
    /// Put Profiles in stock, and look at them
    #[command(subcommand)]
    Profile(ProfileCommand),
    /// Look at orders, why they stand where they stand, and set limits of one
    #[command(subcommand)]
    Order(OrderCommand),
    /// Look at notifications that could not be believed
    #[command(subcommand)]
    Notification(NotificationCommand),
    /// Look at what waits to be told to operators and SM-DSs, and try it again
    #[command(subcommand)]
    Outbox(OutboxCommand),
    /// Read the audit trail, and prove that nobody changed it
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Print completions for a shell
    ///
    /// bash: smdpp completions bash > /etc/bash_completion.d/smdpp
    Completions {
        shell: clap_complete::Shell,
    },
}

/// Runs what was typed.
pub fn main() -> ExitCode {
    let typed = Smdpp::parse();
    let mut stdout = io::stdout().lock();
    let no_color = std::env::var("NO_COLOR").ok();
    let colour = !typed.json && wants_colour(no_color.as_deref());
    let mut out = Out { write: &mut stdout, json: typed.json, colour };
    match typed.run(&mut out) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads our output has seen enough (`smdpp … | head`).
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("smdpp: {error}");
            ExitCode::from(if matches!(error, CliError::Unsound(_)) { UNSOUND } else { FAILED })
        }
    }
}

fn is_broken_pipe(error: &CliError) -> bool {
    let (CliError::Output(cause) | CliError::File { cause, .. }) = error else { return false };
    cause.kind() == io::ErrorKind::BrokenPipe
}

impl Smdpp {
    fn run(self, out: &mut Out<'_>) -> Result<(), CliError> {
        let now = SystemClock.now();
        match self.command {
            Command::Init(init) => init.run(now, out.write),
            Command::Pki(PkiCommand::Crl) => super::crl::show(&load(&self.config)?, now, out),
            Command::Pki(pki) => pki.run(now, out.write),
            Command::Completions { shell } => {
                // clap_complete panics if its output breaks off, so it writes to memory.
                let mut script = Vec::new();
                clap_complete::generate(shell, &mut Self::command(), "smdpp", &mut script);
                out.write.write_all(&script).map_err(CliError::Output)
            }
            Command::Serve(serve) => wait(serve.run(&self.config, &load(&self.config)?, now, out)),
            Command::Profile(profile) => wait(profile.run(&load(&self.config)?, now, out)),
            Command::Order(order) => wait(order.run(&load(&self.config)?, now, out)),
            Command::Notification(notification) => wait(notification.run(&load(&self.config)?, out)),
            Command::Outbox(outbox) => wait(outbox.run(&load(&self.config)?, now, out)),
            Command::Audit(audit) => wait(audit.run(&load(&self.config)?, out)),
        }
    }
}

fn load(path: &std::path::Path) -> Result<Config, CliError> {
    Ok(Config::load(path, |name| std::env::var(name).ok())?)
}

fn wait(work: impl Future<Output = Result<(), CliError>>) -> Result<(), CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let failed = crate::fault::Fault::caused("cli: start the runtime");
    runtime.map_err(failed)?.block_on(work)
}
