//! Certificates for tests, made octet by octet so that each can be wrong in one thing.
use bp256::BrainpoolP256r1;
use ecdsa::signature::Signer;

use crate::asn1::Signature;
use crate::asn1::tlv::tlv;
use crate::types::{Curve, Oid};

pub(crate) const ORGANIZATION: u8 = 10;
pub(crate) const COMMON_NAME: u8 = 3;
pub(crate) const SERIAL_NUMBER: u8 = 5;

/// A key pair that is always the same for the same curve and number.
pub(crate) enum Key {
    NistP256(p256::ecdsa::SigningKey),
    BrainpoolP256r1(ecdsa::SigningKey<BrainpoolP256r1>),
}

impl Key {
    /// On NIST P-256.
    pub(crate) fn new(number: u8) -> Self {
        Self::NistP256(p256::ecdsa::SigningKey::from_slice(&[number; 32]).unwrap())
    }

    pub(crate) fn brainpool(number: u8) -> Self {
        Self::BrainpoolP256r1(ecdsa::SigningKey::from_slice(&[number; 32]).unwrap())
    }

    pub(crate) fn curve(&self) -> Curve {
        match self {
            Self::NistP256(_) => Curve::NistP256,
            Self::BrainpoolP256r1(_) => Curve::BrainpoolP256r1,
        }
    }

    pub(crate) fn point(&self) -> Vec<u8> {
        match self {
            Self::NistP256(key) => key.verifying_key().to_sec1_point(false).as_bytes().to_vec(),
            Self::BrainpoolP256r1(key) => key.verifying_key().to_sec1_point(false).as_bytes().to_vec(),
        }
    }

    /// Not a hash: identifiers only have to differ.
    pub(crate) fn id(&self) -> Vec<u8> {
        self.point()[1..21].to_vec()
    }

    pub(crate) fn sign_fixed(&self, message: &[u8]) -> Signature {
        let octets: Vec<u8> = match self {
            Self::NistP256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(message);
                signature.to_bytes().to_vec()
            }
            Self::BrainpoolP256r1(key) => {
                let signature: bp256::r1::ecdsa::Signature = key.sign(message);
                signature.to_bytes().to_vec()
            }
        };
        Signature::from_octets(octets.try_into().unwrap())
    }

    pub(crate) fn sign_asn1(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::NistP256(key) => {
                let signature: p256::ecdsa::DerSignature = key.sign(message);
                signature.as_bytes().to_vec()
            }
            Self::BrainpoolP256r1(key) => {
                let signature: bp256::r1::ecdsa::DerSignature = key.sign(message);
                signature.as_bytes().to_vec()
            }
        }
    }
}

pub(crate) fn oid(text: &str) -> Vec<u8> {
    tlv(&[0x06], Oid::parse(text).unwrap().der_content())
}

pub(crate) fn name(attributes: &[(u8, &str)]) -> Vec<u8> {
    let set = |(arc, value): &(u8, &str)| {
        let kind = tlv(&[0x06], &[0x55, 0x04, *arc]);
        tlv(&[0x31], &tlv(&[0x30], &[kind, tlv(&[0x0C], value.as_bytes())].concat()))
    };
    tlv(&[0x30], &attributes.iter().flat_map(set).collect::<Vec<u8>>())
}

/// What a certificate will say. Extensions are named by the last arc of 2.5.29.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) issuer: Vec<u8>,
    pub(crate) subject: Vec<u8>,
    pub(crate) not_before: &'static str,
    pub(crate) not_after: &'static str,
    pub(crate) curve: Vec<u8>,
    pub(crate) point: Vec<u8>,
    pub(crate) extensions: Vec<(u8, bool, Vec<u8>)>,
}

impl Draft {
    pub(crate) fn new(issuer: &[u8], subject: &[u8], key: &Key) -> Self {
        Self {
            issuer: issuer.to_vec(),
            subject: subject.to_vec(),
            not_before: "20200101000000Z",
            not_after: "20400101000000Z",
            curve: key.curve().oid_content().to_vec(),
            point: key.point(),
            extensions: Vec::new(),
        }
        .with(14, false, &tlv(&[0x04], &key.id()))
    }

    pub(crate) fn with(mut self, arc: u8, critical: bool, value: &[u8]) -> Self {
        self.extensions.retain(|(known, _, _)| *known != arc);
        self.extensions.push((arc, critical, value.to_vec()));
        self
    }

    pub(crate) fn without(mut self, arc: u8) -> Self {
        self.extensions.retain(|(known, _, _)| *known != arc);
        self
    }

    pub(crate) fn twice(mut self, arc: u8) -> Self {
        let again = self.extensions.iter().find(|(known, _, _)| *known == arc).unwrap().clone();
        self.extensions.push(again);
        self
    }

    pub(crate) fn issued_by(self, issuer: &Key) -> Self {
        self.with(35, false, &tlv(&[0x30], &tlv(&[0x80], &issuer.id())))
    }

    pub(crate) fn policy(self, last_arc: u8) -> Self {
        let policy = oid(&format!("2.23.146.1.2.1.{last_arc}"));
        self.with(32, true, &tlv(&[0x30], &tlv(&[0x30], &policy)))
    }

    pub(crate) fn usage(self, bits: u8) -> Self {
        let unused = u8::try_from(bits.trailing_zeros()).unwrap();
        self.with(15, true, &tlv(&[0x03], &[unused, bits]))
    }

    pub(crate) fn sign(&self, issuer: &Key) -> Vec<u8> {
        let algorithm = tlv(&[0x30], &oid("1.2.840.10045.4.3.2"));
        let period = [tlv(&[0x18], self.not_before.as_bytes()), tlv(&[0x18], self.not_after.as_bytes())];
        let key_kind = tlv(&[0x30], &[oid("1.2.840.10045.2.1"), tlv(&[0x06], &self.curve)].concat());
        let key = tlv(&[0x30], &[key_kind, tlv(&[0x03], &[&[0], &self.point[..]].concat())].concat());
        let extension = |(arc, critical, value): &(u8, bool, Vec<u8>)| {
            let critical = if *critical { vec![0x01, 0x01, 0xFF] } else { Vec::new() };
            let parts = [tlv(&[0x06], &[0x55, 0x1D, *arc]), critical, tlv(&[0x04], value)];
            tlv(&[0x30], &parts.concat())
        };
        let extensions = tlv(&[0x30], &self.extensions.iter().flat_map(extension).collect::<Vec<u8>>());
        let tbs = [
            tlv(&[0xA0], &tlv(&[0x02], &[2])),
            tlv(&[0x02], &[0x01, 0x02]),
            algorithm.clone(),
            self.issuer.clone(),
            tlv(&[0x30], &period.concat()),
            self.subject.clone(),
            key,
            tlv(&[0xA3], &extensions),
        ];
        let tbs = tlv(&[0x30], &tbs.concat());
        let signature = tlv(&[0x03], &[&[0], &issuer.sign_asn1(&tbs)[..]].concat());
        tlv(&[0x30], &[tbs, algorithm, signature].concat())
    }
}
