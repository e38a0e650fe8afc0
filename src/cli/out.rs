//! Where commands speak: text for people, one JSON document for machines (`--json`).
use std::io;
use std::io::IsTerminal;

use super::CliError;

/// Standard output, and how to write to it.
pub struct Out<'a> {
    pub write: &'a mut dyn io::Write,
    pub json: bool,
    pub colour: bool,
}

/// The few colours that mean something. Colour never says what the words do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    Good,
    Bad,
    Busy,
    Faint,
    Plain,
}

impl Out<'_> {
    pub fn text(&mut self, text: &str) -> Result<(), CliError> {
        self.write.write_all(text.as_bytes()).map_err(CliError::Output)
    }

    pub fn document(&mut self, document: &serde_json::Value) -> Result<(), CliError> {
        self.text(&format!("{document:#}\n"))
    }

    pub fn paint(&self, paint: Paint, text: &str) -> String {
        let code = match paint {
            Paint::Good => "32",
            Paint::Bad => "31",
            Paint::Busy => "33",
            Paint::Faint => "2",
            Paint::Plain => return text.to_owned(),
        };
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// Colour is for terminals whose owner did not say no (no-color.org).
pub fn wants_colour(no_color: Option<&str>) -> bool {
    no_color.is_none_or(str::is_empty) && io::stdout().is_terminal()
}
