//! A Bound Profile Package, opened with the eUICC's one-time key and none of the server's code (2.5, annex G).
use euicc::Card;
use euicc::hex;
use euicc::kdf::session_keys;
use euicc::scp03t::{Channel, Keys};
use euicc::tlv::Tlv;

pub(crate) struct Opened {
    /// Plaintext of ConfigureISDP, StoreMetadata and, in PPK mode, ReplaceSessionKeys.
    pub(crate) configure: Vec<u8>,
    pub(crate) metadata: Vec<u8>,
    pub(crate) replace_keys: Option<Vec<u8>>,
    pub(crate) upp: Vec<u8>,
    /// Segments '88' and '86'.
    pub(crate) counts: (usize, usize),
    pub(crate) smdp_otpk: Vec<u8>,
    pub(crate) transaction_id: Vec<u8>,
    pub(crate) host_id: Vec<u8>,
}

impl Opened {
    /// The card must be in the session of the package. Every MAC is verified, in one chain.
    pub(crate) fn of(card: &Card, package: &[u8]) -> Self {
        let outer = Tlv::parse(package, 0xBF36).unwrap();
        let initialise = outer.child(0xBF23).unwrap();
        let smdp_otpk = initialise.child(0x5F49).unwrap().value.to_vec();
        let host_id = initialise.child(0xA6).unwrap().child(0x84).unwrap().value.to_vec();
        let shared = card.session_one_time_key().unwrap().agree(&smdp_otpk).unwrap();
        let eid: [u8; 16] = hex::decode(card.eid()).unwrap().try_into().unwrap();
        let mut channel = Channel::new(session_keys(&shared, &host_id, &eid));

        let (configure, _) = open(&mut channel, &outer.child(0xA0).unwrap(), 0x87);
        let (metadata, metadata_segments) = open(&mut channel, &outer.child(0xA1).unwrap(), 0x88);
        let replace_keys = outer.find(0xA2).unwrap().map(|part| open(&mut channel, &part, 0x87).0);
        if let Some(request) = &replace_keys {
            channel = Channel::new(keys(request));
        }
        let (upp, upp_segments) = open(&mut channel, &outer.child(0xA3).unwrap(), 0x86);
        Self {
            configure,
            metadata,
            replace_keys,
            upp,
            counts: (metadata_segments, upp_segments),
            smdp_otpk,
            transaction_id: initialise.child(0x80).unwrap().value.to_vec(),
            host_id,
        }
    }
}

/// The joined plaintext of all segments, and how many they are.
fn open(channel: &mut Channel, part: &Tlv<'_>, tag: u32) -> (Vec<u8>, usize) {
    let segments = part.children().unwrap();
    let mut plain = Vec::new();
    for segment in &segments {
        assert_eq!(segment.tag, tag);
        plain.extend(channel.open(segment).unwrap());
    }
    (plain, segments.len())
}

/// 5.5.4: chaining value, key for encryption, key for MACs, and nothing else.
fn keys(request: &[u8]) -> Keys {
    let request = Tlv::parse(request, 0xBF26).unwrap();
    let mut fields = request.reader();
    let mut key = |tag| fields.take(tag).unwrap().value.try_into().unwrap();
    let keys = Keys { chain: key(0x80), enc: key(0x81), mac: key(0x82) };
    fields.finish().unwrap();
    keys
}
