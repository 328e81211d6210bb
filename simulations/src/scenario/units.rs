//! How a scenario spells time, sizes and days.

use std::fmt;
use std::time::Duration;

use holdfast_actors::kernel::Size;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

/// Longer than any run makes sense for.
const LONGEST: Duration = Duration::from_secs(3_650 * 86_400);
const DAY: Duration = Duration::from_secs(86_400);

/// A text that is no time, and what one looks like.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no time: write 250us, 20ms, 3s, 5m, 2h, 1d or 1h30m, of at most ten years")]
pub struct TimeError(String);

/// Reads a length of time: numbers, each with its unit, the largest first or not.
///
/// # Errors
/// When it is not one, or longer than ten years.
pub fn time(text: &str) -> Result<Duration, TimeError> {
    let wrong = || TimeError(text.to_owned());
    let mut left = text.trim();
    let mut sum = Duration::ZERO;
    if left.is_empty() {
        return Err(wrong());
    }
    while !left.is_empty() {
        let digits = left.find(|letter: char| !letter.is_ascii_digit());
        let (number, rest) = left.split_at(digits.ok_or_else(wrong)?);
        let unit = rest.find(|letter: char| letter.is_ascii_digit());
        let (unit, rest) = rest.split_at(unit.unwrap_or(rest.len()));
        let micros: u64 = match unit {
            "us" => 1,
            "ms" => 1_000,
            "s" => 1_000_000,
            "m" => 60_000_000,
            "h" => 3_600_000_000,
            "d" => 86_400_000_000,
            _ => return Err(wrong()),
        };
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let part = number.checked_mul(micros).ok_or_else(wrong)?;
        sum = sum
            .checked_add(Duration::from_micros(part))
            .ok_or_else(wrong)?;
        left = rest;
    }
    if sum > LONGEST { Err(wrong()) } else { Ok(sum) }
}

/// A length of time as a scenario spells it.
pub fn spelled(time: Duration) -> String {
    let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let units = [
        (86_400_000_000, "d"),
        (3_600_000_000, "h"),
        (60_000_000, "m"),
        (1_000_000, "s"),
        (1_000, "ms"),
        (1, "us"),
    ];
    let mut left = micros;
    let mut text = String::new();
    for (length, unit) in units {
        if left >= length {
            text.push_str(&format!("{}{unit}", left / length));
            left %= length;
        }
    }
    if text.is_empty() {
        "0s".to_owned()
    } else {
        text
    }
}

/// A length of time of whole milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Millis(pub(super) u64);

/// A step of a clock, in whole milliseconds, forward or back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step(pub(super) i64);

/// A length of time of whole microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Micros(pub(super) u64);

/// Whole days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Days(pub(super) u32);

/// A size in whole KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kib(pub(super) u64);

/// Something, or the word `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Maybe<T>(pub(super) Option<T>);

/// What is written as a string.
pub(super) trait Spelled: Sized {
    fn read(text: &str) -> Result<Self, String>;
}

fn millis(text: &str) -> Result<u64, String> {
    let micros = Micros::read(text)?.0;
    if micros.is_multiple_of(1_000) {
        Ok(micros / 1_000)
    } else {
        Err(format!("'{text}' is not a whole number of milliseconds"))
    }
}

impl Spelled for Millis {
    fn read(text: &str) -> Result<Self, String> {
        millis(text).map(Self)
    }
}

impl Spelled for Micros {
    fn read(text: &str) -> Result<Self, String> {
        let time = time(text).map_err(|error| error.to_string())?;
        u64::try_from(time.as_micros())
            .map(Self)
            .map_err(|_| TimeError(text.to_owned()).to_string())
    }
}

impl Spelled for Step {
    fn read(text: &str) -> Result<Self, String> {
        let (sign, length) = match text.strip_prefix('-') {
            Some(length) => (-1, length),
            None => (1, text.strip_prefix('+').unwrap_or(text)),
        };
        let millis = i64::try_from(millis(length)?).map_err(|error| error.to_string())?;
        Ok(Self(sign * millis))
    }
}

impl Spelled for Days {
    fn read(text: &str) -> Result<Self, String> {
        let time = time(text).map_err(|error| error.to_string())?;
        if time.as_micros().is_multiple_of(DAY.as_micros()) {
            u32::try_from(time.as_secs() / DAY.as_secs())
                .map(Self)
                .map_err(|error| error.to_string())
        } else {
            Err(format!("'{text}' is not a whole number of days"))
        }
    }
}

impl Spelled for Kib {
    fn read(text: &str) -> Result<Self, String> {
        let size = Size::parse(text).map_err(|error| error.to_string())?;
        if size.as_bytes().is_multiple_of(1_024) {
            Ok(Self(size.as_bytes() / 1_024))
        } else {
            Err(format!("'{text}' is not a whole number of KiB"))
        }
    }
}

impl<T: Spelled> Spelled for Maybe<T> {
    fn read(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self(None));
        }
        T::read(text).map(|value| Self(Some(value)))
    }
}

/// Reads one of these from a string; a number without a unit says too little.
fn from_string<'de, T: Spelled, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    let text = String::deserialize(from)?;
    T::read(&text).map_err(D::Error::custom)
}

macro_rules! spelled {
    ($($name:ty),*) => {
        $(
            impl<'de> Deserialize<'de> for $name {
                fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                    from_string(from)
                }
            }
        )*
    };
}

spelled!(Millis, Micros, Step, Days, Kib);

impl<'de, T: Spelled> Deserialize<'de> for Maybe<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from_string(from)
    }
}

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&spelled(Duration::from_millis(self.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_comes_back_as_it_was_spelled() {
        for text in ["0s", "250us", "3s", "1h30m", "2d1ms"] {
            assert_eq!(spelled(time(text).unwrap()), text);
        }
        assert_eq!(spelled(time("90m").unwrap()), "1h30m");
    }

    #[test]
    fn an_impossible_time_is_refused() {
        for text in [
            "",
            "3",
            "s",
            "-3s",
            "3 s",
            "1y",
            "11000d",
            "99999999999999999999s",
        ] {
            assert!(time(text).is_err(), "{text}");
        }
        assert!(Millis::read("250us").is_err());
        assert!(Days::read("25h").is_err());
        assert!(Kib::read("100").is_err());
        assert_eq!(Step::read("-2h").unwrap(), Step(-7_200_000));
        assert_eq!(Maybe::<Kib>::read("none").unwrap(), Maybe(None));
    }
}
