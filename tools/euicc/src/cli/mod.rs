//! Arguments of the lpa command, and who serves them.

mod discover;
mod download;
mod notifications;
mod show;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use euicc::identity::{Identity, certificate_der};
use euicc::lpa::Binding;
use euicc::{Card, Fault, LpaConfig, LpaError};
use serde_json::{Value, json};

/// What the person who typed the command is told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    #[error(transparent)]
    Lpa(#[from] LpaError),
    #[error(transparent)]
    Card(#[from] euicc::card::CardError),
    #[error(transparent)]
    Identity(#[from] euicc::identity::Error),
    #[error("{0}")]
    Usage(String),
}

/// A test eUICC in a file, and the LPA that serves it.
///
/// The eUICC checks everything a real one checks, and does wrong what you tell it to.
#[derive(Debug, Parser)]
#[command(name = "lpa", version, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The file that holds the eUICC
    #[arg(long, global = true, env = "LPA_CARD", default_value = "card.json", value_name = "PATH")]
    card: PathBuf,
    /// Print one JSON object for a program instead of text for a person
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  Make an eUICC of the SGP.26 test set:
    lpa card new --euicc-cert CERT_EUICC_ECDSA_NIST.der --euicc-key SK_EUICC_ECDSA_NIST.pem \\
        --eum-cert CERT_EUM_ECDSA_NIST.der --ci CERT_CI_ECDSA_NIST.der --out card.json
  Download a Profile from a server on this machine:
    lpa download 'LPA:1$smdp.example.com$04386-AGYFT' --connect 127.0.0.1:8443 --tls-ca ci.pem
  Ask as an eUICC with a default SM-DP+ does, without a code:
    lpa download --default smdp.example.com
  Download what an SM-DS on this machine knows for this eUICC:
    lpa discover --smds smds.example.com --connect 127.0.0.1:9443 --smdp-connect 127.0.0.1:8443
  See whether the server notices a bad signature:
    lpa download CODE --fault signature1-bad
  Speak ASN.1 instead of JSON, and keep what was said:
    lpa download CODE --binding asn1 --record said
  Reject the Profile once it is shown:
    lpa download CODE --cancel-with 0";

#[derive(Debug, Subcommand)]
enum Command {
    /// Make an eUICC
    #[command(subcommand)]
    Card(CardCommand),
    /// Show the eUICC: EID, certificates, EUICCInfo2
    Info,
    /// Download and install a Profile
    Download(download::Arguments),
    /// Ask an SM-DS for events, and download what they name
    Discover(discover::Arguments),
    /// List the installed Profiles
    Profiles,
    /// Enable a Profile; another that is enabled gets disabled
    Enable { iccid: String },
    /// Disable a Profile
    Disable { iccid: String },
    /// Delete a disabled Profile
    Delete { iccid: String },
    /// List, send or remove pending notifications
    #[command(subcommand)]
    Notifications(notifications::Command),
    /// Print Base64 or hexadecimal DER as a tree
    Decode { text: String },
    /// List what --fault can do wrong
    Faults,
}

#[derive(Debug, Subcommand)]
enum CardCommand {
    /// Make an eUICC from its certificates and key
    New(NewCard),
}

#[derive(Debug, Args)]
struct NewCard {
    /// CERT.EUICC, PEM or DER
    #[arg(long, value_name = "FILE")]
    euicc_cert: PathBuf,
    /// SK.EUICC: SEC1 or PKCS#8, PEM or DER
    #[arg(long, value_name = "FILE")]
    euicc_key: PathBuf,
    /// CERT.EUM, PEM or DER
    #[arg(long, value_name = "FILE")]
    eum_cert: PathBuf,
    /// Certificate issuers the eUICC trusts, best first
    #[arg(long, value_name = "FILE", num_args = 1.., required = true)]
    ci: Vec<PathBuf>,
    /// The same eUICC under another CI: its CERT.EUICC, SK.EUICC, CERT.EUM and CI
    #[arg(long, value_names = ["EUICC", "KEY", "EUM", "CI"], num_args = 4)]
    also: Vec<PathBuf>,
    /// Key identifiers of CIs shown as euiccCiPKIdListForVerification, in this order; default are the CIs given
    #[arg(long, value_name = "HEX", num_args = 1..)]
    verify_ci: Vec<String>,
    /// Key identifiers of CIs shown as euiccCiPKIdListForSigning, in this order
    #[arg(long, value_name = "HEX", num_args = 1..)]
    sign_ci: Vec<String>,
    /// Where to put the eUICC; default is --card
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
    /// SVN in EUICCInfo
    #[arg(long, value_name = "X.Y.Z", default_value = "2.2.2")]
    svn: String,
    /// Policy rules the eUICC forbids, 1 or 2
    #[arg(long, value_name = "N")]
    forbid_ppr: Vec<u8>,
    /// Free memory for Profiles
    #[arg(long, value_name = "BYTES")]
    free_memory: Option<u32>,
}

/// How to reach a server.
#[derive(Debug, Args)]
pub(crate) struct Connection {
    /// Connect there instead of to the server named; its name stays in TLS and Host
    #[arg(long, value_name = "HOST:PORT")]
    connect: Option<String>,
    /// Roots for the server's TLS certificate; default are the eUICC's certificate issuers
    #[arg(long, value_name = "FILE")]
    tls_ca: Vec<PathBuf>,
    /// Offer TLS 1.2 only
    #[arg(long)]
    tls12: bool,
    /// Offer TLS 1.2 on brainpoolP256r1 only
    #[arg(long)]
    brainpool_tls: bool,
    /// Use one connection for all calls
    #[arg(long)]
    keep_alive: bool,
    /// How ES9+ is written on the wire
    #[arg(long, value_enum, default_value_t = Wire::Json)]
    binding: Wire,
    /// Put every message into this folder, as it went over the wire
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Wire {
    Json,
    Asn1,
}

impl Connection {
    fn config(&self, card: &Card) -> Result<LpaConfig, Failed> {
        let mut tls_roots = Vec::new();
        for path in &self.tls_ca {
            let bytes = std::fs::read(path)
                .map_err(|cause| Failed::Usage(format!("read {}: {cause}", path.display())))?;
            tls_roots.push(certificate_der(&bytes)?);
        }
        if tls_roots.is_empty() {
            tls_roots = card.identity.issuers.iter().map(|issuer| issuer.der.clone()).collect();
        }
        Ok(LpaConfig {
            connect: self.connect.clone(),
            tls_roots,
            tls12_only: self.tls12,
            brainpool_only: self.brainpool_tls,
            keep_alive: self.keep_alive,
            binding: match self.binding {
                Wire::Json => Binding::Json,
                Wire::Asn1 => Binding::Asn1,
            },
            record: self.record.clone(),
            ..LpaConfig::default()
        })
    }
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failed> {
    let Arguments { card: path, json, command } = arguments;
    match command {
        Command::Card(CardCommand::New(new)) => make(&new, &path, json),
        Command::Faults => {
            show::faults(json);
            Ok(())
        }
        Command::Decode { text } => show::decoded(&text, json),
        Command::Info => {
            show::info(&Card::load(&path)?, json);
            Ok(())
        }
        Command::Profiles => {
            show::profiles(&Card::load(&path)?, json);
            Ok(())
        }
        Command::Enable { iccid } => change(&path, json, "enabled", &iccid, |card| card.enable(&iccid)),
        Command::Disable { iccid } => change(&path, json, "disabled", &iccid, |card| card.disable(&iccid)),
        Command::Delete { iccid } => change(&path, json, "deleted", &iccid, |card| card.delete(&iccid)),
        Command::Download(download) => {
            let mut card = Card::load(&path)?;
            let outcome = download::run(&mut card, &download, json).await;
            // Also a failed download changes the card: its counter, its notifications, the key it keeps.
            card.save(&path)?;
            outcome
        }
        Command::Discover(discover) => {
            let mut card = Card::load(&path)?;
            let outcome = discover::run(&mut card, &discover, json).await;
            card.save(&path)?;
            outcome
        }
        Command::Notifications(command) => {
            let mut card = Card::load(&path)?;
            let outcome = notifications::run(&mut card, &command, json).await;
            card.save(&path)?;
            outcome
        }
    }
}

fn make(new: &NewCard, path: &std::path::Path, json: bool) -> Result<(), Failed> {
    let issuers: Vec<_> = new.ci.iter().map(PathBuf::as_path).collect();
    let identity = Identity::from_files(&new.euicc_cert, &new.euicc_key, &new.eum_cert, &issuers)?;
    let mut card = Card::new(identity);
    if let [euicc, key, eum, ci] = new.also.as_slice() {
        card = card.with_identity(Identity::from_files(euicc, key, eum, &[ci])?)?;
    }
    card.info.ci_for_verification = key_identifiers(&new.verify_ci)?;
    card.info.ci_for_signing = key_identifiers(&new.sign_ci)?;
    let numbers: Option<Vec<u8>> = new.svn.split('.').map(|part| part.parse().ok()).collect();
    card.info.svn = numbers
        .and_then(|numbers| numbers.try_into().ok())
        .ok_or_else(|| Failed::Usage(format!("--svn {} is not X.Y.Z", new.svn)))?;
    for rule in &new.forbid_ppr {
        card.info.forbidden_pprs |= match rule {
            1 => 0x40,
            2 => 0x20,
            _ => return Err(Failed::Usage("--forbid-ppr takes 1 or 2".to_owned())),
        };
    }
    if let Some(bytes) = new.free_memory {
        card.info.free_memory_bytes = bytes;
    }
    let path = new.out.as_deref().unwrap_or(path);
    if path.exists() {
        return Err(Failed::Usage(format!("{} exists; an eUICC is not overwritten", path.display())));
    }
    card.save(path)?;
    let done = json!({ "eid": card.eid(), "file": path.display().to_string() });
    show::say(json, &done, &format!("eUICC {} is in {}", card.eid(), path.display()));
    Ok(())
}

fn key_identifiers(texts: &[String]) -> Result<Option<Vec<Vec<u8>>>, Failed> {
    let read = |text: &String| {
        euicc::hex::decode(text)
            .ok_or_else(|| Failed::Usage(format!("{text} is no key identifier in hexadecimal")))
    };
    let identifiers: Vec<Vec<u8>> = texts.iter().map(read).collect::<Result<_, _>>()?;
    Ok(Some(identifiers).filter(|identifiers| !identifiers.is_empty()))
}

fn change(
    path: &std::path::Path,
    json: bool,
    done: &str,
    iccid: &str,
    act: impl Fn(&mut Card) -> Result<(), euicc::card::CardError>,
) -> Result<(), Failed> {
    let mut card = Card::load(path)?;
    act(&mut card)?;
    card.save(path)?;
    let pending = card.list_notifications().len();
    let text = format!("{iccid} is {done}; {pending} notifications wait (`lpa notifications send`)");
    show::say(json, &json!({ "iccid": iccid, "state": done, "pendingNotifications": pending }), &text);
    Ok(())
}

/// The failure for a program.
pub(crate) fn error_json(error: &Failed) -> Value {
    let codes = match error {
        Failed::Lpa(lpa) => lpa.codes(),
        Failed::Card(_) | Failed::Identity(_) | Failed::Usage(_) => None,
    };
    json!({
        "error": error.to_string(),
        "subjectCode": codes.map(|(subject, _)| subject),
        "reasonCode": codes.map(|(_, reason)| reason),
    })
}

fn fault_names() -> Vec<Value> {
    Fault::ALL.iter().map(|fault| json!({ "name": fault.name(), "does": fault.description() })).collect()
}
