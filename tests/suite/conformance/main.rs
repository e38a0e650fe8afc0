//! The conformance cases (SGP.22 5 and 6, SGP.23 4.3), each a named test that speaks TLS through real sockets.
//!
//! `cargo test --test conformance` runs all and writes `specs/conformance.md`; `… -- AE-12` runs one.
//!
//! To add a case:
//! 1. Its row is in `sheet.rs`. Open the file of its section (below).
//! 2. Add to `cases()`: `case("AE-12", "what it is about", "5.6.3, T43", "4.3.14.2.2 #11")`, then for each letter
//!    `.part("a", "the stimulus", "8.2.6/3.8", || another_matching_id(..))`. A letter with several stimuli has parts
//!    `a1`, `a2`; a case without letters has `""`, or numbers. The texts go into the page as they stand: one line each.
//! 3. A part is an `async fn` without arguments (or a closure that calls one) and panics where the server does not do as
//!    expected. It is played in a runtime of its own, with a server of its own: nothing is shared, no order matters.
//! 4. `begin(json!({..}))` gives a `Scene`: house, released order, card, all behind sockets; `begin_with(wishes, ..)`
//!    another setting (limits, order_ms, two eUICCs); `sockets::house(..)` a house without any order;
//!    `sockets::opened(..)` the addresses too, to knock by yourself. Methods of `House` and `Scene` (`../house.rs`,
//!    `../scene.rs`) then go through TLS: `es9`, `es2`, `initiate`, `try_authenticate`, `try_bind`, `notify`, …
//!    `Office` adds the operator's own end point, `smds::beside` an SM-DS; `program` is the real program, to be killed.
//! 5. Every OK is examined on the way (`examiner.rs`), and an answer 5xx fails the part by itself.
//! 6. After a refusal: `scene.refuses(&answer, "8.1/6.1").await` sees that nothing has moved (mark with `scene.mark()`
//!    before); `house.verify_trail()` follows the trail; then let the same session or a new one succeed, to see that the
//!    server goes on. Where the sheet says "Refused" alone, the part asserts the code that we chose.
//! 7. What the server does not do yet: leave the part out, then the page and `the sheet is complete` say so. What it will
//!    not do: `.diverging("what it does instead")` after the part, whose function then demands just that, and the
//!    part's name (`TR-01 (b)`) in specs/divergences.md with clause and reason.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of a test stop it where it cannot go on, as the tests themselves do"
)]
mod authenticate;
mod authenticate_errors;
mod book;
mod cancel;
mod case;
mod chains;

mod es12;
mod es2plus;
mod es8plus;
mod examiner;
#[path = "../house.rs"]
#[expect(dead_code, reason = "the suite beside this one uses all of it")]
mod house;
mod initiate;
mod notification;
mod office;
mod opened;
mod package;
mod package_errors;
#[path = "../papers.rs"]
mod papers;
#[path = "../../wire/house.rs"]
#[expect(dead_code, reason = "the tests of the whole program use all of it")]
mod program;
mod retry;
#[path = "../scene.rs"]
#[expect(dead_code, reason = "the suite beside this one uses all of it")]
mod scene;
mod sheet;
mod smds;
mod sockets;
mod state;
mod transport;
mod ways;

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};
use serde_json::Value;

use crate::book::Book;
use crate::case::Case;
use crate::house::Wishes;
use crate::scene::Scene;

/// Cases wait for the disk and for each other's keys more than they work.
const THREADS: usize = 6;

/// In the order of the sheet.
fn cases() -> Vec<Case> {
    let sections = [
        transport::cases(),
        initiate::cases(),
        authenticate::cases(),
        authenticate_errors::cases(),
        package::cases(),
        es8plus::cases(),
        retry::cases(),
        package_errors::cases(),
        notification::cases(),
        cancel::cases(),
        es2plus::cases(),
        es12::cases(),
        state::cases(),
    ];
    sections.into_iter().flatten().collect()
}

fn main() -> ExitCode {
    smdpp::server::install_provider();
    let mut arguments = Arguments::from_args();
    arguments.test_threads = arguments.test_threads.or(Some(THREADS));
    let (cases, book) = (Arc::new(cases()), Arc::new(Book::default()));
    let mut trials: Vec<Trial> = (0..cases.len()).map(|place| trial(&cases, place, &book)).collect();
    let missing = sheet::missing(&cases);
    trials.push(Trial::test("the sheet is complete", move || {
        if missing.is_empty() { Ok(()) } else { Err(format!("missing: {}", missing.join(", ")).into()) }
    }));
    trials.push(Trial::test("what fails is noticed", book::notices));
    let conclusion = libtest_mimic::run(&arguments, trials);
    let whole = !arguments.list && conclusion.num_filtered_out == 0 && conclusion.num_ignored == 0;
    if whole && conclusion.num_passed > 0 {
        book.write(&cases);
    }
    conclusion.exit_code()
}

fn trial(cases: &Arc<Vec<Case>>, place: usize, book: &Arc<Book>) -> Trial {
    let (cases, book) = (cases.clone(), book.clone());
    let name = format!("{} {}", cases[place].id, cases[place].title);
    Trial::test(name, move || book.play(&cases[place]).map_err(Into::into))
}

/// A released order for any eUICC; `confirm` goes into ConfirmOrder.
pub(crate) async fn begin(confirm: Value) -> Scene {
    begin_with(Wishes::default(), confirm).await
}

/// The same in a server of the case's own setting.
pub(crate) async fn begin_with(wishes: Wishes, confirm: Value) -> Scene {
    Scene::in_house(sockets::house(wishes).await, confirm).await
}
