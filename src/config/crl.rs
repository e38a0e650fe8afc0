//! Where revocation lists come from, and what happens without them (SGP.22 4.6).
use std::fmt;
use std::path::PathBuf;

use axum::http::Uri;
use serde::Deserialize;

/// One place to ask for the list of a CI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CrlSource {
    File(PathBuf),
    Http(Uri),
    /// The distribution points that the CI's certificate and ours under it name.
    Cdp,
}

impl CrlSource {
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "" => Err("an empty text is no source of a revocation list: leave it out".to_owned()),
            "cdp" => Ok(Self::Cdp),
            _ if text.starts_with("https://") => Err(format!(
                "{text}: revocation lists are signed and fetched by plain HTTP (4.6): write http://"
            )),
            _ if text.contains("://") => Self::http(text)
                .map(Self::Http)
                .ok_or_else(|| format!("{text} is no address of the form http://host/path")),
            _ => Ok(Self::File(text.into())),
        }
    }

    /// An http address with a host.
    pub fn http(text: &str) -> Option<Uri> {
        let uri: Uri = text.parse().ok()?;
        // A password would stand in `Host`, in the log and in `smdpp pki crl`.
        let plain = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
        let fits =
            plain && uri.scheme_str() == Some("http") && uri.host().is_some_and(|host| !host.is_empty());
        fits.then_some(uri)
    }
}

impl fmt::Display for CrlSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Http(uri) => write!(f, "{uri}"),
            Self::Cdp => f.write_str("cdp"),
        }
    }
}

/// A list; from the environment one text, with blanks between.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Texts")]
pub struct CrlSources(pub Vec<CrlSource>);

#[derive(Deserialize)]
#[serde(untagged, expecting = "crl is a list of file names and http addresses, or one text")]
enum Texts {
    One(String),
    Many(Vec<String>),
}

impl TryFrom<Texts> for CrlSources {
    type Error = String;

    fn try_from(texts: Texts) -> Result<Self, String> {
        let texts = match texts {
            Texts::One(text) => text.split_whitespace().map(str::to_owned).collect(),
            Texts::Many(texts) => texts,
        };
        texts.iter().map(|text| CrlSource::parse(text)).collect::<Result<_, _>>().map(Self)
    }
}

impl CrlSources {
    /// The paths, to be anchored at the configuration's folder.
    pub(super) fn files(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        self.0.iter_mut().filter_map(|source| match source {
            CrlSource::File(path) => Some(path),
            CrlSource::Http(_) | CrlSource::Cdp => None,
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnTrouble {
    Warn,
    Refuse,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Revocation {
    /// A list whose nextUpdate has passed.
    pub stale: OnTrouble,
    pub grace_hours: u32,
    /// No list at all of a CI that has a source.
    pub missing: OnTrouble,
}

impl Default for Revocation {
    fn default() -> Self {
        Self { stale: OnTrouble::Warn, grace_hours: 24, missing: OnTrouble::Warn }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_a_file_an_http_address_or_the_certificates_own_word() {
        assert_eq!(CrlSource::parse("crl/ci.crl"), Ok(CrlSource::File("crl/ci.crl".into())));
        assert_eq!(CrlSource::parse("cdp"), Ok(CrlSource::Cdp));
        let uri = CrlSource::parse("http://ci.example.com:8080/a.crl?segmentedForm=true").unwrap();
        assert!(matches!(uri, CrlSource::Http(uri) if uri.query() == Some("segmentedForm=true")));
        for wrong in [
            "",
            "https://ci.example.com/a.crl",
            "ftp://ci.example.com/a",
            "http://",
            "http:///a",
            "http://u:p@host/a",
        ] {
            assert!(CrlSource::parse(wrong).is_err(), "{wrong}");
        }
    }
}
