//! The house plan, as a test: which module may use which, what the rules floor may not touch, how long a file may be.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Each module and the modules it may use. A module is listed after everything it uses, so there is no cycle.
const PLAN: &[(&str, &[&str])] = &[
    // words
    ("types", &[]),
    ("time", &[]),
    ("fault", &[]),
    ("random", &["fault"]),
    // rules
    ("asn1", &["types"]),
    ("event", &["time", "types"]),
    ("audit", &["event", "time", "types"]),
    ("pki", &["asn1", "time", "types"]),
    ("profile", &["asn1", "event", "time", "types"]),
    ("session", &["asn1", "pki", "time", "types"]),
    ("errand", &["event", "profile", "time", "types"]),
    ("change", &["errand", "event", "profile", "session", "types"]),
    ("es8plus", &["asn1", "types"]),
    ("bpp", &["asn1", "es8plus", "types"]),
    ("rsp", &["asn1", "bpp", "change", "es8plus", "event", "pki", "profile", "session", "time", "types"]),
    // vaults
    ("hsm", &["fault", "random", "types"]),
    ("store", &["audit", "change", "errand", "event", "fault", "hsm", "profile", "session", "time", "types"]),
    // calls
    ("call", &["change", "errand", "fault", "hsm", "random", "rsp", "store", "time", "types"]),
    // doors
    ("wire", &["types"]),
    ("server", &["fault", "random", "types"]),
    ("https", &["fault", "server", "wire"]),
    (
        "es9plus",
        &[
            "asn1", "bpp", "call", "change", "es8plus", "fault", "hsm", "profile", "random", "rsp",
            "session", "types", "wire",
        ],
    ),
    ("es12", &["errand", "fault", "https", "pki", "profile", "random", "types"]),
    (
        "es2plus",
        &[
            "call", "change", "errand", "es12", "fault", "https", "pki", "profile", "random", "server",
            "types", "wire",
        ],
    ),
    // the engine room: opens the house, and the commands that a person types
    ("keeper", &["call"]),
    ("courier", &["call", "errand", "es12", "es2plus", "fault", "store", "types"]),
    ("config", &["errand", "profile", "time", "types"]),
    ("revocation", &["asn1", "call", "config", "pki", "server", "time"]),
    ("mint", &["config", "fault", "random", "time", "types"]),
    (
        "world",
        &[
            "config",
            "es12",
            "es2plus",
            "fault",
            "hsm",
            "https",
            "pki",
            "random",
            "revocation",
            "server",
            "store",
            "time",
            "types",
        ],
    ),
    (
        "serve",
        &[
            "call",
            "config",
            "courier",
            "errand",
            "es2plus",
            "es9plus",
            "fault",
            "keeper",
            "pki",
            "random",
            "revocation",
            "rsp",
            "server",
            "time",
            "world",
        ],
    ),
    (
        "cli",
        &[
            "asn1",
            "audit",
            "bpp",
            "change",
            "config",
            "event",
            "fault",
            "mint",
            "profile",
            "random",
            "revocation",
            "serve",
            "server",
            "store",
            "time",
            "types",
            "world",
        ],
    ),
    ("main", &[]),
];

/// The rules floor decides; it does not do. `time` and `random` are where the clock and the dice enter.
const PURE: &[&str] = &[
    "types", "asn1", "event", "audit", "pki", "profile", "session", "errand", "change", "es8plus", "bpp",
    "rsp",
];
const BANNED: &[&str] = &[
    "async ",
    ".await",
    "tokio",
    "rusqlite",
    "axum",
    "hyper",
    "std::fs",
    "std::net",
    "std::env",
    "std::thread",
    "SystemTime",
    "Instant::now",
    "ring::rand",
    "SystemRandom",
    "OsRandom",
];

const LINES_MAX: usize = 500;

/// A source file: its module (`store`), its path, its text.
struct Source {
    module: String,
    path: PathBuf,
    text: String,
}

#[test]
fn every_module_uses_only_what_the_plan_allows() {
    let plan: BTreeMap<_, _> = PLAN.iter().copied().collect();
    let mut wrong = Vec::new();
    for Source { module, path, text } in house() {
        let Some(allowed) = plan.get(module.as_str()) else {
            wrong.push(format!("{}: module `{module}` is not on the plan", path.display()));
            continue;
        };
        // A test may set its own scene with whatever it needs.
        if is_test(&path) {
            continue;
        }
        for used in uses(product(&text)) {
            if used != module && !allowed.contains(&used.as_str()) {
                wrong.push(format!("{}: `{module}` may not use `{used}`", path.display()));
            }
        }
    }
    none(&wrong);
}

#[test]
fn the_plan_promises_nothing_that_is_not_used() {
    let mut used: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for Source { module, path, text } in house() {
        if !is_test(&path) {
            used.entry(module).or_default().extend(uses(product(&text)));
        }
    }
    let mut wrong = Vec::new();
    for (module, allowed) in PLAN {
        let Some(used) = used.get(*module) else {
            wrong.push(format!("module `{module}` is on the plan and not in src"));
            continue;
        };
        let unused = allowed.iter().filter(|name| !used.contains(**name));
        wrong.extend(
            unused.map(|name| format!("`{module}` does not use `{name}` any more: shorten the plan")),
        );
    }
    none(&wrong);
}

#[test]
fn the_plan_has_no_upward_arrow() {
    for (position, (module, allowed)) in PLAN.iter().enumerate() {
        for used in *allowed {
            let below = PLAN[..position].iter().any(|(earlier, _)| earlier == used);
            assert!(below, "`{module}` uses `{used}`, which is not listed before it");
        }
    }
}

#[test]
fn modules_are_named_one_by_one() {
    // The plan is read from the text: `crate::{a, b}` would hide an arrow, and so would `super` out of a module.
    let mut wrong = Vec::new();
    for Source { path, text, .. } in house() {
        let folder = path.parent().unwrap();
        let src = root().join("src");
        let top = folder == src || (path.ends_with("mod.rs") && folder.parent() == Some(&src));
        for (number, line) in code(product(&text)) {
            let out_of_the_module =
                top && (line.starts_with("use super::") || line.starts_with("pub use super::"));
            if line.contains("crate::{") || out_of_the_module {
                wrong.push(format!("{}:{number}: write `use crate::…`, one module a line", path.display()));
            }
        }
    }
    none(&wrong);
}

#[test]
fn the_rules_floor_is_pure() {
    let mut wrong = Vec::new();
    let rules = house().into_iter().filter(|source| PURE.contains(&source.module.as_str()));
    for Source { module, path, text } in rules.filter(|source| !is_test(&source.path)) {
        for (number, line) in code(product(&text)) {
            for word in BANNED.iter().filter(|word| line.contains(**word)) {
                wrong.push(format!("{}:{number}: `{word}` in pure module `{module}`", path.display()));
            }
        }
    }
    none(&wrong);
}

#[test]
fn only_the_call_commits_and_only_the_lifecycle_moves_a_state() {
    let mut wrong = Vec::new();
    for Source { module, path, text } in house().into_iter().filter(|source| !is_test(&source.path)) {
        for (number, line) in code(product(&text)) {
            // `profile import` is the one writer beside the calls: a person at this machine.
            if line.contains(".commit(") && !matches!(module.as_str(), "call" | "cli") {
                wrong.push(format!("{}:{number}: only `call` and `cli` commit", path.display()));
            }
            if line.contains(".state = ") && !path.ends_with("src/profile/moves.rs") {
                wrong.push(format!("{}:{number}: only `profile/moves.rs` sets a state", path.display()));
            }
            if line.contains("told(") && !path.ends_with("src/call/perform.rs") && module != "errand" {
                wrong.push(format!("{}:{number}: only `call/perform.rs` asks who is told", path.display()));
            }
            if line.contains("Transition::of(") && module != "profile" {
                wrong.push(format!("{}:{number}: only `profile` makes a Transition", path.display()));
            }
        }
    }
    none(&wrong);
}

#[test]
fn every_file_says_what_it_is_for_and_ends_before_500_lines() {
    let mut wrong = Vec::new();
    for path in rust_files(&["src", "tests", "tools"]) {
        let text = fs::read_to_string(&path).unwrap();
        if !text.starts_with("//! ") {
            wrong.push(format!("{}: the first line must say what the file is for", path.display()));
        }
        let lines = text.lines().count();
        if lines > LINES_MAX {
            wrong.push(format!("{}: {lines} lines, at most {LINES_MAX}", path.display()));
        }
    }
    none(&wrong);
}

#[test]
fn every_script_says_what_it_does() {
    for name in ["demo", "check", "bench"] {
        let text = fs::read_to_string(root().join("tools").join(name)).unwrap();
        let second = text.lines().nth(1).unwrap_or_default();
        assert!(text.starts_with("#!/usr/bin/env bash\n") && second.starts_with("# "), "tools/{name}");
    }
}

#[test]
fn migrations_are_numbered_without_gaps_and_all_are_run() {
    let mut names: Vec<String> = fs::read_dir(root().join("migrations/sqlite"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let engine = fs::read_to_string(root().join("src/store/engine.rs")).unwrap();
    for (number, name) in (1..).zip(&names) {
        assert!(
            name.starts_with(&format!("{number:04}_")) && name.ends_with(".sql"),
            "{name}: number {number}"
        );
        assert!(engine.contains(&format!("migrations/sqlite/{name}")), "{name} is never run");
    }
    assert_eq!(engine.matches("include_str!").count(), names.len(), "a migration is run that is not there");
}

fn none(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every source file of the product except `lib.rs`, which names all modules.
fn house() -> Vec<Source> {
    let src = root().join("src");
    let of = |path: PathBuf| {
        let first = path.strip_prefix(&src).unwrap().components().next().unwrap();
        let module = first.as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned();
        let text = fs::read_to_string(&path).unwrap();
        Source { module, path, text }
    };
    rust_files(&["src"]).into_iter().filter(|path| *path != src.join("lib.rs")).map(of).collect()
}

fn rust_files(folders: &[&str]) -> Vec<PathBuf> {
    let mut pending: Vec<_> = folders.iter().map(|folder| root().join(folder)).collect();
    let mut found = Vec::new();
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// A file that is compiled for tests only: its module is declared under `#[cfg(test)]`.
fn is_test(path: &Path) -> bool {
    let inside = path.strip_prefix(root()).unwrap();
    inside.components().any(|part| {
        matches!(
            part.as_os_str().to_str(),
            Some("tests" | "tests.rs" | "testing" | "testing.rs" | "vectors.rs" | "hostile.rs")
        )
    })
}

/// The text before its tests, which stand last.
fn product(text: &str) -> &str {
    text.find("#[cfg(test)]\nmod tests {").map_or(text, |end| text.get(..end).unwrap())
}

/// The modules named after `crate::`, outside comments.
fn uses(text: &str) -> Vec<String> {
    code(text)
        .flat_map(|(_, line)| line.split("crate::").skip(1))
        .map(|rest| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect())
        .collect()
}

fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let numbered = (1..).zip(text.lines());
    numbered.filter(|(_, line)| !line.trim_start().starts_with("//"))
}
