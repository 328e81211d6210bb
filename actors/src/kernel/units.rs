//! Amounts with their unit in the type.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign};

use serde::{Deserialize, Serialize};

/// A number of bytes.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Size(u64);

/// A text that names no amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a size such as 512MiB, 10GiB, 2TB or a number of bytes")]
pub struct SizeError(String);

const UNITS: [(&str, u64); 9] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("B", 1),
];

impl Size {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// More than anything.
    pub const MAX: Self = Self(u64::MAX);

    /// So many bytes.
    pub const fn bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// So many times 2^20 bytes.
    pub const fn mib(mib: u64) -> Self {
        Self(mib << 20)
    }

    /// So many times 2^30 bytes (R6.3).
    pub const fn gib(gib: u64) -> Self {
        Self(gib << 30)
    }

    /// The number of bytes.
    pub const fn as_bytes(self) -> u64 {
        self.0
    }

    /// The difference; zero if `other` is larger.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// Parses a number of bytes with an optional unit (KiB MiB GiB TiB KB MB GB TB); fractions are
    /// allowed where they come out as whole bytes.
    ///
    /// # Errors
    /// When the text is of another form or too large for 64 bits.
    pub fn parse(text: &str) -> Result<Self, SizeError> {
        let wrong = || SizeError(text.to_owned());
        let trimmed = text.trim();
        let (digits, unit) = UNITS
            .iter()
            .find_map(|(name, unit)| Some((trimmed.strip_suffix(name)?.trim_end(), *unit)))
            .unwrap_or((trimmed, 1));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        let fraction_wanted = digits.contains('.');
        if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) || fraction.len() > 9 {
            return Err(wrong());
        }
        if fraction_wanted && fraction.is_empty() {
            return Err(wrong());
        }
        let scale = 10_u128.pow(u32::try_from(fraction.len()).map_err(|_| wrong())?);
        let number: u128 = format!("{whole}{fraction}").parse().map_err(|_| wrong())?;
        let bytes = number.checked_mul(u128::from(unit)).ok_or_else(wrong)?;
        if !bytes.is_multiple_of(scale) {
            return Err(wrong());
        }
        u64::try_from(bytes / scale).map(Self).map_err(|_| wrong())
    }
}

impl Add for Size {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Size {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Size {
    fn sum<I: Iterator<Item = Self>>(sizes: I) -> Self {
        sizes.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let binary = UNITS[..4].iter().rev().find(|(_, unit)| self.0 >= *unit);
        match binary {
            Some((name, unit)) if self.0.is_multiple_of(*unit) => {
                write!(f, "{}{name}", self.0 / unit)
            }
            Some((name, unit)) => {
                let tenths = u128::from(self.0) * 10 / u128::from(*unit);
                write!(f, "{}.{}{name}", tenths / 10, tenths % 10)
            }
            None => write!(f, "{}B", self.0),
        }
    }
}

impl fmt::Debug for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}B", self.0)
    }
}

/// Bytes per second.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Rate(u64);

impl Rate {
    /// So many bytes in a second; `None` for zero, which would stop everything.
    pub const fn per_second(size: Size) -> Option<Self> {
        if size.0 == 0 {
            None
        } else {
            Some(Self(size.0))
        }
    }

    /// How many bytes a second holds.
    pub const fn as_size(self) -> Size {
        Size(self.0)
    }

    /// Parses an amount per second, for example `50MB/s`; the `/s` may be left out.
    ///
    /// # Errors
    /// When the text is of another form, too large, or zero.
    pub fn parse(text: &str) -> Result<Self, SizeError> {
        let amount = text.trim().strip_suffix("/s").unwrap_or(text.trim());
        let size = Size::parse(amount)?;
        Self::per_second(size).ok_or_else(|| SizeError(text.to_owned()))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", Size(self.0))
    }
}

impl fmt::Debug for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}B/s", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_in_binary_and_decimal_units() {
        let read = |text| Size::parse(text).map(Size::as_bytes);
        assert_eq!(read("10GiB"), Ok(10 << 30));
        assert_eq!(read("50MB"), Ok(50_000_000));
        assert_eq!(read("1.5KiB"), Ok(1536));
        assert_eq!(read("0"), Ok(0));
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in [
            "",
            "GiB",
            "-1",
            "1.",
            ".5GiB",
            "1e9",
            "20000000TiB",
            "0.3B",
            "1 PB",
        ] {
            assert!(Size::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_size_is_shown_in_the_largest_binary_unit_it_fills() {
        let shown = |bytes| Size::bytes(bytes).to_string();
        assert_eq!(shown(0), "0B");
        assert_eq!(shown(10 << 30), "10GiB");
        assert_eq!(shown(1536), "1.5KiB");
    }

    #[test]
    fn a_rate_is_never_zero() {
        assert!(Rate::parse("0MB/s").is_err());
        assert_eq!(
            Rate::parse("50MB/s").unwrap().as_size(),
            Size::bytes(50_000_000)
        );
    }
}
