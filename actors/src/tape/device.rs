//! What devices are known by, however they are reached today.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A text that does not name what it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not {wanted}")]
pub struct DeviceError {
    text: String,
    wanted: &'static str,
}

macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $most:literal, $wanted:literal, $is_one:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Parses one.
            ///
            /// # Errors
            /// When the text is none.
            pub fn parse(text: &str) -> Result<Self, DeviceError> {
                let is_one: fn(&str) -> bool = $is_one;
                let fits = (1..=$most).contains(&text.len()) && text.trim() == text;
                if fits && is_one(text) {
                    return Ok(Self(text.to_owned()));
                }
                let text = text.chars().take(40).collect();
                let wanted = $wanted;
                Err(DeviceError { text, wanted })
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = DeviceError;

            fn try_from(text: String) -> Result<Self, DeviceError> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

fn is_printable(text: &str) -> bool {
    text.bytes().all(|byte| (0x20..=0x7e).contains(&byte))
}

text!(
    /// The serial number of a drive or a changer: it stays when cables and numbers change. At most
    /// 64 printable characters.
    Serial,
    64,
    "a serial number of at most 64 printable characters, as 'tape scan' lists them",
    is_printable
);
text!(
    /// The name of an iSCSI target, at most 223 characters.
    Target,
    223,
    "the name of an iSCSI target, such as iqn.2026-11.example:library",
    |text| is_printable(text)
        && !text.contains(' ')
        && ["iqn.", "eui.", "naa."].iter().any(|kind| text.starts_with(kind))
);
text!(
    /// A file of the node that keeps a secret; the secret itself is in no catalog. An absolute path
    /// of at most 1,024 bytes.
    SecretFile,
    1_024,
    "the whole path of a file of the node",
    |text| text.starts_with('/') && is_printable(text)
);
text!(
    /// Whom a target is told that we are, at most 223 characters.
    User,
    223,
    "a name of at most 223 printable characters",
    is_printable
);

/// What proves to a target who we are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The name.
    pub user: User,
    /// Where the secret is.
    pub secret: SecretFile,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_nothing_is_refused_however_it_comes() {
        let long = "x".repeat(65);
        for odd in ["", " ", " A1", "A1 ", "A\n1", "é", &long] {
            assert!(Serial::parse(odd).is_err(), "{odd:?}");
            let json = serde_json::to_string(odd).unwrap();
            assert!(serde_json::from_str::<Serial>(&json).is_err(), "{odd:?}");
        }
        assert_eq!(Serial::parse("A 1").unwrap().as_str(), "A 1");
        for odd in ["disk", "iqn", "iqn.a b"] {
            assert!(Target::parse(odd).is_err(), "{odd}");
        }
        assert!(Target::parse("iqn.2026-11.example:library").is_ok());
        assert!(SecretFile::parse("etc/chap").is_err());
        assert!(SecretFile::parse("/etc/chap").is_ok());
        let said = Serial::parse("").unwrap_err().to_string();
        assert!(said.starts_with("'' is not a serial number"), "{said}");
    }
}
