//! A calendar day in UTC: what a lease ends with.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Timestamp;

/// A day in UTC, counted from 1970-01-01.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Date(u32);

/// A text that names no day.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a date of the form YYYY-MM-DD between 1970 and 9998")]
pub struct DateError(String);

const MILLIS_PER_DAY: u64 = 86_400_000;

impl Date {
    /// The day number `days` after 1970-01-01.
    pub const fn from_days(days: u32) -> Self {
        Self(days)
    }

    /// Days since 1970-01-01.
    pub const fn days(self) -> u32 {
        self.0
    }

    /// The day on which `time` lies.
    pub fn of(time: Timestamp) -> Self {
        Self(u32::try_from(time.as_millis() / MILLIS_PER_DAY).unwrap_or(u32::MAX))
    }

    /// The first moment of the day.
    pub const fn start(self) -> Timestamp {
        Timestamp::from_millis(self.0 as u64 * MILLIS_PER_DAY)
    }

    /// Whole days from this day until `later`; zero if it is not later.
    pub const fn until(self, later: Self) -> u32 {
        later.0.saturating_sub(self.0)
    }

    /// The day `days` later.
    pub const fn plus(self, days: u32) -> Self {
        Self(self.0.saturating_add(days))
    }

    /// Parses `YYYY-MM-DD`.
    ///
    /// # Errors
    /// When the text is of another form or names no day from 1970 to 9998.
    pub fn parse(text: &str) -> Result<Self, DateError> {
        let wrong = || DateError(text.to_owned());
        let well_formed = text.len() == 10
            && text.bytes().enumerate().all(|(at, byte)| match at {
                4 | 7 => byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        if !well_formed {
            return Err(wrong());
        }
        let date: jiff::civil::Date = text.parse().map_err(|_| wrong())?;
        if date.year() > 9998 {
            return Err(wrong());
        }
        let zoned = date
            .to_zoned(jiff::tz::TimeZone::UTC)
            .map_err(|_| wrong())?;
        let millis = u64::try_from(zoned.timestamp().as_millisecond()).map_err(|_| wrong())?;
        Ok(Self::of(Timestamp::from_millis(millis)))
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.start().to_string();
        f.write_str(text.get(..10).unwrap_or(&text))
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_reads_what_it_writes() {
        for text in ["1970-01-01", "2000-02-29", "2026-11-21", "9998-12-31"] {
            assert_eq!(Date::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for text in [
            "",
            "never",
            "2026-02-30",
            "2026-1-1",
            "1969-12-31",
            "2026-11-21T00:00",
        ] {
            assert!(Date::parse(text).is_err(), "{text}");
        }
    }
}
