//! The verdicts of a run, and the page that is made of them: `specs/conformance.md`.
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use crate::case::{Case, case, label};
use crate::sheet::{SHEET, missing};

const HEAD: &str = "# Conformance

What this server does in our own conformance cases: those of SGP.23 v1.15 4.3.12 to 4.3.17 for an SM-DP+, as far as they
are known second hand, and what SGP.23 leaves out. This is not a claim to pass SGP.23.

Written by `cargo test --test conformance`; do not edit. Every case speaks TLS through real sockets, and every OK is
examined as a device would: members, lengths, echoes, certificates, signatures (`tests/suite/conformance/examiner.rs`).
*Refused* is HTTP 4xx or `Failed` with any code, nothing has moved, and the server goes on. Clauses are those of SGP.22 v2.2,
if nothing else is said; `choice` is ours (choices.md). What diverges stands in divergences.md, with the reason.

";

/// What each part came to.
pub(crate) struct Book {
    verdicts: Mutex<BTreeMap<String, Result<(), String>>>,
    /// The text of specs/divergences.md.
    divergences: &'static str,
}

impl Default for Book {
    fn default() -> Self {
        Self::knowing(include_str!("../../../specs/divergences.md"))
    }
}

impl Book {
    fn knowing(divergences: &'static str) -> Self {
        Self { verdicts: Mutex::default(), divergences }
    }

    /// Plays all parts of a case; fails if one of them fails, or if it and specs/divergences.md are at odds.
    pub(crate) fn play(&self, case: &Case) -> Result<(), String> {
        let mut wrong = Vec::new();
        for part in &case.parts {
            let (name, verdict) = (label(case.id, part.letter), part.play());
            if let Err(why) = &verdict {
                let expected = part.instead.unwrap_or(part.expected);
                wrong.push(format!("{name}: {}; expected {expected}: {why}", part.stimulus));
            }
            match (part.instead.is_some(), self.diverges(&name)) {
                (true, true) | (false, false) => {}
                (true, false) => {
                    wrong.push(format!("{name} diverges, and specs/divergences.md does not say why"))
                }
                (false, true) => {
                    wrong.push(format!("{name} does as expected, but stands in specs/divergences.md"))
                }
            }
            self.verdicts.lock().unwrap_or_else(PoisonError::into_inner).insert(name, verdict);
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
    }

    /// Writes the page of a whole run.
    pub(crate) fn write(&self, cases: &[Case]) {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("specs/conformance.md");
        std::fs::write(path, self.page(cases)).unwrap();
    }

    fn page(&self, cases: &[Case]) -> String {
        let verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        let parts = || cases.iter().flat_map(|case| case.parts.iter().map(move |part| (case, part)));
        let passed = parts().filter(|(case, part)| {
            let verdict = verdicts.get(&label(case.id, part.letter));
            part.instead.is_none() && verdict.is_some_and(Result::is_ok)
        });
        let (passed, diverging) =
            (passed.count(), parts().filter(|(_, part)| part.instead.is_some()).count());
        let mut page = HEAD.to_owned();
        let there = SHEET.iter().filter(|(id, _)| cases.iter().any(|case| case.id == *id)).count();
        let all = verdicts.len();
        writeln!(
            page,
            "{there} of {} cases; {passed} of {all} parts pass, {diverging} diverges.\n",
            SHEET.len()
        )
        .unwrap();
        let absent = missing(cases);
        if !absent.is_empty() {
            writeln!(page, "Not there: {}.\n", absent.join(", ")).unwrap();
        }
        page.push_str(
            "| Case | Stimulus | Expected | Result | Clause | SGP.23 |\n|---|---|---|---|---|---|\n",
        );
        for (id, _) in SHEET {
            let Some(case) = cases.iter().find(|case| case.id == id) else { continue };
            let sequence = if case.sequence.is_empty() { "–" } else { case.sequence };
            writeln!(page, "| **{id}** | **{}** | | | {} | {sequence} |", case.title, case.clause).unwrap();
            for part in &case.parts {
                let result = match verdicts.get(&label(id, part.letter)) {
                    Some(Ok(())) => {
                        part.instead.map_or("pass".to_owned(), |instead| format!("diverges: {instead}"))
                    }
                    Some(Err(_)) => "**fail**".to_owned(),
                    None => "not run".to_owned(),
                };
                let letter = if part.letter.is_empty() { "" } else { &format!("({}) ", part.letter) };
                writeln!(page, "| | {letter}{} | {} | {result} | | |", part.stimulus, part.expected).unwrap();
            }
        }
        page
    }

    /// A known divergence: the page of divergences names the part, letter and all.
    fn diverges(&self, name: &str) -> bool {
        self.divergences.match_indices(name).any(|(place, _)| {
            let after = self.divergences.get(place + name.len()..).unwrap_or_default();
            // `TR-01` alone is not named by `TR-01 (b)`.
            name.ends_with(')') || !after.starts_with(" (")
        })
    }
}

/// A test of the book itself: what fails is noticed, a divergence too, and one that is none any more.
pub(crate) fn notices() -> Result<(), libtest_mimic::Failed> {
    let played = |divergences, diverges: bool, fails: bool| {
        let case = case("XX-01", "", "", "").part("a", "", "", move || async move {
            // As a panic, but unheard.
            if fails {
                std::panic::resume_unwind(Box::new("as wished"));
            }
        });
        let case = if diverges { case.diverging("something else") } else { case };
        Book::knowing(divergences).play(&case).is_ok()
    };
    let seen = [
        played("", false, false),
        played("", false, true),
        played("XX-01 (a)", true, false),
        played("XX-01 (a)", true, true),
        played("XX-01 (a)", false, false),
        played("XX-01, XX-01 (b)", true, false),
    ];
    if seen == [true, false, true, false, false, false] { Ok(()) } else { Err(format!("{seen:?}").into()) }
}
