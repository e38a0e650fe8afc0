//! What we read from an X.509 certificate (SGP.22 4.5.2.1).
use ring::digest::{SHA256, digest};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::crl::Serial;
use super::name::{Name, content_of, permitted_names};
use super::signature::{BadSignature, PublicKey};
use crate::asn1::KeyId;
use crate::asn1::tlv::{Members, Tlv, Tlvs, only, split};
use crate::time::Timestamp;
use crate::types::Curve;
use crate::types::Malformed;
use crate::types::Oid;
use crate::types::hex;

/// Largest certificate that we read; real ones stay under 1.5 KiB.
const CERTIFICATE_OCTETS_MAX: usize = 16 * 1024;
const MALFORMED: Malformed = Malformed("certificate");

/// AlgorithmIdentifier of ecdsa-with-SHA256, the one algorithm of 4.5.2.
pub(super) const ECDSA_WITH_SHA256: [u8; 12] =
    [0x30, 0x0A, 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02];
const ID_EC_PUBLIC_KEY: [u8; 7] = [0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01];

/// What a GSMA certificate may be used for: the last arc of its policy 2.23.146.1.2.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Ci,
    Euicc,
    Eum,
    DpTls,
    DpAuth,
    DpPb,
    DsTls,
    DsAuth,
}

impl Role {
    const fn policy(self) -> [u8; 7] {
        let arc = match self {
            Self::Ci => 0,
            Self::Euicc => 1,
            Self::Eum => 2,
            Self::DpTls => 3,
            Self::DpAuth => 4,
            Self::DpPb => 5,
            Self::DsTls => 6,
            Self::DsAuth => 7,
        };
        [0x67, 0x81, 0x12, 0x01, 0x02, 0x01, arc]
    }
}

/// The bits of keyUsage that SGP.22 uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct KeyUsage {
    pub(super) digital_signature: bool,
    pub(super) key_cert_sign: bool,
    pub(super) crl_sign: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BasicConstraints {
    pub(super) ca: bool,
    pub(super) path_length: Option<u8>,
}

/// An extension's value and whether it is critical.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Extension<T> {
    pub(super) critical: bool,
    pub(super) value: T,
}

/// What the extensions say. An absent one is `None`, so that presence can be asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Extensions {
    pub(super) subject_key_id: Option<KeyId>,
    pub(super) authority_key_id: Option<KeyId>,
    pub(super) key_usage: Option<Extension<KeyUsage>>,
    pub(super) extended_key_usage: Option<Extension<Vec<Oid>>>,
    pub(super) basic_constraints: Option<Extension<BasicConstraints>>,
    pub(super) policies: Option<Extension<Vec<Oid>>>,
    pub(super) permitted_names: Option<Extension<Vec<Name>>>,
    pub(super) dns_names: Vec<String>,
    pub(super) registered_ids: Vec<Oid>,
    pub(super) distribution_points: Vec<String>,
    /// Critical ones that we do not understand: nobody may accept this certificate.
    pub(super) unknown_critical: Vec<Oid>,
}

/// Extensions that are looked at; real certificates have eight.
const EXTENSIONS_MAX: usize = 32;

/// A certificate, read but not believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    tbs: Vec<u8>,
    signature: Vec<u8>,
    serial: Vec<u8>,
    subject: Name,
    issuer: Name,
    not_before: Timestamp,
    not_after: Timestamp,
    is_ecdsa_sha256: bool,
    key_kind: Oid,
    key: Option<PublicKey>,
    pub(super) extensions: Extensions,
}

impl Certificate {
    pub fn parse(der: &[u8]) -> Result<Self, Malformed> {
        if der.len() > CERTIFICATE_OCTETS_MAX {
            return Err(MALFORMED);
        }
        let (rest, parsed) = X509Certificate::from_der(der).map_err(|_| MALFORMED)?;
        if !rest.is_empty() {
            return Err(MALFORMED);
        }
        let signed = &parsed.tbs_certificate.signature;
        let is_ecdsa_sha256 = read_unsigned_algorithm(der)? == ECDSA_WITH_SHA256
            && signed.parameters.is_none()
            && ECDSA_WITH_SHA256.get(4..) == Some(signed.algorithm.as_bytes());
        let (key_kind, point) = read_key(parsed.public_key().raw)?;
        let curve = Curve::of_oid_content(key_kind.der_content());
        let key = curve.map(|curve| PublicKey::new(curve, point)).transpose()?;
        Ok(Self {
            der: der.to_vec(),
            tbs: parsed.tbs_certificate.as_ref().to_vec(),
            signature: parsed.signature_value.data.to_vec(),
            serial: parsed.raw_serial().to_vec(),
            subject: Name::parse(parsed.subject().as_raw())?,
            issuer: Name::parse(parsed.issuer().as_raw())?,
            not_before: Timestamp::from_unix_s(parsed.validity().not_before.timestamp()),
            not_after: Timestamp::from_unix_s(parsed.validity().not_after.timestamp()),
            is_ecdsa_sha256,
            key_kind,
            key,
            extensions: Extensions::read(&parsed)?,
        })
    }

    pub fn der(&self) -> &[u8] {
        &self.der
    }

    pub fn subject(&self) -> &Name {
        &self.subject
    }

    pub fn issuer(&self) -> &Name {
        &self.issuer
    }

    pub fn not_before(&self) -> Timestamp {
        self.not_before
    }

    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// Within its dates; the last second counts.
    pub fn is_in_date(&self, now: Timestamp) -> bool {
        now >= self.not_before && now.unix_s() <= self.not_after.unix_s()
    }

    /// The serial number as upper-case hexadecimal text.
    pub fn serial(&self) -> String {
        hex::encode(&self.serial)
    }

    /// The serial number as a revocation list names it; `None` if it is longer than one may be.
    pub fn revocable(&self) -> Option<Serial> {
        Serial::read(&self.serial).ok()
    }

    /// Where its issuer publishes revocation lists: the HTTP addresses of cRLDistributionPoints.
    pub fn distribution_points(&self) -> &[String] {
        &self.extensions.distribution_points
    }

    /// SHA-256 of the whole certificate.
    pub fn fingerprint(&self) -> [u8; 32] {
        digest(&SHA256, &self.der).as_ref().try_into().unwrap_or_default()
    }

    /// The curve of the key by its OID; of a key without a curve, its algorithm.
    pub fn key_kind(&self) -> &Oid {
        &self.key_kind
    }

    /// The public key, if it is on a curve that this server supports.
    pub fn key(&self) -> Option<&PublicKey> {
        self.key.as_ref()
    }

    /// Whether both keys are on one curve that this server supports: a chain never changes its curve (4.5.2).
    pub(super) fn is_on_curve_of(&self, other: &Self) -> bool {
        let curve = |certificate: &Self| certificate.key().map(PublicKey::curve);
        curve(self).is_some() && curve(self) == curve(other)
    }

    pub fn subject_key_id(&self) -> Option<&KeyId> {
        self.extensions.subject_key_id.as_ref()
    }

    pub fn authority_key_id(&self) -> Option<&KeyId> {
        self.extensions.authority_key_id.as_ref()
    }

    pub fn dns_names(&self) -> &[String] {
        &self.extensions.dns_names
    }

    /// The registeredID of subjectAltName, if there is exactly one: the OID of an SM-DP+.
    pub fn registered_id(&self) -> Option<&Oid> {
        match self.extensions.registered_ids.as_slice() {
            [one] => Some(one),
            _ => None,
        }
    }

    /// The policy of this role is there and critical, as 4.5.2 asks of all but TLS certificates.
    pub(super) fn has_role(&self, role: Role) -> bool {
        self.extensions.policies.as_ref().is_some_and(|policies| policies.critical) && self.names_role(role)
    }

    /// The policy of this role is there.
    fn names_role(&self, role: Role) -> bool {
        let has = |oid: &Oid| oid.der_content() == role.policy();
        self.extensions.policies.as_ref().is_some_and(|policies| policies.value.iter().any(has))
    }

    /// keyUsage is critical, as 4.5.2 asks, and has what `wanted` looks for.
    pub(super) fn has_usage(&self, wanted: impl FnOnce(KeyUsage) -> bool) -> bool {
        self.extensions.key_usage.as_ref().is_some_and(|usage| usage.critical && wanted(usage.value))
    }

    /// Names, key identifiers and signature all say that `issuer` issued this.
    pub(super) fn verify_issued_by(&self, issuer: &Self) -> Result<(), BadSignature> {
        let linked = self.is_ecdsa_sha256
            && self.issuer == issuer.subject
            && self.authority_key_id().is_some()
            && self.authority_key_id() == issuer.subject_key_id();
        let key = issuer.key().filter(|_| linked).ok_or(BadSignature)?;
        key.verify_asn1(&self.tbs, &self.signature)
    }

    /// Its own key signed it. A root needs no authority key identifier.
    pub(super) fn verify_self_signed(&self) -> Result<(), BadSignature> {
        let key =
            self.key().filter(|_| self.is_ecdsa_sha256 && self.issuer == self.subject).ok_or(BadSignature)?;
        key.verify_asn1(&self.tbs, &self.signature)
    }
}

/// A TLS certificate for this role (4.5.2.1, Table 15: its policy need not be critical). TLS has verified its chain.
pub fn names_role(der: &[u8], role: Role) -> bool {
    Certificate::parse(der).is_ok_and(|certificate| certificate.names_role(role))
}

impl Extensions {
    fn read(parsed: &X509Certificate<'_>) -> Result<Self, Malformed> {
        let mut read = Self::default();
        let mut seen = Vec::new();
        if parsed.extensions().len() > EXTENSIONS_MAX {
            return Err(Malformed("certificate: too many extensions"));
        }
        for extension in parsed.extensions() {
            let oid = Oid::from_der_content(extension.oid.as_bytes())?;
            if seen.contains(&oid) {
                return Err(Malformed("certificate: an extension comes twice"));
            }
            read.add(&oid, extension.critical, extension.value)?;
            seen.push(oid);
        }
        Ok(read)
    }

    /// The values are read from their octets, since x509-parser misreads OIDs under 2.999.
    fn add(&mut self, oid: &Oid, critical: bool, value: &[u8]) -> Result<(), Malformed> {
        let [0x55, 0x1D, arc] = oid.der_content() else {
            self.note_unknown(oid, critical);
            return Ok(());
        };
        match arc {
            14 => self.subject_key_id = Some(KeyId::from_octets(content_of(only(value, "SKI")?, 0x04)?)?),
            35 => self.authority_key_id = authority_key_id(value)?,
            15 => self.key_usage = Some(Extension { critical, value: key_usage(value)? }),
            17 => self.read_alternative_names(value)?,
            19 => self.basic_constraints = Some(Extension { critical, value: basic_constraints(value)? }),
            31 => {
                self.distribution_points = distribution_points(value);
                self.note_unknown(oid, critical);
            }
            // Other forms of names are no EUM's, but an operators' CA may have them.
            30 => match permitted_names(value) {
                Ok(value) => self.permitted_names = Some(Extension { critical, value }),
                Err(_) => self.note_unknown(oid, critical),
            },
            32 => self.policies = Some(Extension { critical, value: policies(value)? }),
            37 => self.extended_key_usage = Some(Extension { critical, value: oids(value)? }),
            _ => self.note_unknown(oid, critical),
        }
        // Understood, but no profile of SGP.22 makes these critical.
        if matches!(arc, 14 | 17 | 35) {
            self.note_unknown(oid, critical);
        }
        Ok(())
    }

    fn note_unknown(&mut self, oid: &Oid, critical: bool) {
        if critical {
            self.unknown_critical.push(oid.clone());
        }
    }

    fn read_alternative_names(&mut self, value: &[u8]) -> Result<(), Malformed> {
        for name in Tlvs::new(content_of(only(value, "subjectAltName")?, 0x30)?, "subjectAltName") {
            let name = name?;
            match name.tag {
                0x82 => {
                    let text = std::str::from_utf8(name.content).map_err(|_| Malformed("dNSName"))?;
                    self.dns_names.push(text.to_ascii_lowercase());
                }
                0x88 => self.registered_ids.push(Oid::from_der_content(name.content)?),
                _ => {}
            }
        }
        Ok(())
    }
}

/// signatureAlgorithm beside tbsCertificate (RFC 5280 4.1.1), as it stands. No signature covers the outer form, so
/// it is read strictly: else one certificate could be written in many ways.
fn read_unsigned_algorithm(der: &[u8]) -> Result<&[u8], Malformed> {
    let parts = split(content_of(only(der, "certificate")?, 0x30)?)?;
    match parts.as_slice() {
        [tbs, algorithm, signature]
            if [tbs.tag, algorithm.tag, signature.tag] == [0x30, 0x30, 0x03]
                && signature.content.first() == Some(&0) =>
        {
            Ok(algorithm.whole)
        }
        _ => Err(MALFORMED),
    }
}

/// subjectPublicKeyInfo: the kind of key and, if it is of a curve, the point. A TLS certificate may be of any kind.
fn read_key(spki: &[u8]) -> Result<(Oid, &[u8]), Malformed> {
    let mut members = Members::of(content_of(only(spki, "key")?, 0x30)?, "key");
    let mut algorithm = Members::of(members.required(0x30)?.content, "key algorithm");
    let kind = algorithm.required(0x06)?.content;
    let [0, point @ ..] = members.required(0x03)?.content else { return Err(Malformed("key")) };
    if kind != ID_EC_PUBLIC_KEY {
        return Ok((Oid::from_der_content(kind)?, &[]));
    }
    Ok((Oid::from_der_content(algorithm.required(0x06)?.content)?, point))
}

fn authority_key_id(value: &[u8]) -> Result<Option<KeyId>, Malformed> {
    let mut members = Members::of(content_of(only(value, "AKI")?, 0x30)?, "AKI");
    members.optional(0x80)?.map(|id| KeyId::from_octets(id.content)).transpose()
}

fn key_usage(value: &[u8]) -> Result<KeyUsage, Malformed> {
    match content_of(only(value, "keyUsage")?, 0x03)? {
        [0..=7, bits, ..] => {
            let has = |bit: u8| bits & bit != 0;
            Ok(KeyUsage { digital_signature: has(0x80), key_cert_sign: has(0x04), crl_sign: has(0x02) })
        }
        _ => Err(Malformed("keyUsage")),
    }
}

fn basic_constraints(value: &[u8]) -> Result<BasicConstraints, Malformed> {
    const REFUSED: Malformed = Malformed("basicConstraints");
    let mut members = Members::of(content_of(only(value, REFUSED.0)?, 0x30)?, REFUSED.0);
    let ca = match members.optional(0x01)?.map(|tlv| tlv.content) {
        Some([0xFF]) => true,
        Some([0x00]) | None => false,
        Some(_) => return Err(REFUSED),
    };
    let path_length = match members.optional(0x02)?.map(|tlv| tlv.content) {
        Some([length @ 0..=0x7F]) => Some(*length),
        Some(_) => return Err(REFUSED),
        None => None,
    };
    Ok(BasicConstraints { ca, path_length })
}

fn policies(value: &[u8]) -> Result<Vec<Oid>, Malformed> {
    let policies = Tlvs::new(content_of(only(value, "policies")?, 0x30)?, "policies");
    let first =
        |policy: &[u8]| Members::of(policy, "policies").required(0x06).map(|oid| oid.content.to_vec());
    policies.map(|policy| Oid::from_der_content(&first(content_of(policy?, 0x30)?)?)).collect()
}

/// Only a hint where to ask, so what cannot be read is left out: DistributionPoint, fullName, URI.
fn distribution_points(value: &[u8]) -> Vec<String> {
    let inside = |tag: u32| move |tlv: &Tlv<'_>| tlv.tag == tag;
    let members = |content| Tlvs::new(content, "cRLDistributionPoints").map_while(Result::ok);
    let list = members(value).filter(inside(0x30)).flat_map(|list| members(list.content));
    let names = list.filter(inside(0x30)).flat_map(|point| members(point.content));
    let names = names.filter(inside(0xA0)).flat_map(|name| members(name.content));
    let uris = names.filter(inside(0xA0)).flat_map(|full| members(full.content)).filter(inside(0x86));
    uris.filter_map(|uri| String::from_utf8(uri.content.to_vec()).ok()).collect()
}

fn oids(value: &[u8]) -> Result<Vec<Oid>, Malformed> {
    let list = Tlvs::new(content_of(only(value, "extKeyUsage")?, 0x30)?, "extKeyUsage");
    list.map(|oid| Oid::from_der_content(content_of(oid?, 0x06)?)).collect()
}
