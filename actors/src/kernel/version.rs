//! The versions of what nodes say to each other and write into their common log.

use std::fmt;

/// A version of what nodes say to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// Nodes of different ones do not talk.
    pub major: u16,
    /// Nodes of different ones talk as the older does.
    pub minor: u16,
}

impl Version {
    /// What this program speaks at most.
    pub const NEWEST: Self = Self { major: 1, minor: 1 };
    /// What this program can still speak.
    pub const OLDEST: Self = Self { major: 1, minor: 0 };

    /// A minor version of this program's major one.
    #[must_use]
    pub const fn of_minor(minor: u16) -> Self {
        let Self { major, .. } = Self::NEWEST;
        Self { major, minor }
    }

    /// Reads what `Display` writes, such as `1.0`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (major, minor) = text.split_once('.')?;
        let number = |digits: &str| {
            let all = digits.bytes().all(|byte| byte.is_ascii_digit());
            digits.parse().ok().filter(|_| all)
        };
        Some(Self {
            major: number(major)?,
            minor: number(minor)?,
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_version_is_read_as_it_is_written(major in any::<u16>(), minor in any::<u16>()) {
            let version = Version { major, minor };
            prop_assert_eq!(Version::parse(&version.to_string()), Some(version));
        }
    }

    #[test]
    fn what_is_no_version_is_none() {
        for odd in [
            "", "1", "1.", ".1", "1.0.0", "+1.0", "1.-1", "1.65536", "v1.0",
        ] {
            assert_eq!(Version::parse(odd), None, "{odd}");
        }
    }
}
