//! The stations of the demo, in the order a Profile passes them.
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use euicc::lpa::{Installed, Progress, Request, Wish};
use euicc::{ActivationCode, Card, Lpa, LpaConfig};
use rig::figures::ms;
use rig::show::{Show, short};
use rig::{Certificates, Confirm, Es2Answer, Es2Plus, RigError, Server, numbers, upp};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::Arguments;

const OPERATOR: &str = "acme";
const PROFILE_TYPE: &str = "P9054-2";
/// About the size of a real operational Profile.
const PADDING_OCTETS: usize = 8 * 1024;

/// Walks the road; ends early with the first thing that is not as it must be.
pub(crate) async fn walk(arguments: &Arguments, show: Show) -> Result<Value, RigError> {
    let begin = Instant::now();
    show.section(1, "A server of its own, with fresh keys");
    let server = start(arguments, show)?;
    show.section(2, "The operator's Profile comes into stock");
    let package = import(arguments, &server, show)?;
    show.section(3, "The operator orders it (ES2+, mutual TLS)");
    let (iccid, matching_id) = order(&server, show).await?;
    show.section(4, "What the subscriber gets: the Activation Code");
    let code = activation_code(&server, &matching_id, show)?;
    show.section(5, "The phone downloads and installs it (ES9+)");
    let mut card = server.pki().first_card()?;
    let lpa = lpa(&server)?;
    let (installed, download) = install(&lpa, &mut card, &code, show).await?;
    if installed.upp != package || installed.iccid != iccid.trim_end_matches('F') {
        return Err(RigError::Wrong("the installed Profile is not the imported one, octet by octet".into()));
    }
    show.done("installed octets equal the imported file", Duration::ZERO);
    show.section(6, "The Profile is enabled and disabled; the server is told");
    let notifications = use_profile(&lpa, &mut card, &installed, show).await?;
    show.section(7, "The Profile's life, as the audit trail has it");
    show.line(&server.smdpp(&["audit", "show", "--iccid", &iccid])?);
    show.section(8, "The audit trail is complete and unchanged");
    show.line(&server.smdpp(&["audit", "verify"])?);
    show.section(9, "Summary");
    let report = json!({
        "installed": true,
        "audit_verified": true,
        "key_store": server.ready()?.key_store,
        "eid": card.eid(),
        "iccid": iccid,
        "profile_bytes": package.len(),
        "bpp_bytes": installed.bpp_bytes,
        "segments": installed.segments,
        "notifications_delivered": notifications,
        "download_ms": rounded(download),
        "server_cpu_ms": rounded(server.cpu_time()?),
        "server_peak_rss_mib": server.peak_rss_kib()? / 1024,
        "total_ms": rounded(begin.elapsed()),
    });
    summary(&report, show);
    stop(server)?;
    Ok(report)
}

fn start(arguments: &Arguments, show: Show) -> Result<Server, RigError> {
    let begin = Instant::now();
    let certificates = match &arguments.sgp26 {
        Some(folder) => Certificates::Sgp26(folder),
        None => Certificates::Fresh { euiccs: 1 },
    };
    let mut server = match &arguments.folder {
        Some(folder) => Server::fresh_in(folder, certificates)?,
        None => Server::fresh(certificates)?,
    };
    let origin = match &arguments.sgp26 {
        Some(folder) => format!("certificates of SGP.26 from {}", folder.display()),
        None => "test PKI made: CI, EUM, eUICC, DPauth, DPpb, TLS, operators".to_owned(),
    };
    show.done(&origin, begin.elapsed());
    let begin = Instant::now();
    let ready = server.start()?.clone();
    show.done("server started", begin.elapsed());
    show.fact("SM-DP+ address", server.address());
    show.fact("ES9+ (phones)", &ready.es9plus);
    show.fact("ES2+ (operators)", &ready.es2plus);
    if ready.key_store == "software" {
        show.warn("SOFTWARE KEYS: the private keys lie in files. Good for a demo, never for real Profiles.");
    } else {
        show.fact("key store", &ready.key_store);
    }
    Ok(server)
}

/// Imports the Profile and gives its octets.
fn import(arguments: &Arguments, server: &Server, show: Show) -> Result<Vec<u8>, RigError> {
    let file = match &arguments.profile {
        Some(file) => file.clone(),
        None => self_made(server)?,
    };
    let package = fs::read(&file).map_err(|cause| wrong_file(&file, &cause))?;
    let begin = Instant::now();
    let path = file.display().to_string();
    let said = server.smdpp(&[
        "profile",
        "import",
        &path,
        "--operator",
        OPERATOR,
        "--type",
        PROFILE_TYPE,
        "--name",
        "Acme Mobile",
        "--provider",
        "Acme",
    ])?;
    show.done(&format!("imported {} octets for operator {OPERATOR}", package.len()), begin.elapsed());
    show.aside(&said);
    Ok(package)
}

fn self_made(server: &Server) -> Result<PathBuf, RigError> {
    let file = server.folder().join("test-profile.der");
    let package = upp::test_profile(&numbers::iccid(1), &numbers::imsi(1), PADDING_OCTETS);
    fs::write(&file, package).map_err(|cause| wrong_file(&file, &cause))?;
    Ok(file)
}

fn wrong_file(file: &std::path::Path, cause: &std::io::Error) -> RigError {
    RigError::Wrong(format!("{}: {cause}", file.display()))
}

/// DownloadOrder by type, then ConfirmOrder with release: ICCID and MatchingID.
async fn order(server: &Server, show: Show) -> Result<(String, String), RigError> {
    let operator = Es2Plus::of(server, OPERATOR)?;
    let begin = Instant::now();
    let ordered = operator.download_order(None, None, Some(PROFILE_TYPE)).await?.success()?;
    tell(&ordered, begin.elapsed(), show);
    let iccid = ordered.text("iccid").unwrap_or_default().to_owned();
    let begin = Instant::now();
    let confirm = Confirm { release: true, ..Confirm::default() };
    let confirmed = operator.confirm_order(&iccid, confirm).await?.success()?;
    tell(&confirmed, begin.elapsed(), show);
    let matching_id = confirmed.text("matchingId").unwrap_or_default().to_owned();
    if iccid.is_empty() || matching_id.is_empty() {
        return Err(RigError::Wrong("ES2+ answered without iccid or matchingId".to_owned()));
    }
    Ok((iccid, matching_id))
}

fn tell(answer: &Es2Answer, took: Duration, show: Show) {
    show.done(&answer.function, took);
    show.aside(&format!("> {}", short(&answer.request.to_string())));
    show.aside(&format!("< {}", short(&answer.body.to_string())));
}

fn activation_code(server: &Server, matching_id: &str, show: Show) -> Result<ActivationCode, RigError> {
    let text = format!("LPA:1${}${matching_id}", server.address());
    show.line(&text);
    show.qr(&text);
    text.parse().map_err(|error| RigError::Wrong(format!("{text}: {error}")))
}

fn lpa(server: &Server) -> Result<Lpa, RigError> {
    let config = LpaConfig {
        connect: Some(server.ready()?.es9plus.clone()),
        tls_roots: vec![server.pki().ci()?],
        ..LpaConfig::default()
    };
    Ok(Lpa::new(server.address(), config)?)
}

async fn install(
    lpa: &Lpa,
    card: &mut Card,
    code: &ActivationCode,
    show: Show,
) -> Result<(Installed, Duration), RigError> {
    show.fact("eUICC", card.eid());
    let request = Request { code, confirmation_code: None, empty_matching_id: false, wish: Wish::Install };
    let begin = Instant::now();
    let mut last = begin;
    let installed = lpa
        .download_observed(card, &request, |progress| {
            let now = Instant::now();
            show.done(&words(progress), now - last);
            last = now;
        })
        .await?;
    Ok((installed, begin.elapsed()))
}

fn words(progress: &Progress<'_>) -> String {
    match progress {
        Progress::Initiated(_) => "InitiateAuthentication: the server has signed our challenge".to_owned(),
        Progress::Offered(offer) => {
            format!("AuthenticateClient: both proved who they are; offered “{}”", offer.metadata.profile_name)
        }
        Progress::Bound { bpp_bytes, segments } => {
            format!("GetBoundProfilePackage: {bpp_bytes} octets, {segments} segments")
        }
        Progress::Installed { iccid } => format!("eUICC verified, decrypted, installed {iccid}"),
        Progress::Delivered { sequence } => format!("HandleNotification: number {sequence} delivered"),
        Progress::Cancelled { reason, .. } => format!("CancelSession: reason {reason}"),
    }
}

/// Enables and disables; gives how many notifications the server took, with that of the installation.
async fn use_profile(
    lpa: &Lpa,
    card: &mut Card,
    installed: &Installed,
    show: Show,
) -> Result<usize, RigError> {
    let mut delivered = installed.delivered;
    card.enable(&installed.iccid)?;
    let begin = Instant::now();
    let taken = lpa.send_notifications(card).await?;
    show.done(&format!("enabled; {taken} notification delivered"), begin.elapsed());
    delivered += taken;
    card.disable(&installed.iccid)?;
    let begin = Instant::now();
    let taken = lpa.send_notifications(card).await?;
    show.done(&format!("disabled; {taken} notification delivered"), begin.elapsed());
    Ok(delivered + taken)
}

fn summary(report: &Value, show: Show) {
    for (name, value) in report.as_object().into_iter().flatten() {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        show.fact(&name.replace('_', " "), &value);
    }
    show.line("\nDownloaded, installed, reported, and proved by the audit trail.");
}

fn stop(mut server: Server) -> Result<(), RigError> {
    let status = server.terminate()?;
    if status.success() {
        return Ok(());
    }
    Err(RigError::Wrong(format!("the server did not stop gently: {status}\n{}", server.log())))
}

fn rounded(duration: Duration) -> f64 {
    (ms(duration) * 10.0).round() / 10.0
}
