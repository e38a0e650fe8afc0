//! The whole lifecycle (SGP.22 3.1.6) as one table, each cell of it run through the real doors.
mod reach;

use reach::{Prepared, Stage, reach};
use smdpp::types::State;

/// What each command does in each state. A cell is the verdict, and after `>` the state it leads to; without `>`
/// the Profile, its order and its counters stay as they were. `+1` counts: the state stays, the order changes.
///
/// Every order has a Confirmation Code and, from Linked on, the EID of our eUICC. An ES9+ command after
/// AuthenticateClient is of a session that was opened in Released (a result: that was bound in Downloaded), before
/// the Profile came to the state of the column; so in the first columns it is about an order that is cancelled.
const TABLE: &str = "
command                     | Available    | Allocated    | Linked           | Confirmed        | Released         | Downloaded       | Installed  | Error        | Unavailable
DownloadOrder               | ok>Allocated | ok           | 8.2.1/3.3        | 8.2.1/3.3        | 8.2.1/3.3        | 8.2.1/3.3        | 8.2.1/3.3  | 8.2.1/3.3    | 8.2.1/3.3
DownloadOrder, EID          | ok>Linked    | 8.2.1/3.3    | ok               | 8.2.1/3.3        | 8.2.1/3.3        | 8.2.1/3.3        | 8.2.1/3.3  | 8.2.1/3.3    | 8.2.1/3.3
ConfirmOrder                | 8.2.1/3.5    | ok>Confirmed | ok>Confirmed     | ok               | 8.2.1/3.3        | 8.2.1/3.3        | 8.2.1/3.3  | 8.2.1/3.5    | 8.2.1/3.5
ConfirmOrder, release       | 8.2.1/3.5    | ok>Released  | ok>Released      | 8.2.1/3.3        | ok               | 8.2.1/3.3        | 8.2.1/3.3  | 8.2.1/3.5    | 8.2.1/3.5
ConfirmOrder, other EID     | 8.2.1/3.5    | ok>Released  | 8.1.1/3.10       | 8.2.1/3.3        | 8.2.1/3.3        | 8.2.1/3.3        | 8.2.1/3.3  | 8.2.1/3.5    | 8.2.1/3.5
ConfirmOrder, default       | 8.2.1/3.5    | 8.1.1/2.2    | ok>Released      | 8.2.1/3.3        | 8.2.1/3.3        | 8.2.1/3.3        | 8.2.1/3.3  | 8.2.1/3.5    | 8.2.1/3.5
ReleaseProfile              | 8.2.1/3.5    | 8.2.1/3.5    | 8.2.1/3.5        | ok>Released      | ok               | 8.2.1/3.5        | 8.2.1/3.5  | 8.2.1/3.5    | 8.2.1/3.5
CancelOrder, Available      | 8.2.1/3.5    | ok>Available | ok>Available     | ok>Available     | ok>Available     | 8.2.1/3.3        | 8.2.1/3.3  | ok>Available | 8.2.1/3.5
CancelOrder, Unavailable    | 8.2.1/3.5    | ok>Unavailable | ok>Unavailable | ok>Unavailable   | ok>Unavailable   | 8.2.1/3.3        | 8.2.1/3.3  | ok>Unavailable | 8.2.1/3.5
CancelOrder, naming nothing | 8.2.1/3.5    | ok>Available | 8.1.1/2.3        | 8.2.6/2.3        | 8.2.6/2.3        | 8.2.1/3.3        | 8.2.1/3.3  | 8.2.6/2.3    | 8.2.1/3.5
CancelOrder, other EID      | 8.2.1/3.5    | 8.2.1/3.10   | 8.2.1/3.10       | 8.2.1/3.10       | 8.2.1/3.10       | 8.2.1/3.3        | 8.2.1/3.3  | 8.2.1/3.10   | 8.2.1/3.5
AuthenticateClient          | 8.2.6/3.8    | 8.2.6/3.8    | 8.2.6/3.8        | 8.2/1.2          | ok+1             | ok+1             | 8.2.6/3.8  | 8.2.6/3.8    | 8.2.6/3.8
AuthenticateClient, no ID   | 8.1.1/3.8    | 8.1.1/3.8    | 8.2/1.2          | 8.2/1.2          | ok+1             | ok+1             | 8.1.1/3.8  | 8.1.1/3.8    | 8.1.1/3.8
AuthenticateClient, expired | 8.1.1/3.8    | 8.1.1/3.8    | 8.8.5/4.10>Error | 8.8.5/4.10>Error | 8.8.5/4.10>Error | 8.8.5/4.10>Error | 8.1.1/3.8  | 8.1.1/3.8    | 8.1.1/3.8
AuthenticateClient, other   | 8.2.6/3.8    | 8.2.6/3.8    | 8.2.6/3.8        | 8.1.1/3.8        | 8.1.1/3.8        | 8.1.1/3.8        | 8.2.6/3.8  | 8.2.6/3.8    | 8.2.6/3.8
GetBPP                      | 8.2/3.7      | 8.2/3.7      | 8.2/3.7          | 8.2/3.7          | ok>Downloaded    | ok+1             | 8.2/3.7    | 8.2/3.7      | 8.2/3.7
GetBPP, wrong code          | 8.2/3.7      | 8.2/3.7      | 8.2/3.7          | 8.2/3.7          | 8.2.7/3.8+1      | 8.2.7/3.8+1      | 8.2/3.7    | 8.2/3.7      | 8.2/3.7
GetBPP, expired             | 8.2/3.7      | 8.2/3.7      | 8.2/3.7          | 8.2/3.7          | 8.8.5/4.10>Error | 8.8.5/4.10>Error | 8.2/3.7    | 8.2/3.7      | 8.2/3.7
CancelSession, postponed    | ok           | ok           | ok               | ok               | ok               | ok               | ok         | ok           | ok
CancelSession, rejected     | ok           | ok           | ok               | ok               | ok>Error         | ok>Error         | ok         | ok           | ok
Result, success             | ok           | ok           | ok               | ok               | ok               | ok>Installed     | ok         | ok>Installed | ok
Result, interrupted         | ok           | ok           | ok               | ok               | ok               | ok+1             | ok         | ok+1         | ok
Result, failure             | ok           | ok           | ok               | ok               | ok               | ok>Error         | ok         | ok+1         | ok
";

/// The rows of the table: the command, and its cells in the order of the states.
fn rows() -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
    TABLE.lines().filter(|line| !line.is_empty()).map(|line| {
        let mut cells = line.split('|').map(str::trim);
        (cells.next().unwrap(), cells.collect())
    })
}

/// Runs one column of the table.
async fn column(state: State) {
    let place = State::ALL.iter().position(|known| *known == state).unwrap();
    let (_, heads) = rows().next().unwrap();
    assert_eq!(heads, State::ALL.map(State::as_str));
    for (command, cells) in rows().skip(1) {
        run(state, command, cells[place]).await;
    }
}

async fn run(state: State, command: &str, cell: &str) {
    let mut prepared: Prepared = reach(state, Stage::of(command)).await;
    let before = prepared.profile().await;
    assert_eq!(before.state(), state, "the way to {state}");
    let verdict = prepared.command(command).await;
    let after = prepared.profile().await;
    let what = match (after.state() == state, after == before) {
        (false, _) => format!("{verdict}>{}", after.state()),
        (true, false) => format!("{verdict}+1"),
        (true, true) => verdict,
    };
    assert_eq!(what, cell, "{command} in {state}");
    prepared.house.verify_trail().await;
}

/// One test for each state, so that they run beside each other.
macro_rules! columns {
    ($($name:ident $state:ident;)*) => {
        $(#[tokio::test]
        async fn $name() {
            column(State::$state).await;
        })*
    };
}

columns! {
    every_command_does_to_an_available_profile_what_the_table_says Available;
    every_command_does_to_an_allocated_profile_what_the_table_says Allocated;
    every_command_does_to_a_linked_profile_what_the_table_says Linked;
    every_command_does_to_a_confirmed_profile_what_the_table_says Confirmed;
    every_command_does_to_a_released_profile_what_the_table_says Released;
    every_command_does_to_a_downloaded_profile_what_the_table_says Downloaded;
    every_command_does_to_an_installed_profile_what_the_table_says Installed;
    every_command_does_to_a_profile_in_error_what_the_table_says Error;
    every_command_does_to_an_unavailable_profile_what_the_table_says Unavailable;
}
