//! A conformance case: what is done to the server, and what it must say.
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::time::Duration;

/// Slower than any honest answer: a part that hangs has failed.
const PART_LIMIT: Duration = Duration::from_secs(60);

type Run = Box<dyn Fn() -> Pin<Box<dyn Future<Output = ()>>> + Send + Sync>;

/// One row of the sheet: its parts are judged one by one.
pub(crate) struct Case {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    /// Clauses and tables of SGP.22 v2.2, if nothing else is said.
    pub(crate) clause: &'static str,
    /// Sequences of SGP.23 v1.15; empty where none is known.
    pub(crate) sequence: &'static str,
    pub(crate) parts: Vec<Part>,
}

/// One stimulus, and the answer to it.
pub(crate) struct Part {
    /// The letter of the sheet, and a number where a letter has several; empty in a case without letters.
    pub(crate) letter: &'static str,
    pub(crate) stimulus: &'static str,
    pub(crate) expected: &'static str,
    /// Where this server does something else, and specs/divergences.md says why: what it does.
    pub(crate) instead: Option<&'static str>,
    run: Run,
}

/// Begins a case; `part` adds what it does.
pub(crate) fn case(
    id: &'static str,
    title: &'static str,
    clause: &'static str,
    sequence: &'static str,
) -> Case {
    Case { id, title, clause, sequence, parts: Vec::new() }
}

impl Case {
    /// `run` panics where the server does not do as expected.
    pub(crate) fn part<F, R>(
        mut self,
        letter: &'static str,
        stimulus: &'static str,
        expected: &'static str,
        run: F,
    ) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = ()> + 'static,
    {
        let run: Run = Box::new(move || Box::pin(run()));
        self.parts.push(Part { letter, stimulus, expected, instead: None, run });
        self
    }

    /// The part added last diverges: its `run` panics where the server does anything but this.
    pub(crate) fn diverging(mut self, instead: &'static str) -> Self {
        if let Some(part) = self.parts.last_mut() {
            part.instead = Some(instead);
        }
        self
    }
}

impl Part {
    /// Plays the part in a runtime of its own; an error says what was not as expected.
    pub(crate) fn play(&self) -> Result<(), String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let played = std::panic::catch_unwind(AssertUnwindSafe(|| {
            runtime.block_on(async { tokio::time::timeout(PART_LIMIT, (self.run)()).await })
        }));
        match played {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err("no end within the limit".to_owned()),
            Err(panic) => {
                let text = panic.downcast_ref::<String>().cloned();
                Err(text
                    .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
                    .unwrap_or_default())
            }
        }
    }
}

/// `IA-05 (a)`, or `IA-01` alone.
pub(crate) fn label(id: &str, letter: &str) -> String {
    if letter.is_empty() { id.to_owned() } else { format!("{id} ({letter})") }
}
