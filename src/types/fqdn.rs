//! Names of servers: the SM-DP+ address, the address of an SM-DS.
use serde::{Deserialize, Serialize};

use super::Malformed;

/// A fully qualified domain name, in lower case: at least two labels of letters, digits and hyphens. No IP address:
/// the last label is more than digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fqdn(String);

impl Fqdn {
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let number = text.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
        let fits = text.len() <= 253 && text.contains('.') && !number && text.split('.').all(label);
        fits.then(|| Self(text.to_ascii_lowercase()))
            .ok_or(Malformed("address: a domain name such as smdp.example.com, without https:// and port"))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

shown!(Fqdn);
stored_as_text!(Fqdn);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_two_labels_or_more_and_no_ip_address() {
        for text in ["smds.example.com", "a.b", "1.example", "XN--A.example", "3gpp.5g"] {
            assert!(Fqdn::parse(text).is_ok(), "{text}");
        }
        for text in [
            "",
            ".",
            "localhost",
            "127.0.0.1",
            "10.1",
            "::1",
            "a..b",
            "-a.b",
            "a.b:443",
            "https://a.b",
            "a.b.",
        ] {
            assert!(Fqdn::parse(text).is_err(), "{text}");
        }
    }
}
