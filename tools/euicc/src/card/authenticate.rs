//! ES10b.AuthenticateServer (SGP.22 section 5.7.13).

use super::session::Authenticated;
use super::{Card, CardError, bent};
use crate::curve;
use crate::faults::Fault;
use crate::tlv::{self, Tlv};
use crate::x509::{self, Certificate, Role};

const INVALID_CERTIFICATE: u8 = 1;
const INVALID_SIGNATURE: u8 = 2;
const NO_SESSION_CONTEXT: u8 = 4;
const EUICC_CHALLENGE_MISMATCH: u8 = 6;
const CI_PK_UNKNOWN: u8 = 7;
const UNDEFINED_ERROR: u64 = 127;

/// What the LPA tells of the device.
#[derive(Debug, Clone)]
pub struct DeviceInfo {
    /// Telephony BCD: the first digit in the lower half of its octet.
    pub tac: [u8; 4],
    /// Members of DeviceCapabilities by their tags, and the release that each states.
    pub capabilities: Vec<(u32, u8)>,
    pub imei: Option<[u8; 8]>,
}

impl Default for DeviceInfo {
    fn default() -> Self {
        // TAC 35290611. Supported releases: GSM 5, UTRAN 10, EPC 13.
        let capabilities = vec![(0x80, 5), (0x81, 10), (0x85, 13)];
        Self { tac: [0x53, 0x92, 0x60, 0x11], capabilities, imei: None }
    }
}

impl DeviceInfo {
    fn der(&self, more: &[u8]) -> Vec<u8> {
        let capabilities: Vec<u8> =
            self.capabilities.iter().flat_map(|(tag, release)| tlv::write(*tag, &[*release, 0, 0])).collect();
        let imei = self.imei.map(|imei| tlv::write(0x82, &imei)).unwrap_or_default();
        tlv::nest(0xA1, &[&tlv::write(0x80, &self.tac), &tlv::write(0xA1, &capabilities), &imei, more])
    }
}

/// What the eUICC learned from a server it believes.
struct Server {
    address: String,
    challenge: Vec<u8>,
    smdp_oid: Vec<u8>,
    issuer_key_id: Vec<u8>,
}

impl Card {
    /// Gives AuthenticateServerResponse `BF38`, be it consent or refusal.
    ///
    /// The signature comes as `5F37`, the key identifier as `04 14 …`, the rest as `30 …`.
    pub fn authenticate_server(
        &mut self,
        server_signed1: &[u8],
        server_signature1: &[u8],
        ci_pk_id: &[u8],
        server_certificate: &[u8],
        matching_id: Option<&str>,
        device: &DeviceInfo,
    ) -> Result<Vec<u8>, CardError> {
        let signed = Tlv::parse(server_signed1, 0x30)?;
        let transaction_id = signed.child(0x80)?.value.to_vec();
        if let Some(code) = self.faults.value(Fault::AuthenticateError, UNDEFINED_ERROR) {
            return Ok(refusal(&transaction_id, code));
        }
        let trust_anyone = self.faults.has(Fault::TrustAnyone);
        match self.check_server(&signed, server_signature1, ci_pk_id, server_certificate, trust_anyone) {
            Ok(server) => {
                self.use_identity_under(Tlv::parse(ci_pk_id, 0x04)?.value);
                self.accept_server(transaction_id, server, matching_id, device)
            }
            Err((code, why)) => {
                self.trouble = Some(format!("AuthenticateServer: {why}"));
                Ok(refusal(&transaction_id, u64::from(code)))
            }
        }
    }

    fn check_server(
        &self,
        signed: &Tlv<'_>,
        signature: &[u8],
        ci_pk_id: &[u8],
        certificate: &[u8],
        trust_anyone: bool,
    ) -> Result<Server, (u8, String)> {
        let session =
            self.session.as_ref().ok_or((NO_SESSION_CONTEXT, "no challenge was asked for".into()))?;
        let because = |code| move |error: &dyn std::fmt::Display| (code, error.to_string());
        let certificate = Certificate::parse(certificate).map_err(|e| because(INVALID_CERTIFICATE)(&e))?;
        let own_issuer = Tlv::parse(ci_pk_id, 0x04).map_err(|e| because(CI_PK_UNKNOWN)(&e))?.value;
        if !trust_anyone {
            self.issuer(own_issuer).ok_or((CI_PK_UNKNOWN, "euiccCiPKIdToBeUsed is none of ours".into()))?;
            let issuer = self
                .issuer(&certificate.authority_key_id)
                .ok_or((CI_PK_UNKNOWN, "CERT.DPauth comes from an unknown issuer".into()))?;
            // 5.7.13: CERT.DPauth, or CERT.DSauth when the LPA asks an SM-DS.
            let verified = match certificate.verify_dp(Role::DpAuth, issuer) {
                Err(x509::Error::Role) => certificate.verify_dp(Role::DsAuth, issuer),
                outcome => outcome,
            };
            verified.map_err(|e| because(INVALID_CERTIFICATE)(&e))?;
            let plain = Tlv::parse(signature, 0x5F37).map_err(|e| because(INVALID_SIGNATURE)(&e))?;
            curve::verify(&certificate.public_key, signed.raw, plain.value)
                .map_err(|e| because(INVALID_SIGNATURE)(&e))?;
        }
        let field = |tag| signed.child(tag).map_err(|e| because(127)(&e));
        let echo = field(0x81)?.value;
        if echo != session.challenge && !trust_anyone {
            return Err((EUICC_CHALLENGE_MISMATCH, "euiccChallenge is not the one of this session".into()));
        }
        Ok(Server {
            address: field(0x83)?.text().map_err(|e| because(127)(&e))?.to_owned(),
            challenge: field(0x84)?.value.to_vec(),
            smdp_oid: certificate.registered_id.clone().unwrap_or_default(),
            issuer_key_id: certificate.authority_key_id.clone(),
        })
    }

    pub(super) fn issuer(&self, key_id: &[u8]) -> Option<&Certificate> {
        self.identity.issuers.iter().find(|issuer| issuer.subject_key_id == key_id)
    }

    fn accept_server(
        &mut self,
        transaction_id: Vec<u8>,
        server: Server,
        matching_id: Option<&str>,
        device: &DeviceInfo,
    ) -> Result<Vec<u8>, CardError> {
        let signed1 = self.euicc_signed1(&transaction_id, &server, matching_id, device);
        let signature1 = self.euicc_signature1(&signed1)?;
        let signed1 = if self.faults.has(Fault::Signature1Stripped) { extended(&signed1)? } else { signed1 };
        let body = [&signed1[..], &signature1, &self.identity.euicc.der, &self.identity.eum.der].concat();
        self.last_server_challenge = server.challenge;
        if let Some(session) = &mut self.session {
            session.authenticated = Some(Authenticated {
                transaction_id,
                server_address: server.address,
                smdp_oid: server.smdp_oid,
                issuer_key_id: server.issuer_key_id,
                euicc_signature1: signature1,
                prepared: None,
            });
        }
        Ok(tlv::write(0xBF38, &tlv::write(0xA0, &body)))
    }

    fn euicc_signed1(
        &self,
        transaction_id: &[u8],
        server: &Server,
        matching_id: Option<&str>,
        device: &DeviceInfo,
    ) -> Vec<u8> {
        let has = |fault| self.faults.has(fault);
        let transaction_id = if has(Fault::TransactionIdWrong1) {
            bent(transaction_id.to_vec())
        } else {
            transaction_id.to_vec()
        };
        let address = if has(Fault::AddressWrong) { "other.example.com" } else { &server.address };
        let challenge = if has(Fault::ChallengeReplayed) && !self.last_server_challenge.is_empty() {
            self.last_server_challenge.clone()
        } else if has(Fault::ChallengeWrong) || has(Fault::ChallengeReplayed) {
            bent(server.challenge.clone())
        } else {
            server.challenge.clone()
        };
        let svn = if has(Fault::SvnWrong) { [2, 9, 9] } else { self.info.svn };
        let mut info = self.info.clone();
        let unknown = |fault| if has(fault) { tlv::write(0x9F7F, b"unknown") } else { Vec::new() };
        info.extra.extend_from_slice(&unknown(Fault::UnknownTlvs));
        let matching_id = matching_id.map(|id| tlv::write(0x80, id.as_bytes())).unwrap_or_default();
        tlv::nest(
            0x30,
            &[
                &tlv::write(0x80, &transaction_id),
                &tlv::write(0x83, address.as_bytes()),
                &tlv::write(0x84, &challenge),
                &info.info2(&self.identity.issuers, svn),
                &tlv::nest(0xA0, &[&matching_id, &device.der(&unknown(Fault::DeviceInfoUnknown))]),
                &unknown(Fault::UnknownTlvs),
            ],
        )
    }

    fn euicc_signature1(&self, signed1: &[u8]) -> Result<Vec<u8>, CardError> {
        let plain = self.identity.signer.sign(signed1)?;
        let shown = if self.faults.has(Fault::Signature1Bad) {
            bent(plain)
        } else if self.faults.has(Fault::Signature1Der) {
            der_signature(&plain)
        } else if self.faults.has(Fault::Signature1ZeroR) {
            plain.iter().enumerate().map(|(i, octet)| if i < 32 { 0 } else { *octet }).collect()
        } else {
            plain
        };
        Ok(tlv::write(0x5F37, &shown))
    }
}

/// The sequence with one more element, which no one knows.
fn extended(sequence: &[u8]) -> Result<Vec<u8>, CardError> {
    let content = Tlv::parse(sequence, 0x30)?.value;
    Ok(tlv::nest(0x30, &[content, &tlv::write(0x9F7F, b"unknown")]))
}

fn refusal(transaction_id: &[u8], code: u64) -> Vec<u8> {
    let body = tlv::nest(0xA1, &[&tlv::write(0x80, transaction_id), &tlv::unsigned(0x02, code)]);
    tlv::write(0xBF38, &body)
}

pub(super) fn der_signature(plain: &[u8]) -> Vec<u8> {
    let integer = |octets: &[u8]| {
        let mut significant: Vec<u8> = octets.iter().copied().skip_while(|octet| *octet == 0).collect();
        if significant.first().is_none_or(|first| *first >= 0x80) {
            significant.insert(0, 0);
        }
        tlv::write(0x02, &significant)
    };
    let (r, s) = plain.split_at_checked(32).unwrap_or_default();
    tlv::nest(0x30, &[&integer(r), &integer(s)])
}
