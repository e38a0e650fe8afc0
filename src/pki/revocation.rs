//! What a CI has revoked: the newest list that was believed, and what earlier ones said (SGP.22 4.6).
use super::certificate::Certificate;
use super::crl::{CrlError, CrlNumber, ENTRIES_MAX, Entries, Serial, parse, to_der};
use crate::time::Timestamp;

/// A complete list of one CI, signed by it; segments were put together.
#[derive(Debug, Clone)]
pub struct Revocations {
    der: Vec<u8>,
    number: CrlNumber,
    this_update: Timestamp,
    next_update: Timestamp,
    listed: Entries,
    /// Revoked by an earlier list and missing in this one: revoked is final (4.6).
    carried: Entries,
}

impl Revocations {
    /// Reads a body as it was fetched, and believes nothing but what this CI signed.
    pub fn read(body: &[u8], ci: &Certificate) -> Result<Self, CrlError> {
        let der = to_der(body)?;
        let crls = parse(&der)?;
        let [first, others @ ..] = crls.as_slice() else { return Err(CrlError::Segments) };
        let (number, this_update, next_update) = (first.number, first.this_update, first.next_update);
        let alike = |crl: &super::crl::Crl| {
            (crl.number, crl.this_update, crl.next_update) == (number, this_update, next_update)
        };
        if !others.iter().all(alike) {
            return Err(CrlError::Segments);
        }
        let mut places: Vec<Option<(u32, u32)>> = crls.iter().map(|crl| crl.segment).collect();
        places.sort_unstable();
        let total = u32::try_from(crls.len()).map_err(|_| CrlError::TooMany)?;
        let complete = places.iter().copied().eq((1..=total).map(|place| Some((place, total))));
        if !complete && places != [None] {
            return Err(CrlError::Segments);
        }
        // After what costs nothing: else one true segment, sent thousands of times, would be verified as often.
        crls.iter().try_for_each(|crl| crl.verify_issued_by(ci))?;
        let listed: Entries = crls.into_iter().flat_map(|crl| crl.entries).collect();
        Ok(Self { der, number, this_update, next_update, listed, carried: Entries::new() })
    }

    /// Takes the place of `held`, which must not be newer. What `held` revoked stays revoked, until its
    /// certificate has expired; where the list did not say when, for ever.
    pub fn succeed(mut self, held: &Self, now: Timestamp) -> Result<Self, CrlError> {
        if self.number < held.number || self.this_update < held.this_update {
            return Err(CrlError::Older { offered: self.number, held: held.number });
        }
        let earlier = held.listed.iter().chain(&held.carried).map(|(serial, expires)| (*serial, *expires));
        self.carry(earlier, now)?;
        Ok(self)
    }

    /// Adds what was carried along before a restart.
    pub fn carry(
        &mut self,
        earlier: impl IntoIterator<Item = (Serial, Option<Timestamp>)>,
        now: Timestamp,
    ) -> Result<(), CrlError> {
        for (serial, expires) in earlier {
            let over = expires.is_some_and(|expires| expires < now);
            if !over && !self.listed.contains_key(&serial) {
                self.carried.insert(serial, expires);
            }
        }
        let all = self.listed.len().saturating_add(self.carried.len());
        if all > ENTRIES_MAX { Err(CrlError::TooMany) } else { Ok(()) }
    }

    /// A certificate of this CI was revoked. A serial number that no list can name is not believed either.
    pub fn has(&self, certificate: &Certificate) -> bool {
        certificate.revocable().is_none_or(|serial| self.has_serial(&serial))
    }

    pub(super) fn has_serial(&self, serial: &Serial) -> bool {
        self.listed.contains_key(serial) || self.carried.contains_key(serial)
    }

    pub fn der(&self) -> &[u8] {
        &self.der
    }

    pub fn number(&self) -> CrlNumber {
        self.number
    }

    pub fn this_update(&self) -> Timestamp {
        self.this_update
    }

    pub fn next_update(&self) -> Timestamp {
        self.next_update
    }

    /// Certificates that are revoked, by this list or an earlier one.
    pub fn entries(&self) -> usize {
        self.listed.len().saturating_add(self.carried.len())
    }

    pub fn carried(&self) -> impl Iterator<Item = (&Serial, &Option<Timestamp>)> {
        self.carried.iter()
    }
}
