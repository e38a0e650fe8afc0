//! The smdpp command.
fn main() -> std::process::ExitCode {
    smdpp::cli::main()
}
