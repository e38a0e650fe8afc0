//! `smdpp notification`: what was acknowledged and not believed.
use serde_json::Value;
use serde_json::json;

use super::CliError;
use super::out::Out;
use super::table::Table;
use crate::config::Config;
use crate::store::KeptNotification;
use crate::types::hex;
use crate::world::World;

#[derive(Debug, clap::Subcommand)]
pub enum NotificationCommand {
    /// List notifications that could not be believed, the newest first
    ///
    /// They were acknowledged (SGP.22 3.5), kept, and changed nothing. What was believed is in `smdpp audit show`.
    #[command(after_help = "Examples:
  smdpp notification list --invalid
  smdpp --json notification list --invalid --about 8900012345678901234     with the octets")]
    List {
        /// Those that could not be believed: at present the only ones that are kept as they came
        #[arg(long, required = true)]
        invalid: bool,
        /// Only those that claim to be about this session (transactionId) or ICCID
        #[arg(long, value_name = "SUBJECT")]
        about: Option<String>,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..=10_000))]
        limit: i64,
    },
}

impl NotificationCommand {
    pub async fn run(self, config: &Config, out: &mut Out<'_>) -> Result<(), CliError> {
        let Self::List { about, limit, .. } = self;
        let store = World::open_store(config)?;
        let found = store.reader().invalid_notifications(about.as_deref(), limit).await?;
        if out.json {
            let rows: Vec<Value> = found.iter().map(facts).collect();
            return out.document(&json!({ "notifications": rows }));
        }
        let mut table = Table::new(["NUMBER", "WHEN", "ABOUT", "OCTETS", "WHY"]);
        for one in &found {
            let about = if one.subject.is_empty() { "-" } else { &one.subject };
            table.row([
                one.id.to_string().into(),
                one.received_at.to_string().into(),
                about.into(),
                one.received.len().to_string().into(),
                one.why.as_str().into(),
            ]);
        }
        if table.is_empty() {
            return out.text("No notification is like that.\n");
        }
        let text = table.render(out);
        out.text(&text)?;
        if i64::try_from(found.len()).is_ok_and(|shown| shown == limit) {
            out.text("There may be more: --limit N shows them.\n")?;
        }
        Ok(())
    }
}

pub fn facts(one: &KeptNotification) -> Value {
    json!({
        "number": one.id,
        "receivedAt": one.received_at.to_string(),
        "about": one.subject,
        "why": one.why,
        "sha256": one.sha256,
        "octets": hex::encode(&one.received),
    })
}
