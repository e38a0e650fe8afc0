//! `smdpp pki crl`: how old the revocation list of each CI is, and why it is not newer (SGP.22 4.6).
use super::CliError;
use super::out::Out;
use super::out::Paint;
use super::table::Cell;
use super::table::Table;
use crate::config::Config;
use crate::revocation::Overview;
use crate::revocation::overview;
use crate::time::Timestamp;
use crate::world;

const HOUR_S: i64 = 3600;

pub(super) fn show(config: &Config, now: Timestamp, out: &mut Out<'_>) -> Result<(), CliError> {
    let trust = world::open_trust(config, now)?;
    let lists = overview(config, &trust, now);
    if out.json {
        return out.document(&serde_json::json!({ "crl": lists }));
    }
    let mut table = Table::new(["CI", "STATE", "NUMBER", "REVOKED", "THIS UPDATE", "NEXT UPDATE", "AGE"]);
    for list in &lists {
        let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let time = |at: &Option<String>| text(at).split('.').next().unwrap_or_default().to_owned();
        let paint = match list.state {
            "fresh" => Paint::Good,
            "off" => Paint::Faint,
            _ => Paint::Bad,
        };
        table.row([
            list.ci.as_str().into(),
            Cell(list.state.to_owned(), paint),
            text(&list.number).into(),
            list.entries.map_or_else(|| "-".to_owned(), |entries| entries.to_string()).into(),
            time(&list.this_update).into(),
            time(&list.next_update).into(),
            list.age_s.map_or_else(|| "-".to_owned(), age).into(),
        ]);
    }
    let text = table.render(out);
    out.text(&text)?;
    lists.iter().filter_map(details).try_for_each(|text| out.text(&text))
}

/// Source and last trouble, below the table.
fn details(list: &Overview) -> Option<String> {
    if list.sources.is_empty() {
        return Some(format!("\n{}: no source: set crl in [[ci]]\n", list.ci));
    }
    let mut text = format!("\n{}: {}\n", list.ci, list.sources.join(", "));
    if let (Some(source), Some(at)) = (&list.source, &list.fetched_at) {
        text.push_str(&format!("  held since {at} from {source}\n"));
    }
    match (&list.error, &list.tried_at) {
        (Some(error), Some(at)) => text.push_str(&format!("  last try {at}: {error}\n")),
        (None, Some(at)) => text.push_str(&format!("  last try {at}: well\n")),
        (_, None) => text.push_str("  never asked: the server asks when it runs\n"),
    }
    Some(text)
}

fn age(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds.div_euclid(60)),
        7200..172_800 => format!("{} h", seconds.div_euclid(HOUR_S)),
        _ => format!("{} d", seconds.div_euclid(HOUR_S.saturating_mul(24))),
    }
}
