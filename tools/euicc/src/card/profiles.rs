//! Installed Profiles, and ES10c.EnableProfile, DisableProfile and DeleteProfile.

use serde::{Deserialize, Serialize};

use super::{Card, CardError};
use crate::metadata::{Event, Metadata};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Profile {
    /// As in EF.ICCID, nibbles swapped.
    #[serde(with = "crate::hex")]
    pub iccid: Vec<u8>,
    pub metadata: Metadata,
    /// The decrypted package.
    #[serde(with = "crate::hex")]
    pub upp: Vec<u8>,
    #[serde(with = "crate::hex")]
    pub aid: Vec<u8>,
    pub enabled: bool,
}

impl Card {
    pub fn profiles(&self) -> &[Profile] {
        &self.profiles
    }

    /// By the digits of the ICCID.
    pub fn profile(&self, iccid: &str) -> Option<&Profile> {
        self.profiles.iter().find(|profile| profile.metadata.iccid_digits() == iccid.trim_end_matches('F'))
    }

    /// Disables the Profile enabled so far, if any.
    pub fn enable(&mut self, iccid: &str) -> Result<(), CardError> {
        let chosen = self.profile(iccid).ok_or(CardError::UnknownProfile)?;
        if chosen.enabled {
            return Err(CardError::AlreadySo);
        }
        let chosen = chosen.iccid.clone();
        if let Some(other) = self.profiles.iter().find(|profile| profile.enabled) {
            self.disable(&other.metadata.iccid_digits())?;
        }
        self.set_enabled(&chosen, true);
        self.notify(&chosen, Event::Enable)
    }

    pub fn disable(&mut self, iccid: &str) -> Result<(), CardError> {
        let profile = self.profile(iccid).ok_or(CardError::UnknownProfile)?;
        if !profile.enabled {
            return Err(CardError::AlreadySo);
        }
        if profile.metadata.ppr1() {
            return Err(CardError::PolicyRule);
        }
        let iccid = profile.iccid.clone();
        self.set_enabled(&iccid, false);
        self.notify(&iccid, Event::Disable)
    }

    pub fn delete(&mut self, iccid: &str) -> Result<(), CardError> {
        let profile = self.profile(iccid).ok_or(CardError::UnknownProfile)?;
        if profile.enabled {
            return Err(CardError::Enabled);
        }
        if profile.metadata.ppr2() {
            return Err(CardError::PolicyRule);
        }
        let iccid = profile.iccid.clone();
        // The addresses are in the Profile, so tell before forgetting.
        self.notify(&iccid, Event::Delete)?;
        self.profiles.retain(|profile| profile.iccid != iccid);
        Ok(())
    }

    fn set_enabled(&mut self, iccid: &[u8], enabled: bool) {
        for profile in self.profiles.iter_mut().filter(|profile| profile.iccid == iccid) {
            profile.enabled = enabled;
        }
    }

    /// An ISD-P AID no installed Profile has.
    pub(super) fn next_aid(&self) -> Vec<u8> {
        let prefix = [0xA0, 0, 0, 5, 0x59, 0x10, 0x10, 0xFF, 0xFF, 0xFF, 0xFF, 0x89, 0];
        let aid = |number: u16| [&prefix[..], &number.to_be_bytes(), &[0]].concat();
        (0x10..u16::MAX)
            .map(aid)
            .find(|aid| self.profiles.iter().all(|profile| profile.aid != *aid))
            .unwrap_or_default()
    }
}
