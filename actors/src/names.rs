//! Names from outside, parsed once: whoever holds one of these types holds a valid name.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a text is no name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is no {what}: {rule}")]
pub struct NameError {
    what: &'static str,
    text: String,
    rule: &'static str,
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $check:path) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(String);

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                Self::parse(&text)
            }
        }

        impl $name {
            /// Parses a name.
            ///
            /// # Errors
            /// When the text breaks a rule; the error says which.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                match $check(text) {
                    Ok(()) => Ok(Self(text.to_owned())),
                    Err(rule) => Err(NameError { what: $what, text: text.to_owned(), rule }),
                }
            }

            /// The name itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// A tenant's name (R5.1): 1 to 128 of letters, digits, space, `-`, `_`, `.`; no space or
    /// period at either end, no Windows device name.
    TenantName,
    "tenant name",
    account
);
name!(
    /// A subtenant's name (R7.6), by the same rule; unique inside its tenant.
    SubtenantName,
    "subtenant name",
    account
);
name!(
    /// An operator's name, by the same rule.
    OperatorName,
    "operator name",
    account
);
name!(
    /// A repository's name: 1 to 64 of `a-z 0-9 . _ -`, no period in front, and none of the words
    /// of the protocol. What begins with a period in a path is never a repository's.
    RepositoryName,
    "repository name",
    repository
);

name!(
    /// A name of a tape library, a media pool or a tape job: 1 to 48 of `a-z 0-9 -`.
    TapeName,
    "name for tapes",
    plain
);

const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];

fn account(text: &str) -> Result<(), &'static str> {
    if !(1..=128).contains(&text.len()) {
        return Err("it must have 1 to 128 characters");
    }
    if !text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b' ' | b'-' | b'_' | b'.'))
    {
        return Err("only letters, digits, space, '-', '_' and '.' are allowed");
    }
    if text.starts_with([' ', '.']) || text.ends_with([' ', '.']) {
        return Err("it must not begin or end with a space or a period");
    }
    let stem = text.split('.').next().unwrap_or(text).to_ascii_lowercase();
    let port = stem.strip_prefix("com").or(stem.strip_prefix("lpt"));
    let numbered = port.is_some_and(|number| matches!(number.as_bytes(), [b'1'..=b'9']));
    if DEVICES.contains(&stem.as_str()) || numbered {
        return Err("it is the name of a Windows device");
    }
    Ok(())
}

fn plain(text: &str) -> Result<(), &'static str> {
    let letter = |b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-');
    match (1..=48).contains(&text.len()) && text.bytes().all(letter) {
        true => Ok(()),
        false => Err("it must have 1 to 48 of a-z, 0-9 and '-'"),
    }
}

fn repository(text: &str) -> Result<(), &'static str> {
    if !(1..=64).contains(&text.len()) {
        return Err("it must have 1 to 64 characters");
    }
    let letter = |b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-');
    if !text.bytes().all(letter) {
        return Err("only a-z, 0-9, '.', '_' and '-' are allowed");
    }
    if text.starts_with('.') {
        return Err("it must not begin with a period");
    }
    if matches!(
        text,
        "data" | "keys" | "locks" | "snapshots" | "index" | "config"
    ) {
        return Err("the restic protocol uses that word");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_names_follow_r5_1() {
        let long = "a".repeat(128);
        for good in ["a", "Acme Ltd", "acme-1_2.x", "com", "com10", long.as_str()] {
            assert!(TenantName::parse(good).is_ok(), "{good}");
        }
        let longer = "a".repeat(129);
        let bad = [
            "",
            "a+b",
            "a/b",
            "a:b",
            "a.",
            " a",
            "a ",
            ".a",
            "nul",
            "NUL.txt",
            "com1",
            "Lpt9",
            "é",
            "a\n",
            "a@b",
            "a;b",
            longer.as_str(),
        ];
        for bad in bad {
            assert!(TenantName::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn repository_names_leave_the_words_of_the_protocol_alone() {
        for good in ["main", "a.b_c-d", "0", "config2"] {
            assert!(RepositoryName::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "Main",
            "a b",
            ".",
            "..",
            ".holdfast",
            "config",
            "data",
            "a/b",
            "é",
        ] {
            assert!(RepositoryName::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_name_that_is_read_back_is_parsed_again() {
        let read: Result<TenantName, _> = serde_json::from_str("\"a+b\"");
        assert!(read.is_err());
        let name = TenantName::parse("Acme Ltd").unwrap();
        let text = serde_json::to_string(&name).unwrap();
        assert_eq!(serde_json::from_str::<TenantName>(&text).unwrap(), name);
    }

    #[test]
    fn an_error_names_the_text_and_the_rule() {
        let error = TenantName::parse("a+b").unwrap_err().to_string();
        assert_eq!(
            error,
            "'a+b' is no tenant name: only letters, digits, space, '-', '_' and '.' are allowed"
        );
    }
}
