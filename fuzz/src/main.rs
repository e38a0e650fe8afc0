//! The program that libFuzzer drives. `FUZZ_TARGET` names the target; `tools/fuzz` sets it.
#![no_main]
#[expect(dead_code, reason = "the suite's house has more rooms than the targets enter")]
#[path = "../../tests/suite/house.rs"]
mod house;
mod memory;
#[path = "../../tests/suite/papers.rs"]
mod papers;
mod targets;

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use targets::{TARGETS, Target};

static CHOSEN: OnceLock<Target> = OnceLock::new();

fn chosen() -> Target {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let found = TARGETS.iter().find(|(known, _)| *known == name);
    let Some((_, target)) = found else {
        eprintln!("FUZZ_TARGET={name} is no target; there are:");
        TARGETS.iter().for_each(|(known, _)| eprintln!("  {known}"));
        std::process::exit(2);
    };
    *target
}

fuzz_target!(
    init: {
        // What is opened once is opened before the clock and the scales run.
        let target = *CHOSEN.get_or_init(chosen);
        target(&[]);
    },
    |input: &[u8]| {
        memory::begin();
        if let Some(target) = CHOSEN.get() {
            target(input);
        }
    }
);
