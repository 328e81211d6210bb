//! What an operator hears of the link.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use holdfast_actors::catalog::command::{Turned, TurnedCause};
use holdfast_actors::kernel::{Instant, NodeId, Version};

use super::class::Class;
use super::end::{FOREIGN, REMOVED};
use super::hello::{OF_PEER, UPGRADE};
use super::lives::BadLife;

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
    /// A node says that this one was removed from the cluster.
    Dismissed {
        /// Which.
        by: NodeId,
    },
    /// A node says that this one speaks an older version than the cluster.
    Outdated {
        /// Which.
        by: NodeId,
        /// What it says.
        reason: String,
    },
    /// A node says that another run of this one counts: a copy of its data directory is about, and
    /// maybe this is it.
    Doubled {
        /// Which.
        by: NodeId,
    },
}

impl Notice {
    /// What the cluster is to know of a refusal; none of one that is of no consequence, or not this
    /// node's.
    pub fn turned(&self) -> Option<Turned> {
        let Self::Refused {
            peer,
            address,
            reason,
        } = self
        else {
            return None;
        };
        let from = address.map(|address| address.ip().to_string());
        let from = from.unwrap_or_default();
        let turned = |cause, peer| Some(Turned { cause, peer, from });
        if reason.ends_with(FOREIGN) {
            // Whoever is first to see the other's certificate refuses; both mean the same.
            return turned(TurnedCause::Foreign, *peer);
        }
        if let Some(who) = reason.strip_suffix(REMOVED) {
            let number = who.trim_end().strip_prefix("node-")?.parse().ok()?;
            return turned(TurnedCause::Removed, Some(NodeId::new(number)));
        }
        if let Some((cause, owner)) = token(reason) {
            return turned(cause, owner);
        }
        // What a peer says of this node begins in another way.
        if reason.starts_with(OF_PEER) && reason.ends_with(UPGRADE) {
            return turned(TurnedCause::Version, *peer);
        }
        let is_copy = BadLife::is_told(reason);
        peer.filter(|_| is_copy)
            .and_then(|peer| turned(TurnedCause::Copy, Some(peer)))
    }
}

/// What is wrong with a join token that was shown, if that is why somebody was refused, and whom it
/// let in.
fn token(reason: &str) -> Option<(TurnedCause, Option<NodeId>)> {
    let told = reason.strip_prefix("the join token ")?;
    if told == "is not known to the cluster" {
        return Some((TurnedCause::TokenUnknown, None));
    }
    if told.starts_with("expired") {
        return Some((TurnedCause::TokenExpired, None));
    }
    let owner = told.strip_prefix("was used by node-")?.parse().ok()?;
    Some((TurnedCause::TokenUsed, Some(NodeId::new(owner))))
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
            Self::Dismissed { by } => {
                write!(f, "{by} says that this node {REMOVED}")
            }
            Self::Outdated { by, reason } => write!(f, "{by} refuses this node: {reason}"),
            Self::Doubled { by } => write!(f, "{by} says that another run of this node counts"),
        }
    }
}

/// Tells what is new, not each of a peer's attempts.
#[derive(Debug, Default)]
pub(super) struct News {
    /// Refusals, and when they were told.
    refused: BTreeMap<Notice, Instant>,
    /// Why there is no connection, as it was told last.
    down: BTreeMap<(NodeId, Class), String>,
}

impl News {
    /// Whether this is to be told now.
    pub(super) fn is_news(&mut self, now: Instant, notice: &Notice) -> bool {
        match notice {
            Notice::Up { peer, class, .. } => {
                self.down.remove(&(*peer, *class));
                true
            }
            Notice::Down {
                peer,
                class,
                reason,
            } => self.down.insert((*peer, *class), reason.clone()).as_ref() != Some(reason),
            Notice::Refused {
                peer,
                address,
                reason,
            } => {
                // A peer dials from any port.
                let address = address.map(|address| SocketAddr::new(address.ip(), 0));
                let (peer, reason) = (*peer, reason.clone());
                let key = Notice::Refused {
                    peer,
                    address,
                    reason,
                };
                self.is_new_refusal(now, key)
            }
            Notice::Dismissed { .. } | Notice::Outdated { .. } | Notice::Doubled { .. } => {
                self.is_new_refusal(now, notice.clone())
            }
        }
    }

    fn is_new_refusal(&mut self, now: Instant, key: Notice) -> bool {
        let told = self.refused.get(&key);
        if told.is_some_and(|told| told.until(now) < QUIET) {
            return false;
        }
        if self.refused.len() >= REMEMBERED {
            let oldest = self.refused.iter().min_by_key(|(_, told)| **told);
            if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                self.refused.remove(&oldest);
            }
        }
        self.refused.insert(key, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use holdfast_actors::catalog::Refused;
    use holdfast_actors::kernel::Timestamp;

    use super::super::hello::{BadHello, Older};
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
        let mut news = News::default();
        let at = |seconds: u64| Instant::from_micros(seconds * 1_000_000);
        let told = (0..120).filter(|second| {
            let port = 1_000 + *second as u16;
            news.is_news(at(*second), &refused(port, "unknown"))
        });
        assert_eq!(told.collect::<Vec<_>>(), [0, 60]);
        assert!(news.is_news(at(120), &refused(1, "of another cluster")));
    }

    #[test]
    fn the_cluster_is_told_of_whom_this_node_refuses_for_its_version_and_not_of_itself() {
        let theirs = Version { major: 2, minor: 0 };
        let ours = Version { major: 1, minor: 1 };
        let reasons = [
            BadHello::Major { theirs, ours }.to_string(),
            Older {
                theirs: ours,
                spoken: theirs,
            }
            .to_string(),
        ];
        for reason in reasons {
            let told = refused(7, &reason).turned().map(|turned| turned.cause);
            assert_eq!(told, Some(TurnedCause::Version), "{reason}");
            let by_peer = refused(7, &format!("the peer refuses: {reason}"));
            assert_eq!(by_peer.turned(), None);
        }
    }

    #[test]
    fn the_cluster_is_told_of_whoever_shows_a_join_token_that_is_not_good() {
        let owner = NodeId::new(2);
        for (refused_as, cause, peer) in [
            (Refused::NoToken, TurnedCause::TokenUnknown, None),
            (
                Refused::TokenExpired(Timestamp::default()),
                TurnedCause::TokenExpired,
                None,
            ),
            (
                Refused::TokenUsed(owner),
                TurnedCause::TokenUsed,
                Some(owner),
            ),
        ] {
            let from = "127.0.0.1".to_owned();
            let told = refused(7, &refused_as.to_string()).turned();
            assert_eq!(told, Some(Turned { cause, peer, from }));
        }
        let other = Refused::TokenExists.to_string();
        assert_eq!(refused(7, &other).turned(), None);
    }

    #[test]
    fn a_crowd_of_strangers_fills_no_memory() {
        let mut news = News::default();
        for number in 0..1_000 {
            let notice = refused(1, &format!("reason {number}"));
            assert!(news.is_news(Instant::from_micros(number), &notice));
        }
        assert_eq!(news.refused.len(), REMEMBERED);
    }

    #[test]
    fn that_there_is_no_connection_is_told_once_until_there_was_one() {
        let (mut news, peer, class) = (News::default(), NodeId::new(2), Class::Calls);
        let down = |reason: &str| Notice::Down {
            peer,
            class,
            reason: reason.to_owned(),
        };
        let up = Notice::Up {
            peer,
            class,
            version: super::super::hello::VERSION,
        };
        let mut is_news = |notice: &Notice| news.is_news(Instant::default(), notice);
        assert!(is_news(&down("no answer")));
        assert!(!is_news(&down("no answer")));
        assert!(is_news(&down("removed")));
        assert!(is_news(&up));
        assert!(is_news(&down("removed")));
    }
}
