//! The Activation Code (SGP.22 section 4.1).

/// Longest Activation Code, without the prefix `LPA:`.
const CHARS_MAX: usize = 255;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("activation code: longer than 255 characters")]
    TooLong,
    #[error("activation code: AC_Format is not 1")]
    Format,
    #[error("activation code: fewer than three fields, or more than five")]
    Fields,
    #[error("activation code: the SM-DP+ address is no domain name")]
    Address,
    #[error("activation code: the token holds other than capitals, digits and '-'")]
    Token,
    #[error("activation code: the SM-DP+ OID is no object identifier")]
    Oid,
    #[error("activation code: the Confirmation Code flag is not 1")]
    Flag,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivationCode {
    pub address: String,
    /// The MatchingID; `None` when the token is empty: the default SM-DP+ decides by EID.
    pub matching_id: Option<String>,
    /// Dotted; the server must prove to be this one.
    pub smdp_oid: Option<String>,
    pub confirmation_code_required: bool,
}

impl ActivationCode {
    /// The code of an eUICC's default SM-DP+.
    pub fn default_server(address: &str) -> Self {
        Self {
            address: address.to_owned(),
            matching_id: None,
            smdp_oid: None,
            confirmation_code_required: false,
        }
    }
}

impl std::str::FromStr for ActivationCode {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let code = text.strip_prefix("LPA:").unwrap_or(text);
        if code.chars().count() > CHARS_MAX {
            return Err(Error::TooLong);
        }
        let fields: Vec<&str> = code.split('$').collect();
        if fields.first() != Some(&"1") {
            return Err(Error::Format);
        }
        let (address, token, oid, flag) = match fields.as_slice() {
            [_, address, token] => (*address, *token, None, None),
            // An OID field that ends the code is there to be filled; only the flag allows an empty one.
            [_, _, _, ""] => return Err(Error::Oid),
            [_, address, token, oid] => (*address, *token, Some(*oid), None),
            [_, address, token, oid, flag] => (*address, *token, Some(*oid), Some(*flag)),
            _ => return Err(Error::Fields),
        };
        if flag.is_some_and(|flag| flag != "1") {
            return Err(Error::Flag);
        }
        let oid = oid.filter(|oid| !oid.is_empty());
        if oid.is_some_and(|oid| !is_oid(oid)) {
            return Err(Error::Oid);
        }
        if !is_domain_name(address) {
            return Err(Error::Address);
        }
        if !token.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-') {
            return Err(Error::Token);
        }
        Ok(Self {
            address: address.to_owned(),
            matching_id: (!token.is_empty()).then(|| token.to_owned()),
            smdp_oid: oid.map(str::to_owned),
            confirmation_code_required: flag.is_some(),
        })
    }
}

impl std::fmt::Display for ActivationCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let token = self.matching_id.as_deref().unwrap_or_default();
        write!(f, "LPA:1${}${token}", self.address)?;
        match (&self.smdp_oid, self.confirmation_code_required) {
            (None, false) => Ok(()),
            (oid, true) => write!(f, "${}$1", oid.as_deref().unwrap_or_default()),
            (Some(oid), false) => write!(f, "${oid}"),
        }
    }
}

fn is_domain_name(address: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    !address.is_empty() && address.split('.').all(label)
}

fn is_oid(text: &str) -> bool {
    let arcs: Vec<&str> = text.split('.').collect();
    let arc = |arc: &str| !arc.is_empty() && arc.chars().all(|c| c.is_ascii_digit());
    arcs.len() >= 2 && arcs.iter().all(|text| arc(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ActivationCode, Error> {
        text.parse()
    }

    #[test]
    fn the_plain_code_has_address_and_token() {
        let code = parse("LPA:1$SMDP.GSMA.COM$04386-AGYFT-A74Y8-3F815").unwrap();
        assert_eq!(code.address, "SMDP.GSMA.COM");
        assert_eq!(code.matching_id.as_deref(), Some("04386-AGYFT-A74Y8-3F815"));
        assert!(!code.confirmation_code_required);
    }

    #[test]
    fn the_prefix_may_be_absent_and_every_form_prints_as_it_was() {
        for text in ["1$A.B$X", "1$A.B$X$1.3.6", "1$A.B$X$1.3.6$1", "1$A.B$X$$1", "1$A.B$$1.3.6.1.4.1.31746"]
        {
            assert_eq!(parse(text).unwrap().to_string(), format!("LPA:{text}"));
        }
    }

    #[test]
    fn the_confirmation_code_flag_and_the_oid_are_read() {
        let code = parse("1$SMDP.GSMA.COM$04386$1.3.6.1.4.1.31746$1").unwrap();
        assert!(code.confirmation_code_required);
        assert_eq!(code.smdp_oid.as_deref(), Some("1.3.6.1.4.1.31746"));
    }

    #[test]
    fn an_empty_token_is_no_matching_id() {
        assert_eq!(parse("1$SMDP.GSMA.COM$").unwrap().matching_id, None);
    }

    #[test]
    fn codes_that_break_a_rule_are_refused_by_name() {
        for (text, error) in [
            ("2$A.B$X", Error::Format),
            ("", Error::Format),
            ("lpa:1$A.B$X", Error::Format),
            ("1$A.B", Error::Fields),
            ("1$A.B$X$$1$more", Error::Fields),
            ("1$$X", Error::Address),
            ("1$a b$X", Error::Address),
            ("1$-a.b$X", Error::Address),
            ("1$A.B$lower", Error::Token),
            ("1$A.B$X$1.x", Error::Oid),
            ("1$A.B$X$", Error::Oid),
            ("1$A.B$X$$0", Error::Flag),
            ("1$A.B$X$$", Error::Flag),
        ] {
            assert_eq!(parse(text), Err(error), "{text}");
        }
        assert_eq!(parse(&format!("1$A.B${}", "X".repeat(255))), Err(Error::TooLong));
    }
}
