//! Certificates made on the spot.

use crate::curve::{Curve, OneTimeKey, PublicKey, Signer};
use crate::identity::Identity;
use crate::tlv;

const ECDSA_SHA256: &[u8] = &[0x30, 0x0A, 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02];
pub(crate) const EID: &str = "89049032123451234512345678901235";
pub(crate) const SMDP_OID: &[u8] = &[0x88, 0x37, 0x0A];

/// A certificate with its key.
pub(crate) struct Holder {
    pub signer: Signer,
    pub der: Vec<u8>,
    name: Vec<u8>,
}

/// What one certificate differs in.
pub(crate) struct Wish<'a> {
    pub name: &'a str,
    /// Last arc of the role policy.
    pub role: u8,
    pub oid: Option<&'a [u8]>,
    pub policy_critical: bool,
    /// dNSName, for TLS.
    pub host: Option<&'a str>,
}

pub(crate) fn dp<'a>(name: &'a str, role: u8, oid: &'a [u8]) -> Wish<'a> {
    Wish { name, role, oid: Some(oid), policy_critical: true, host: None }
}

/// Issued by the holder, or by itself.
pub(crate) fn issue(issuer: Option<&Holder>, wish: &Wish<'_>) -> Holder {
    let curve = issuer.map_or(Curve::NistP256, |issuer| issuer.signer.public().curve);
    issue_on(curve, issuer, wish)
}

pub(crate) fn issue_on(curve: Curve, issuer: Option<&Holder>, wish: &Wish<'_>) -> Holder {
    let secret = OneTimeKey::generate(curve).unwrap().secret;
    let signer = Signer::from_secret(curve, &secret).unwrap();
    let name = common_name(wish.name);
    let (issuer_name, authority) =
        issuer.map_or((&name, signer.public()), |issuer| (&issuer.name, issuer.signer.public()));
    let validity =
        tlv::nest(0x30, &[&tlv::write(0x17, b"200101000000Z"), &tlv::write(0x17, b"491231235959Z")]);
    let tbs = tlv::nest(
        0x30,
        &[
            &tlv::write(0xA0, &[2, 1, 2]),
            &tlv::unsigned(0x02, 7),
            ECDSA_SHA256,
            issuer_name,
            &validity,
            &name,
            &public_key_info(signer.public()),
            &tlv::write(0xA3, &extensions(wish, signer.public(), authority)),
        ],
    );
    let plain = issuer.map_or(&signer, |issuer| &issuer.signer).sign(&tbs).unwrap();
    let signature = crate::card::authenticate::der_signature(&plain);
    let der = tlv::nest(0x30, &[&tbs, ECDSA_SHA256, &tlv::nest(0x03, &[&[0], &signature])]);
    Holder { signer, der, name }
}

fn common_name(name: &str) -> Vec<u8> {
    let common = tlv::nest(0x30, &[&[6, 3, 0x55, 4, 3], &tlv::write(0x0C, name.as_bytes())]);
    let serial = tlv::nest(0x30, &[&[6, 3, 0x55, 4, 5], &tlv::write(0x13, EID.as_bytes())]);
    tlv::nest(0x30, &[&tlv::write(0x31, &common), &tlv::write(0x31, &serial)])
}

fn public_key_info(public: &PublicKey) -> Vec<u8> {
    let ec = tlv::write(0x06, &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01]);
    let algorithm = tlv::nest(0x30, &[&ec, &tlv::write(0x06, public.curve.oid())]);
    tlv::nest(0x30, &[&algorithm, &tlv::nest(0x03, &[&[0], &public.point])])
}

fn extensions(wish: &Wish<'_>, own: &PublicKey, authority: &PublicKey) -> Vec<u8> {
    let key_id = |public: &PublicKey| crate::curve::sha256(&public.point)[..20].to_vec();
    let extension = |last: u8, critical: bool, content: &[u8]| {
        let flag: &[u8] = if critical { &[1, 1, 0xFF] } else { &[] };
        tlv::nest(0x30, &[&[6, 3, 0x55, 0x1D, last], flag, &tlv::write(0x04, content)])
    };
    let policy = tlv::write(0x06, &[0x67, 0x81, 0x12, 1, 2, 1, wish.role]);
    let mut all = [
        extension(0x23, false, &tlv::write(0x30, &tlv::write(0x80, &key_id(authority)))),
        extension(0x0E, false, &tlv::write(0x04, &key_id(own))),
        extension(0x0F, true, &[3, 2, 7, 0x80]),
        extension(0x20, wish.policy_critical, &tlv::write(0x30, &tlv::write(0x30, &policy))),
    ]
    .concat();
    if let Some(oid) = wish.oid {
        let host = wish.host.map(|host| tlv::write(0x82, host.as_bytes())).unwrap_or_default();
        all.extend(extension(0x11, false, &tlv::nest(0x30, &[&host, &tlv::write(0x88, oid)])));
    }
    if wish.role == 0 {
        // cA of basicConstraints.
        all.extend(extension(0x13, true, &[0x30, 3, 1, 1, 0xFF]));
    }
    tlv::write(0x30, &all)
}

/// An eUICC under this issuer.
pub(crate) fn identity(ci: &Holder) -> Identity {
    let wish = |name| Wish { name, role: 2, oid: None, policy_critical: true, host: None };
    let eum = issue(Some(ci), &wish("EUM"));
    let euicc = issue(Some(&eum), &wish("eUICC"));
    Identity::from_der(&euicc.der, euicc.signer.secret(), &eum.der, std::slice::from_ref(&ci.der)).unwrap()
}

/// The published SGP.26 holder with this certificate and key, when the data is here.
pub(crate) fn published(certificate: &str, key: &str) -> Option<Holder> {
    let read = |name: &str| std::fs::read(format!("/work/shared/data/sgp26/{name}")).ok();
    let der = read(certificate)?;
    let curve = crate::x509::Certificate::parse(&der).unwrap().public_key.curve;
    let secret = crate::identity::secret_scalar(&read(key)?).unwrap();
    let signer = Signer::from_secret(curve, &secret).unwrap();
    Some(Holder { signer, der, name: Vec::new() })
}
