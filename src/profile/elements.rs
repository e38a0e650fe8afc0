//! The TCA interoperable format as far as we read it: names of elements and services, contents of files.
use crate::asn1::tlv::Tlv;
use crate::asn1::tlv::split;

/// A file of the MF or a USIM: its identifier, and the member that holds it when the identifier is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileName {
    id: [u8; 2],
    member: u32,
}

pub const EF_ICCID: FileName = FileName { id: [0x2F, 0xE2], member: 0xA4 };
pub const EF_IMSI: FileName = FileName { id: [0x6F, 0x07], member: 0xA3 };

/// Longest content we put together: EF.ICCID has ten octets, EF.IMSI nine.
const CONTENT_OCTETS_MAX: usize = 64;

/// Elements by the number of their context tag; a gap is reserved.
const ELEMENTS: [&str; 34] = [
    "header",
    "genericFileManagement",
    "pinCodes",
    "pukCodes",
    "akaParameter",
    "cdmaParameter",
    "securityDomain",
    "rfm",
    "application",
    "nonStandard",
    "end",
    "rfu1",
    "rfu2",
    "rfu3",
    "rfu4",
    "rfu5",
    "mf",
    "cd",
    "telecom",
    "usim",
    "opt-usim",
    "isim",
    "opt-isim",
    "phonebook",
    "gsm-access",
    "csim",
    "opt-csim",
    "eap",
    "df-5gs",
    "df-saip",
    "df-snpn",
    "df-5gprose",
    "iot",
    "opt-iot",
];

/// Members of eUICC-Mandatory-services by the number of their context tag.
const SERVICES: [&str; 24] = [
    "contactless",
    "usim",
    "isim",
    "csim",
    "milenage",
    "tuak128",
    "cave",
    "gba-usim",
    "gba-isim",
    "mbms",
    "eap",
    "javacard",
    "multos",
    "multiple-usim",
    "multiple-isim",
    "multiple-csim",
    "tuak256",
    "usim-test-algorithm",
    "ber-tlv",
    "dfLink",
    "cat-tp",
    "get-identity",
    "profile-a-x25519",
    "profile-b-p256",
];

/// The name of an element; `None` for a tag that no element can have. A newer format may know more names.
pub fn name(tag: u32) -> Option<&'static str> {
    let number = match tag {
        0xA0..=0xBE => tag & 0x1F,
        0xBF1F..=0xBF7F => tag & 0x7F,
        _ => return None,
    };
    let name = usize::try_from(number).ok().and_then(|number| ELEMENTS.get(number));
    Some(name.copied().unwrap_or("unknown"))
}

/// The name of a mandatory service, or its number when a newer format named it.
pub fn service(tag: u32) -> String {
    let number = if tag > 0xFF { tag & 0x7F } else { tag & 0x1F };
    let name = usize::try_from(number).ok().and_then(|number| SERVICES.get(number));
    name.map_or_else(|| format!("service {number}"), |name| (*name).to_owned())
}

/// The files of one element that is made from a template.
pub struct Files<'a>(Vec<Tlv<'a>>);

impl<'a> Files<'a> {
    pub fn of(element: &'a [u8]) -> Option<Self> {
        split(element).ok().map(Self)
    }

    /// What the element fills into a file; `None` if the file is absent, unreadable or left empty.
    pub fn content(&self, file: FileName) -> Option<Vec<u8>> {
        // A0 is the header of the element and A2 its directory; files follow.
        let files = self.0.iter().filter(|member| member.tag >= 0xA3);
        let mut steps = files.filter_map(|member| Some((member.tag, split(member.content).ok()?)));
        let (_, steps) = steps.find(|(member, steps)| is_file(*member, steps, file))?;
        filled(&steps).filter(|content| !content.is_empty())
    }
}

fn is_file(member: u32, steps: &[Tlv<'_>], file: FileName) -> bool {
    let descriptor = steps.iter().find(|step| step.tag == 0xA1);
    let descriptor = descriptor.and_then(|descriptor| split(descriptor.content).ok()).unwrap_or_default();
    match descriptor.iter().find(|parameter| parameter.tag == 0x83) {
        Some(id) => id.content == file.id,
        None => member == file.member,
    }
}

/// Plays fillFileOffset (82) and fillFileContent (83) in their order.
fn filled(steps: &[Tlv<'_>]) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    for step in steps {
        match step.tag {
            0x82 => {
                let skip = step
                    .content
                    .iter()
                    .try_fold(0usize, |sum, octet| sum.checked_mul(256)?.checked_add(usize::from(*octet)))?;
                let size = content.len().checked_add(skip).filter(|size| *size <= CONTENT_OCTETS_MAX)?;
                content.resize(size, 0xFF);
            }
            0x83 => content.extend_from_slice(step.content),
            _ => {}
        }
        if content.len() > CONTENT_OCTETS_MAX {
            return None;
        }
    }
    Some(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_named_by_their_tag_in_one_octet_or_two() {
        assert_eq!(name(0xA0), Some("header"));
        assert_eq!(name(0xB0), Some("mf"));
        assert_eq!(name(0xBE), Some("df-snpn"));
        assert_eq!(name(0xBF1F), Some("df-5gprose"));
        assert_eq!(name(0xBF7F), Some("unknown"));
        assert_eq!([name(0x30), name(0x80), name(0xBF), name(0x9F1F)], [None; 4]);
    }

    #[test]
    fn services_are_named_and_newer_ones_numbered() {
        assert_eq!(service(0x81), "usim");
        assert_eq!(service(0x91), "usim-test-algorithm");
        assert_eq!(service(0x9E), "service 30");
    }
}
