//! The elliptic curves of certificates, one-time keys and signatures (SGP.22 2.6.7.1).
use serde::{Deserialize, Serialize};

/// A curve that this server speaks; FRP256V1 is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Curve {
    NistP256,
    BrainpoolP256r1,
}

impl Curve {
    pub const ALL: [Self; 2] = [Self::NistP256, Self::BrainpoolP256r1];

    /// The DER content octets of its object identifier.
    pub const fn oid_content(self) -> &'static [u8] {
        match self {
            // 1.2.840.10045.3.1.7
            Self::NistP256 => &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07],
            // 1.3.36.3.3.2.8.1.1.7
            Self::BrainpoolP256r1 => &[0x2B, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x07],
        }
    }

    pub fn of_oid_content(octets: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|curve| curve.oid_content() == octets)
    }

    /// How people call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NistP256 => "NIST P-256",
            Self::BrainpoolP256r1 => "brainpoolP256r1",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Oid;
    use super::*;

    #[test]
    fn each_curve_is_found_by_the_identifier_that_the_standards_give_it() {
        let content = |text| Oid::parse(text).unwrap().der_content().to_vec();
        assert_eq!(Curve::of_oid_content(&content("1.2.840.10045.3.1.7")), Some(Curve::NistP256));
        assert_eq!(Curve::of_oid_content(&content("1.3.36.3.3.2.8.1.1.7")), Some(Curve::BrainpoolP256r1));
        // brainpoolP256t1, FRP256V1
        assert_eq!(Curve::of_oid_content(&content("1.3.36.3.3.2.8.1.1.8")), None);
        assert_eq!(Curve::of_oid_content(&content("1.2.250.1.223.101.256.1")), None);
    }
}
