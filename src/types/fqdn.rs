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
        let fits = text.len() <= 253 && text.contains('.') && text.split('.').all(label);
        fits.then(|| Self(text.to_ascii_lowercase()))
            .ok_or(Malformed("address: a domain name such as smdp.example.com, without https:// and port"))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

shown!(Fqdn);
stored_as_text!(Fqdn);
