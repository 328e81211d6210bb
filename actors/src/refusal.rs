//! Why a tenant's request was not done, in words for a program and in words for a person.
//!
//! Machines make refusals; a face only chooses how its protocol says them.

use std::fmt;
use std::time::Duration;

/// The one word that a program goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The lease has ended (R6.2), or does not cover what was asked.
    LeaseExpired,
    /// The quota does not hold the object (R6.4).
    QuotaExceeded,
    /// The tenant or subtenant is disabled.
    Disabled,
    /// The service is in maintenance (R17.6); the sentence is the provider's own.
    Maintenance,
    /// The credential's scope does not reach so far.
    Scope,
    /// Every task of the tenant is taken (R15); try again.
    Busy,
    /// There is no such repository or object for this login.
    NotFound,
    /// The name is taken by other bytes, or by a `config`.
    Exists,
    /// The bytes do not have the SHA-256 that their name says.
    BadHash,
    /// The bytes are more or fewer than announced.
    BadLength,
    /// The object is larger than its kind may be.
    TooLarge,
    /// The storage has no room left, whatever the quota says.
    StorageFull,
    /// The name or the password is wrong, or there was none.
    Unauthenticated,
    /// Too many log-ins failed lately; try again later.
    TooManyAttempts,
    /// The session was ended from outside.
    Ended,
    /// The part of the service that was needed does not answer; try again.
    Unavailable,
    /// What was asked makes no sense; the sentence says why.
    Invalid,
    /// It came by a gateway that is not the tenant's (R3.41).
    WrongGateway,
    /// It came by a gateway that takes the tenant only while none of its own is there (R3.42).
    SpareGateway,
}

impl Reason {
    /// Every reason there is.
    pub const ALL: [Self; 19] = [
        Self::LeaseExpired,
        Self::QuotaExceeded,
        Self::Disabled,
        Self::Maintenance,
        Self::Scope,
        Self::Busy,
        Self::NotFound,
        Self::Exists,
        Self::BadHash,
        Self::BadLength,
        Self::TooLarge,
        Self::StorageFull,
        Self::Unauthenticated,
        Self::TooManyAttempts,
        Self::Ended,
        Self::Unavailable,
        Self::Invalid,
        Self::WrongGateway,
        Self::SpareGateway,
    ];

    /// The word as clients read it; never changes once released.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LeaseExpired => "lease-expired",
            Self::QuotaExceeded => "quota-exceeded",
            Self::Disabled => "disabled",
            Self::Maintenance => "maintenance",
            Self::Scope => "scope",
            Self::Busy => "busy",
            Self::NotFound => "not-found",
            Self::Exists => "exists",
            Self::BadHash => "bad-hash",
            Self::BadLength => "bad-length",
            Self::TooLarge => "too-large",
            Self::StorageFull => "storage-full",
            Self::Unauthenticated => "unauthenticated",
            Self::TooManyAttempts => "too-many-attempts",
            Self::Ended => "ended",
            Self::Unavailable => "unavailable",
            Self::Invalid => "invalid",
            Self::WrongGateway => "wrong-gateway",
            Self::SpareGateway => "spare-gateway",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A request that was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{sentence}")]
pub struct Refusal {
    /// For programs.
    pub reason: Reason,
    /// For people: one plain sentence that names no other tenant and holds no secret.
    pub sentence: String,
    /// When it may be worth trying again; `None` if it never is without a change.
    pub retry_after: Option<Duration>,
}

impl Refusal {
    /// A refusal that trying again does not change.
    pub fn new(reason: Reason, sentence: impl Into<String>) -> Self {
        Self {
            reason,
            sentence: sentence.into(),
            retry_after: None,
        }
    }

    /// A refusal that may be over after `pause`.
    pub fn retry(reason: Reason, sentence: impl Into<String>, pause: Duration) -> Self {
        Self {
            retry_after: Some(pause),
            ..Self::new(reason, sentence)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_word_of_its_own() {
        let words: Vec<_> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
        let mut distinct = words.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), words.len());
        let plain = |word: &&str| word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
        assert!(words.iter().all(plain));
    }
}
