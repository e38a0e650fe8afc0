//! `smdpp serve`: open the house and its two doors.
use std::io::ErrorKind;
use std::io::IsTerminal;
use std::path::Path;
use std::path::PathBuf;

use super::CliError;
use super::out::Out;
use super::out::Paint;
use super::table::Cell;
use super::table::Table;
use tracing_subscriber::EnvFilter;

use crate::config::Config;
use crate::config::Log;
use crate::config::LogFormat;
use crate::config::Mode;
use crate::serve::Doors;
use crate::time::DAY_MS;
use crate::time::Timestamp;
use crate::world::Expiry;
use crate::world::World;

/// A certificate that ends sooner is shown in red.
const DAYS_SOON: i64 = 30;

/// Open both doors: ES9+ for phones, ES2+ for operators
///
/// Checks first that everything fits together, and refuses to start with a list of all that does not. Stops
/// gently on Ctrl-C or SIGTERM: calls under way are finished.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  smdpp serve
  smdpp serve --config /etc/smdpp/smdpp.toml
  SMDPP_LOG_FORMAT=json smdpp serve 2>> smdpp.log")]
pub struct Serve {
    /// Write the addresses of both doors to this file once they are open
    #[arg(long, value_name = "F")]
    pub ready_file: Option<PathBuf>,
    /// Stop when standard input ends: for a starter that must not leave a server behind, however it dies itself
    #[arg(long, hide = true)]
    pub until_eof: bool,
}

impl Serve {
    pub async fn run(
        self,
        path: &Path,
        config: &Config,
        now: Timestamp,
        out: &mut Out<'_>,
    ) -> Result<(), CliError> {
        crate::server::install_provider();
        let world = World::open(config, now).await?;
        let banner = banner(path, config, &world, now, out);
        said(out.text(&banner))?;
        log(&config.log);
        let key_store = world.hsm.name();
        let doors = Doors::bind(world, config).await?;
        if let Some(file) = &self.ready_file {
            announce(file, &doors, key_store)?;
        }
        said(out.text(&format!("open: ES9+ {}, ES2+ {}\n", doors.es9plus(), doors.es2plus())))?;
        Ok(doors.run(self.until_eof).await?)
    }
}

/// A reader that has seen enough (`smdpp serve | head`) does not end a server.
fn said(text: Result<(), CliError>) -> Result<(), CliError> {
    match text {
        Err(CliError::Output(cause)) if cause.kind() == ErrorKind::BrokenPipe => Ok(()),
        said => said,
    }
}

/// One line of JSON, complete or not there: a starter waits for the file.
fn announce(file: &Path, doors: &Doors, key_store: &str) -> Result<(), CliError> {
    let line = serde_json::json!({
        "es9plus": doors.es9plus().to_string(),
        "es2plus": doors.es2plus().to_string(),
        "pid": std::process::id(),
        "key_store": key_store,
    });
    let failed = |cause| CliError::File { what: "write", path: file.to_owned(), cause };
    let aside = file.with_extension("part");
    std::fs::write(&aside, format!("{line}\n")).and_then(|()| std::fs::rename(&aside, file)).map_err(failed)
}

/// Sends the log to standard error. `RUST_LOG` says more than the configuration can.
fn log(config: &Log) {
    let level = config.level.as_str();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match config.format {
        LogFormat::Json => log.json().init(),
        LogFormat::Text => log.with_ansi(std::io::stderr().is_terminal()).init(),
    }
}

fn banner(path: &Path, config: &Config, world: &World, now: Timestamp, out: &Out<'_>) -> String {
    let mode = match config.mode {
        Mode::Test => "test",
        Mode::Production => "production",
    };
    let names: Vec<&str> = config.operator.iter().map(|operator| operator.name.as_str()).collect();
    let mut text = format!(
        "smdpp {} in {mode} mode\n\n  configuration     {}\n  SM-DP+ address    {}\n  ES9+ (phones)     {}\n  \
         ES2+ (operators)  {}\n  operators         {}\n",
        env!("CARGO_PKG_VERSION"),
        path.display(),
        config.address.as_str(),
        config.es9plus.listen,
        config.es2plus.listen,
        if names.is_empty() { "none: nobody can order".to_owned() } else { names.join(", ") },
    );
    if world.hsm.name() == "software" {
        text.push_str(&out.paint(Paint::Bad, SOFTWARE));
    }
    text.push('\n');
    text.push_str(&certificates(&world.expiries, now, out));
    text
}

const SOFTWARE: &str = "
  +------------------------------------------------------------------+
  |  KEY STORE: SOFTWARE. Private keys lie in files on this machine  |
  |  and in its memory. For tests only, never for real subscribers.  |
  +------------------------------------------------------------------+
";

fn certificates(expiries: &[Expiry], now: Timestamp, out: &Out<'_>) -> String {
    let mut table = Table::new(["CERTIFICATE", "DAYS LEFT", "FILE"]);
    for expiry in expiries {
        let days = expiry.days_left(now);
        let paint = if days < DAYS_SOON { Paint::Bad } else { Paint::Plain };
        table.row([expiry.name.as_str().into(), Cell(days.to_string(), paint), expiry.file.as_str().into()]);
    }
    table.render(out)
}

impl Expiry {
    fn days_left(&self, now: Timestamp) -> i64 {
        self.not_after.unix_ms().saturating_sub(now.unix_ms()).div_euclid(DAY_MS)
    }
}
