//! Subject and reason codes (SGP.22 5.2.6), each with the sentence that a person reads.

/// Why a function was not executed. `message` has at most 128 characters: what happened and what to do,
/// and nothing that would help somebody guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusCode {
    pub subject: &'static str,
    pub reason: &'static str,
    pub message: &'static str,
}

macro_rules! status_codes {
    ($($(#[$doc:meta])* $name:ident = $subject:literal / $reason:literal, $message:literal;)*) => {
        impl StatusCode {
            $($(#[$doc])* pub const $name: Self = Self { subject: $subject, reason: $reason, message: $message };)*

            /// Every code that this server can return.
            pub const ALL: &[Self] = &[$(Self::$name),*];
        }
    };
}

status_codes! {
    // Any function.
    PARAMETER_INVALID = "1.6"/"2.1", "A member of the request has a wrong form. Check it against SGP.22 and send it again.";
    PARAMETER_MISSING = "1.6"/"2.2", "A mandatory member of the request is missing. Check it against SGP.22 and send it again.";
    CONDITIONAL_MISSING = "1.6"/"2.3", "The request needs one more member in this situation. Add it: SGP.22 says which for this function.";
    REQUESTER_UNKNOWN = "1.1"/"1.1", "This client certificate belongs to no registered operator. Use yours, or have it registered here.";

    // ES9+ (5.6).
    ADDRESS_REFUSED = "8.8.1"/"3.8", "This server has another address. Use the address of the Activation Code.";
    SECURITY_UNSUPPORTED = "8.8.2"/"3.1", "The eUICC trusts no certificate issuer that this server trusts. Ask your operator.";
    SVN_UNSUPPORTED = "8.8.3"/"3.1", "This server supports SGP.22 version 2 eUICCs. This one cannot be served: ask your operator.";
    CERTIFICATE_UNAVAILABLE = "8.8.4"/"3.7", "This server has no certificate that the eUICC can verify. Ask your operator.";
    TRANSACTION_UNKNOWN = "8.10.1"/"3.9", "This session is unknown, over, or at another step. Start the download again.";
    EUM_CERTIFICATE_INVALID = "8.1.2"/"6.1", "The eUICC manufacturer's (EUM) certificate could not be verified. Ask the maker of the device.";
    EUM_CERTIFICATE_EXPIRED = "8.1.2"/"6.3", "The eUICC manufacturer's (EUM) certificate has expired. Ask the maker of the device.";
    EUICC_CERTIFICATE_INVALID = "8.1.3"/"6.1", "The eUICC certificate could not be verified. Ask the maker of the device.";
    EUICC_CERTIFICATE_EXPIRED = "8.1.3"/"6.3", "The eUICC certificate has expired. Ask the maker of the device.";
    CI_UNKNOWN = "8.11.1"/"3.9", "The EUM certificate comes from an issuer that this server does not trust. Ask your operator.";
    EUICC_VERIFICATION_FAILED = "8.1"/"6.1", "What the eUICC signed could not be verified. Start the download again.";
    EUICC_REFUSED = "8.1"/"4.2", "The eUICC refused this server: its own answer says why. Start the download again.";
    EUICC_MEMORY = "8.1"/"4.8", "Not enough memory on the eUICC. Delete an unused profile and try again.";
    MATCHING_ID_REFUSED = "8.2.6"/"3.8", "No download is waiting under this Activation Code. Check the code or ask your operator.";
    EID_REFUSED = "8.1.1"/"3.8", "No download is waiting for this eUICC. Ask your operator.";
    PROFILE_NOT_RELEASED = "8.2"/"1.2", "This profile is not ready for download yet. Try later or ask your operator.";
    ORDER_EXPIRED = "8.8.5"/"4.10", "This download has expired. Ask your operator for a new one.";
    ATTEMPTS_EXCEEDED = "8.8.5"/"6.4", "This download was tried too often. Ask your operator for a new one.";
    NOT_ELIGIBLE = "8.2.5"/"4.3", "This device cannot use this profile. Ask your operator.";
    CONFIRMATION_CODE_MISSING = "8.2.7"/"2.2", "A confirmation code is needed. Ask your operator for it.";
    CONFIRMATION_CODE_REFUSED = "8.2.7"/"3.8", "The confirmation code is wrong. Check it and try again.";
    CONFIRMATION_CODE_EXCEEDED = "8.2.7"/"6.4", "The confirmation code was wrong too often. Ask your operator for a new download.";
    PROFILE_UNAVAILABLE = "8.2"/"3.7", "This profile cannot be downloaded now. Ask your operator.";
    BPP_NOT_LOADED = "8.2.10"/"4.2", "The eUICC could not prepare the download: its own answer says why. Start the download again.";
    SMDP_OID_MISMATCH = "8.8"/"3.10", "The cancellation names another SM-DP+.";

    // ES2+ (5.3).
    ICCID_UNKNOWN = "8.2.1"/"3.9", "This ICCID is not known here. Check it, or load the profile first.";
    ICCID_NOT_ALLOWED = "8.2.1"/"1.2", "This ICCID belongs to another operator. Name one of your own.";
    ICCID_IN_USE = "8.2.1"/"3.3", "This profile is ordered or downloaded already. Order another one, or cancel this order where possible.";
    ICCID_WRONG_STATE = "8.2.1"/"3.5", "The profile's present state does not allow this. Order, confirm and release come in this order.";
    ICCID_OTHER_EID = "8.2.1"/"3.10", "The order is for another EID. Name the EID that it was made for.";
    PROFILE_TYPE_UNKNOWN = "8.2.5"/"3.9", "This profile type is not known here. Check its name, or load profiles of this type.";
    PROFILE_TYPE_NOT_ALLOWED = "8.2.5"/"1.2", "This profile type belongs to another operator. Name one of your own.";
    PROFILE_TYPE_EMPTY = "8.2.5"/"3.7", "No profile of this type is left. Load more stock.";
    PROFILE_TYPE_MISMATCH = "8.2.5"/"3.8", "The ICCID is of another profile type. Name its own type, or leave one of the two out.";
    MATCHING_ID_INVALID = "8.2.6"/"2.1", "A matchingId has only digits, capitals and '-', and is not empty where an SM-DS is used.";
    MATCHING_ID_IN_USE = "8.2.6"/"3.3", "This matchingId is another order's. Choose a new one.";
    MATCHING_ID_MISSING = "8.2.6"/"2.3", "The order has a matchingId. Name it in the call.";
    MATCHING_ID_MISMATCH = "8.2.6"/"3.10", "The order has another matchingId. Name the one that ConfirmOrder returned.";
    EID_MISSING = "8.1.1"/"2.2", "This kind of order needs an EID. Name it in DownloadOrder or here.";
    EID_LEFT_OUT = "8.1.1"/"2.3", "The order is for one EID. Name it in the call.";
    EID_MISMATCH = "8.1.1"/"3.10", "DownloadOrder named another EID. Name that one, or cancel and order anew.";
    SMDS_INACCESSIBLE = "8.9"/"5.1", "The SM-DS cannot be reached, or gave no answer. Check smdsAddress, or send the call again.";
    SMDS_REFUSED = "8.9"/"4.2", "The SM-DS refused the event. Choose another matchingId, or ask the SM-DS.";
}

/// 8.2.7/3.8 by the tries that are left: a person must know, and the one who asks is a verified eUICC with the
/// right Activation Code. More than these are not worth a number.
const CODE_REFUSED: [&str; 6] = [
    "The confirmation code is wrong, and no try is left. Ask your operator for a new download.",
    "The confirmation code is wrong. Check it: 1 try is left.",
    "The confirmation code is wrong. Check it and try again: 2 tries are left.",
    "The confirmation code is wrong. Check it and try again: 3 tries are left.",
    "The confirmation code is wrong. Check it and try again: 4 tries are left.",
    "The confirmation code is wrong. Check it and try again: 5 tries are left.",
];

impl StatusCode {
    /// [`StatusCode::CONFIRMATION_CODE_REFUSED`], telling the tries that are left.
    pub fn confirmation_code_refused(left: u32) -> Self {
        let told = usize::try_from(left).ok().and_then(|left| CODE_REFUSED.get(left));
        let message = told.copied().unwrap_or(Self::CONFIRMATION_CODE_REFUSED.message);
        Self { message, ..Self::CONFIRMATION_CODE_REFUSED }
    }

    /// The same subject and reason, whatever the message tells beside.
    pub fn is(self, other: Self) -> bool {
        (self.subject, self.reason) == (other.subject, other.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::StatusCode;

    #[test]
    fn every_message_fits_the_field_of_128_characters() {
        for status in StatusCode::ALL {
            assert!((10..=128).contains(&status.message.chars().count()), "{status:?}");
        }
    }

    #[test]
    fn a_wrong_code_tells_how_many_tries_are_left() {
        for left in 0..10 {
            let status = StatusCode::confirmation_code_refused(left);
            assert!(
                status.is(StatusCode::CONFIRMATION_CODE_REFUSED) && status.message.len() <= 128,
                "{left}"
            );
        }
        assert!(StatusCode::confirmation_code_refused(2).message.contains("2 tries"));
        assert!(StatusCode::confirmation_code_refused(0).message.contains("no try is left"));
    }
}
