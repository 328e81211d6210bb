//! Keys that objects on cartridges are encrypted with. The catalog knows them by their numbers and
//! as they were wrapped for whoever may open them; the keys themselves are in no catalog.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::media::uuid;

/// The longest name of a wrapped key, and the most bytes of one.
const NAME_MAX: usize = 24;
const TEXT_MAX: usize = 64 << 10;
/// How a text in age's format begins.
const ARMOR: &str = "-----BEGIN AGE ENCRYPTED FILE-----\n";

/// Which key: drawn when it is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KeyId(u128);

impl KeyId {
    /// From its number.
    pub const fn new(raw: u128) -> Self {
        Self(raw)
    }

    /// The number, for codecs.
    pub const fn raw(self) -> u128 {
        self.0
    }

    /// Parses the text of one: a UUID in lower-case hex with its four dashes.
    pub fn parse(text: &str) -> Option<Self> {
        let id = Self(u128::from_str_radix(&text.replace('-', ""), 16).ok()?);
        (id.to_string() == text).then_some(id)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        uuid(self.0, f)
    }
}

/// A key as whoever may open it finds it on each cartridge: a text in age's format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wrapped {
    /// By what it is opened: `passphrase`, `recipients`.
    pub name: String,
    /// The text.
    pub text: String,
}

impl Wrapped {
    /// Whether it is one: a name of 1 to 24 letters a-z, and a text in age's armor of at most
    /// 64 KiB.
    pub fn is_one(&self) -> bool {
        let is_name = self.name.bytes().all(|it| it.is_ascii_lowercase());
        let is_short = (1..=NAME_MAX).contains(&self.name.len()) && self.text.len() <= TEXT_MAX;
        is_name && is_short && self.text.starts_with(ARMOR) && self.text.is_ascii()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_by_one_text() {
        let id = KeyId::new(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10);
        assert_eq!(id.to_string(), "01020304-0506-0708-090a-0b0c0d0e0f10");
        assert_eq!(KeyId::parse(&id.to_string()), Some(id));
        for odd in [
            "",
            "01020304",
            "01020304-0506-0708-090A-0b0c0d0e0f10",
            "+1020304-0506-0708-090a-0b0c0d0e0f10",
        ] {
            assert_eq!(KeyId::parse(odd), None, "{odd}");
        }
    }
}
