//! The lpa command: a test eUICC in a file, and the LPA that serves it.

/// Prints a line; a reader that went away (`| head`) is no reason to complain.
macro_rules! line {
    ($($arguments:tt)*) => {{
        use std::io::Write;
        let _ = writeln!(std::io::stdout(), $($arguments)*);
    }};
}

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
            line!("{}", cli::error_json(&error));
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("lpa: {error}");
            ExitCode::FAILURE
        }
    }
}
