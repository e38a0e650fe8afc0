//! `smds`: a small SM-DS for a laboratory, from the command line.
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use serde_json::json;
use smds::{Files, Identity, Smds};

/// A small real SM-DS: ES12 for SM-DP+s, ES11 for LPAs; events are kept in memory
#[derive(Debug, Parser)]
#[command(
    name = "smds",
    version,
    after_help = "Example, beside `smdpp init lab --with-test-pki`:
  smds --pki lab/pki --listen-es11 127.0.0.1:9443 --listen-es12 127.0.0.1:9444"
)]
struct Arguments {
    /// Folder with dsauth, dstls (.pem, .key) and ci.pem, as `smdpp pki init-test` writes it
    #[arg(long, value_name = "FOLDER")]
    pki: PathBuf,
    /// The name of this SM-DS, as in its TLS certificate
    #[arg(long, default_value = smdpp::mint::SMDS_ADDRESS)]
    address: String,
    /// More certificate issuers to believe, PEM
    #[arg(long, value_name = "FILE")]
    ci: Vec<PathBuf>,
    /// The door for LPAs
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:9443")]
    listen_es11: SocketAddr,
    /// The door for SM-DP+s, with client certificates
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:9444")]
    listen_es12: SocketAddr,
    /// Stop when standard input ends
    #[arg(long)]
    until_eof: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("smds: {why}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), String> {
    smdpp::server::install_provider();
    let mut files = Files::of_folder(&arguments.pki);
    files.ci.extend(arguments.ci);
    let identity = Identity::read(&arguments.address, &files).map_err(|error| error.to_string())?;
    let smds = Smds::bind(identity, arguments.listen_es11, arguments.listen_es12).await;
    let smds = smds.map_err(|fault| fault.story())?;
    // One line for a starter: which ports it got.
    println!("{}", json!({ "es11": smds.es11().to_string(), "es12": smds.es12().to_string() }));
    let until_eof = arguments.until_eof;
    smds.run(async move {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            () = input_ended(until_eof) => {}
        }
    })
    .await;
    Ok(())
}

/// Returns when standard input has ended; never, if nobody watches it.
async fn input_ended(watched: bool) {
    if !watched {
        std::future::pending::<()>().await;
    }
    let (ended, end) = tokio::sync::oneshot::channel();
    // A thread of its own: a read from a pipe cannot be called off.
    std::thread::spawn(move || {
        let _octets = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        ended.send(())
    });
    let _sent = end.await;
}
