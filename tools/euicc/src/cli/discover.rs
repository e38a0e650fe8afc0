//! lpa discover: asks an SM-DS, and downloads what it names.

use clap::Args;
use euicc::lpa::{Binding, EventEntry, LpaConfig};
use euicc::{ActivationCode, Card, Lpa};
use serde_json::{Value, json};

use super::{Connection, Failed, show};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The SM-DS
    #[arg(long, value_name = "HOST")]
    smds: String,
    /// Ask for this event only
    #[arg(long, value_name = "ID")]
    event: Option<String>,
    /// List the events, download nothing
    #[arg(long)]
    list: bool,
    /// Connect there for the downloads, whatever SM-DP+ an event names
    #[arg(long, value_name = "HOST:PORT")]
    smdp_connect: Option<String>,
    /// The Confirmation Code the operator gave
    #[arg(long, value_name = "CODE")]
    confirmation_code: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(card: &mut Card, arguments: &Arguments, json: bool) -> Result<(), Failed> {
    let config = arguments.connection.config(card)?;
    // `--binding` is about ES9+: SM-DSs are asked in JSON.
    let smds = Lpa::new(&arguments.smds, LpaConfig { binding: Binding::Json, ..config.clone() })?;
    let events = smds.discover(card, arguments.event.as_deref()).await?;
    if !json {
        let plural = if events.len() == 1 { "" } else { "s" };
        line!("{} has {} event{plural} for {}", arguments.smds, events.len(), card.eid());
        for event in &events {
            line!("  {} at {}", event.event_id, event.rsp_server_address);
        }
    }
    let mut installed = Vec::new();
    let mut failed = None;
    for event in events.iter().filter(|_| !arguments.list) {
        match download(card, arguments, &config, event).await {
            Ok(iccid) => installed.push(iccid),
            // An event whose order is over must not keep the others waiting.
            Err(error) => {
                eprintln!("lpa: event {}: {error}", event.event_id);
                failed = Some(Failed::Usage("not every event could be downloaded".to_owned()));
            }
        }
    }
    let entries: Vec<Value> = events
        .iter()
        .map(|event| json!({ "eventId": event.event_id, "rspServerAddress": event.rsp_server_address }))
        .collect();
    let text = if arguments.list {
        "Nothing is downloaded: only listed.".to_owned()
    } else {
        format!("Installed {} of {} Profiles.", installed.len(), events.len())
    };
    show::say(json, &json!({ "eventEntries": entries, "installed": installed }), &text);
    failed.map_or(Ok(()), Err)
}

/// The EventID is the MatchingID (3.6.3); gives the ICCID.
async fn download(
    card: &mut Card,
    arguments: &Arguments,
    config: &LpaConfig,
    event: &EventEntry,
) -> Result<String, Failed> {
    let config = LpaConfig { connect: arguments.smdp_connect.clone(), ..config.clone() };
    let lpa = Lpa::new(&event.rsp_server_address, config)?;
    let code = ActivationCode {
        matching_id: Some(event.event_id.clone()),
        ..ActivationCode::default_server(&event.rsp_server_address)
    };
    let installed = lpa.download(card, &code, arguments.confirmation_code.as_deref()).await?;
    Ok(installed.iccid)
}
