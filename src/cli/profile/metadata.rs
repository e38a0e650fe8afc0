//! The metadata of an imported Profile (SGP.22 5.5.3): from options, from a TOML file, or by default.
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use serde::Deserialize;

use crate::asn1::Icon;
use crate::asn1::IconKind;
use crate::asn1::Metadata;
use crate::asn1::NotificationAddress;
use crate::asn1::NotificationEvent;
use crate::asn1::NotificationEvents;
use crate::asn1::Owner;
use crate::asn1::Pprs;
use crate::asn1::ProfileClass;
use crate::asn1::mcc_mnc;
use crate::cli::CliError;
use crate::config::Fqdn;
use crate::types::Iccid;
use crate::types::hex;

/// A page of TOML at most.
const FILE_OCTETS_MAX: u64 = 64 * 1024;

/// What the phone shows of the Profile, and whom its eUICC tells what becomes of it.
#[derive(Debug, Clone, Default, clap::Args, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MetadataWords {
    /// Operator that the profiles belong to, as named in the configuration
    #[arg(long, value_name = "NAME", required_unless_present = "metadata")]
    pub operator: Option<String>,
    /// Profile Type, by which the operator orders: any text of up to 64 characters
    #[arg(long = "type", value_name = "TYPE", required_unless_present = "metadata")]
    #[serde(rename = "type")]
    pub profile_type: Option<String>,
    /// Name of the profile, as the phone shows it [default: the Profile Type]
    #[arg(long)]
    pub name: Option<String>,
    /// Name of the service provider, as the phone shows it [default: the operator]
    #[arg(long)]
    pub provider: Option<String>,
    /// test, provisioning or operational [default: operational]
    #[arg(long)]
    pub class: Option<Class>,
    /// PNG or JPEG file of up to 1024 octets
    #[arg(long, value_name = "FILE")]
    pub icon: Option<PathBuf>,
    /// Server that the eUICC tells of install, enable, disable or delete; repeat for more [default: this server,
    /// of all four]
    #[arg(long, value_name = "EVENT=FQDN")]
    pub notify: Vec<String>,
    /// Profile owner: MCC and MNC of the network, and its group identifiers in hexadecimal
    #[arg(long, value_name = "MCC-MNC[,GID1[,GID2]]")]
    pub owner: Option<String>,
    /// Profile policy rule: disabling is not allowed (needs --owner)
    #[arg(long)]
    pub ppr1: bool,
    /// Profile policy rule: deleting is not allowed (needs --owner)
    #[arg(long)]
    pub ppr2: bool,
    /// Refuse a package with another ICCID than this one
    #[arg(long)]
    pub iccid: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    Test,
    Provisioning,
    Operational,
}

impl MetadataWords {
    /// Fills what the options left open from a file. A path in the file is relative to the file's folder.
    pub fn or_from_file(mut self, path: &Path) -> Result<Self, CliError> {
        let failed = |cause| CliError::File { what: "read", path: path.to_owned(), cause };
        if fs::metadata(path).map_err(failed)?.len() > FILE_OCTETS_MAX {
            return refused(format!("{} is too large for metadata", path.display()));
        }
        let text = fs::read_to_string(path).map_err(failed)?;
        let file: Self = toml::from_str(&text)
            .map_err(|error| CliError::Refused(format!("{}: {}", path.display(), error)))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        self.operator = self.operator.or(file.operator);
        self.profile_type = self.profile_type.or(file.profile_type);
        self.name = self.name.or(file.name);
        self.provider = self.provider.or(file.provider);
        self.class = self.class.or(file.class);
        self.icon = self.icon.or(file.icon.map(|icon| folder.join(icon)));
        if self.notify.is_empty() {
            self.notify = file.notify;
        }
        self.owner = self.owner.or(file.owner);
        self.ppr1 |= file.ppr1;
        self.ppr2 |= file.ppr2;
        self.iccid = self.iccid.or(file.iccid);
        Ok(self)
    }

    /// The metadata of every Profile of this import but for the ICCID, which each package brings itself.
    pub fn template(&self, here: &Fqdn, operator: &str, profile_type: &str) -> Result<Template, CliError> {
        let metadata = Metadata {
            iccid: Iccid::parse("0000000000000000000")?,
            service_provider_name: self.provider.clone().unwrap_or_else(|| operator.to_owned()),
            profile_name: self.name.clone().unwrap_or_else(|| profile_type.to_owned()),
            icon: self.icon.as_deref().map(icon).transpose()?,
            class: match self.class {
                Some(Class::Test) => ProfileClass::Test,
                Some(Class::Provisioning) => ProfileClass::Provisioning,
                Some(Class::Operational) | None => ProfileClass::Operational,
            },
            notification_addresses: addresses(&self.notify, here)?,
            owner: self.owner.as_deref().map(owner).transpose()?,
            pprs: Pprs { ppr1: self.ppr1, ppr2: self.ppr2 },
        };
        metadata.check().map_err(|error| CliError::Refused(format!("metadata: {error}")))?;
        Ok(Template(metadata))
    }
}

/// Checked metadata that waits for its ICCID.
#[derive(Debug, Clone)]
pub struct Template(Metadata);

impl Template {
    pub fn for_iccid(&self, iccid: &Iccid) -> Metadata {
        Metadata { iccid: iccid.clone(), ..self.0.clone() }
    }
}

/// By default this server hears of everything (3.5): it is how the operator learns what became of the Profile.
fn addresses(notify: &[String], here: &Fqdn) -> Result<Vec<NotificationAddress>, CliError> {
    if notify.is_empty() {
        let events = NotificationEvents::of(&NotificationEvent::ALL);
        return Ok(vec![NotificationAddress { events, address: here.as_str().to_owned() }]);
    }
    let mut wanted: Vec<(Fqdn, Vec<NotificationEvent>)> = Vec::new();
    for text in notify {
        let (event, address) = text.split_once('=').ok_or_else(|| wrong_event(text))?;
        let event = match event {
            "install" => NotificationEvent::Install,
            "enable" => NotificationEvent::Enable,
            "disable" => NotificationEvent::Disable,
            "delete" => NotificationEvent::Delete,
            _ => return Err(wrong_event(text)),
        };
        let address = Fqdn::parse(address)?;
        match wanted.iter_mut().find(|(known, _)| *known == address) {
            Some((_, events)) => events.push(event),
            None => wanted.push((address, vec![event])),
        }
    }
    let entry = |(address, events): (Fqdn, Vec<NotificationEvent>)| NotificationAddress {
        events: NotificationEvents::of(&events),
        address: address.as_str().to_owned(),
    };
    Ok(wanted.into_iter().map(entry).collect())
}

fn wrong_event(text: &str) -> CliError {
    CliError::Refused(format!("--notify {text}: write install, enable, disable or delete, then =DOMAIN-NAME"))
}

fn icon(path: &Path) -> Result<Icon, CliError> {
    let failed = |cause| CliError::File { what: "read", path: path.to_owned(), cause };
    if fs::metadata(path).map_err(failed)?.len() > FILE_OCTETS_MAX {
        return refused(format!("{}: an icon has at most 1024 octets", path.display()));
    }
    let octets = fs::read(path).map_err(failed)?;
    let kind = if octets.starts_with(&[0xFF, 0xD8]) { IconKind::Jpg } else { IconKind::Png };
    Ok(Icon { kind, octets })
}

/// `246-81` or `246-81,FF01,02`.
fn owner(text: &str) -> Result<Owner, CliError> {
    let wrong = || {
        CliError::Refused(format!(
            "--owner {text}: write MCC-MNC such as 246-81, and group identifiers in hexadecimal: 246-81,FF,01"
        ))
    };
    let mut parts = text.split(',');
    let (mcc, mnc) = parts.next().and_then(|network| network.split_once('-')).ok_or_else(wrong)?;
    let mut gid = || match parts.next() {
        None | Some("") => Ok(None),
        Some(digits) => hex::decode(digits).map(Some).ok_or_else(wrong),
    };
    let (gid1, gid2) = (gid()?, gid()?);
    if parts.next().is_some() {
        return Err(wrong());
    }
    Ok(Owner { mcc_mnc: mcc_mnc(mcc, mnc).map_err(|_| wrong())?, gid1, gid2 })
}

fn refused<T>(why: String) -> Result<T, CliError> {
    Err(CliError::Refused(why))
}
