//! `smdpp outbox`: what waits to be told to somebody outside, and why it waits.
use serde_json::Value;
use serde_json::json;

use super::CliError;
use super::out::Out;
use super::out::Paint;
use super::table::Cell;
use super::table::Table;
use crate::config::Config;
use crate::store::Store;
use crate::store::Waiting;
use crate::time::Timestamp;
use crate::world::World;

#[derive(Debug, clap::Subcommand)]
pub enum OutboxCommand {
    /// List what waits or was given up, oldest first
    #[command(after_help = "Examples:
  smdpp outbox list
  smdpp outbox list --receiver \"operator acme\"")]
    List {
        /// Only what is for this receiver, as the list names it
        #[arg(long, value_name = "NAME")]
        receiver: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..))]
        limit: i64,
    },
    /// Try everything again now, also what was given up
    ///
    /// A server that runs begins within two seconds.
    Retry {
        /// Only what is for this receiver, as the list names it
        #[arg(long, value_name = "NAME")]
        receiver: Option<String>,
    },
}

impl OutboxCommand {
    pub async fn run(self, config: &Config, now: Timestamp, out: &mut Out<'_>) -> Result<(), CliError> {
        let store = World::open_store(config)?;
        match self {
            Self::List { receiver, limit } => list(&store, receiver.as_deref(), limit, out).await,
            Self::Retry { receiver } => {
                let again = store.retry_errands(receiver.as_deref(), now).await?;
                if out.json {
                    return out.document(&json!({ "again": again }));
                }
                out.text(&match again {
                    0 => "Nothing waits.\n".to_owned(),
                    1 => "1 errand will be tried again.\n".to_owned(),
                    several => format!("{several} errands will be tried again.\n"),
                })
            }
        }
    }
}

async fn list(store: &Store, receiver: Option<&str>, limit: i64, out: &mut Out<'_>) -> Result<(), CliError> {
    let found = store.reader().errands(receiver, limit).await?;
    if out.json {
        let rows: Vec<Value> = found.iter().map(facts).collect();
        return out.document(&json!({ "errands": rows }));
    }
    let mut table = Table::new(["RECEIVER", "WHAT", "ICCID", "SINCE", "TRIES", "NEXT", "LAST ERROR"]);
    for errand in &found {
        table.row([
            errand.receiver.as_str().into(),
            errand.title.as_str().into(),
            errand.iccid.as_str().into(),
            errand.queued_at.to_string().into(),
            errand.tries.to_string().into(),
            if errand.given_up {
                Cell("given up".to_owned(), Paint::Bad)
            } else {
                errand.due_at.to_string().into()
            },
            errand.last_error.as_deref().unwrap_or_default().into(),
        ]);
    }
    if table.is_empty() {
        return out.text("Nothing waits.\n");
    }
    let text = table.render(out);
    out.text(&text)?;
    if i64::try_from(found.len()).is_ok_and(|shown| shown == limit) {
        out.text("There may be more: --limit N shows them.\n")?;
    }
    Ok(())
}

/// One errand on one line of another page.
pub(super) fn cell(errand: &Waiting) -> Cell {
    let Waiting { receiver, title, tries, due_at, .. } = errand;
    match &errand.last_error {
        _ if errand.given_up => {
            Cell(format!("{receiver}: {title}; given up after {tries} tries"), Paint::Bad)
        }
        Some(why) => format!("{receiver}: {title}; {tries} tries, next {due_at}: {why}").into(),
        None => format!("{receiver}: {title}").into(),
    }
}

pub(super) fn facts(errand: &Waiting) -> Value {
    json!({
        "call": errand.call,
        "receiver": errand.receiver,
        "what": errand.title,
        "iccid": errand.iccid,
        "queuedAt": errand.queued_at.to_string(),
        "tries": errand.tries,
        "nextTryAt": (!errand.given_up).then(|| errand.due_at.to_string()),
        "givenUp": errand.given_up,
        "lastError": errand.last_error,
    })
}
