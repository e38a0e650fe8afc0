//! Object identifiers by their DER content octets, so that 2.999.x of SGP.26 works too.
use std::fmt;

use serde::{Deserialize, Serialize};

use super::Malformed;

/// Longest content that we read; real ones stay under 20 octets.
const OCTETS_MAX: usize = 64;

/// An object identifier, compared by its content octets.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Oid(Vec<u8>);

impl Oid {
    /// Takes DER content octets: minimal base-128 arcs, each ended, none over 64 bits.
    pub fn from_der_content(octets: &[u8]) -> Result<Self, Malformed> {
        let oid = Self(octets.to_vec());
        let fits = !octets.is_empty() && octets.len() <= OCTETS_MAX && oid.arcs().is_some();
        fits.then_some(oid).ok_or(Malformed("OID"))
    }

    /// Reads the dotted form.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let malformed = || Malformed("OID");
        let arcs = text.split('.').map(|arc| arc.parse::<u64>().map_err(|_| malformed()));
        let arcs = arcs.collect::<Result<Vec<_>, _>>()?;
        let [root, second, rest @ ..] = arcs.as_slice() else { return Err(malformed()) };
        if *root > 2 || (*root < 2 && *second > 39) {
            return Err(malformed());
        }
        let first = root.saturating_mul(40).checked_add(*second).ok_or_else(malformed)?;
        let mut octets = Vec::new();
        for arc in [first].iter().chain(rest) {
            octets.extend(base128(*arc));
        }
        Self::from_der_content(&octets)
    }

    /// The content octets, without tag and length.
    pub fn der_content(&self) -> &[u8] {
        &self.0
    }

    fn arcs(&self) -> Option<Vec<u64>> {
        let mut arcs = Vec::new();
        let mut arc: Option<u64> = None;
        for octet in &self.0 {
            if arc.is_none() && *octet == 0x80 {
                return None;
            }
            let value = arc.unwrap_or(0).checked_mul(128)?.checked_add(u64::from(octet & 0x7F))?;
            if octet & 0x80 == 0 {
                arcs.push(value);
                arc = None;
            } else {
                arc = Some(value);
            }
        }
        arc.is_none().then_some(arcs)
    }
}

fn base128(arc: u64) -> impl Iterator<Item = u8> {
    let groups = (0..10u32).rev().map(move |place| arc >> place.saturating_mul(7));
    let groups = groups.skip_while(|group| *group == 0).collect::<Vec<_>>();
    let groups = if groups.is_empty() { vec![0] } else { groups };
    let last = groups.len().saturating_sub(1);
    groups.into_iter().enumerate().map(move |(place, group)| {
        let [low, ..] = (group & 0x7F).to_le_bytes();
        if place == last { low } else { low | 0x80 }
    })
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arcs = self.arcs().unwrap_or_default();
        let Some((first, rest)) = arcs.split_first() else { return Ok(()) };
        let root = (first / 40).min(2);
        write!(f, "{root}.{}", first.saturating_sub(root.saturating_mul(40)))?;
        rest.iter().try_for_each(|arc| write!(f, ".{arc}"))
    }
}

impl fmt::Debug for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Oid({self})")
    }
}

impl TryFrom<String> for Oid {
    type Error = Malformed;

    fn try_from(text: String) -> Result<Self, Malformed> {
        Self::parse(&text)
    }
}

impl From<Oid> for String {
    fn from(value: Oid) -> Self {
        value.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_arc_2_999_is_read_and_printed() {
        let oid = Oid::parse("2.999.10").unwrap();
        assert_eq!(oid.der_content(), [0x88, 0x37, 0x0A]);
        assert_eq!(oid.to_string(), "2.999.10");
        assert_eq!(Oid::parse("2.23.146.1.2.1.4").unwrap().der_content(), [0x67, 0x81, 0x12, 1, 2, 1, 4]);
        assert_eq!(Oid::parse("1.3.6.1.4.1.46304").unwrap().to_string(), "1.3.6.1.4.1.46304");
    }

    #[test]
    fn arcs_that_do_not_end_or_are_padded_are_refused() {
        assert!(Oid::from_der_content(&[]).is_err());
        assert!(Oid::from_der_content(&[0x88]).is_err());
        assert!(Oid::from_der_content(&[0x2A, 0x80, 0x01]).is_err());
        assert!(Oid::parse("3.1").is_err());
        assert!(Oid::parse("1.40").is_err());
        assert!(Oid::parse("1").is_err());
    }
}
