//! What is printed of the eUICC.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use euicc::metadata::Metadata;
use euicc::{Card, Fault, decode, hex, x509};
use serde_json::{Value, json};

use super::{Failed, fault_names};

/// One of both: the object for a program or the text for a person.
pub(super) fn say(json: bool, object: &Value, text: &str) {
    if json {
        line!("{object}");
    } else {
        line!("{text}");
    }
}

pub(super) fn faults(json: bool) {
    if json {
        line!("{}", json!(fault_names()));
        return;
    }
    line!("Use as `--fault NAME` or `--fault NAME=N`, more than once if you like:\n");
    for fault in Fault::ALL {
        line!("  {:<28}{}", fault.name(), fault.description());
    }
}

pub(super) fn info(card: &Card, json: bool) {
    let issuers: Vec<Value> = card
        .identity
        .issuers
        .iter()
        .map(|issuer| json!({ "name": issuer.common_name(), "keyId": hex::encode(&issuer.subject_key_id) }))
        .collect();
    if json {
        let object = json!({
            "eid": card.eid(),
            "euicc": card.identity.euicc.common_name(),
            "eum": card.identity.eum.common_name(),
            "issuers": issuers,
            "svn": version(card.info.svn),
            "freeMemory": card.info.free_memory_bytes,
            "profiles": card.profiles().len(),
            "pendingNotifications": card.list_notifications().len(),
            "euiccInfo1": hex::encode(&card.euicc_info1()),
            "euiccInfo2": hex::encode(&card.euicc_info2()),
        });
        line!("{object}");
        return;
    }
    let named = |name: Option<String>| name.unwrap_or_else(|| "(no name)".to_owned());
    line!("EID            {}", card.eid());
    line!("eUICC          {}", named(card.identity.euicc.common_name()));
    line!("EUM            {}", named(card.identity.eum.common_name()));
    for issuer in card.identity.issuers.iter() {
        line!("trusts CI      {}  {}", hex::encode(&issuer.subject_key_id), named(issuer.common_name()));
    }
    line!("SVN            {}", version(card.info.svn));
    line!("free memory    {} bytes", card.info.free_memory_bytes);
    line!("Profiles       {}", card.profiles().len());
    line!("notifications  {} pending", card.list_notifications().len());
    line!("\n{}", decode::tree(&card.euicc_info2()));
}

fn version([x, y, z]: [u8; 3]) -> String {
    format!("{x}.{y}.{z}")
}

pub(super) fn profiles(card: &Card, json: bool) {
    if json {
        let all: Vec<Value> = card
            .profiles()
            .iter()
            .map(|profile| {
                json!({
                    "metadata": metadata_json(&profile.metadata),
                    "enabled": profile.enabled,
                    "aid": hex::encode(&profile.aid),
                    "uppBytes": profile.upp.len(),
                })
            })
            .collect();
        line!("{}", json!(all));
        return;
    }
    if card.profiles().is_empty() {
        line!("No Profile is installed.");
    }
    for profile in card.profiles() {
        let state = if profile.enabled { "enabled" } else { "disabled" };
        let Metadata { profile_name, service_provider, .. } = &profile.metadata;
        line!("{:<20}  {state:<8}  {profile_name} ({service_provider})", profile.metadata.iccid_digits());
    }
}

pub(super) fn metadata_json(metadata: &Metadata) -> Value {
    json!({
        "iccid": metadata.iccid_digits(),
        "serviceProviderName": metadata.service_provider,
        "profileName": metadata.profile_name,
        "profileClass": metadata.class,
        "owner": metadata.owner,
        "ppr1": metadata.ppr1(),
        "ppr2": metadata.ppr2(),
        "iconBytes": metadata.icon_bytes,
        "notifications": metadata.notifications,
    })
}

/// The card a person sees before the download.
pub(super) fn metadata_card(metadata: &Metadata) {
    let mut lines = vec![
        metadata.profile_name.clone(),
        metadata.service_provider.clone(),
        format!("ICCID {}", metadata.iccid_digits()),
        format!("{:?}", metadata.class).to_lowercase(),
    ];
    if let Some(owner) = &metadata.owner {
        lines.push(format!("owner {owner}"));
    }
    if metadata.ppr1() {
        lines.push("cannot be disabled (PPR1)".to_owned());
    }
    if metadata.ppr2() {
        lines.push("cannot be deleted (PPR2)".to_owned());
    }
    if let Some(bytes) = metadata.icon_bytes {
        lines.push(format!("icon of {bytes} bytes"));
    }
    let width = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
    let rule = "─".repeat(width.saturating_add(2));
    line!("    ┌{rule}┐");
    for line in lines {
        line!("    │ {line:<width$} │");
    }
    line!("    └{rule}┘");
}

pub(super) fn decoded(text: &str, json: bool) -> Result<(), Failed> {
    let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    // A text that is both is hexadecimal: Base64 of DER has letters beyond F in practice.
    let bytes = hex::decode(&compact)
        .or_else(|| STANDARD.decode(&compact).ok())
        .ok_or_else(|| Failed::Usage("decode: neither hexadecimal nor Base64".to_owned()))?;
    let tree = decode::tree(&bytes);
    say(json, &json!({ "bytes": bytes.len(), "tree": tree }), tree.trim_end());
    Ok(())
}

/// The name and OID of a server's certificate.
pub(super) fn server_name(certificate: &[u8]) -> String {
    let Ok(read) = x509::Certificate::parse(certificate) else { return "(unreadable)".to_owned() };
    let oid = x509::dotted(read.registered_id.as_deref().unwrap_or_default());
    format!("{} ({oid})", read.common_name().unwrap_or_else(|| "(no name)".to_owned()))
}
