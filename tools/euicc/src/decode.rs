//! Prints DER as a tree, with the names SGP.22 gives to tags that mean one thing everywhere.

use std::fmt::Write;

use crate::hex;
use crate::tlv::{self, Tag, Tlv};

/// Deeper nesting is shown as octets; real messages stay under ten.
const DEPTH_MAX: usize = 24;
/// Octets of a value shown in one line.
const SHOWN_BYTES_MAX: usize = 48;

/// The tree of all elements in the octets; what is no DER is shown as octets with the reason.
pub fn tree(bytes: &[u8]) -> String {
    let mut out = String::new();
    match tlv::all(bytes) {
        Ok(elements) => elements.iter().for_each(|element| branch(&mut out, element, 0)),
        Err(error) => {
            let _ = writeln!(out, "{} ({error})", shortened(bytes));
        }
    }
    out
}

fn branch(out: &mut String, element: &Tlv<'_>, depth: usize) {
    let indent = "  ".repeat(depth);
    let name = name(element.tag).map(|name| format!(" {name}")).unwrap_or_default();
    let _ = write!(out, "{indent}{:02X}{name} ({})", element.tag, element.value.len());
    match element.children() {
        Ok(children) if is_constructed(element) && depth < DEPTH_MAX => {
            out.push('\n');
            children.iter().for_each(|child| branch(out, child, depth.saturating_add(1)));
        }
        _ => {
            let _ = writeln!(out, " {}", leaf(element));
        }
    }
}

fn is_constructed(element: &Tlv<'_>) -> bool {
    element.raw.first().is_some_and(|first| first & 0x20 != 0)
}

fn leaf(element: &Tlv<'_>) -> String {
    let printable = |text: &&str| text.len() >= 3 && text.chars().all(|c| !c.is_control()) && text.is_ascii();
    match std::str::from_utf8(element.value).ok().filter(printable) {
        _ if element.tag == 0x06 => crate::x509::dotted(element.value),
        _ if element.tag == 0x5A => crate::metadata::iccid_digits(element.value),
        Some(text) if text.len() <= 64 => format!("\"{text}\""),
        _ => shortened(element.value),
    }
}

fn shortened(bytes: &[u8]) -> String {
    match bytes.get(..SHOWN_BYTES_MAX) {
        Some(head) if bytes.len() > SHOWN_BYTES_MAX => format!("{}…", hex::encode(head)),
        _ => hex::encode(bytes),
    }
}

fn name(tag: Tag) -> Option<&'static str> {
    Some(match tag {
        0x01 => "BOOLEAN",
        0x02 => "INTEGER",
        0x03 => "BIT STRING",
        0x04 => "OCTET STRING",
        0x05 => "NULL",
        0x06 => "OBJECT IDENTIFIER",
        0x0C => "UTF8String",
        0x13 => "PrintableString",
        0x17 => "UTCTime",
        0x18 => "GeneralizedTime",
        0x30 => "SEQUENCE",
        0x31 => "SET",
        0x5A => "iccid",
        0x4F => "isdpAid",
        0x5F37 => "signature",
        0x5F49 => "one-time public key",
        0xBF20 => "EUICCInfo1",
        0xBF21 => "PrepareDownloadResponse",
        0xBF22 => "EUICCInfo2",
        0xBF23 => "InitialiseSecureChannelRequest",
        0xBF24 => "ConfigureISDPRequest",
        0xBF25 => "StoreMetadataRequest",
        0xBF26 => "ReplaceSessionKeysRequest",
        0xBF27 => "ProfileInstallationResultData",
        0xBF2F => "NotificationMetadata",
        0xBF36 => "BoundProfilePackage",
        0xBF37 => "ProfileInstallationResult",
        0xBF38 => "AuthenticateServerResponse",
        0xBF39 => "InitiateAuthentication",
        0xBF3A => "GetBoundProfilePackage",
        0xBF3B => "AuthenticateClient",
        0xBF3D => "HandleNotification",
        0xBF41 => "CancelSessionResponse",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_shows_names_depth_and_text() {
        let bytes = tlv::nest(0xBF25, &[&tlv::write(0x91, b"Telecom")]);
        assert_eq!(tree(&bytes), "BF25 StoreMetadataRequest (9)\n  91 (7) \"Telecom\"\n");
    }

    #[test]
    fn octets_that_are_no_der_are_shown_with_the_reason() {
        assert!(tree(&[0x30, 5]).contains("end inside"));
    }
}
