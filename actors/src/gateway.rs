//! The gateway: who may come in.
//!
//! It knows logins and nothing of what they may do; that is the tenant's to say. A disabled or
//! expired tenant is let in here and told why it is refused there.
//!
//! What it does against guessing, and for those who are not guessing:
//!
//! - A *generated* password has 256 bits of its own. It is compared first, at once, whatever failed
//!   before: nobody can guess it, so nobody's failures slow its owner down, and an attacker cannot
//!   lock a tenant out.
//! - What matches none of those is taken for a *chosen* password and verified slowly, by at most
//!   two verifications at once. No such tenant, a wrong password and an account without a chosen
//!   one take this same way.
//! - From the fifth failure on, attempts from one address (an IPv6 network of 64 bits) start after
//!   a delay that doubles up to a minute, and those at one account after up to two seconds, unless
//!   they come from an address that has logged in to it before. An attempt that would start in more
//!   than five seconds is refused, with the time to wait. An attempt counts as failed until it has
//!   succeeded, so that many at once gain nothing.
//! - A success is good for a minute, by a keyed digest of user and password; a change of the
//!   credential or a disabled account ends it at once.

mod accounts;
mod failures;
mod hands;
mod machine;

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use crate::catalog::rows::{Scope, View};
use crate::kernel::{CredentialId, Date, Space};
use crate::names::{SubtenantName, TenantName};

pub use accounts::Chosen;
pub use hands::{GatewayHands, Message};
pub use machine::{Effect, Event, Gateway, VERIFICATIONS_MAX};

/// A login that was let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// Whose it is.
    pub tenant: TenantName,
    /// The tenant's id: a later tenant of the same name is another.
    pub tenant_id: u64,
    /// Of which subtenant, if of one.
    pub subtenant: Option<SubtenantName>,
    /// The part of each repository that it sees.
    pub space: Space,
    /// The credential.
    pub credential: CredentialId,
    /// What it allows.
    pub scope: Scope,
    /// Set if it only reads one repository as of an instant.
    pub view: Option<View>,
    /// The last day on which it is good; none if it has no end.
    pub expires: Option<Date>,
}

/// What the machine knows of a user and a password: enough to tell two attempts apart and to know a
/// generated password again, too little to say either.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    /// SHA-256 of user and password under a key of this process.
    key: [u8; 32],
    /// SHA-256 of the password.
    digest: [u8; 32],
}

impl Proof {
    /// Puts the two digests together.
    pub const fn new(key: [u8; 32], digest: [u8; 32]) -> Self {
        Self { key, digest }
    }

    /// Whether the password has this SHA-256, in a time that does not tell where they differ.
    fn matches(&self, digest: &[u8; 32]) -> bool {
        let pairs = self.digest.iter().zip(digest);
        let differing = pairs.fold(0, |all, (one, other)| all | (one ^ other));
        std::hint::black_box(differing) == 0
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proof")
    }
}

/// Where attempts come from, as far as blame goes: an IPv4 address, or an IPv6 network of 64 bits,
/// of which anybody has as many addresses as they like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Peer(IpAddr);

impl From<IpAddr> for Peer {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => {
                let network = address.to_bits() & !u128::from(u64::MAX);
                IpAddr::V6(Ipv6Addr::from_bits(network))
            }
            canonical @ IpAddr::V4(_) => canonical,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_of_64_bits_is_one_peer() {
        let peer = |text: &str| Peer::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(peer("2001:db8::1"), peer("2001:db8::ffff:2"));
        assert_ne!(peer("2001:db8::1"), peer("2001:db8:0:1::1"));
        assert_eq!(peer("::ffff:192.0.2.1"), peer("192.0.2.1"));
        assert_ne!(peer("192.0.2.1"), peer("192.0.2.2"));
    }

    #[test]
    fn a_proof_knows_its_digest_and_shows_nothing() {
        let proof = Proof::new([1; 32], [2; 32]);
        assert!(proof.matches(&[2; 32]));
        assert!((0..32).all(|at| {
            let mut other = [2; 32];
            other[at] ^= 0x80;
            !proof.matches(&other)
        }));
        assert_eq!(format!("{proof:?}"), "Proof");
    }
}
