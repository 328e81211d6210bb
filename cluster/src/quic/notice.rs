//! What an operator hears of the link.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use holdfast_actors::kernel::{Instant, NodeId};

use super::class::Class;
use super::hello::Version;

/// The same refusal is told once in so long, however often the peer tries.
const QUIET: Duration = Duration::from_secs(60);
/// Refusals that are remembered; beyond them the oldest are told anew.
const REMEMBERED: usize = 256;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Notice {
    /// Two nodes are connected for a class.
    Up {
        /// The peer.
        peer: NodeId,
        /// For what.
        class: Class,
        /// The version in which they talk.
        version: Version,
    },
    /// The connection is dead, or none could be made.
    Down {
        /// The peer.
        peer: NodeId,
        /// For what.
        class: Class,
        /// Why, in a sentence.
        reason: String,
    },
    /// Somebody was refused, or refuses this node.
    Refused {
        /// Who, as far as he proved it.
        peer: Option<NodeId>,
        /// Where he is.
        address: Option<SocketAddr>,
        /// Why, in a sentence.
        reason: String,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Up {
                peer,
                class,
                version,
            } => write!(f, "{peer}: connected for {class} in version {version}"),
            Self::Down {
                peer,
                class,
                reason,
            } => write!(f, "{peer}: not connected for {class}: {reason}"),
            Self::Refused {
                peer,
                address,
                reason,
            } => {
                match (peer, address) {
                    (Some(peer), Some(address)) => write!(f, "{peer} at {address}")?,
                    (Some(peer), None) => write!(f, "{peer}")?,
                    (None, Some(address)) => write!(f, "a stranger at {}", address.ip())?,
                    (None, None) => f.write_str("a stranger")?,
                }
                write!(f, ": refused: {reason}")
            }
        }
    }
}

/// Tells a refusal once, not for each of a peer's attempts.
#[derive(Debug, Default)]
pub(super) struct Refusals(BTreeMap<Notice, Instant>);

impl Refusals {
    /// Whether this is to be told now.
    pub(super) fn is_news(&mut self, now: Instant, notice: &Notice) -> bool {
        let Notice::Refused {
            peer,
            address,
            reason,
        } = notice
        else {
            return true;
        };
        // A peer dials from any port.
        let address = address.map(|address| SocketAddr::new(address.ip(), 0));
        let (peer, reason) = (*peer, reason.clone());
        let key = Notice::Refused {
            peer,
            address,
            reason,
        };
        if self.0.get(&key).is_some_and(|told| told.until(now) < QUIET) {
            return false;
        }
        if self.0.len() >= REMEMBERED {
            let oldest = self.0.iter().min_by_key(|(_, told)| **told);
            if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                self.0.remove(&oldest);
            }
        }
        self.0.insert(key, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(port: u16, reason: &str) -> Notice {
        Notice::Refused {
            peer: None,
            address: Some(([127, 0, 0, 1], port).into()),
            reason: reason.to_owned(),
        }
    }

    #[test]
    fn a_peer_that_knocks_for_a_minute_is_told_once() {
        let mut refusals = Refusals::default();
        let at = |seconds: u64| Instant::from_micros(seconds * 1_000_000);
        let told = (0..120).filter(|second| {
            let port = 1_000 + *second as u16;
            refusals.is_news(at(*second), &refused(port, "unknown"))
        });
        assert_eq!(told.collect::<Vec<_>>(), [0, 60]);
        assert!(refusals.is_news(at(120), &refused(1, "of another cluster")));
    }

    #[test]
    fn a_crowd_of_strangers_fills_no_memory() {
        let mut refusals = Refusals::default();
        for number in 0..1_000 {
            let notice = refused(1, &format!("reason {number}"));
            assert!(refusals.is_news(Instant::from_micros(number), &notice));
        }
        assert_eq!(refusals.0.len(), REMEMBERED);
    }
}
