//! Notifications: results of installations and events of Profiles (SGP.22 sections 2.5.6 and 3.5).

use serde::{Deserialize, Serialize};

use super::install::Failure;
use super::session::Authenticated;
use super::{Card, CardError, bent};
use crate::faults::Fault;
use crate::info::named_bits;
use crate::metadata::Event;
use crate::tlv;

/// One notification the LPA has still to deliver.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Notification {
    pub sequence: u64,
    pub event: Event,
    pub address: String,
    #[serde(with = "crate::hex")]
    pub iccid: Vec<u8>,
    /// PendingNotification: `BF37…` or `30…`.
    #[serde(with = "crate::hex")]
    pub bytes: Vec<u8>,
}

impl Card {
    /// In order of their sequence numbers.
    pub fn list_notifications(&self) -> &[Notification] {
        &self.notifications
    }

    pub fn remove_notification(&mut self, sequence: u64) -> Result<(), CardError> {
        let before = self.notifications.len();
        self.notifications.retain(|pending| pending.sequence != sequence);
        if self.notifications.len() == before { Err(CardError::UnknownNotification) } else { Ok(()) }
    }

    fn next_sequence(&mut self) -> u64 {
        self.sequence = self.sequence.saturating_add(1);
        self.sequence
    }

    /// Makes OtherSignedNotification for each address the Profile names for this event.
    pub(super) fn notify(&mut self, iccid: &[u8], event: Event) -> Result<(), CardError> {
        let addresses: Vec<String> = self
            .profiles
            .iter()
            .filter(|profile| profile.iccid == iccid)
            .flat_map(|profile| &profile.metadata.notifications)
            .filter(|(known, _)| *known == event)
            .map(|(_, address)| address.clone())
            .collect();
        for address in addresses {
            let sequence = self.next_sequence();
            let two = if self.faults.has(Fault::NotificationTwoEvents) { 0x90 } else { 0 };
            let metadata = notification_metadata(sequence, event.bit() | two, &address, Some(iccid));
            let mut signature = self.signature(&metadata)?;
            if self.faults.has(Fault::NotificationSignatureBad) {
                signature = bent(signature);
            }
            let bytes =
                tlv::nest(0x30, &[&metadata, &signature, &self.identity.euicc.der, &self.identity.eum.der]);
            self.notifications.push(Notification { sequence, event, address, iccid: iccid.to_vec(), bytes });
        }
        Ok(())
    }

    /// Makes ProfileInstallationResult and keeps it for delivery.
    pub(super) fn installation_result(
        &mut self,
        session: &Authenticated,
        iccid: Option<&[u8]>,
        result: &Result<Vec<u8>, Failure>,
    ) -> Result<Vec<u8>, CardError> {
        let sequence = self.next_sequence();
        let shown = if self.faults.has(Fault::PirIccidMissing) { None } else { iccid };
        let metadata = notification_metadata(sequence, Event::Install.bit(), &session.server_address, shown);
        let change = |fault, bytes: &[u8]| {
            if self.faults.has(fault) { bent(bytes.to_vec()) } else { bytes.to_vec() }
        };
        let transaction_id = change(Fault::PirTransactionIdUnknown, &session.transaction_id);
        let smdp_oid = change(Fault::PirOidWrong, &session.smdp_oid);
        let data = tlv::nest(
            0xBF27,
            &[
                &tlv::write(0x80, &transaction_id),
                &metadata,
                &tlv::write(0x06, &smdp_oid),
                &tlv::write(0xA2, &final_result(result)),
            ],
        );
        let signature = change(Fault::PirSignatureBad, &self.signature(&data)?);
        let bytes = tlv::nest(0xBF37, &[&data, &signature]);
        self.notifications.push(Notification {
            sequence,
            event: Event::Install,
            address: session.server_address.clone(),
            iccid: iccid.unwrap_or_default().to_vec(),
            bytes: bytes.clone(),
        });
        Ok(bytes)
    }
}

fn notification_metadata(sequence: u64, bits: u8, address: &str, iccid: Option<&[u8]>) -> Vec<u8> {
    let iccid = iccid.map(|iccid| tlv::write(0x5A, iccid)).unwrap_or_default();
    tlv::nest(
        0xBF2F,
        &[
            &tlv::unsigned(0x80, sequence),
            &tlv::write(0x81, &named_bits(bits)),
            &tlv::write(0x0C, address.as_bytes()),
            &iccid,
        ],
    )
}

fn final_result(result: &Result<Vec<u8>, Failure>) -> Vec<u8> {
    // PEStatus 0 (ok) as the whole EUICCResponse of the package interpreter.
    const ALL_WELL: &[u8] = &[0x30, 0x07, 0xA0, 0x05, 0x30, 0x03, 0x80, 0x01, 0x00];
    match result {
        Ok(aid) => tlv::nest(0xA0, &[&tlv::write(0x4F, aid), &tlv::write(0x04, ALL_WELL)]),
        Err(failure) => tlv::nest(
            0xA1,
            &[
                &tlv::unsigned(0x80, u64::from(failure.command)),
                &tlv::unsigned(0x81, u64::from(failure.reason)),
                &failure.element.map(refused_element).unwrap_or_default(),
            ],
        ),
    }
}

/// simaResponse with two statuses: one element is well, the next has bad values (3).
fn refused_element(identification: u64) -> Vec<u8> {
    let well = tlv::nest(0x30, &[&tlv::unsigned(0x80, 0), &tlv::unsigned(0x81, 0)]);
    let refused = tlv::nest(0x30, &[&tlv::unsigned(0x80, 3), &tlv::unsigned(0x81, identification)]);
    tlv::write(0x82, &tlv::nest(0x30, &[&tlv::nest(0xA0, &[&well, &refused])]))
}
