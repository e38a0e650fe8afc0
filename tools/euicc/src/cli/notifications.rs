//! lpa notifications: list, send, remove.

use clap::Subcommand;
use euicc::metadata::iccid_digits;
use euicc::{Card, Lpa};
use serde_json::json;

use super::{Connection, Failed, show};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the pending notifications
    List,
    /// Send them, each to its own server, and remove those answered
    Send {
        #[command(flatten)]
        connection: Connection,
        /// What to do wrong, see `lpa faults`
        #[arg(long, value_name = "NAME[=N]")]
        fault: Vec<String>,
    },
    /// Remove one without sending it
    Remove { sequence: u64 },
}

pub(super) async fn run(card: &mut Card, command: &Command, json: bool) -> Result<(), Failed> {
    match command {
        Command::List => list(card, json),
        Command::Send { connection, fault } => {
            for fault in fault {
                card.faults.add(fault).map_err(Failed::Usage)?;
            }
            return send(card, connection, json).await;
        }
        Command::Remove { sequence } => {
            card.remove_notification(*sequence)?;
            show::say(json, &json!({ "removed": sequence }), &format!("notification {sequence} is removed"));
        }
    }
    Ok(())
}

fn list(card: &Card, json: bool) {
    if json {
        let all: Vec<_> = card
            .list_notifications()
            .iter()
            .map(|one| {
                json!({
                    "seqNumber": one.sequence,
                    "event": one.event,
                    "address": one.address,
                    "iccid": iccid_digits(&one.iccid),
                    "bytes": euicc::hex::encode(&one.bytes),
                })
            })
            .collect();
        line!("{}", json!(all));
        return;
    }
    if card.list_notifications().is_empty() {
        line!("No notification is pending.");
    }
    for one in card.list_notifications() {
        let kind = if one.bytes.starts_with(&[0xBF, 0x37]) { "installation result" } else { "notification" };
        let event = format!("{:?}", one.event).to_lowercase();
        line!("{:>5}  {kind:<19}  {event:<7}  {}  {}", one.sequence, iccid_digits(&one.iccid), one.address);
    }
}

async fn send(card: &mut Card, connection: &Connection, json: bool) -> Result<(), Failed> {
    let mut addresses: Vec<String> =
        card.list_notifications().iter().map(|one| one.address.to_lowercase()).collect();
    addresses.sort();
    addresses.dedup();
    let mut sent = Vec::new();
    for address in addresses {
        let outcome = match Lpa::new(&address, connection.config(card)?) {
            Ok(lpa) => lpa.send_notifications(card).await,
            Err(error) => Err(error),
        };
        let (count, error) = match outcome {
            Ok(count) => (count, None),
            Err(error) => (0, Some(error.to_string())),
        };
        if !json {
            let said =
                error.as_ref().map_or_else(|| format!("{count} taken"), |error| format!("failed: {error}"));
            line!("{address:<32} {said}");
        }
        sent.push(json!({ "address": address, "delivered": count, "error": error }));
    }
    if json {
        line!("{}", json!(sent));
    }
    match sent.iter().filter(|one| one.get("error").is_some_and(|error| !error.is_null())).count() {
        0 => Ok(()),
        failed => Err(Failed::Usage(format!("{failed} servers did not take their notifications"))),
    }
}
