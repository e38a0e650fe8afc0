//! What the eUICC and the LPA do wrong on demand, to see that a server notices.

use serde::Serialize;

macro_rules! faults {
    ($($variant:ident $name:literal $text:literal;)*) => {
        /// One misbehaviour.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Fault { $($variant,)* }

        impl Fault {
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            pub fn description(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
    };
}

faults! {
    ChallengeWrong "challenge-wrong" "euiccSigned1 carries another serverChallenge, signed well";
    ChallengeReplayed "challenge-replayed" "euiccSigned1 carries the serverChallenge of the session before";
    TransactionIdWrong1 "transaction-id-wrong-1" "euiccSigned1 carries another transactionId, signed well";
    AddressWrong "address-wrong" "euiccSigned1 carries another serverAddress, signed well";
    Signature1Bad "signature1-bad" "euiccSignature1 has one bit changed";
    Signature1Der "signature1-der" "euiccSignature1 is a DER SEQUENCE instead of r and s";
    Signature1ZeroR "signature1-zero-r" "euiccSignature1 has r = 0";
    Signature1Stripped "signature1-stripped" "euiccSigned1 carries an element no one knows, and the signature leaves it out";
    DeviceInfoUnknown "device-info-unknown" "DeviceInfo carries an element no one knows; legal";
    SvnWrong "svn-wrong" "EUICCInfo2 names another svn than EUICCInfo1 did";
    AuthenticateError "authenticate-error" "the eUICC refuses AuthenticateServer with code N (default 127)";
    IdentityKept "identity-kept" "the eUICC shows its first certificate, whatever CI the server chose";
    UnknownTlvs "unknown-tlvs" "euiccSigned1, EUICCInfo2 and euiccSigned2 carry elements no one knows; legal";
    Signature2Bad "signature2-bad" "euiccSignature2 has one bit changed";
    TransactionIdWrong2 "transaction-id-wrong-2" "euiccSigned2 carries another transactionId, signed well";
    HashCcMissing "hashcc-missing" "no hashCc although a Confirmation Code was asked for";
    HashCcWrong "hashcc-wrong" "hashCc of another Confirmation Code";
    HashCcStale "hashcc-stale" "hashCc of the right Confirmation Code, made with the transactionId of the session before";
    HashCcUnasked "hashcc-unasked" "hashCc although none was asked for";
    Otpk64 "otpk-64" "euiccOtpk without its first octet 04";
    Otpk66 "otpk-66" "euiccOtpk with one octet too many";
    OtpkCompressed "otpk-compressed" "euiccOtpk as a compressed point";
    OtpkOffCurve "otpk-off-curve" "euiccOtpk is no point of the curve";
    OtpkOtherCurve "otpk-other-curve" "euiccOtpk is a point of another curve than that of CERT.DPpb";
    OtpkInfinity "otpk-infinity" "euiccOtpk is the point at infinity";
    OtpkNew "otpk-new" "a new euiccOtpk although the server offered the old one";
    DownloadError "download-error" "the eUICC refuses PrepareDownload with code N (default 127)";
    CancelOidWrong "cancel-oid-wrong" "euiccCancelSessionSigned names another smdpOid, signed well";
    CancelSignatureBad "cancel-signature-bad" "euiccCancelSessionSignature has one bit changed";
    CancelReason "cancel-reason" "CancelSession carries reason N whatever was asked";
    CancelError "cancel-error" "the eUICC refuses CancelSession with code N (default 127), unsigned";
    PirReason "pir-reason" "the installation fails with errorReason N (default 127)";
    PirCommand "pir-command" "with pir-reason: the failing command is N (default 5)";
    PirElement "pir-element" "with pir-reason: EUICCResponse refuses the Profile Element with identification N (default 1)";
    PirSignatureBad "pir-signature-bad" "euiccSignPIR has one bit changed";
    PirOidWrong "pir-oid-wrong" "the Profile Installation Result names another smdpOid, signed well";
    PirTransactionIdUnknown "pir-transaction-id-unknown" "the Profile Installation Result names another transactionId";
    PirIccidMissing "pir-iccid-missing" "the Profile Installation Result names no ICCID";
    NotificationSignatureBad "notification-signature-bad" "the signature of other notifications has one bit changed";
    NotificationTwoEvents "notification-two-events" "other notifications name two events at once";
    NotificationReplayed "notification-replayed" "each notification is sent again after all were answered";
    StopAfter "stop-after" "the LPA falls silent after answer N: 1 initiate, 2 authenticate, 3 package, 4 install";
    SendTwice "send-twice" "each request is sent twice, the second answer counts";
    ForgetOtpk "forget-otpk" "the eUICC keeps no one-time key for a retry";
    TrustAnyone "trust-anyone" "the eUICC believes every certificate and signature of the server";
}

impl Fault {
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|fault| fault.name() == name)
    }
}

impl Serialize for Fault {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// The misbehaviours in force.
#[derive(Debug, Clone, Default)]
pub struct Faults(Vec<(Fault, Option<u64>)>);

impl Faults {
    pub fn none() -> Self {
        Self::default()
    }

    #[must_use]
    pub fn with(mut self, fault: Fault) -> Self {
        self.0.push((fault, None));
        self
    }

    #[must_use]
    pub fn with_value(mut self, fault: Fault, value: u64) -> Self {
        self.0.push((fault, Some(value)));
        self
    }

    pub fn has(&self, fault: Fault) -> bool {
        self.0.iter().any(|(known, _)| *known == fault)
    }

    /// The fault's number, or the default when it was given none; `None` when it is not in force.
    pub fn value(&self, fault: Fault, default: u64) -> Option<u64> {
        self.0.iter().find(|(known, _)| *known == fault).map(|(_, value)| value.unwrap_or(default))
    }

    /// Adds `NAME` or `NAME=N`.
    pub fn add(&mut self, text: &str) -> Result<(), String> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => {
                let number = value.parse().map_err(|_| format!("fault {name}: {value} is no number"))?;
                (name, Some(number))
            }
            None => (text, None),
        };
        let fault = Fault::by_name(name)
            .ok_or_else(|| format!("fault {name} is unknown; `lpa faults` lists them"))?;
        self.0.push((fault, value));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_has_its_own_name_and_is_found_by_it() {
        for fault in Fault::ALL {
            assert_eq!(Fault::by_name(fault.name()), Some(*fault));
        }
    }

    #[test]
    fn a_fault_takes_its_number_from_the_text() {
        let mut faults = Faults::none();
        faults.add("pir-reason=9").unwrap();
        faults.add("send-twice").unwrap();
        assert_eq!(faults.value(Fault::PirReason, 127), Some(9));
        assert!(faults.has(Fault::SendTwice));
        assert_eq!(faults.value(Fault::PirCommand, 5), None);
    }

    #[test]
    fn an_unknown_fault_and_a_bad_number_are_refused() {
        assert!(Faults::none().add("nonsense").is_err());
        assert!(Faults::none().add("pir-reason=x").is_err());
    }
}
