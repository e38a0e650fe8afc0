//! Whole sessions in both bindings against a real server, every message kept: what `tools/oracle` reads.
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use euicc::card::cancel::reason;
use euicc::lpa::{Binding, Request, Wish};
use euicc::{ActivationCode, Card, Fault, Faults, Lpa, LpaConfig, LpaError};
use rig::show::Show;
use rig::{Certificates, Confirm, Es2Plus, RigError, Server, numbers, upp};

const OPERATOR: &str = "acme";
const PROFILE_TYPE: &str = "P9054-2";
const CODE: &str = "4711-Blue";
const PADDING_OCTETS: usize = 4 * 1024;
/// Installed; failed at the eUICC and again; cancelled; refused by the eUICC at two steps: in each binding.
const ORDERS: u64 = 4;

/// Runs sessions of every kind in both bindings and keeps every message as it went over the wire.
#[derive(Debug, Parser)]
#[command(name = "record")]
struct Arguments {
    /// The folder for the messages; must be new or empty
    folder: PathBuf,
}

fn main() -> ExitCode {
    let Arguments { folder } = Arguments::parse();
    let outcome = tokio::runtime::Runtime::new()
        .map_err(|error| RigError::Wrong(format!("no runtime: {error}")))
        .and_then(|runtime| runtime.block_on(record(&folder)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            Show::default().failed(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

async fn record(folder: &Path) -> Result<(), RigError> {
    let wrong = |cause| RigError::Wrong(format!("{}: {cause}", folder.display()));
    fs::create_dir_all(folder).map_err(wrong)?;
    let mut server = Server::fresh(Certificates::Fresh { euiccs: 1 })?;
    for n in 0..2 * ORDERS {
        let package = upp::test_profile(&numbers::iccid(n), &numbers::imsi(n), PADDING_OCTETS);
        let file = server.folder().join(format!("profile-{n}.der"));
        fs::write(&file, &package).map_err(wrong)?;
        let file = file.display().to_string();
        server.smdpp(&["profile", "import", &file, "--operator", OPERATOR, "--type", PROFILE_TYPE])?;
        if n == 0 {
            fs::write(folder.join("profile-package.upp"), package).map_err(wrong)?;
        }
    }
    server.start()?;
    let mut card = server.pki().first_card()?;
    for binding in [Binding::Json, Binding::Asn1] {
        let config = LpaConfig {
            connect: Some(server.ready()?.es9plus.clone()),
            tls_roots: vec![server.pki().ci()?],
            keep_alive: true,
            binding,
            record: Some(folder.join(format!("{binding:?}").to_lowercase())),
            ..LpaConfig::default()
        };
        let lpa = Lpa::new(server.address(), config)?;
        sessions(&lpa, &Es2Plus::of(&server, OPERATOR)?, &mut card).await?;
    }
    server.terminate()?;
    Ok(())
}

/// Every message that a session can have, and the refusals of both sides.
async fn sessions(lpa: &Lpa, operator: &Es2Plus, card: &mut Card) -> Result<(), RigError> {
    let code = order(lpa, operator, Some(CODE)).await?;
    let installed = lpa.download(card, &code, Some(CODE)).await?;
    card.enable(&installed.iccid)?;
    card.disable(&installed.iccid)?;
    card.delete(&installed.iccid)?;
    lpa.send_notifications(card).await?;

    // The eUICC has too little memory (10) for the moment: the next offer names its one-time key again.
    let code = order(lpa, operator, None).await?;
    card.faults.add("pir-reason=10").map_err(RigError::Wrong)?;
    refused(lpa.download(card, &code, None).await)?;
    card.faults = Faults::none();
    lpa.download(card, &code, None).await?;

    let code = order(lpa, operator, None).await?;
    for reason in [reason::POSTPONED, reason::END_USER_REJECTION] {
        let wish = Wish::Cancel(reason);
        let request = Request { code: &code, confirmation_code: None, empty_matching_id: false, wish };
        refused(lpa.download_observed(card, &request, |_| {}).await)?;
    }
    refused(lpa.download(card, &code, None).await)?;

    let code = order(lpa, operator, None).await?;
    for fault in [Fault::AuthenticateError, Fault::DownloadError, Fault::Signature2Bad] {
        card.faults = Faults::none().with(fault);
        refused(lpa.download(card, &code, None).await)?;
    }
    card.faults = Faults::none().with(Fault::CancelError);
    let request =
        Request { code: &code, confirmation_code: None, empty_matching_id: false, wish: Wish::Cancel(0) };
    refused(lpa.download_observed(card, &request, |_| {}).await)?;
    card.faults = Faults::none();
    Ok(())
}

async fn order(lpa: &Lpa, operator: &Es2Plus, code: Option<&str>) -> Result<ActivationCode, RigError> {
    let ordered = operator.download_order(None, None, Some(PROFILE_TYPE)).await?.success()?;
    let iccid = ordered.text("iccid").unwrap_or_default().to_owned();
    let confirm = Confirm { release: true, confirmation_code: code, ..Confirm::default() };
    let confirmed = operator.confirm_order(&iccid, confirm).await?.success()?;
    let matching_id = confirmed.text("matchingId").map(str::to_owned);
    Ok(ActivationCode { matching_id, ..ActivationCode::default_server(lpa.address()) })
}

/// What must not succeed.
fn refused<T>(outcome: Result<T, LpaError>) -> Result<(), RigError> {
    match outcome {
        Ok(_) => Err(RigError::Wrong("a session that had to fail did not".to_owned())),
        Err(error @ (LpaError::Http(_) | LpaError::Malformed { .. } | LpaError::Status { .. })) => {
            Err(error.into())
        }
        Err(_) => Ok(()),
    }
}
