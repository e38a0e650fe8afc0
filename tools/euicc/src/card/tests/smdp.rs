//! A small SM-DP+ that can do each thing wrong.

use super::pki::{self, Holder, SMDP_OID};
use crate::card::{Card, DeviceInfo};
use crate::curve::{Curve, OneTimeKey};
use crate::kdf::session_keys;
use crate::metadata::iccid_coded;
use crate::package;
use crate::scp03t::{Channel, Keys};
use crate::tlv::{self, Tlv};

pub(crate) const ICCID: &str = "8900012345678901234";
pub(crate) const ADDRESS: &str = "smdp.example.com";
pub(crate) const TRANSACTION_ID: &[u8] = &[7; 16];

pub(crate) struct Smdp {
    pub ci: Holder,
    pub auth: Holder,
    pub binding: Holder,
    pub cc_required: bool,
    pub offered_otpk: Option<Vec<u8>>,
}

/// One package, right unless changed.
pub(crate) struct Package {
    pub operation: u8,
    pub transaction_id: Vec<u8>,
    pub key_type: u8,
    pub host_id: Vec<u8>,
    pub configure: Vec<u8>,
    pub metadata: Vec<u8>,
    pub upp: Vec<u8>,
    pub random_keys: bool,
    pub off_curve: bool,
    pub bend_signature: bool,
    pub eid: [u8; 16],
    pub segment_bytes: usize,
}

impl Default for Package {
    fn default() -> Self {
        let iccid = iccid_coded(ICCID).unwrap();
        Self {
            operation: 1,
            transaction_id: TRANSACTION_ID.to_vec(),
            key_type: 0x88,
            host_id: b"host".to_vec(),
            configure: vec![0xBF, 0x24, 0],
            metadata: metadata(&iccid, &[]),
            upp: package::minimal(&iccid),
            random_keys: false,
            off_curve: false,
            bend_signature: false,
            eid: crate::hex::decode(pki::EID).unwrap().try_into().unwrap(),
            segment_bytes: 40,
        }
    }
}

pub(crate) fn metadata(iccid: &[u8], more: &[u8]) -> Vec<u8> {
    let entry = |bits, address: &str| {
        tlv::nest(
            0x30,
            &[&tlv::write(0x80, &crate::info::named_bits(bits)), &tlv::write(0x81, address.as_bytes())],
        )
    };
    let all = tlv::nest(0xB6, &[&entry(0xF0, ADDRESS), &entry(0x80, "second.example.com")]);
    let texts = [tlv::write(0x91, b"Telecom"), tlv::write(0x92, b"Plan")].concat();
    tlv::nest(0xBF25, &[&tlv::write(0x5A, iccid), &texts, &all, more])
}

impl Smdp {
    pub(crate) fn new() -> Self {
        Self::on(Curve::NistP256)
    }

    pub(crate) fn on(curve: Curve) -> Self {
        let ci = pki::issue_on(
            curve,
            None,
            &pki::Wish { name: "CI", role: 0, oid: None, policy_critical: true, host: None },
        );
        let auth = pki::issue(Some(&ci), &pki::dp("SM-DP+", 4, SMDP_OID));
        let binding = pki::issue(Some(&ci), &pki::dp("SM-DP+", 5, SMDP_OID));
        Self { ci, auth, binding, cc_required: false, offered_otpk: None }
    }

    /// With the published test certificates, when they are here.
    pub(crate) fn published(curve: &str) -> Option<Self> {
        let holder = |folder: &str, name: &str| {
            pki::published(
                &format!("{folder}/CERT_{name}_{curve}.der"),
                &format!("{folder}/SK_{name}_{curve}.pem"),
            )
        };
        let ci = holder("ci", "CI_ECDSA")?;
        let auth = holder("dpauth", "S_SM_DPauth_ECDSA")?;
        let binding = holder("dppb", "S_SM_DPpb_ECDSA")?;
        Some(Self { ci, auth, binding, cc_required: false, offered_otpk: None })
    }

    pub(crate) fn card(&self) -> Card {
        Card::new(pki::identity(&self.ci))
    }

    pub(crate) fn signed1(challenge: &[u8]) -> Vec<u8> {
        tlv::nest(
            0x30,
            &[
                &tlv::write(0x80, TRANSACTION_ID),
                &tlv::write(0x81, challenge),
                &tlv::write(0x83, ADDRESS.as_bytes()),
                &tlv::write(0x84, &[9; 16]),
            ],
        )
    }

    /// AuthenticateServer with this challenge and signature.
    pub(crate) fn authenticate_with(&self, card: &mut Card, challenge: &[u8], bend: bool) -> Vec<u8> {
        let signed1 = Self::signed1(challenge);
        let mut signature = tlv::write(0x5F37, &self.auth.signer.sign(&signed1).unwrap());
        if bend {
            signature = super::super::bent(signature);
        }
        let key_id = tlv::write(0x04, &card.identity.issuers[0].subject_key_id);
        card.authenticate_server(&signed1, &signature, &key_id, &self.auth.der, None, &DeviceInfo::default())
            .unwrap()
    }

    pub(crate) fn authenticate(&self, card: &mut Card) -> Vec<u8> {
        let challenge = card.get_euicc_challenge().unwrap();
        self.authenticate_with(card, &challenge, false)
    }

    /// PrepareDownload after this AuthenticateServerResponse.
    pub(crate) fn prepare(&self, card: &mut Card, authenticated: &[u8], code: Option<&str>) -> Vec<u8> {
        let signature1 = ok(authenticated, 0xBF38).find(0x5F37).unwrap().unwrap().raw.to_vec();
        self.prepare_with(card, TRANSACTION_ID, &signature1, code)
    }

    pub(crate) fn prepare_with(
        &self,
        card: &mut Card,
        transaction_id: &[u8],
        signature1: &[u8],
        code: Option<&str>,
    ) -> Vec<u8> {
        let flag = if self.cc_required { 0xFF } else { 0 };
        let offered = self.offered_otpk.as_ref().map(|otpk| tlv::write(0x5F49, otpk)).unwrap_or_default();
        let signed2 =
            tlv::nest(0x30, &[&tlv::write(0x80, transaction_id), &tlv::write(0x01, &[flag]), &offered]);
        let plain = self.binding.signer.sign(&[&signed2[..], signature1].concat()).unwrap();
        card.prepare_download(&signed2, &tlv::write(0x5F37, &plain), &self.binding.der, code).unwrap()
    }

    pub(crate) fn bind(&self, euicc_otpk: &[u8], package: &Package) -> Vec<u8> {
        let key = OneTimeKey::generate(self.binding.signer.public().curve).unwrap();
        let initialise = self.initialise(&key, euicc_otpk, package);
        let shared = key.agree(euicc_otpk).unwrap();
        let mut channel = Channel::new(session_keys(&shared, &package.host_id, &package.eid));
        let configure = channel.seal(0x87, &package.configure);
        let metadata: Vec<u8> =
            package.metadata.chunks(1000).flat_map(|part| channel.seal(0x88, part)).collect();
        let mut replace = Vec::new();
        if package.random_keys {
            let part = |tag, fill| tlv::write(tag, &[fill; 16]);
            let request = tlv::nest(0xBF26, &[&part(0x80, 1), &part(0x81, 2), &part(0x82, 3)]);
            replace = tlv::write(0xA2, &channel.seal(0x87, &request));
            channel = Channel::new(Keys { chain: [1; 16], enc: [2; 16], mac: [3; 16] });
        }
        let elements: Vec<u8> =
            package.upp.chunks(package.segment_bytes).flat_map(|part| channel.seal(0x86, part)).collect();
        tlv::nest(
            0xBF36,
            &[
                &initialise,
                &tlv::write(0xA0, &configure),
                &tlv::write(0xA1, &metadata),
                &replace,
                &tlv::write(0xA3, &elements),
            ],
        )
    }

    fn initialise(&self, key: &OneTimeKey, euicc_otpk: &[u8], package: &Package) -> Vec<u8> {
        let mut point = key.public.clone();
        if package.off_curve {
            point = super::super::bent(point);
        }
        let crt = tlv::nest(
            0xA6,
            &[
                &tlv::write(0x80, &[package.key_type]),
                &tlv::write(0x81, &[0x10]),
                &tlv::write(0x84, &package.host_id),
            ],
        );
        let fields = [
            tlv::write(0x82, &[package.operation]),
            tlv::write(0x80, &package.transaction_id),
            crt,
            tlv::write(0x5F49, &point),
        ]
        .concat();
        let covered = [&fields[..], &tlv::write(0x5F49, euicc_otpk)].concat();
        let mut signature = tlv::write(0x5F37, &self.binding.signer.sign(&covered).unwrap());
        if package.bend_signature {
            signature = super::super::bent(signature);
        }
        tlv::nest(0xBF23, &[&fields, &signature])
    }

    /// A session up to the package, and its result.
    pub(crate) fn install(&self, card: &mut Card, package: &Package) -> Vec<u8> {
        let bpp = self.session(card, package);
        card.load_bound_profile_package(&bpp).unwrap()
    }

    /// A session up to the package.
    pub(crate) fn session(&self, card: &mut Card, package: &Package) -> Vec<u8> {
        let authenticated = self.authenticate(card);
        self.prepare(card, &authenticated, Some("1234"));
        let otpk = card.session_otpk().unwrap().to_vec();
        self.bind(&otpk, package)
    }
}

/// The content of the consent in a response.
pub(crate) fn ok(response: &[u8], tag: tlv::Tag) -> Tlv<'_> {
    Tlv::parse(response, tag).unwrap().child(0xA0).unwrap()
}

/// The code of the refusal in a response, if it is one.
pub(crate) fn refused(response: &[u8], tag: tlv::Tag) -> Option<u64> {
    let error = Tlv::parse(response, tag).unwrap().find(0xA1).unwrap()?;
    Some(error.child(0x02).unwrap().unsigned().unwrap())
}

/// Command and reason of a failed installation.
pub(crate) fn failed(pir: &[u8]) -> Option<(u64, u64)> {
    let data = Tlv::parse(pir, 0xBF37).unwrap().child(0xBF27).unwrap();
    let error = data.child(0xA2).unwrap().find(0xA1).unwrap()?;
    Some((error.child(0x80).unwrap().unsigned().unwrap(), error.child(0x81).unwrap().unsigned().unwrap()))
}
