//! Binds a Profile to one eUICC (SGP.22 section 2.5.4), and binds it again to the same key after a broken try.
use crate::asn1::tlv::concat;
use crate::asn1::tlv::split;
use crate::asn1::tlv::tlv;
use crate::bpp::keys::ProfileKeys;
use crate::bpp::keys::SessionKeys;
use crate::bpp::protect::Channel;
use crate::bpp::protect::ProtectedProfile;
use crate::es8plus::HostId;
use crate::es8plus::Point;
use crate::es8plus::configure_isdp;
use crate::es8plus::initialise_secure_channel::InitialiseSecureChannel;
use crate::es8plus::replace_session_keys;
use crate::es8plus::store_metadata::StoreMetadata;
use crate::types::Malformed;
use crate::types::TransactionId;

/// Everything that is bound together.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'p, 'a> {
    pub transaction_id: &'p TransactionId,
    pub host_id: &'p HostId,
    pub smdp_otpk: &'p Point,
    pub euicc_otpk: &'p Point,
    /// Derived from the two keys above, the host and the EID.
    pub session_keys: &'p SessionKeys,
    pub metadata: StoreMetadata<'p>,
    pub profile: Profile<'p, 'a>,
}

/// The two modes of 2.5.3.
#[derive(Debug, Clone, Copy)]
pub enum Profile<'p, 'a> {
    /// Prepared in advance under keys of its own, which travel in ReplaceSessionKeys.
    Prepared { profile: &'a ProtectedProfile, keys: &'p ProfileKeys },
    /// Encrypted now under the session keys.
    Plain { upp: &'p [u8] },
}

/// A package that waits for its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding<'a> {
    transaction_id: TransactionId,
    package: BoundPackage,
    /// The member A3 of a Profile prepared in advance: not copied until the package leaves.
    prepared: Option<&'a ProtectedProfile>,
}

/// What stays the same when a package is sent again to the same otPK.EUICC (5.6.2): all but transaction and
/// signature. To be stored sealed, and dropped when the Profile is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoundPackage {
    smdp_otpk: Point,
    euicc_otpk: Point,
    host_id: HostId,
    /// The members A0 to A2; with session keys also A3, which is then of this eUICC alone.
    commands: Vec<u8>,
}

/// The signed package, and what to keep for a second try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The BoundProfilePackage as it travels.
    pub bpp: Vec<u8>,
    pub keep: BoundPackage,
}

impl<'a> Binding<'a> {
    pub fn prepare(parts: &Parts<'_, 'a>) -> Self {
        let mut channel = Channel::new(&parts.session_keys.0);
        let configure = tlv(&[0xA0], &channel.command(&configure_isdp::encode()));
        let metadata = tlv(&[0xA1], &channel.store_metadata(parts.metadata));
        let (last, prepared) = match parts.profile {
            Profile::Prepared { profile, keys } => {
                (tlv(&[0xA2], &replace_keys(&mut channel, keys)), Some(profile))
            }
            Profile::Plain { upp } => (tlv(&[0xA3], &channel.load_profile_elements(upp)), None),
        };
        let package = BoundPackage {
            smdp_otpk: *parts.smdp_otpk,
            euicc_otpk: *parts.euicc_otpk,
            host_id: parts.host_id.clone(),
            commands: concat(&[&configure, &metadata, &last]),
        };
        Self { transaction_id: parts.transaction_id.clone(), package, prepared }
    }

    /// What SK.DPpb signs.
    pub fn to_be_signed(&self) -> Vec<u8> {
        self.first_command().to_be_signed(&self.package.euicc_otpk)
    }

    /// Completes the package; `signature` is r‖s.
    pub fn seal(self, signature: &[u8; 64]) -> Sealed {
        let first = self.first_command().encode(signature);
        let profile = self.prepared.map(|profile| tlv(&[0xA3], profile.octets())).unwrap_or_default();
        let bpp = tlv(&[0xBF, 0x36], &concat(&[&first, &self.package.commands, &profile]));
        Sealed { bpp, keep: self.package }
    }

    fn first_command(&self) -> InitialiseSecureChannel {
        InitialiseSecureChannel {
            transaction_id: self.transaction_id.clone(),
            host_id: self.package.host_id.clone(),
            smdp_otpk: self.package.smdp_otpk,
        }
    }
}

impl BoundPackage {
    /// The key this package was made for. The LPA is told it in smdpSigned2.bppEuiccOtpk.
    pub fn euicc_otpk(&self) -> &Point {
        &self.euicc_otpk
    }

    /// Opens the package for another session; `None` if the eUICC now shows another key. `prepared` is the
    /// Profile that it was first bound with; it is not used if that went under session keys, and is in the package.
    pub fn rebind<'a>(
        self,
        transaction_id: &TransactionId,
        euicc_otpk: &Point,
        prepared: Option<&'a ProtectedProfile>,
    ) -> Option<Binding<'a>> {
        let same_key = self.euicc_otpk == *euicc_otpk;
        let prepared = prepared.filter(|_| !self.holds_profile());
        same_key.then(|| Binding { transaction_id: transaction_id.clone(), package: self, prepared })
    }

    /// With session keys the last command is A3, the Profile itself; otherwise it is A2, the keys.
    fn holds_profile(&self) -> bool {
        split(&self.commands).is_ok_and(|commands| commands.last().is_some_and(|last| last.tag == 0xA3))
    }

    /// For the vault: one value, in a form of our own.
    pub fn to_octets(&self) -> Vec<u8> {
        concat(&[
            &tlv(&[0x80], &self.smdp_otpk),
            &tlv(&[0x81], &self.euicc_otpk),
            &tlv(&[0x82], self.host_id.octets()),
            &tlv(&[0xA3], &self.commands),
        ])
    }

    /// Reads what [`BoundPackage::to_octets`] wrote.
    pub fn from_octets(octets: &[u8]) -> Result<Self, Malformed> {
        let malformed = Malformed("stored BoundProfilePackage");
        let values = split(octets)?;
        let [smdp, euicc, host, body] = values.as_slice() else { return Err(malformed) };
        if [smdp.tag, euicc.tag, host.tag, body.tag] != [0x80, 0x81, 0x82, 0xA3] {
            return Err(malformed);
        }
        Ok(Self {
            smdp_otpk: Point::try_from(smdp.content).map_err(|_| malformed)?,
            euicc_otpk: Point::try_from(euicc.content).map_err(|_| malformed)?,
            host_id: HostId::from_octets(host.content)?,
            commands: body.content.to_vec(),
        })
    }
}

fn replace_keys(channel: &mut Channel, keys: &ProfileKeys) -> Vec<u8> {
    let keys = &keys.0;
    let command = replace_session_keys::encode(keys.chain.expose(), keys.enc.expose(), keys.mac.expose());
    channel.command(command.expose())
}
