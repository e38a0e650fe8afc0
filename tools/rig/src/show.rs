//! What a person sees: sections, facts, a QR code, a bar of progress. Readable without colour.
use std::io::{IsTerminal, Write};
use std::time::Duration;

use fast_qr::{ECL, QRBuilder};

use crate::figures::ms;

const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const GREEN: &str = "\x1b[32m";
const YELLOW: &str = "\x1b[33m";
const RED: &str = "\x1b[31m";
const END: &str = "\x1b[0m";
/// Octets of one request or answer that are shown.
const SHORT_CHARS: usize = 160;
const BAR_CELLS: usize = 40;
const TOLD_STEPS: usize = 4;

/// Prints to standard output, in colour only to a terminal and without `NO_COLOR`.
#[derive(Debug, Clone, Copy)]
pub struct Show {
    colour: bool,
}

impl Default for Show {
    fn default() -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { colour: wanted && std::io::stdout().is_terminal() }
    }
}

impl Show {
    pub fn section(self, number: usize, title: &str) {
        println!("\n{}", self.paint(BOLD, &format!("{number}  {title}")));
    }

    pub fn line(self, text: &str) {
        for line in text.lines() {
            println!("   {line}");
        }
    }

    /// Something less important, such as what went over the wire.
    pub fn aside(self, text: &str) {
        for line in text.lines() {
            println!("   {}", self.paint(DIM, line));
        }
    }

    pub fn fact(self, name: &str, value: &str) {
        println!("   {:<22} {value}", format!("{name}:"));
    }

    pub fn done(self, what: &str, took: Duration) {
        println!("   {} {what:<58} {:>8.1} ms", self.paint(GREEN, "ok"), ms(took));
    }

    pub fn warn(self, text: &str) {
        println!("   {} {text}", self.paint(YELLOW, "!!"));
    }

    pub fn failed(self, text: &str) {
        println!("\n{} {text}", self.paint(RED, "FAILED"));
    }

    /// An Activation Code as a phone's camera wants it.
    pub fn qr(self, text: &str) {
        match QRBuilder::new(text.as_bytes()).ecl(ECL::M).build() {
            Ok(code) => self.line(&code.to_str()),
            Err(error) => self.warn(&format!("no QR code: {error:?}")),
        }
    }

    fn paint(self, colour: &str, text: &str) -> String {
        if self.colour { format!("{colour}{text}{END}") } else { text.to_owned() }
    }
}

/// JSON or other text cut to a line's worth.
pub fn short(text: &str) -> String {
    if text.chars().count() <= SHORT_CHARS {
        return text.to_owned();
    }
    let start: String = text.chars().take(SHORT_CHARS).collect();
    format!("{start}…")
}

/// How far a long run is: a bar on a terminal, a line at each quarter elsewhere. On standard error.
#[derive(Debug)]
pub struct Bar {
    what: &'static str,
    total: usize,
    done: usize,
    terminal: bool,
}

impl Bar {
    pub fn new(what: &'static str, total: usize) -> Self {
        Self { what, total: total.max(1), done: 0, terminal: std::io::stderr().is_terminal() }
    }

    pub fn step(&mut self) {
        self.done += 1;
        let (done, total, what) = (self.done, self.total, self.what);
        if self.terminal {
            let cells = (done * BAR_CELLS / total).min(BAR_CELLS);
            let (full, empty) = ("#".repeat(cells), ".".repeat(BAR_CELLS - cells));
            eprint!("\r{what:<28} [{full}{empty}] {done}/{total}");
            if done == total {
                eprintln!();
            }
            std::io::stderr().flush().ok();
        } else if done * TOLD_STEPS / total > (done - 1) * TOLD_STEPS / total {
            eprintln!("{what}: {done}/{total}");
        }
    }
}
