//! Names of servers: the SM-DP+ address, the address of an SM-DS.
use serde::{Deserialize, Serialize};

use super::Malformed;

/// A fully qualified domain name, in lower case: at least two labels of letters, digits and hyphens.
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
        // An IPv4 address has the form, but is no name: nobody shall send this server to one (RFC 3696 2).
        let named = text.rsplit('.').next().is_some_and(|top| !top.bytes().all(|b| b.is_ascii_digit()));
        let fits = named && text.len() <= 253 && text.contains('.') && text.split('.').all(label);
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
    fn a_name_has_two_labels_and_is_no_address() {
        for good in ["smdp.example.com", "SMDS.example", "1.2.3.x4", "3com.co-op.museum"] {
            assert_eq!(Fqdn::parse(good).unwrap().as_str(), good.to_ascii_lowercase());
        }
        for bad in ["", "localhost", "127.0.0.1", "169.254.169.254", "a..b", "a.b.", "-a.b", "a.b:1", "[::1]"]
        {
            assert!(Fqdn::parse(bad).is_err(), "{bad}");
        }
    }
}
