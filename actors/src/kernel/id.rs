//! Ids: never a bare number, so that one kind cannot be taken for another.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! number {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub struct $name(u64);

        impl $name {
            /// Wraps a raw number.
            pub const fn new(raw: u64) -> Self {
                Self(raw)
            }

            /// The raw number, for codecs.
            pub const fn raw(self) -> u64 {
                self.0
            }

            /// The next one.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0 + 1)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

number!(
    /// A caller that a shell still owes an answer.
    Ticket,
    "ticket-"
);
number!(
    /// A node of a cluster; never reused, whatever its name.
    NodeId,
    "node-"
);
number!(
    /// The rising number under which an owner writes; what stores data refuses a lower one.
    Epoch,
    "epoch-"
);
number!(
    /// The place of a fact in the order of a log.
    Sequence,
    "#"
);
number!(
    /// A cloud repository; never reused, whatever its name.
    RepositoryId,
    "repository-"
);
number!(
    /// A restore from tape.
    RestoreId,
    "restore-"
);
number!(
    /// One append-only file of a repository.
    ExtentId,
    "extent-"
);
number!(
    /// One login of a tenant or subtenant.
    CredentialId,
    "credential-"
);
number!(
    /// A part of a repository that one tenant or subtenant sees: 0 is the tenant's own.
    Space,
    "space-"
);

impl CredentialId {
    /// No login: the system itself, when it brings something back. Ids are given out from 1 on.
    pub const SYSTEM: Self = Self(0);
}

impl Space {
    /// The tenant's own part.
    pub const TENANT: Self = Self(0);

    /// The part in which a credential that sees the past keeps its locks; nobody else's, since ids
    /// are given out from 1 on and never come near the highest bit.
    pub const fn of_view(credential: CredentialId) -> Self {
        Self(credential.0 | 1 << 63)
    }
}

/// A node's name: 1 to 64 of `a-z 0-9 -`, for logs and certificates.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NodeName(String);

impl NodeName {
    /// Parses a name; `None` when it is empty, longer than 64 or has other letters.
    pub fn parse(text: &str) -> Option<Self> {
        let letters = text
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        let length = (1..=64).contains(&text.len());
        (letters && length).then(|| Self(text.to_owned()))
    }

    /// The name itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
