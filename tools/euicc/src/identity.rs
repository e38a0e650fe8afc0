//! Who the eUICC is: its key, its certificate, its EUM, and the certificate issuers it trusts.

use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::curve::{self, Signer};
use crate::hex;
use crate::tlv::{self, Tlv};
use crate::x509::Certificate;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("read {0}: {1}")]
    File(String, std::io::Error),
    #[error("identity: {0} is neither PEM nor DER")]
    Encoding(&'static str),
    #[error("identity: {0}: {1}")]
    Certificate(&'static str, crate::x509::Error),
    #[error("identity: the key is neither SEC1 nor PKCS#8: {0}")]
    Key(#[from] tlv::Error),
    #[error("identity: {0}")]
    Curve(#[from] crate::curve::Error),
    #[error("identity: the eUICC certificate names no EID of 32 digits")]
    Eid,
    #[error("identity: no trusted certificate issuer given")]
    NoIssuer,
    #[error("identity: the saved form is not hexadecimal")]
    Saved,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "Saved", into = "Saved")]
pub struct Identity {
    pub euicc: Arc<Certificate>,
    pub eum: Arc<Certificate>,
    /// In the eUICC's order of preference.
    pub issuers: Arc<Vec<Certificate>>,
    pub(crate) signer: Arc<Signer>,
    pub eid: String,
    pub(crate) eid_octets: [u8; 16],
}

impl Identity {
    /// From DER certificates and the secret scalar.
    pub fn from_der(euicc: &[u8], secret: &[u8], eum: &[u8], issuers: &[Vec<u8>]) -> Result<Self, Error> {
        let euicc = Certificate::parse(euicc).map_err(|e| Error::Certificate("eUICC", e))?;
        let eum = Certificate::parse(eum).map_err(|e| Error::Certificate("EUM", e))?;
        let issuers: Result<Vec<_>, _> = issuers.iter().map(|der| Certificate::parse(der)).collect();
        let issuers = issuers.map_err(|e| Error::Certificate("CI", e))?;
        if issuers.is_empty() {
            return Err(Error::NoIssuer);
        }
        let signer = Signer::new(secret, &euicc.public_key)?;
        let eid = euicc.eid().ok_or(Error::Eid)?;
        let eid_octets = hex::decode(&eid).and_then(|octets| octets.try_into().ok()).ok_or(Error::Eid)?;
        Ok(Self {
            euicc: Arc::new(euicc),
            eum: Arc::new(eum),
            issuers: Arc::new(issuers),
            signer: Arc::new(signer),
            eid,
            eid_octets,
        })
    }

    /// What no command asked for, signed with the eUICC's key: for whoever bends its messages.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, curve::Error> {
        self.signer.sign(message)
    }

    /// From files' contents, each PEM or DER; the key SEC1 or PKCS#8.
    pub fn from_pem(euicc: &[u8], key: &[u8], eum: &[u8], issuers: &[Vec<u8>]) -> Result<Self, Error> {
        let issuers: Result<Vec<_>, _> = issuers.iter().map(|bytes| certificate_der(bytes)).collect();
        Self::from_der(&certificate_der(euicc)?, &secret_scalar(key)?, &certificate_der(eum)?, &issuers?)
    }

    pub fn from_files(euicc: &Path, key: &Path, eum: &Path, issuers: &[&Path]) -> Result<Self, Error> {
        let issuers: Result<Vec<_>, _> = issuers.iter().map(|path| read(path)).collect();
        Self::from_pem(&read(euicc)?, &read(key)?, &read(eum)?, &issuers?)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|cause| Error::File(path.display().to_string(), cause))
}

/// DER of a certificate given as PEM or DER.
pub fn certificate_der(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    block(bytes, &["CERTIFICATE"]).ok_or(Error::Encoding("certificate"))
}

/// The scalar of a private key given as SEC1 or PKCS#8, PEM or DER.
pub fn secret_scalar(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let der = block(bytes, &["EC PRIVATE KEY", "PRIVATE KEY"]).ok_or(Error::Encoding("key"))?;
    let outer = Tlv::parse(&der, 0x30)?;
    let fields = outer.children()?;
    // PKCS#8 has the algorithm in second place and wraps SEC1 in an OCTET STRING.
    if fields.get(1).is_some_and(|second| second.tag == 0x30) {
        let inner = outer.child(0x04)?.value;
        return Ok(Tlv::parse(inner, 0x30)?.child(0x04)?.value.to_vec());
    }
    Ok(outer.child(0x04)?.value.to_vec())
}

/// The first PEM block with one of these labels, or the octets themselves if they begin like DER.
fn block(bytes: &[u8], labels: &[&str]) -> Option<Vec<u8>> {
    if bytes.first() == Some(&0x30) {
        return Some(bytes.to_vec());
    }
    let text = std::str::from_utf8(bytes).ok()?;
    labels.iter().find_map(|label| {
        let (_, after) = text.split_once(&format!("-----BEGIN {label}-----"))?;
        let (body, _) = after.split_once(&format!("-----END {label}-----"))?;
        let compact: String = body.chars().filter(|c| !c.is_whitespace()).collect();
        STANDARD.decode(compact).ok()
    })
}

/// The form in the card's file.
#[derive(Clone, Serialize, Deserialize)]
struct Saved {
    euicc: String,
    secret: String,
    eum: String,
    issuers: Vec<String>,
}

impl From<Identity> for Saved {
    fn from(identity: Identity) -> Self {
        Self {
            euicc: hex::encode(&identity.euicc.der),
            secret: hex::encode(identity.signer.secret()),
            eum: hex::encode(&identity.eum.der),
            issuers: identity.issuers.iter().map(|issuer| hex::encode(&issuer.der)).collect(),
        }
    }
}

impl TryFrom<Saved> for Identity {
    type Error = Error;

    fn try_from(saved: Saved) -> Result<Self, Error> {
        let unhex = |text: &str| hex::decode(text).ok_or(Error::Saved);
        let issuers: Result<Vec<_>, _> = saved.issuers.iter().map(|text| unhex(text)).collect();
        Self::from_der(&unhex(&saved.euicc)?, &unhex(&saved.secret)?, &unhex(&saved.eum)?, &issuers?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::curve::{Curve, OneTimeKey};

    fn pem(label: &str, der: &[u8]) -> String {
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
    }

    #[test]
    fn a_key_is_read_as_sec1_or_pkcs8_also_after_parameters() {
        let secret = OneTimeKey::generate(Curve::NistP256).unwrap().secret;
        let sec1 = tlv::nest(0x30, &[&[2, 1, 1], &tlv::write(0x04, &secret)]);
        let algorithm = tlv::write(0x30, &tlv::write(0x06, Curve::NistP256.oid()));
        let pkcs8 = tlv::nest(0x30, &[&[2, 1, 0], &algorithm, &tlv::write(0x04, &sec1)]);
        let parameters = pem("EC PARAMETERS", &tlv::write(0x06, Curve::NistP256.oid()));
        let forms = [
            sec1.clone(),
            pkcs8.clone(),
            pem("PRIVATE KEY", &pkcs8).into_bytes(),
            (parameters + &pem("EC PRIVATE KEY", &sec1)).into_bytes(),
        ];
        for form in forms {
            assert_eq!(secret_scalar(&form).unwrap(), secret);
        }
        assert!(secret_scalar(b"no key").is_err());
        assert!(secret_scalar(pem("CERTIFICATE", &sec1).as_bytes()).is_err());
    }

    #[test]
    fn the_published_test_euicc_is_read_from_its_files() {
        let at = |name: &str| Path::new("/work/shared/data/sgp26").join(name);
        if !at("euicc").exists() {
            println!("skipped: the SGP.26 test set is absent");
            return;
        }
        let read = |key: &str| {
            Identity::from_files(
                &at("euicc/CERT_EUICC_ECDSA_NIST.der"),
                &at(key),
                &at("eum/CERT_EUM_ECDSA_NIST.der"),
                &[&at("ci/CERT_CI_ECDSA_NIST.der")],
            )
        };
        let identity = read("euicc/SK_EUICC_ECDSA_NIST.pem").unwrap();
        assert_eq!(identity.eid, "89049032123451234512345678901235");
        assert!(identity.eum.verify_issued_by(&identity.issuers[0]).is_ok());
        assert!(identity.euicc.verify_issued_by(&identity.eum).is_ok());
        assert!(read("eum/SK_EUM_ECDSA_NIST.pem").is_err(), "the key of another certificate");
    }
}
