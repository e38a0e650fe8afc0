//! Reads an Unprotected Profile Package: its elements, and that its identifiers agree (SGP.22 2.5.2, 5.5.5).
use crate::asn1::tlv::Tlv;
use crate::asn1::tlv::split;
use crate::profile::elements;
use crate::profile::elements::Files;
use crate::types::Iccid;
use crate::types::hex;

/// Largest package we take; real ones stay under 100 KiB, and an eUICC has not much more room.
pub const UPP_OCTETS_MAX: usize = 512 * 1024;
/// Most elements we take; real packages have some thirty.
const ELEMENTS_MAX: usize = 1024;
/// Longest profileType that a ProfileHeader may have (TCA: UTF8String SIZE 1..100), with four octets a character.
const PROFILE_TYPE_OCTETS_MAX: usize = 400;

const HEADER: u32 = 0xA0;
const END: u32 = 0xAA;
const MF: u32 = 0xB0;
const USIM: u32 = 0xB3;

/// What a package says of itself. The octets stay with the caller, untouched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    pub iccid: Iccid,
    /// What the maker wrote in ProfileHeader; no operator's profileType.
    pub profile_type: String,
    pub version: Version,
    /// Names of the services that the eUICC must have.
    pub mandatory_services: Vec<String>,
    /// The first EF.IMSI with content; personalisation may come later, so it may be absent.
    pub imsi: Option<String>,
    pub elements: Vec<ElementFact>,
}

/// Version of the TCA interoperable format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    pub major: u8,
    pub minor: u8,
}

impl Version {
    /// Reads `2.3`, as it prints itself.
    pub fn parse(text: &str) -> Option<Self> {
        let (major, minor) = text.split_once('.')?;
        Some(Self { major: major.parse().ok()?, minor: minor.parse().ok()? })
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// One Profile Element: where it stands, what it is, how big it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ElementFact {
    pub index: usize,
    pub name: &'static str,
    pub octets: usize,
    /// The number by which an eUICC names it in its answer; header has none.
    pub identification: Option<u16>,
}

/// Why a package cannot be taken. Names the element, never a key, PIN or subscriber.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    #[error("the package is empty: choose a file with a Profile in DER")]
    Empty,
    #[error("the package has {octets} octets, more than {UPP_OCTETS_MAX}: choose a smaller Profile")]
    TooLarge { octets: usize },
    #[error("the package is no row of complete DER values: export it again, as DER and not as text")]
    NotDer,
    #[error("the package has {elements} elements, more than {ELEMENTS_MAX}: join or remove some")]
    TooManyElements { elements: usize },
    #[error("element {index} is no Profile Element: export the package again")]
    NotAnElement { index: usize },
    #[error("element {index} ({name}): {problem}")]
    Element { index: usize, name: &'static str, problem: &'static str },
    #[error("there is no element mf: add one with EF.ICCID")]
    NoMasterFile,
    #[error(
        "ProfileHeader says ICCID {header} but EF.ICCID in element {index} (mf) says {file}: make them equal"
    )]
    IccidsDiffer { header: Iccid, file: Iccid, index: usize },
    #[error("the metadata says ICCID {metadata} but the package says {package}: make them equal")]
    MetadataDiffers { metadata: Iccid, package: Iccid },
}

/// One element while it is read.
struct Element<'a> {
    index: usize,
    name: &'static str,
    value: Tlv<'a>,
}

impl Package {
    pub fn read(upp: &[u8]) -> Result<Self, PackageError> {
        let elements = read_elements(upp)?;
        let (first, last) = match elements.as_slice() {
            [first, .., last] => (first, last),
            [only] => (only, only),
            [] => return Err(PackageError::Empty),
        };
        if first.value.tag != HEADER {
            return Err(first.wrong("the first element must be header: put ProfileHeader here"));
        }
        if last.value.tag != END {
            return Err(last.wrong("the last element must be end: the package is cut short, or add PE-End"));
        }
        refuse_strays(&elements)?;
        let header = Header::read(first)?;
        let master_file = elements.iter().find(|element| element.value.tag == MF);
        let master_file = master_file.ok_or(PackageError::NoMasterFile)?;
        let file = iccid_of_file(master_file)?;
        if file != header.iccid {
            return Err(PackageError::IccidsDiffer { header: header.iccid, file, index: master_file.index });
        }
        Ok(Self {
            iccid: header.iccid,
            profile_type: header.profile_type,
            version: header.version,
            mandatory_services: header.mandatory_services,
            imsi: elements.iter().filter(|element| element.value.tag == USIM).find_map(imsi_of_file),
            elements: elements.iter().map(Element::fact).collect(),
        })
    }

    /// The eUICC refuses metadata for another ICCID than EF.ICCID (5.5.5): we refuse it before.
    pub fn agrees_with(&self, metadata: &Iccid) -> Result<(), PackageError> {
        if self.iccid == *metadata {
            return Ok(());
        }
        Err(PackageError::MetadataDiffers { metadata: metadata.clone(), package: self.iccid.clone() })
    }
}

fn read_elements<'a>(upp: &'a [u8]) -> Result<Vec<Element<'a>>, PackageError> {
    if upp.is_empty() {
        return Err(PackageError::Empty);
    }
    if upp.len() > UPP_OCTETS_MAX {
        return Err(PackageError::TooLarge { octets: upp.len() });
    }
    let values = split(upp).map_err(|_| PackageError::NotDer)?;
    if values.len() > ELEMENTS_MAX {
        return Err(PackageError::TooManyElements { elements: values.len() });
    }
    let element = |(index, value): (usize, Tlv<'a>)| match elements::name(value.tag) {
        Some(name) => Ok(Element { index, name, value }),
        None => Err(PackageError::NotAnElement { index }),
    };
    values.into_iter().enumerate().map(element).collect()
}

/// A second header or an early end would hide what follows from the eUICC.
fn refuse_strays(elements: &[Element<'_>]) -> Result<(), PackageError> {
    let last = elements.len().saturating_sub(1);
    for element in elements {
        if element.value.tag == HEADER && element.index != 0 {
            return Err(element.wrong("only the first element may be header: keep one Profile in a package"));
        }
        if element.value.tag == END && element.index != last {
            return Err(element.wrong("only the last element may be end: keep one Profile in a package"));
        }
    }
    Ok(())
}

impl<'a> Element<'a> {
    fn wrong(&self, problem: &'static str) -> PackageError {
        PackageError::Element { index: self.index, name: self.name, problem }
    }

    fn fact(&self) -> ElementFact {
        let octets = self.value.whole.len();
        ElementFact { index: self.index, name: self.name, octets, identification: self.identification() }
    }

    /// PEHeader is the first member of every element but header.
    fn identification(&self) -> Option<u16> {
        let members = self.members().ok().filter(|_| self.value.tag != HEADER)?;
        let header = members.first().filter(|first| first.tag == 0xA0)?;
        let header = split(header.content).ok()?;
        let [high, low] = match header.iter().find(|member| member.tag == 0x81)?.content {
            [low] => [0, *low],
            [high, low] => [*high, *low],
            _ => return None,
        };
        Some(u16::from_be_bytes([high, low]))
    }

    fn members(&self) -> Result<Vec<Tlv<'a>>, PackageError> {
        split(self.value.content).map_err(|_| self.wrong("its content is not DER: export the package again"))
    }
}

struct Header {
    iccid: Iccid,
    profile_type: String,
    version: Version,
    mandatory_services: Vec<String>,
}

impl Header {
    fn read(element: &Element<'_>) -> Result<Self, PackageError> {
        let members = element.members()?;
        let member = |tag| members.iter().find(|member| member.tag == tag).map(|member| member.content);
        let number = |tag| match member(tag) {
            Some([number]) => Ok(*number),
            _ => Err(element.wrong("its version must be two small numbers: set major and minor version")),
        };
        let version = Version { major: number(0x80)?, minor: number(0x81)? };
        // ProfileHeader carries the digits upright, EF.ICCID swapped.
        let iccid = member(0x83).filter(|octets| octets.len() == 10).map(hex::encode);
        let iccid = iccid.and_then(|digits| Iccid::parse(&digits).ok());
        let iccid = iccid.ok_or_else(|| element.wrong("it has no ICCID of 10 octets: set iccid"))?;
        let profile_type = match member(0x82) {
            None => "",
            Some(text) => std::str::from_utf8(text)
                .ok()
                .filter(|text| text.len() <= PROFILE_TYPE_OCTETS_MAX && !text.contains(char::is_control))
                .ok_or_else(|| element.wrong("its profileType is no short text: shorten it"))?,
        };
        let services = split(member(0xA5).unwrap_or_default());
        let services =
            services.map_err(|_| element.wrong("its mandatory services are not DER: write them again"))?;
        Ok(Self {
            iccid,
            profile_type: profile_type.to_owned(),
            version,
            mandatory_services: services.iter().map(|service| elements::service(service.tag)).collect(),
        })
    }
}

fn iccid_of_file(element: &Element<'_>) -> Result<Iccid, PackageError> {
    let files = Files::of(element.value.content);
    let files = files.ok_or_else(|| element.wrong("its content is not DER: export the package again"))?;
    let content = files.content(elements::EF_ICCID);
    let content = content.ok_or_else(|| element.wrong("EF.ICCID has no content: add fillFileContent"))?;
    let upright = Iccid::from_swapped(&content);
    upright.map_err(|_| element.wrong("EF.ICCID has no 10 octets of swapped digits: correct fillFileContent"))
}

/// For information only, so anything unreadable is absent.
fn imsi_of_file(element: &Element<'_>) -> Option<String> {
    let content = Files::of(element.value.content)?.content(elements::EF_IMSI)?;
    let (length, octets) = content.split_first()?;
    let octets = octets.get(..usize::from(*length))?;
    let digits = hex::encode(&octets.iter().map(|octet| octet.rotate_left(4)).collect::<Vec<u8>>());
    // The first nibble holds parity and identity type; an even number of digits is padded with F (TS 24.008).
    let digits = digits.get(1..)?.trim_end_matches('F').to_owned();
    let fits = (6..=15).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit());
    fits.then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn1::tlv::tlv;
    use rig::upp::test_profile;

    const ICCID: &str = "8900012345678901236";
    const IMSI: &str = "001010123456789";

    /// The test profile with its elements changed by `change`.
    fn changed(change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Result<Package, PackageError> {
        let upp = test_profile(ICCID, IMSI, 0);
        let mut elements = split(&upp).unwrap().iter().map(|element| element.whole.to_vec()).collect();
        change(&mut elements);
        Package::read(&elements.concat())
    }

    /// `octets` with every `from` made `to`, of the same length.
    fn replaced(octets: &[u8], from: &str, to: &str) -> Vec<u8> {
        assert!(hex::encode(octets).contains(from), "{from}");
        hex::decode(&hex::encode(octets).replace(from, to)).unwrap()
    }

    #[test]
    fn a_package_tells_who_it_is_and_what_it_is_made_of() {
        let package = Package::read(&test_profile(ICCID, IMSI, 0)).unwrap();
        assert_eq!(package.iccid.as_str(), ICCID);
        assert_eq!(package.profile_type, "smdpp test profile");
        assert_eq!(package.version, Version { major: 2, minor: 3 });
        assert_eq!(package.mandatory_services, ["usim", "usim-test-algorithm"]);
        assert_eq!(package.imsi.as_deref(), Some(IMSI));
        let names: Vec<&str> = package.elements.iter().map(|element| element.name).collect();
        assert_eq!(names, ["header", "mf", "pukCodes", "pinCodes", "usim", "akaParameter", "end"]);
        let end = &package.elements[6];
        assert_eq!((end.index, end.name, end.octets), (6, "end", 9));
        assert!(end.identification.is_some() && package.elements[0].identification.is_none());
    }

    #[test]
    fn iccids_of_19_and_20_digits_and_imsis_of_14_and_15_are_read() {
        let package = Package::read(&test_profile("89000123456789012341", "00101012345678", 0)).unwrap();
        assert_eq!(package.iccid.as_str(), "89000123456789012341");
        assert_eq!(package.imsi.as_deref(), Some("00101012345678"));
    }

    #[test]
    fn a_package_up_to_the_limit_is_read_and_one_over_it_is_not() {
        let frame = test_profile(ICCID, IMSI, 400_000).len() - 400_000;
        let largest = test_profile(ICCID, IMSI, UPP_OCTETS_MAX - frame);
        assert_eq!(largest.len(), UPP_OCTETS_MAX);
        assert!(Package::read(&largest).is_ok());
        let octets = UPP_OCTETS_MAX + 1;
        assert_eq!(Package::read(&vec![0; octets]), Err(PackageError::TooLarge { octets }));
    }

    #[test]
    fn no_octets_broken_octets_and_text_are_refused() {
        assert_eq!(Package::read(&[]), Err(PackageError::Empty));
        let upp = test_profile(ICCID, IMSI, 0);
        for cut in 1..upp.len() {
            assert!(Package::read(&upp[..cut]).is_err(), "{cut}");
        }
        assert_eq!(Package::read(&upp[..upp.len() - 1]), Err(PackageError::NotDer));
        assert_eq!(Package::read(b"0\x01x"), Err(PackageError::NotAnElement { index: 0 }));
        assert_eq!(
            Package::read(&[0xA0, 0].repeat(ELEMENTS_MAX + 1)),
            Err(PackageError::TooManyElements { elements: ELEMENTS_MAX + 1 })
        );
    }

    #[test]
    fn the_header_is_first_and_only_there() {
        let error = changed(|elements| drop(elements.remove(0))).unwrap_err();
        assert_eq!(
            error.to_string(),
            "element 0 (mf): the first element must be header: put ProfileHeader here"
        );
        let error = changed(|elements| elements.insert(1, elements[0].clone())).unwrap_err();
        assert!(error.to_string().starts_with("element 1 (header): only the first"), "{error}");
    }

    #[test]
    fn the_end_is_last_and_only_there() {
        let error = changed(|elements| drop(elements.pop())).unwrap_err();
        assert!(error.to_string().starts_with("element 5 (akaParameter): the last"), "{error}");
        let error = changed(|elements| elements.insert(1, elements[6].clone())).unwrap_err();
        assert!(error.to_string().starts_with("element 1 (end): only the last"), "{error}");
    }

    #[test]
    fn a_header_without_iccid_version_or_proper_text_is_refused() {
        for (from, to, problem) in [
            ("830A", "870A", "it has no ICCID"),
            ("830A89", "830AAB", "it has no ICCID"),
            ("800102", "890102", "its version"),
            ("736D647070", "730A647070", "its profileType"),
            ("736D647070", "73FF647070", "its profileType"),
            ("A5048100", "A5048109", "its mandatory services"),
        ] {
            let error = changed(|elements| elements[0] = replaced(&elements[0], from, to)).unwrap_err();
            assert!(error.to_string().contains(&format!("element 0 (header): {problem}")), "{to}: {error}");
        }
    }

    #[test]
    fn an_mf_without_ef_iccid_content_is_refused() {
        assert_eq!(changed(|elements| drop(elements.remove(1))), Err(PackageError::NoMasterFile));
        for (from, to, problem) in [
            ("83022FE2", "83022FE3", "EF.ICCID has no content"),
            ("830A98", "840A98", "EF.ICCID has no content"),
            ("830A98", "830ABA", "EF.ICCID has no 10 octets"),
        ] {
            let error = changed(|elements| elements[1] = replaced(&elements[1], from, to)).unwrap_err();
            assert!(error.to_string().starts_with(&format!("element 1 (mf): {problem}")), "{to}: {error}");
        }
        let broken = changed(|elements| elements[1] = tlv(&[0xB0], &[0xA0, 5])).unwrap_err();
        assert!(broken.to_string().starts_with("element 1 (mf): its content is not DER"), "{broken}");
    }

    #[test]
    fn ef_iccid_is_found_by_its_place_and_filled_in_steps() {
        let steps = hex::decode("A100830598001032548202000083057698103214").unwrap();
        let master_file = tlv(&[0xB0], &tlv(&[0xA4], &steps));
        let header = tlv(&[0xA0], &hex::decode("800103810103830A89000123456789012341").unwrap());
        let upp = [header, master_file, vec![0xAA, 0]].concat();
        let package = Package::read(&upp).unwrap();
        assert_eq!(package.iccid.as_str(), "89000123456789012341");
        assert_eq!((package.imsi, package.profile_type.as_str()), (None, ""));
    }

    #[test]
    fn a_file_that_skips_beyond_its_size_is_refused() {
        let steps = hex::decode("A100820400FFFFFF830598001032548305769810321482047FFFFFFF").unwrap();
        let error = changed(|elements| elements[1] = tlv(&[0xB0], &tlv(&[0xA4], &steps))).unwrap_err();
        assert!(error.to_string().starts_with("element 1 (mf): EF.ICCID has no content"), "{error}");
    }

    #[test]
    fn header_file_and_metadata_name_one_iccid() {
        let other = test_profile("8900012345678901244", IMSI, 0);
        let other_mf = split(&other).unwrap()[1].whole.to_vec();
        let error = changed(|elements| elements[1] = other_mf).unwrap_err();
        assert_eq!(
            error.to_string(),
            "ProfileHeader says ICCID 8900012345678901236 but EF.ICCID in element 1 (mf) says \
             8900012345678901244: make them equal"
        );
        let package = Package::read(&test_profile(ICCID, IMSI, 0)).unwrap();
        assert_eq!(package.agrees_with(&Iccid::parse(ICCID).unwrap()), Ok(()));
        assert!(package.agrees_with(&Iccid::parse("8900012345678901244").unwrap()).is_err());
    }
}
