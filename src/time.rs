//! Time enters the house here, once per call.
use std::fmt;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

/// RFC 3339, always with milliseconds, so that times are equally long and sort as text.
const FORMAT: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// DATETIME of the JSON binding (6.5.2): whole seconds.
const DATE_TIME: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");

pub const SECOND_MS: i64 = 1_000;
pub const MINUTE_MS: i64 = 60 * SECOND_MS;
pub const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

/// Milliseconds since the Unix epoch. Displays as RFC 3339 in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timestamp(i64);

impl Timestamp {
    pub const fn from_unix_ms(unix_ms: i64) -> Self {
        Self(unix_ms)
    }

    pub const fn from_unix_s(unix_s: i64) -> Self {
        Self(unix_s.saturating_mul(SECOND_MS))
    }

    pub const fn unix_ms(self) -> i64 {
        self.0
    }

    pub const fn unix_s(self) -> i64 {
        self.0.div_euclid(SECOND_MS)
    }

    #[must_use]
    pub const fn plus_ms(self, delta_ms: i64) -> Self {
        Self(self.0.saturating_add(delta_ms))
    }

    /// As DATETIME of the JSON binding: without a fraction of a second, with the zone.
    pub fn date_time(self) -> String {
        self.formatted(DATE_TIME)
    }

    fn formatted(self, format: &[BorrowedFormatItem<'_>]) -> String {
        let nanos = i128::from(self.0).saturating_mul(1_000_000);
        let at = OffsetDateTime::from_unix_timestamp_nanos(nanos).ok();
        at.and_then(|at| at.format(format).ok()).unwrap_or_else(|| format!("{} ms", self.0))
    }
}

impl Timestamp {
    /// An RFC 3339 instant; or a day, which stands for its end in UTC.
    pub fn parse(text: &str) -> Option<Self> {
        const DAY: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");
        let instant = OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339);
        let instant = instant.ok().or_else(|| {
            let day = time::Date::parse(text, DAY).ok()?;
            Some(day.next_day()?.midnight().assume_utc())
        })?;
        i64::try_from(instant.unix_timestamp_nanos().checked_div(1_000_000)?).ok().map(Self)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.formatted(FORMAT))
    }
}

pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;
}

/// The clock of this machine.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the place where time enters")]
    fn now(&self) -> Timestamp {
        let since_epoch =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }
}
