//! The Bound Profile Package against known values, and against an eUICC's side written apart from it.
use aes::Aes128;
use aes::cipher::Array;
use aes::cipher::BlockCipherEncrypt;
use aes::cipher::BlockModeDecrypt;
use aes::cipher::KeyInit;
use aes::cipher::KeyIvInit;
use cmac::Cmac;
use cmac::Mac;
use serde_json::Value;
use sha2::Digest;
use sha2::Sha256;

use super::bind::Binding;
use super::bind::BoundPackage;
use super::bind::Parts;
use super::bind::Profile;
use super::keys::ProfileKeys;
use super::keys::SessionKeys;
use super::keys::derive;
use super::protect::Channel;
use super::protect::protect;
use crate::asn1::tlv::split;
use crate::es8plus::HostId;
use crate::es8plus::configure_isdp;
use crate::es8plus::replace_session_keys;
use crate::es8plus::store_metadata::StoreMetadata;
use crate::types::Eid;
use crate::types::Secret;
use crate::types::TransactionId;
use crate::types::hex;

/// The keys of ReplaceSessionKeys in the vectors: chain A0…, PPK-ENC B1…, PPK-MAC C2….
fn vector_profile_keys() -> ProfileKeys {
    let octets: Vec<u8> = [[0xA0; 16], [0xB1; 16], [0xC2; 16]].concat();
    ProfileKeys::from_octets(&octets.try_into().unwrap())
}

fn sets() -> Vec<Value> {
    let vectors: Value = serde_json::from_str(include_str!("../../tests/data/bpp_vector.json")).unwrap();
    vectors["sets"].as_array().unwrap().clone()
}

fn octets(set: &Value, name: &str) -> Vec<u8> {
    hex::decode(set[name].as_str().unwrap()).unwrap()
}

fn session_keys(set: &Value) -> SessionKeys {
    let host = HostId::from_octets(&octets(set, "hostId")).unwrap();
    let eid = Eid::parse(set["eid"].as_str().unwrap()).unwrap();
    derive(&Secret::new(octets(set, "Z")), &host, &eid)
}

/// Compares with the length, first octets and digest that the vectors give of each segment.
fn assert_segments(segments: &[u8], expected: &Value) {
    let segments = split(segments).unwrap();
    let expected = expected.as_array().unwrap();
    assert_eq!(segments.len(), expected.len());
    for (segment, expected) in segments.iter().zip(expected) {
        assert_eq!(Some(u64::try_from(segment.whole.len()).unwrap()), expected["len"].as_u64());
        assert_eq!(hex::encode(&segment.whole[..8]), expected["head"]);
        let digest = hex::encode(&Sha256::digest(segment.whole)).to_lowercase();
        assert_eq!(digest, expected["sha256"]);
    }
}

#[test]
fn the_session_keys_of_both_curves_are_those_of_the_vectors() {
    for set in sets() {
        let keys = session_keys(&set).0;
        assert_eq!(keys.chain.expose().as_slice(), octets(&set, "initialMacChain"));
        assert_eq!(keys.enc.expose().as_slice(), octets(&set, "S_ENC"));
        assert_eq!(keys.mac.expose().as_slice(), octets(&set, "S_MAC"));
    }
}

#[test]
fn the_z_of_each_curve_is_the_x_coordinate_of_the_shared_point() {
    use p256::elliptic_curve::sec1::ToSec1Point;
    let sets = sets();
    let secret = p256::SecretKey::from_slice(&octets(&sets[0], "otSK_DP")).unwrap();
    let public = p256::PublicKey::from_sec1_bytes(&octets(&sets[0], "otPK_EUICC")).unwrap();
    let z = p256::ecdh::diffie_hellman(secret.to_nonzero_scalar(), public.as_affine());
    assert_eq!(z.raw_secret_bytes().as_slice(), octets(&sets[0], "Z"));
    let secret = bp256::r1::SecretKey::from_slice(&octets(&sets[1], "otSK_DP")).unwrap();
    let public =
        ecdsa::VerifyingKey::<bp256::BrainpoolP256r1>::from_sec1_bytes(&octets(&sets[1], "otPK_EUICC"));
    let z =
        p256::elliptic_curve::ecdh::diffie_hellman(secret.to_nonzero_scalar(), public.unwrap().as_affine());
    assert_eq!(z.raw_secret_bytes().as_slice(), octets(&sets[1], "Z"));
    let ours = secret.public_key().to_sec1_point(false);
    assert_eq!(ours.as_bytes(), octets(&sets[1], "otPK_DP"));
}

#[test]
fn the_segments_of_every_command_are_those_of_the_vectors_in_both_modes() {
    let upp: Vec<u8> = (0..5).flat_map(|_| 0..=255u8).collect();
    let profile_keys = vector_profile_keys();
    for set in sets() {
        let metadata = octets(&set, "StoreMetadata");
        let metadata = StoreMetadata::from_der(&metadata).unwrap();
        let mut channel = Channel::new(&session_keys(&set).0);
        assert_eq!(channel.command(&configure_isdp::encode()), octets(&set, "seg87_ConfigureISDP"));
        assert_eq!(channel.store_metadata(metadata), octets(&set, "seg88_StoreMetadata"));

        let mut without_profile_keys = channel.clone();
        assert_segments(&without_profile_keys.load_profile_elements(&upp), &set["seg86_session_key_mode"]);

        let keys = &profile_keys.0;
        let replace = replace_session_keys::encode(keys.chain.expose(), keys.enc.expose(), keys.mac.expose());
        assert_eq!(*replace.expose(), octets(&set, "ReplaceSessionKeys"));
        assert_eq!(channel.command(replace.expose()), octets(&set, "seg87_ReplaceSessionKeys"));
        assert_segments(protect(&upp, &profile_keys).octets(), &set["seg86_PPK_mode"]);
    }
}

/// The eUICC's side of SCP03t, with the plain primitives.
struct Euicc {
    enc: [u8; 16],
    mac: [u8; 16],
    chain: [u8; 16],
    counter: u64,
}

#[expect(clippy::arithmetic_side_effects, reason = "an overflow here fails the test, as it should")]
impl Euicc {
    fn new(keys: &SessionKeys) -> Self {
        let keys = &keys.0;
        Self { enc: *keys.enc.expose(), mac: *keys.mac.expose(), chain: *keys.chain.expose(), counter: 1 }
    }

    fn open(&mut self, segments: &[u8], tag: u32) -> Vec<u8> {
        let mut opened = Vec::new();
        for segment in split(segments).unwrap() {
            assert_eq!(segment.tag, tag);
            assert!(segment.whole.len() <= 1020);
            opened.extend(self.open_one(segment.whole, segment.content));
        }
        opened
    }

    fn open_one(&mut self, whole: &[u8], content: &[u8]) -> Vec<u8> {
        let mut mac = <Cmac<Aes128> as KeyInit>::new_from_slice(&self.mac).unwrap();
        mac.update(&self.chain);
        mac.update(&whole[..whole.len() - 8]);
        self.chain = mac.finalize().into_bytes().into();
        assert_eq!(whole[whole.len() - 8..], self.chain[..8], "MAC of segment {}", self.counter);

        let mut icv = [0; 16];
        icv[8..].copy_from_slice(&self.counter.to_be_bytes());
        self.counter += 1;
        let mut body = content[..content.len() - 8].to_vec();
        if whole[0] == 0x88 {
            return body;
        }
        let mut icv = Array::from(icv);
        Aes128::new_from_slice(&self.enc).unwrap().encrypt_block(&mut icv);
        let mut cbc = cbc::Decryptor::<Aes128>::new_from_slices(&self.enc, &icv).unwrap();
        let (blocks, rest) = Array::slice_as_chunks_mut(&mut body);
        assert!(rest.is_empty());
        cbc.decrypt_blocks(blocks);
        let end = body.iter().rposition(|octet| *octet != 0).unwrap();
        assert_eq!(body[end], 0x80);
        body.truncate(end);
        body
    }

    fn replace_keys(&mut self, command: &[u8]) {
        assert_eq!(command.len(), 57);
        self.chain.copy_from_slice(&command[5..21]);
        self.enc.copy_from_slice(&command[23..39]);
        self.mac.copy_from_slice(&command[41..57]);
        self.counter = 1;
    }

    /// Unpacks a whole package as an eUICC would; gives the metadata and the Profile.
    fn install(&mut self, bpp: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let outer = split(bpp).unwrap();
        assert_eq!((outer.len(), outer[0].tag), (1, 0xBF36));
        let (mut metadata, mut upp, mut tags) = (Vec::new(), Vec::new(), Vec::new());
        for member in split(outer[0].content).unwrap() {
            tags.push(member.tag);
            match member.tag {
                0xBF23 => {}
                0xA0 => assert_eq!(self.open(member.content, 0x87), [0xBF, 0x24, 0x00]),
                0xA1 => metadata = self.open(member.content, 0x88),
                0xA2 => {
                    let command = self.open(member.content, 0x87);
                    self.replace_keys(&command);
                }
                0xA3 => upp = self.open(member.content, 0x86),
                other => panic!("tag {other:X}"),
            }
        }
        assert!(tags == [0xBF23, 0xA0, 0xA1, 0xA2, 0xA3] || tags == [0xBF23, 0xA0, 0xA1, 0xA3], "{tags:X?}");
        (metadata, upp)
    }
}

/// Binds `profile` with the keys of the first vector, signed with 37….
fn prepare<'a>(profile: Profile<'_, 'a>, metadata: &[u8]) -> Binding<'a> {
    let set = &sets()[0];
    Binding::prepare(&Parts {
        transaction_id: &TransactionId::parse("01").unwrap(),
        host_id: &HostId::from_octets(&octets(set, "hostId")).unwrap(),
        smdp_otpk: &octets(set, "otPK_DP").try_into().unwrap(),
        euicc_otpk: &octets(set, "otPK_EUICC").try_into().unwrap(),
        session_keys: &session_keys(set),
        metadata: StoreMetadata::from_der(metadata).unwrap(),
        profile,
    })
}

fn metadata_of(octets: usize) -> Vec<u8> {
    crate::asn1::tlv::tlv(&[0xBF, 0x25], &crate::asn1::tlv::tlv(&[0x94], &vec![1; octets]))
}

#[test]
fn an_euicc_recovers_profiles_of_every_size_in_both_modes() {
    let keys = vector_profile_keys();
    let session_keys = session_keys(&sets()[0]);
    let source: Vec<u8> = (0..3000u32).map(|place| (place * place / 7).to_le_bytes()[0]).collect();
    // Every size: around 1007 and 2014 the last piece is full, missing or one octet.
    for size in 0..=3000 {
        let upp = &source[..size];
        let profile = protect(upp, &keys);
        let metadata = metadata_of(size % 1100);
        for mode in [Profile::Prepared { profile: &profile, keys: &keys }, Profile::Plain { upp }] {
            let bpp = prepare(mode, &metadata).seal(&[0x37; 64]).bpp;
            let (shown, installed) = Euicc::new(&session_keys).install(&bpp);
            assert!(installed == upp, "{size}");
            assert_eq!(shown, metadata, "{size}");
        }
    }
}

#[test]
fn a_package_bound_again_differs_only_in_transaction_and_signature() {
    let keys = vector_profile_keys();
    let profile = protect(b"a profile", &keys);
    let first = prepare(Profile::Prepared { profile: &profile, keys: &keys }, &metadata_of(3));
    let (first_signed, first) = (first.to_be_signed(), first.seal(&[0x37; 64]));

    let kept = BoundPackage::from_octets(&first.keep.to_octets()).unwrap();
    let key = *kept.euicc_otpk();
    let again = kept.clone().rebind(&TransactionId::parse("02").unwrap(), &key, Some(&profile)).unwrap();
    let mut again_signed = again.to_be_signed();
    assert_eq!(again_signed[..6], [0x82, 1, 1, 0x80, 1, 2]);
    again_signed[5] = 1;
    assert_eq!(again_signed, first_signed);

    let again = again.seal(&[0x38; 64]);
    let members = |bpp: &[u8]| -> Vec<Vec<u8>> {
        let outer = split(bpp).unwrap();
        split(outer[0].content).unwrap().iter().map(|member| member.whole.to_vec()).collect()
    };
    let (before, after) = (members(&first.bpp), members(&again.bpp));
    assert_ne!(before[0], after[0]);
    assert_eq!(before[1..], after[1..]);
    assert_eq!(again.keep, kept);
}

#[test]
fn a_package_is_not_bound_again_to_another_key() {
    let package = prepare(Profile::Plain { upp: b"a profile" }, &metadata_of(3)).seal(&[0x37; 64]).keep;
    assert_eq!(package.rebind(&TransactionId::parse("02").unwrap(), &[4; 65], None), None);
}

#[test]
fn a_stored_package_that_is_not_ours_is_refused() {
    let stored = prepare(Profile::Plain { upp: b"a profile" }, &metadata_of(3)).seal(&[0x37; 64]).keep;
    let stored = stored.to_octets();
    assert!(BoundPackage::from_octets(&stored).is_ok());
    assert!(BoundPackage::from_octets(&[]).is_err());
    assert!(BoundPackage::from_octets(&stored[..stored.len() - 1]).is_err());
    assert!(BoundPackage::from_octets(&[stored.clone(), vec![0x84, 0]].concat()).is_err());
    let mut short_key = stored;
    short_key[0] = 0x82;
    assert!(BoundPackage::from_octets(&short_key).is_err());
}
