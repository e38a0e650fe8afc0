//! What a download costs the server: many verified downloads, twice, against the floor of the cryptography.
#![expect(clippy::arithmetic_side_effects, reason = "a tool of ours that counts small numbers of its own")]
mod report;
mod run;

use std::process::ExitCode;

use clap::Parser;
use rig::show::Show;
use rig::{Certificates, RigError, Server, figures, floor};
use serde_json::Value;

/// Drives many test eUICCs at a real server, verifies every download, and prints what they cost.
#[derive(Debug, Parser)]
#[command(name = "tools/bench")]
pub(crate) struct Arguments {
    /// Downloads in each of the two runs.
    #[arg(long, short = 'n', default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    downloads: u32,
    /// eUICCs at the same time.
    #[arg(long, short = 'c', default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    concurrent: u32,
    /// Octets of padding in each Profile.
    #[arg(long, default_value_t = 8 * 1024)]
    padding: u32,
    /// Print the figures as one JSON object on the last line.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let show = Show::default();
    match measure(&arguments, show) {
        Ok(report) => {
            if arguments.json {
                println!("{report}");
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            show.failed(&error.to_string());
            if arguments.json {
                println!("{}", serde_json::json!({ "error": error.to_string() }));
            }
            ExitCode::FAILURE
        }
    }
}

fn measure(arguments: &Arguments, show: Show) -> Result<Value, RigError> {
    let euiccs = usize::try_from(arguments.concurrent).unwrap_or(1);
    let mut server = Server::fresh(Certificates::Fresh { euiccs })?;
    let runtime =
        tokio::runtime::Runtime::new().map_err(|error| RigError::Wrong(format!("no runtime: {error}")))?;
    show.section(1, "The floor: the P-256 operations of one download, on one thread");
    // Before the server runs, so that they do not take time from one another.
    let floor = floor::per_download().map_err(|_| RigError::Wrong("ring refused".to_owned()))?;
    show.line(&format!("{} signatures, {} verifications, 1 key, 1 agreement", floor::SIGNS, floor::VERIFIES));
    show.fact("floor", &format!("{:.3} ms", figures::ms(floor)));

    show.section(2, "Stock and orders");
    let expected = run::import(arguments, &server, show)?;
    server.start()?;
    let mut measured = Vec::new();
    for (number, way) in [(3, run::Way::KeepAlive), (4, run::Way::NewConnection)] {
        let orders = runtime.block_on(run::order(arguments, &server))?;
        show.section(number, way.title());
        let figures = runtime.block_on(run::downloads(arguments, &server, way, orders, &expected))?;
        report::show_run(&figures, floor, show);
        measured.push(figures);
    }
    let peak_rss_kib = server.peak_rss_kib()?;
    server.terminate()?;
    report::summary(arguments, floor, &measured, peak_rss_kib, show)
}
