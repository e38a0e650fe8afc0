//! One Profile's whole road, shown: order, download, installation, its life in the audit trail.
#![expect(clippy::arithmetic_side_effects, reason = "a tool of ours that counts small numbers of its own")]
mod road;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use rig::show::Show;

/// Runs a real server and a test eUICC and shows a Profile's whole road between them.
#[derive(Debug, Parser)]
#[command(name = "tools/demo")]
pub(crate) struct Arguments {
    /// Take this Profile Package (DER) instead of a self-made test profile.
    #[arg(long, value_name = "FILE")]
    profile: Option<PathBuf>,
    /// Use the certificates of SGP.26 in this folder instead of fresh ones.
    #[arg(long, value_name = "DIR")]
    sgp26: Option<PathBuf>,
    /// Keep the server's folder here instead of a temporary one. Must be new or empty.
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Print the outcome as one JSON object on the last line.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let show = Show::default();
    let outcome = tokio::runtime::Runtime::new()
        .map_err(|error| rig::RigError::Wrong(format!("no runtime: {error}")))
        .and_then(|runtime| runtime.block_on(road::walk(&arguments, show)));
    let (report, code) = match outcome {
        Ok(report) => (report, ExitCode::SUCCESS),
        Err(error) => {
            show.failed(&error.to_string());
            let report = serde_json::json!({
                "installed": false, "audit_verified": false, "error": error.to_string(),
            });
            (report, ExitCode::FAILURE)
        }
    };
    if arguments.json {
        println!("{report}");
    }
    code
}
