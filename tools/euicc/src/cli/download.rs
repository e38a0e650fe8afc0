//! lpa download: a download told step by step.

use clap::Args;
use euicc::lpa::{Installed, Progress, Request, Wish};
use euicc::{ActivationCode, Card, Lpa};
use serde_json::json;
use tokio::time::Instant;

use super::{Connection, Failed, show};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Activation Code, with or without LPA: in front
    #[arg(required_unless_present = "default", conflicts_with = "default")]
    code: Option<String>,
    /// Ask this default SM-DP+ without an Activation Code
    #[arg(long, value_name = "HOST")]
    default: Option<String>,
    /// With no MatchingID, send an empty one (as v2.2 LPAs) instead of none
    #[arg(long)]
    empty_matching_id: bool,
    /// The Confirmation Code the operator gave
    #[arg(long, value_name = "CODE")]
    confirmation_code: Option<String>,
    #[command(flatten)]
    connection: Connection,
    /// What to do wrong, see `lpa faults`
    #[arg(long, value_name = "NAME[=N]")]
    fault: Vec<String>,
    /// Cancel when the Profile is shown: 0 rejected, 1 postponed, 2 timeout, 3 policy rules, …
    #[arg(long, value_name = "REASON")]
    cancel_with: Option<u8>,
}

pub(super) async fn run(card: &mut Card, arguments: &Arguments, json: bool) -> Result<(), Failed> {
    let code = match (&arguments.code, &arguments.default) {
        (Some(code), _) => code.parse::<ActivationCode>().map_err(|e| Failed::Usage(e.to_string()))?,
        (None, host) => ActivationCode::default_server(host.as_deref().unwrap_or_default()),
    };
    for fault in &arguments.fault {
        card.faults.add(fault).map_err(Failed::Usage)?;
    }
    let lpa = Lpa::new(&code.address, arguments.connection.config(card)?)?;
    let request = Request {
        code: &code,
        confirmation_code: arguments.confirmation_code.as_deref(),
        empty_matching_id: arguments.empty_matching_id,
        wish: arguments.cancel_with.map_or(Wish::Install, Wish::Cancel),
    };
    let begin = Instant::now();
    if !json {
        line!("{} asks {}", card.eid(), code.address);
    }
    let mut before = begin;
    let outcome = lpa
        .download_observed(card, &request, |progress| {
            let now = Instant::now();
            if !json {
                tell(progress, now.duration_since(before).as_millis());
            }
            before = now;
        })
        .await;
    match outcome {
        Ok(installed) => {
            summary(card, &installed, begin.elapsed().as_millis(), json);
            Ok(())
        }
        Err(euicc::LpaError::Cancelled(reason)) if arguments.cancel_with.is_some() => {
            show::say(json, &json!({ "cancelled": reason }), &format!("cancelled with reason {reason}"));
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

fn tell(progress: &Progress<'_>, ms: u128) {
    match progress {
        Progress::Initiated(server) => {
            let name = show::server_name(&server.server_certificate);
            line!("  {ms:>5} ms  session {} with {name}", server.transaction_id);
        }
        Progress::Offered(offer) => {
            let code = if offer.confirmation_code_required() { ", wants a Confirmation Code" } else { "" };
            line!("  {ms:>5} ms  a Profile is offered{code}");
            show::metadata_card(&offer.metadata);
        }
        Progress::Bound { bpp_bytes, segments } => {
            line!("  {ms:>5} ms  package of {bpp_bytes} bytes, {segments} segments");
        }
        Progress::Installed { iccid } => line!("  {ms:>5} ms  {iccid} is installed"),
        Progress::Delivered { sequence } => line!("  {ms:>5} ms  notification {sequence} is delivered"),
        Progress::Cancelled { reason, answered } => {
            let answer = if *answered { "the server agrees" } else { "the server does not agree" };
            line!("  {ms:>5} ms  session cancelled with reason {reason}, {answer}");
        }
    }
}

fn summary(card: &Card, installed: &Installed, ms: u128, json: bool) {
    let pending = card.list_notifications().len();
    let object = json!({
        "transactionId": installed.transaction_id,
        "metadata": show::metadata_json(&installed.metadata),
        "bppBytes": installed.bpp_bytes,
        "segments": installed.segments,
        "uppBytes": installed.upp.len(),
        "notificationsDelivered": installed.delivered,
        "notificationsPending": pending,
        "milliseconds": u64::try_from(ms).unwrap_or(u64::MAX),
    });
    let text = format!(
        "Installed {} ({}): {} bytes of Profile in {ms} ms; {} notifications delivered, {pending} pending.",
        installed.iccid,
        installed.metadata.profile_name,
        installed.upp.len(),
        installed.delivered,
    );
    show::say(json, &object, &text);
}
