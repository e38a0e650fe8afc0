//! `smdpp profile list` and `smdpp profile show`.
use serde_json::Value;
use serde_json::json;

use crate::asn1::Metadata;
use crate::asn1::NotificationEvent;
use crate::asn1::ProfileClass;
use crate::change::{PackageFacts, Versioned};
use crate::cli::CliError;
use crate::cli::out::Out;
use crate::cli::out::Paint;
use crate::cli::table::Cell;
use crate::cli::table::Table;
use crate::config::Config;
use crate::profile::Profile;
use crate::store::Filter;
use crate::types::Iccid;
use crate::types::State;
use crate::types::hex;
use crate::world::World;

/// List the Profiles in this house, in the order of their ICCIDs
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  smdpp profile list
  smdpp profile list --state Error --operator acme
  smdpp --json profile list --limit 100000")]
pub struct ListProfiles {
    #[command(flatten)]
    pub choice: Choice,
}

/// Show one Profile: its state, its package, its metadata
#[derive(Debug, clap::Args)]
pub struct ShowProfile {
    iccid: String,
}

/// Which Profiles a list shows.
#[derive(Debug, Clone, clap::Args)]
pub struct Choice {
    /// Only those in this state, such as Available or Released
    #[arg(long, value_parser = state)]
    pub state: Option<State>,
    /// Only those of this operator
    #[arg(long, value_name = "NAME")]
    pub operator: Option<String>,
    /// Only those of this Profile Type
    #[arg(long = "type", value_name = "TYPE")]
    pub profile_type: Option<String>,
    /// Continue after this ICCID
    #[arg(long, value_name = "ICCID", default_value = "")]
    pub after: String,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..=1_000_000))]
    pub limit: i64,
}

fn state(text: &str) -> Result<State, String> {
    State::parse(text).ok_or_else(|| {
        let names = State::ALL.map(State::as_str).join(", ");
        format!("the states are {names}")
    })
}

impl Choice {
    pub fn filter(&self) -> Filter {
        Filter {
            state: self.state,
            operator: self.operator.clone(),
            profile_type: self.profile_type.clone(),
            after: self.after.clone(),
            limit: self.limit,
        }
    }

    /// The line under a list that may be cut off.
    pub fn more(&self, shown: usize, last: Option<&Versioned<Profile>>) -> String {
        match last.filter(|_| i64::try_from(shown).is_ok_and(|shown| shown >= self.limit)) {
            Some(last) => format!("There may be more: --after {} or --limit N\n", last.value.iccid()),
            None => String::new(),
        }
    }
}

impl ListProfiles {
    pub async fn run(self, config: &Config, out: &mut Out<'_>) -> Result<(), CliError> {
        let store = World::open_store(config)?;
        let found = store.reader().list(&self.choice.filter()).await?;
        if out.json {
            let rows: Vec<Value> = found.iter().map(|row| facts(&row.value)).collect();
            return out.document(&json!({ "profiles": rows }));
        }
        let mut table = Table::new(["ICCID", "STATE", "OPERATOR", "TYPE", "ORDERS"]);
        for Versioned { value: profile, .. } in &found {
            table.row([
                profile.iccid().as_str().into(),
                state_cell(profile.state()),
                profile.operator().as_str().into(),
                profile.profile_type().as_str().into(),
                profile.orders().to_string().into(),
            ]);
        }
        if table.is_empty() {
            return out.text("No profile is like that.\n");
        }
        let text = table.render(out);
        out.text(&text)?;
        out.text(&self.choice.more(found.len(), found.last()))
    }
}

/// Green is well, yellow is under way, red asks for a person.
pub fn state_cell(state: State) -> Cell {
    let paint = match state {
        State::Available | State::Unavailable => Paint::Plain,
        State::Allocated | State::Linked | State::Confirmed | State::Released | State::Downloaded => {
            Paint::Busy
        }
        State::Installed => Paint::Good,
        State::Error => Paint::Bad,
    };
    Cell(state.as_str().to_owned(), paint)
}

/// What every document says of a Profile.
pub fn facts(profile: &Profile) -> Value {
    json!({
        "iccid": profile.iccid().as_str(),
        "state": profile.state().as_str(),
        "operator": profile.operator().as_str(),
        "type": profile.profile_type().as_str(),
        "orders": profile.orders(),
        "eid": profile.eid().map(|eid| eid.as_str()),
    })
}

/// The Profile of this ICCID, or the sentence that there is none.
pub async fn find(store: &crate::store::Store, iccid: &Iccid) -> Result<Profile, CliError> {
    let found = store.reader().profile(iccid).await?;
    found
        .map(|row| row.value)
        .ok_or_else(|| CliError::Refused(format!("there is no Profile with ICCID {iccid}")))
}

/// Two columns without headings.
pub fn pairs(rows: Vec<(&'static str, Cell)>, out: &Out<'_>) -> String {
    let mut text = String::new();
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, Cell(value, paint)) in rows {
        let name = out.paint(Paint::Faint, &format!("{name:<width$}"));
        text.push_str(&format!("{name}  {}\n", out.paint(paint, &value)));
    }
    text
}

impl ShowProfile {
    pub async fn run(self, config: &Config, out: &mut Out<'_>) -> Result<(), CliError> {
        let store = World::open_store(config)?;
        let iccid = Iccid::parse(&self.iccid)?;
        let profile = find(&store, &iccid).await?;
        let PackageFacts { metadata, octets, .. } =
            store.reader().package_facts(&iccid).await?.ok_or_else(|| {
                CliError::Refused(format!("ICCID {iccid} has no package: the database is damaged"))
            })?;
        let metadata = Metadata::decode(&metadata)?;
        if out.json {
            let mut document = facts(&profile);
            if let Some(members) = document.as_object_mut() {
                members.insert("octets".to_owned(), json!(octets));
                members.insert("metadata".to_owned(), metadata_facts(&metadata));
            }
            return out.document(&document);
        }
        let mut rows: Vec<(&'static str, Cell)> = vec![
            ("ICCID", iccid.as_str().into()),
            ("state", state_cell(profile.state())),
            ("operator", profile.operator().as_str().into()),
            ("type", profile.profile_type().as_str().into()),
            ("orders so far", profile.orders().to_string().into()),
            ("package", format!("{octets} octets").into()),
            ("profile name", metadata.profile_name.as_str().into()),
            ("service provider", metadata.service_provider_name.as_str().into()),
            ("class", class(metadata.class).into()),
        ];
        for entry in &metadata.notification_addresses {
            let told = NotificationEvent::ALL.into_iter().filter(|event| entry.events.contains(*event));
            let told: Vec<&str> = told.map(event).collect();
            rows.push(("notifies", format!("{} of {}", entry.address, told.join(", ")).into()));
        }
        if let Some(icon) = &metadata.icon {
            rows.push(("icon", format!("{} octets", icon.octets.len()).into()));
        }
        if let Some(owner) = &metadata.owner {
            rows.push(("owner", format!("mccMnc {}", hex::encode(&owner.mcc_mnc)).into()));
        }
        if metadata.pprs.ppr1 {
            rows.push(("policy rule", "PPR1: must not be disabled".into()));
        }
        if metadata.pprs.ppr2 {
            rows.push(("policy rule", "PPR2: must not be deleted".into()));
        }
        let text = pairs(rows, out);
        out.text(&text)
    }
}

fn metadata_facts(metadata: &Metadata) -> Value {
    let notify: Vec<Value> = metadata
        .notification_addresses
        .iter()
        .map(|entry| {
            let told = NotificationEvent::ALL.into_iter().filter(|event| entry.events.contains(*event));
            json!({ "address": entry.address, "events": told.map(event).collect::<Vec<_>>() })
        })
        .collect();
    json!({
        "profileName": metadata.profile_name,
        "serviceProviderName": metadata.service_provider_name,
        "class": class(metadata.class),
        "notify": notify,
        "mccMnc": metadata.owner.as_ref().map(|owner| hex::encode(&owner.mcc_mnc)),
        "iconOctets": metadata.icon.as_ref().map(|icon| icon.octets.len()),
        "ppr1": metadata.pprs.ppr1,
        "ppr2": metadata.pprs.ppr2,
    })
}

fn class(class: ProfileClass) -> &'static str {
    match class {
        ProfileClass::Test => "test",
        ProfileClass::Provisioning => "provisioning",
        ProfileClass::Operational => "operational",
    }
}

fn event(event: NotificationEvent) -> &'static str {
    match event {
        NotificationEvent::Install => "install",
        NotificationEvent::Enable => "enable",
        NotificationEvent::Disable => "disable",
        NotificationEvent::Delete => "delete",
    }
}
