//! The lpa command: a test eUICC in a file, and the LPA that serves it.

mod cli;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let arguments = cli::Arguments::parse();
    let json = arguments.json;
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("lpa: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(cli::run(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if json => {
            println!("{}", cli::error_json(&error));
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("lpa: {error}");
            ExitCode::FAILURE
        }
    }
}
