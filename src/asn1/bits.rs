//! Small values inside the messages: integers, texts, named bits.
use super::tlv::tlv;
use crate::types::Malformed;

/// Profile Policy Rules (2.9): a Profile with PPR1 must not be disabled, with PPR2 not deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Pprs {
    pub ppr1: bool,
    pub ppr2: bool,
}

const PPR1_BIT: u8 = 0x40;
const PPR2_BIT: u8 = 0x20;

impl Pprs {
    pub fn is_empty(self) -> bool {
        !self.ppr1 && !self.ppr2
    }

    pub(super) fn decode(content: &[u8]) -> Result<Self, Malformed> {
        let bits = named_bits(content, "profilePolicyRules")?;
        Ok(Self { ppr1: bits & PPR1_BIT != 0, ppr2: bits & PPR2_BIT != 0 })
    }

    pub(super) fn encode(self, tag: &[u8]) -> Vec<u8> {
        let ppr1 = if self.ppr1 { PPR1_BIT } else { 0 };
        let ppr2 = if self.ppr2 { PPR2_BIT } else { 0 };
        named_bits_tlv(tag, ppr1 | ppr2)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotificationEvent {
    Install,
    Enable,
    Disable,
    Delete,
}

impl NotificationEvent {
    pub const ALL: [Self; 4] = [Self::Install, Self::Enable, Self::Disable, Self::Delete];

    /// The standard's word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Install => "install",
            Self::Enable => "enable",
            Self::Disable => "disable",
            Self::Delete => "delete",
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Install => 0x80,
            Self::Enable => 0x40,
            Self::Disable => 0x20,
            Self::Delete => 0x10,
        }
    }
}

/// A set of events; the unknown ones of a later version stay in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotificationEvents(u8);

impl NotificationEvents {
    pub fn of(events: &[NotificationEvent]) -> Self {
        Self(events.iter().fold(0, |bits, event| bits | event.bit()))
    }

    pub fn contains(self, event: NotificationEvent) -> bool {
        self.0 & event.bit() != 0
    }

    /// The event, if it is exactly one and we know it.
    pub fn single_event(self) -> Option<NotificationEvent> {
        NotificationEvent::ALL.into_iter().find(|event| self.0 == event.bit())
    }

    pub(super) fn decode(content: &[u8]) -> Result<Self, Malformed> {
        named_bits(content, "notificationEvent").map(Self)
    }

    pub(super) fn encode(self, tag: &[u8]) -> Vec<u8> {
        named_bits_tlv(tag, self.0)
    }
}

/// The first eight bits of a BIT STRING. Any number of unused bits is taken, since eUICCs differ; they must be 0.
pub(super) fn named_bits(content: &[u8], name: &'static str) -> Result<u8, Malformed> {
    let (&unused, bits) = content.split_first().ok_or(Malformed(name))?;
    let Some(last) = bits.last() else {
        return (unused == 0).then_some(0).ok_or(Malformed(name));
    };
    let mask = 0xFF_u8.checked_shl(u32::from(unused)).ok_or(Malformed(name))?;
    if last & !mask != 0 {
        return Err(Malformed(name));
    }
    bits.first().copied().ok_or(Malformed(name))
}

/// A named-bit list in DER: zeros at the end are cut off (X.690 11.2.2).
fn named_bits_tlv(tag: &[u8], bits: u8) -> Vec<u8> {
    if bits == 0 {
        return tlv(tag, &[0]);
    }
    tlv(tag, &[u8::try_from(bits.trailing_zeros()).unwrap_or_default(), bits])
}

/// A whole number that is not negative, in its shortest form.
pub(super) fn unsigned(content: &[u8], name: &'static str) -> Result<u64, Malformed> {
    let digits = match content {
        [] | [0x80..=0xFF, ..] | [0, 0..=0x7F, ..] if content != [0] => return Err(Malformed(name)),
        [0, digits @ ..] => digits,
        digits => digits,
    };
    if digits.len() > 8 {
        return Err(Malformed(name));
    }
    Ok(digits.iter().fold(0, |value, octet| value << 8 | u64::from(*octet)))
}

/// A code of a named list.
pub(super) fn code(content: &[u8], name: &'static str) -> Result<u8, Malformed> {
    u8::try_from(unsigned(content, name)?).map_err(|_| Malformed(name))
}

pub(super) fn text(content: &[u8], name: &'static str) -> Result<String, Malformed> {
    std::str::from_utf8(content).map(str::to_owned).map_err(|_| Malformed(name))
}

pub(super) fn exactly<const N: usize>(content: &[u8], name: &'static str) -> Result<[u8; N], Malformed> {
    content.try_into().map_err(|_| Malformed(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policy_rules_are_written_trimmed() {
        let ppr1 = Pprs { ppr1: true, ppr2: false };
        let both = Pprs { ppr1: true, ppr2: true };
        assert_eq!(ppr1.encode(&[0x99]), [0x99, 0x02, 0x06, 0x40]);
        assert_eq!(both.encode(&[0x99]), [0x99, 0x02, 0x05, 0x60]);
        assert_eq!(Pprs::default().encode(&[0x99]), [0x99, 0x01, 0x00]);
        assert_eq!(Pprs::decode(&[0x05, 0x60]), Ok(both));
    }

    #[test]
    fn an_event_is_read_with_any_number_of_unused_bits() {
        for content in [[7, 0x80], [4, 0x80], [0, 0x80]] {
            let events = NotificationEvents::decode(&content).unwrap();
            assert_eq!(events.single_event(), Some(NotificationEvent::Install));
        }
        assert_eq!(NotificationEvents::of(&[NotificationEvent::Install]).encode(&[0x81]), [0x81, 2, 7, 0x80]);
        assert_eq!(NotificationEvents::decode(&[6, 0xC0]).unwrap().single_event(), None);
        assert_eq!(NotificationEvents::decode(&[0]).unwrap().single_event(), None);
    }

    #[test]
    fn bits_that_do_not_count_must_be_zero() {
        for content in [&[][..], &[8, 0x80], &[255, 0x80], &[1], &[7, 0xC0]] {
            assert!(named_bits(content, "bits").is_err(), "{content:02X?}");
        }
    }

    #[test]
    fn numbers_are_short_and_not_negative() {
        assert_eq!(unsigned(&[0], "n"), Ok(0));
        assert_eq!(unsigned(&[0, 0x80], "n"), Ok(128));
        assert_eq!(unsigned(&[0x7F], "n"), Ok(127));
        assert_eq!(unsigned(&[0, 255, 255, 255, 255, 255, 255, 255, 255], "n"), Ok(u64::MAX));
        for content in [&[][..], &[0x80], &[0, 0], &[0, 0x7F], &[1, 0, 0, 0, 0, 0, 0, 0, 0]] {
            assert!(unsigned(content, "n").is_err(), "{content:02X?}");
        }
        assert!(code(&[1, 0], "c").is_err());
    }
}
