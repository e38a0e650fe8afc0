//! Ways to spoil a JSON request: every member, and the text around them.
use serde_json::{Map, Value, json};

/// Under the limit of a body.
const HUGE_OCTETS: usize = 200 * 1024;
const NESTED: usize = 100_000;
const BODY_OCTETS: usize = 10 * 1024 * 1024;
const CUTS: usize = 24;

/// A body to send, and what was done to it.
#[derive(Debug, Clone)]
pub(crate) struct Body {
    pub(crate) kind: &'static str,
    pub(crate) place: String,
    pub(crate) octets: Vec<u8>,
}

/// Bodies that differ from the request in their meaning.
pub(crate) fn spoil(request: &Map<String, Value>) -> Vec<Body> {
    let mut all = Vec::new();
    for (name, value) in request {
        all.extend(spoil_member(request, name, value));
    }
    all.extend(spoil_text(&Value::Object(request.clone()).to_string()));
    all
}

/// Bodies that say the same: unknown members are ignored, the last of two members with one name counts,
/// space and the order of members mean nothing, and hexadecimal digits have no case.
pub(crate) fn rephrase(request: &Map<String, Value>) -> Vec<Body> {
    let mut all = Vec::new();
    let mut more = request.clone();
    more.insert("unknown".to_owned(), json!({ "a": [1, null, "ü"] }));
    all.push(same("unknown member", "", Value::Object(more).to_string()));
    let pretty = serde_json::to_string_pretty(request).unwrap();
    all.push(same("space", "", format!(" \r\n{pretty}\t\n")));
    for (name, value) in request {
        let text = Value::Object(request.clone()).to_string();
        let (body, _) = text.rsplit_once('}').unwrap();
        all.push(same("doubled alike", name, format!("{body},\"{name}\":{value}}}")));
        let (_, inside) = text.split_once('{').unwrap();
        all.push(same("doubled, the first wrong", name, format!("{{\"{name}\":7,{inside}")));
    }
    if let Some(Value::String(digits)) = request.get("transactionId") {
        let lower = with(request, "transactionId", Value::String(digits.to_lowercase()));
        all.push(same("lower case", "transactionId", lower));
    }
    all
}

fn spoil_member(request: &Map<String, Value>, name: &str, value: &Value) -> Vec<Body> {
    let text = value.as_str().unwrap_or_default();
    let body = |kind, octets: String| differs(kind, name, octets.into_bytes());
    let mut without = request.clone();
    without.remove(name);
    let renamed = |new: String| {
        let mut renamed = without.clone();
        renamed.insert(new, value.clone());
        Value::Object(renamed).to_string()
    };
    let mut all = vec![
        body("removed", Value::Object(without.clone()).to_string()),
        body("name in upper case", renamed(name.to_uppercase())),
        body("name with a space", renamed(format!("{name} "))),
    ];
    if name.to_lowercase() != name {
        all.push(body("name in lower case", renamed(name.to_lowercase())));
        all.push(body("name of a snake", renamed(snake(name))));
    }
    let values = [
        ("null", Value::Null),
        ("a number", json!(7)),
        ("a large number", json!(1e300)),
        ("a boolean", json!(true)),
        ("an array", json!([text])),
        ("an object", json!({ "value": text })),
        ("emptied", json!("")),
        ("a space before", json!(format!(" {text}"))),
        ("a line end after", json!(format!("{text}\n"))),
        ("a zero after", json!(format!("{text}\0"))),
        ("said twice", json!(format!("{text}{text}"))),
        ("no base64", json!(format!("*{text}"))),
        ("letters from afar", json!("ÄÖÜ→\u{1F4F1}")),
        ("huge", json!("A".repeat(HUGE_OCTETS))),
        ("larger than a body may be", json!("A".repeat(HUGE_OCTETS * 2))),
        ("not base64url", json!(format!("{}-_", text))),
    ];
    all.extend(values.map(|(kind, value)| body(kind, with(request, name, value))));
    let whole = Value::Object(request.clone()).to_string();
    let (open, _) = whole.rsplit_once('}').unwrap();
    all.push(body("doubled, the last wrong", format!("{open},\"{name}\":7}}")));
    all.push(body("doubled, the last empty", format!("{open},\"{name}\":\"\"}}")));
    for cut in 1..CUTS {
        let end = text.len() * cut / CUTS;
        if let Some(start) = text.get(..end).filter(|start| *start != text) {
            all.push(body("text cut", with(request, name, json!(start))));
        }
    }
    all
}

fn spoil_text(text: &str) -> Vec<Body> {
    let octets = text.as_bytes();
    let mut all: Vec<Body> =
        (0..CUTS).map(|cut| differs("body cut", "", octets[..octets.len() * cut / CUTS].to_vec())).collect();
    let outer = [
        ("in an array", format!("[{text}]")),
        ("in an object", format!("{{\"request\":{text}}}")),
        ("in a string", Value::String(text.to_owned()).to_string()),
        ("null", "null".to_owned()),
        ("an empty object", "{}".to_owned()),
        ("an empty array", "[]".to_owned()),
        ("text after", format!("{text}x")),
        ("said twice", format!("{text}{text}")),
        ("byte order mark", format!("\u{feff}{text}")),
        ("nested arrays", "[".repeat(NESTED)),
        ("nested objects", "{\"a\":".repeat(NESTED / 5)),
        ("nested in a member", format!("{{\"a\":{}{}", "[".repeat(NESTED), "]".repeat(NESTED))),
        ("single quotes", text.replace('"', "'")),
        ("no JSON", "transactionId=1&x=2".to_owned()),
        ("10 MiB", format!("{text}{}", " ".repeat(BODY_OCTETS))),
    ];
    all.extend(outer.map(|(kind, text)| differs(kind, "", text.into_bytes())));
    for place in [1, octets.len() / 2, octets.len() - 2] {
        let (start, end) = octets.split_at(place);
        all.push(differs("not UTF-8", &place.to_string(), [start, &[0xC3, 0x28], end].concat()));
        all.push(differs("a zero", &place.to_string(), [start, &[0], end].concat()));
    }
    all
}

fn snake(name: &str) -> String {
    let letter = |c: char| if c.is_uppercase() { format!("_{}", c.to_lowercase()) } else { c.to_string() };
    name.chars().map(letter).collect()
}

pub(crate) fn with(request: &Map<String, Value>, name: &str, value: Value) -> String {
    let mut changed = request.clone();
    changed.insert(name.to_owned(), value);
    Value::Object(changed).to_string()
}

fn differs(kind: &'static str, place: &str, octets: Vec<u8>) -> Body {
    Body { kind, place: place.to_owned(), octets }
}

fn same(kind: &'static str, place: &str, text: String) -> Body {
    Body { kind, place: place.to_owned(), octets: text.into_bytes() }
}
