//! Examines every OK of the server as a device would: members, lengths, echoes, certificates, signatures (5.6).
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use euicc::card::metadata_of;
use euicc::curve;
use euicc::hex;
use euicc::lpa::{Authentication, Offer};
use euicc::scp03t::SEGMENT_BYTES_MAX;
use euicc::tlv::Tlv;
use euicc::x509::{Certificate, Role};
use serde_json::Value;

use crate::house::Answer;

/// What it must remember of a session to judge the next answer.
struct Seen {
    dpauth: Certificate,
    dppb: Option<Certificate>,
    metadata: Vec<u8>,
}

pub(crate) struct Examiner {
    /// The CIs that the devices of this house trust.
    issuers: Vec<Certificate>,
    /// The SM-DP+'s OID, as the content of its DER.
    oid: Vec<u8>,
    sessions: Mutex<HashMap<String, Seen>>,
}

impl Examiner {
    pub(crate) fn new(issuers: &[Vec<u8>], oid: Vec<u8>) -> Self {
        let issuers = issuers.iter().map(|der| Certificate::parse(der).unwrap()).collect();
        Self { issuers, oid, sessions: Mutex::default() }
    }

    /// Panics where an answer is not as SGP.22 wants it.
    pub(crate) fn examine(&self, path: &str, request: &[u8], answer: &Answer) {
        assert!(answer.http < 500, "{path}: HTTP {}", answer.http);
        if answer.http == 200 {
            let content = answer.headers.get("content-type").map(String::as_str);
            assert_eq!(content, Some("application/json"), "{path}");
            let protocol = answer.headers.get("x-admin-protocol").map_or("", String::as_str);
            assert!(protocol.starts_with("gsma/rsp/v2."), "{path}: X-Admin-Protocol {protocol:?}");
        }
        if answer.http == 204 {
            assert!(answer.body.is_null(), "{path}: 204 with a body");
        }
        if answer.verdict() != "ok" {
            return;
        }
        let request: Value = serde_json::from_slice(request).unwrap_or_default();
        match path.rsplit('/').next().unwrap_or_default() {
            "initiateAuthentication" => self.initiated(&request, &answer.body),
            "authenticateClient" => self.offered(&request, &answer.body),
            "getBoundProfilePackage" => self.bound(&request, &answer.body),
            "handleNotification" => assert_eq!(answer.http, 204),
            "cancelSession" => assert_eq!(answer.body.as_object().unwrap().len(), 1, "the header only"),
            _ => {}
        }
    }

    /// 5.6.1.
    fn initiated(&self, request: &Value, body: &Value) {
        let server = Authentication::read("initiateAuthentication", body).unwrap();
        let id = &server.transaction_id;
        assert!(
            (2..=32).contains(&id.len()) && hex::decode(id).is_some_and(|octets| hex::encode(&octets) == *id)
        );
        let signed = Tlv::parse(&server.server_signed1, 0x30).unwrap();
        let mut fields = signed.reader();
        assert_eq!(hex::encode(fields.take(0x80).unwrap().value), *id);
        assert_eq!(fields.take(0x81).unwrap().value, octets(request, "euiccChallenge"));
        assert_eq!(Some(fields.take(0x83).unwrap().text().unwrap()), request["smdpAddress"].as_str());
        assert_eq!(fields.take(0x84).unwrap().value.len(), 16, "serverChallenge");
        fields.finish().unwrap();

        let dpauth = Certificate::parse(&server.server_certificate).unwrap();
        dpauth.verify_dp(Role::DpAuth, self.issuer(&dpauth.authority_key_id)).unwrap();
        assert_eq!(dpauth.registered_id.as_ref(), Some(&self.oid));
        let signature = Tlv::parse(&server.server_signature1, 0x5F37).unwrap().value;
        curve::verify(&dpauth.public_key, &server.server_signed1, signature).unwrap();

        let info = octets(request, "euiccInfo1");
        let info = Tlv::parse(&info, 0xBF20).unwrap();
        let lists = |tag, id: &[u8]| {
            let list = info.child(tag).unwrap().children().unwrap();
            list.iter().any(|known| known.value == id)
        };
        assert!(lists(0xA9, &dpauth.authority_key_id), "DPauth under a CI that the eUICC does not verify");
        let chosen = Tlv::parse(&server.ci_pk_id, 0x04).unwrap().value;
        assert!(lists(0xAA, chosen), "a CI for signing that the eUICC does not have");
        self.issuer(chosen);
        self.sessions().insert(id.clone(), Seen { dpauth, dppb: None, metadata: Vec::new() });
    }

    /// 5.6.3.
    fn offered(&self, request: &Value, body: &Value) {
        let offer = Offer::read("authenticateClient", body).unwrap();
        let mut sessions = self.sessions();
        let seen = session(&mut sessions, request, &offer.transaction_id);
        let signed = Tlv::parse(&offer.smdp_signed2, 0x30).unwrap();
        let mut fields = signed.reader();
        assert_eq!(hex::encode(fields.take(0x80).unwrap().value), offer.transaction_id);
        assert!(matches!(fields.take(0x01).unwrap().value, [0 | 0xFF]), "ccRequiredFlag in DER");
        if let Some(otpk) = fields.optional(0x5F49).unwrap() {
            let curve = Certificate::parse(&offer.smdp_certificate).unwrap().public_key.curve;
            assert!(curve::is_point(curve, otpk.value), "bppEuiccOtpk");
        }
        fields.finish().unwrap();

        let dppb = Certificate::parse(&offer.smdp_certificate).unwrap();
        assert_eq!(dppb.authority_key_id, seen.dpauth.authority_key_id, "3.1.2: the same CI");
        dppb.verify_dp(Role::DpPb, self.issuer(&dppb.authority_key_id)).unwrap();
        assert_eq!(dppb.registered_id, seen.dpauth.registered_id, "4.5.2.1.0.4: the same OID");
        assert_eq!(dppb.subject, seen.dpauth.subject, "4.5.2.1.0.4: the same subject");
        assert_ne!(dppb.public_key, seen.dpauth.public_key, "4.5.2.1.0.4: a key of its own");
        let response = octets(request, "authenticateServerResponse");
        let ok = Tlv::parse(&response, 0xBF38).unwrap().child(0xA0).unwrap();
        let covered = [&offer.smdp_signed2[..], ok.child(0x5F37).unwrap().raw].concat();
        let signature = Tlv::parse(&offer.smdp_signature2, 0x5F37).unwrap().value;
        curve::verify(&dppb.public_key, &covered, signature).unwrap();
        (seen.dppb, seen.metadata) = (Some(dppb), offer.metadata.raw);
    }

    /// 5.6.2 and 2.5.4: all that can be seen without the eUICC's one-time key.
    fn bound(&self, request: &Value, body: &Value) {
        let id = body["transactionId"].as_str().unwrap();
        let mut sessions = self.sessions();
        let seen = session(&mut sessions, request, id);
        let package = octets(body, "boundProfilePackage");
        let outer = Tlv::parse(&package, 0xBF36).unwrap();
        let mut parts = outer.reader();
        let initialise = parts.take(0xBF23).unwrap();
        segments(&parts.take(0xA0).unwrap(), 0x87, 1);
        segments(&parts.take(0xA1).unwrap(), 0x88, usize::MAX);
        if let Some(keys) = parts.optional(0xA2).unwrap() {
            segments(&keys, 0x87, 1);
        }
        segments(&parts.take(0xA3).unwrap(), 0x86, usize::MAX);
        parts.finish().unwrap();
        assert_eq!(metadata_of(&package).unwrap(), seen.metadata, "the metadata that were offered");

        let mut fields = initialise.reader();
        let operation = fields.take(0x82).unwrap();
        let transaction = fields.take(0x80).unwrap();
        let template = fields.take(0xA6).unwrap();
        let smdp_otpk = fields.take(0x5F49).unwrap();
        let signature = fields.take(0x5F37).unwrap();
        fields.finish().unwrap();
        assert_eq!((operation.value, hex::encode(transaction.value)), (&[1][..], id.to_owned()));
        let mut keys = template.reader();
        assert_eq!(keys.take(0x80).unwrap().value, [0x88], "AES");
        assert_eq!(keys.take(0x81).unwrap().value, [0x10], "128 bits");
        assert!((1..=16).contains(&keys.take(0x84).unwrap().value.len()), "hostId");
        keys.finish().unwrap();
        let curve = seen.dppb.as_ref().unwrap().public_key.curve;
        assert!(curve::is_point(curve, smdp_otpk.value));
        let response = octets(request, "prepareDownloadResponse");
        let ok = Tlv::parse(&response, 0xBF21).unwrap().child(0xA0).unwrap();
        let euicc_otpk = ok.child(0x30).unwrap().child(0x5F49).unwrap();
        let covered = [operation.raw, transaction.raw, template.raw, smdp_otpk.raw, euicc_otpk.raw].concat();
        let dppb = seen.dppb.as_ref().unwrap();
        curve::verify(&dppb.public_key, &covered, signature.value).unwrap();
    }

    #[track_caller]
    fn issuer(&self, key_id: &[u8]) -> &Certificate {
        let found = self.issuers.iter().find(|issuer| issuer.subject_key_id == key_id);
        found.unwrap_or_else(|| panic!("a CI that nobody trusts: {}", hex::encode(key_id)))
    }

    fn sessions(&self) -> std::sync::MutexGuard<'_, HashMap<String, Seen>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[track_caller]
fn session<'a>(sessions: &'a mut HashMap<String, Seen>, request: &Value, id: &str) -> &'a mut Seen {
    let asked = request["transactionId"].as_str().unwrap();
    assert!(asked.eq_ignore_ascii_case(id), "transactionId: asked for {asked}, answered for {id}");
    sessions.get_mut(id).unwrap_or_else(|| panic!("a session that never began: {id}"))
}

/// 2.5.3: segments of one kind, none over the limit.
#[track_caller]
fn segments(part: &Tlv<'_>, tag: u32, count_max: usize) {
    let segments = part.children().unwrap();
    assert!((1..=count_max).contains(&segments.len()), "{} segments '{tag:X}'", segments.len());
    for segment in segments {
        assert_eq!(segment.tag, tag);
        assert!(segment.raw.len() <= SEGMENT_BYTES_MAX, "a segment of {} octets", segment.raw.len());
    }
}

#[track_caller]
fn octets(body: &Value, member: &str) -> Vec<u8> {
    STANDARD.decode(body[member].as_str().unwrap()).unwrap()
}
