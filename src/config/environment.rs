//! Values from the environment: `SMDPP_` and the path in capitals, joined by `_`; lists count from 0.
//!
//! `address` is `SMDPP_ADDRESS`, `es9plus.listen` is `SMDPP_ES9PLUS_LISTEN`, the first operator's OID is
//! `SMDPP_OPERATOR_0_OID`; the number after the last one of a list adds one.
use std::collections::BTreeMap;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;
use toml::de::DeTable;
use toml::de::DeValue;

use super::Config;
use super::ConfigError;

/// More of one list than anybody has.
const LIST_MAX: usize = 256;

const HELP: &str = "Correct it; `smdpp init` in an empty folder writes every value with a comment";

/// Section (empty: top level), whether it is a list, and its values; `a.b` is `b` in the table `a` within it.
pub(super) const VALUES: &[(&str, bool, &[&str])] = &[
    ("", false, &["address", "database", "mode"]),
    (
        "es9plus",
        false,
        &["listen", "tls_certificate", "tls_key", "brainpool_tls_certificate", "brainpool_tls_key"],
    ),
    ("es2plus", false, &["listen", "tls_certificate", "tls_key", "client_ca"]),
    ("ci", true, &["certificate", "crl"]),
    ("credentials", true, &["dpauth_certificate", "dpauth_key", "dppb_certificate", "dppb_key"]),
    ("vault", false, &["kind", "seal_key"]),
    (
        "operator",
        true,
        &[
            "name",
            "oid",
            "common_name",
            "certificate_sha256",
            "progress.url",
            "progress.ca",
            "progress.points",
            "progress.install_point",
            "progress.enable_point",
            "progress.disable_point",
            "progress.delete_point",
        ],
    ),
    ("revocation", false, &["stale", "grace_hours", "missing"]),
    (
        "policy",
        false,
        &[
            "download_attempts_max",
            "confirmation_code_attempts_max",
            "order_valid_days",
            "session_minutes",
            "keys",
            "rebind",
            "retry_after",
        ],
    ),
    (
        "limits",
        false,
        &[
            "request_bytes_max",
            "connections_max",
            "handshake_seconds",
            "header_seconds",
            "body_seconds",
            "open_sessions_max",
        ],
    ),
    ("outbox", false, &["give_up_days"]),
    ("es12", false, &["tls_certificate", "tls_key", "timeout_seconds"]),
    ("smds", true, &["address", "connect", "ca"]),
    ("log", false, &["level", "format"]),
];

/// The values that are no text.
fn is_number(section: &str, value: &str) -> bool {
    matches!(section, "policy" | "limits" | "outbox")
        || matches!(value, "grace_hours" | "timeout_seconds")
        || value.ends_with("_point")
}

pub(super) fn read(
    text: &str,
    file: &str,
    env: impl Fn(&str) -> Option<String>,
) -> Result<Config, ConfigError> {
    let given = gather(env);
    let mut overrides = Overrides { end: text.len(), used: Vec::new() };
    let wrong = |error: &toml::de::Error, overrides: &Overrides| ConfigError::Wrong {
        place: overrides.place(file, text, error.span()),
        what: error.message().to_owned(),
        help: HELP,
    };
    let mut root = DeTable::parse(text).map_err(|error| wrong(&error, &overrides))?;
    overrides.apply(root.get_mut(), &given);
    let config =
        Config::deserialize(toml::Deserializer::from(root)).map_err(|error| wrong(&error, &overrides))?;
    match given.keys().find(|name| !overrides.used.contains(name)) {
        None => Ok(config),
        Some(name) => Err(ConfigError::Wrong {
            place: format!("environment variable {name}"),
            what: "its list has no such entry: the number after the last one adds one".to_owned(),
            help: HELP,
        }),
    }
}

/// Variable and text; only what is set.
type Given = BTreeMap<String, String>;

fn gather(env: impl Fn(&str) -> Option<String>) -> Given {
    let mut given = Given::new();
    for (section, list, values) in VALUES {
        let prefixes: Vec<String> = match (section.is_empty(), *list) {
            (true, _) => vec!["SMDPP".to_owned()],
            (false, false) => vec![variable("SMDPP", section)],
            (false, true) => (0..LIST_MAX).map(|place| entry_prefix(section, place)).collect(),
        };
        for name in prefixes.iter().flat_map(|prefix| values.iter().map(move |value| variable(prefix, value)))
        {
            given.extend(env(&name).map(|text| (name, text)));
        }
    }
    given
}

/// Values from the environment get spans behind the end of the file, so that an error leads back to them.
struct Overrides {
    end: usize,
    used: Vec<String>,
}

impl Overrides {
    fn apply<'i>(&mut self, root: &mut DeTable<'i>, given: &'i Given) {
        for (section, list, values) in VALUES {
            if section.is_empty() {
                self.fill(root, "", "SMDPP", values, given);
            } else if *list {
                self.fill_list(root, section, values, given);
            } else {
                let prefix = variable("SMDPP", section);
                if any(given, &prefix, values) {
                    let entry =
                        root.entry(key(section)).or_insert_with(|| unplaced(DeValue::Table(DeTable::new())));
                    if let DeValue::Table(table) = entry.get_mut() {
                        self.fill(table, section, &prefix, values, given);
                    }
                }
            }
        }
    }

    fn fill_list<'i>(
        &mut self,
        root: &mut DeTable<'i>,
        section: &'static str,
        values: &[&'static str],
        given: &'i Given,
    ) {
        for place in 0..LIST_MAX {
            let prefix = entry_prefix(section, place);
            let overridden = any(given, &prefix, values);
            let length = match root.get(section).map(Spanned::get_ref) {
                Some(value) => value.as_array().map_or(0, |array| array.len()),
                None => 0,
            };
            if !overridden && place >= length {
                return;
            }
            if !overridden {
                continue;
            }
            let entry =
                root.entry(key(section)).or_insert_with(|| unplaced(DeValue::Array(Default::default())));
            let DeValue::Array(array) = entry.get_mut() else { return };
            if place >= length {
                array.push(unplaced(DeValue::Table(DeTable::new())));
            }
            if let Some(DeValue::Table(table)) = array.get_mut(place).map(Spanned::get_mut) {
                self.fill(table, section, &prefix, values, given);
            }
        }
    }

    fn fill<'i>(
        &mut self,
        table: &mut DeTable<'i>,
        section: &str,
        prefix: &str,
        values: &[&'static str],
        given: &'i Given,
    ) {
        for value in values {
            let name = variable(prefix, value);
            let Some(text) = given.get(&name) else { continue };
            self.used.push(name);
            let place = self.end.saturating_add(self.used.len());
            let written = Spanned::new(place..place, parsed(text, is_number(section, value)));
            match value.split_once('.') {
                Some((inner, value)) => {
                    let entry =
                        table.entry(key(inner)).or_insert_with(|| unplaced(DeValue::Table(DeTable::new())));
                    if let DeValue::Table(table) = entry.get_mut() {
                        table.insert(key(value), written);
                    }
                }
                None => drop(table.insert(key(value), written)),
            }
        }
    }

    /// `smdpp.toml line 12`, or the variable's name.
    fn place(&self, file: &str, text: &str, span: Option<Range<usize>>) -> String {
        let Some(span) = span else { return file.to_owned() };
        let variable = span.start.checked_sub(self.end).and_then(|behind| behind.checked_sub(1));
        if let Some(name) = variable.and_then(|place| self.used.get(place)) {
            return format!("environment variable {name}");
        }
        let before = text.get(..span.start).unwrap_or(text);
        let line = before.matches('\n').count().saturating_add(1);
        format!("{file} line {line}")
    }
}

fn any(given: &Given, prefix: &str, values: &[&str]) -> bool {
    values.iter().any(|value| given.contains_key(&variable(prefix, value)))
}

fn entry_prefix(section: &str, place: usize) -> String {
    variable("SMDPP", &format!("{section}_{place}"))
}

fn variable(prefix: &str, part: &str) -> String {
    format!("{prefix}_{}", part.replace('.', "_").to_uppercase())
}

fn key(name: &'static str) -> Spanned<std::borrow::Cow<'static, str>> {
    Spanned::new(0..0, name.into())
}

fn unplaced(value: DeValue<'static>) -> Spanned<DeValue<'static>> {
    Spanned::new(0..0, value)
}

/// A number, true, false or a list where the text is one; otherwise text, and the reader says what it wanted.
fn parsed(text: &str, number: bool) -> DeValue<'_> {
    let digits = !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    let typed = digits || matches!(text, "true" | "false") || text.starts_with('[');
    match DeValue::parse(text) {
        Ok(value) if number && typed => value.into_inner(),
        Ok(_) | Err(_) => DeValue::String(text.into()),
    }
}
