//! Recomputes a trail and replays the lifecycle in it; stops at the first row that does not hold.
use std::collections::BTreeMap;
use std::fmt;

use super::{Entry, Head, link};
use crate::types::State;

/// Follows a trail row by row.
#[derive(Debug)]
pub struct Replay {
    head: Head,
    states: BTreeMap<String, State>,
}

/// The first row that does not hold, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsound {
    pub seq: i64,
    pub why: String,
}

impl fmt::Display for Unsound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {}: {}", self.seq, self.why)
    }
}

impl Default for Replay {
    fn default() -> Self {
        Self { head: Head::GENESIS, states: BTreeMap::new() }
    }
}

impl Replay {
    /// The newest entry that holds.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Checks the next row: its number, its hash, its event, and that its Profile stood where it says.
    pub fn follow(&mut self, entry: &Entry) -> Result<(), Unsound> {
        let unsound = |why: String| Unsound { seq: entry.seq, why };
        let expected = self.head.seq.saturating_add(1);
        if entry.seq != expected {
            return Err(unsound(format!("expected entry {expected}: rows are missing or out of order")));
        }
        if entry.hash != link(&self.head.hash, entry.seq, entry.at, &entry.body) {
            return Err(unsound(
                "the hash does not fit: this row or its place in the chain was changed".to_owned(),
            ));
        }
        let event = entry.event().map_err(|error| unsound(format!("not an event: {error}")))?;
        if event.iccid.as_str() != entry.iccid {
            return Err(unsound("filed under another ICCID than the event's".to_owned()));
        }
        let stood = self.states.get(&entry.iccid).copied();
        if event.from != stood {
            let shown = |state: Option<State>| state.map_or("nowhere", State::as_str);
            return Err(unsound(format!(
                "says the profile stood in {}, the trail says {}",
                shown(event.from),
                shown(stood)
            )));
        }
        self.states.insert(entry.iccid.clone(), event.to);
        self.head = entry.head();
        Ok(())
    }

    /// Compares where the trail leaves each Profile with where the store says it stands.
    pub fn compare<'a>(&self, rows: impl Iterator<Item = (&'a str, State)>) -> Result<usize, Unsound> {
        let mut seen = 0usize;
        for (iccid, state) in rows {
            seen = seen.saturating_add(1);
            if self.states.get(iccid) != Some(&state) {
                let said = self.states.get(iccid).map_or("nothing", |state| state.as_str());
                let why = format!(
                    "profile {iccid} stands in {state}, the trail says {said}: the end of the trail or the row was changed"
                );
                return Err(Unsound { seq: self.head.seq, why });
            }
        }
        if seen != self.states.len() {
            let why = format!("the trail knows {} profiles, the store {seen}", self.states.len());
            return Err(Unsound { seq: self.head.seq, why });
        }
        Ok(seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::encode;
    use crate::event::{ENCODING, Event, What};
    use crate::time::Timestamp;
    use crate::types::{Actor, Iccid};

    fn trail() -> Vec<Entry> {
        let iccid = Iccid::parse("8900012345678901234").unwrap();
        let steps = [(None, State::Available), (Some(State::Available), State::Allocated)];
        let mut head = Head::GENESIS;
        let entry = |(from, to)| {
            let what = What::ProfileReleased { order: 1 };
            let actor = Actor::House { part: "test".into() };
            let event = Event { v: ENCODING, actor, iccid: iccid.clone(), from, to, what };
            let entry =
                Entry::after(&head, Timestamp::from_unix_ms(7), iccid.to_string(), encode(&event).unwrap());
            head = entry.head();
            entry
        };
        steps.map(entry).to_vec()
    }

    fn follow(entries: &[Entry]) -> Result<Replay, Unsound> {
        let mut replay = Replay::default();
        entries.iter().try_for_each(|entry| replay.follow(entry)).map(|()| replay)
    }

    #[test]
    fn an_untouched_trail_holds_and_agrees_with_the_store() {
        let replay = follow(&trail()).unwrap();
        assert_eq!(replay.compare([("8900012345678901234", State::Allocated)].into_iter()), Ok(1));
    }

    #[test]
    fn a_changed_row_is_named() {
        let mut entries = trail();
        entries[1].body = entries[1].body.replace("Allocated", "Installed");
        assert_eq!(follow(&entries).unwrap_err().seq, 2);
        let mut entries = trail();
        entries[0].at = Timestamp::from_unix_ms(8);
        assert_eq!(follow(&entries).unwrap_err().seq, 1);
    }

    #[test]
    fn a_missing_row_is_named() {
        let entries = trail();
        assert_eq!(follow(&entries[1..]).unwrap_err().seq, 2);
    }

    #[test]
    fn a_trail_cut_at_its_end_disagrees_with_the_store() {
        let entries = trail();
        let replay = follow(&entries[..1]).unwrap();
        assert!(replay.compare([("8900012345678901234", State::Allocated)].into_iter()).is_err());
        assert!(replay.compare(std::iter::empty()).is_err());
    }
}
