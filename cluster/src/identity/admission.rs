//! Who joins the cluster: tokens that admit one node once, and the nodes that they admitted.
//!
//! [`Admissions::decide`] looks and does not change; [`Admissions::apply`] takes a fact in. So a
//! log of facts, replicated or not, makes the same state everywhere. Time is an argument: in a
//! cluster it is the catalog's.
//!
//! Invariant: a token admits one key, and a key is admitted under one number.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use holdfast_actors::kernel::{NodeId, NodeName, Timestamp};

use super::key::KeyHash;
use super::token::TokenHash;
use crate::nodes::{ADDRESSES_MAX, Node, Nodes};

/// The most tokens that may be good at once.
pub const TOKENS_MAX: usize = 64;
/// The longest time for which a token may be good.
pub const TOKEN_LIFE_MAX: Duration = Duration::from_secs(86_400 * 7);
/// The most nodes of a cluster.
pub const NODES_MAX: usize = 1_024;

/// A node that wants to join.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Join {
    /// Of the secret that it showed.
    pub token: TokenHash,
    /// How it wants to be called.
    pub name: NodeName,
    /// Its key.
    pub key: KeyHash,
    /// Where it listens.
    pub addresses: Vec<SocketAddr>,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// An operator made a token.
    Token {
        /// Of its secret.
        token: TokenHash,
        /// Until when it admits.
        expires: Timestamp,
    },
    /// A node shows one.
    Join(Join),
    /// An operator removes a node. It may come back as another, with a new key.
    Remove(NodeId),
}

/// A fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// A token is good; those that had expired by then are forgotten.
    Token {
        /// Of its secret.
        token: TokenHash,
        /// Until when.
        expires: Timestamp,
        /// When it was made.
        at: Timestamp,
    },
    /// A node is in the table.
    Joined {
        /// Its number.
        node: NodeId,
        /// What it asked for.
        join: Join,
    },
    /// A node is out of the table, and its key admits nobody any more.
    Removed(NodeId),
}

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// This is a fact from now on.
    Record(Record),
    /// This key joined with this token before: its answer was lost.
    Already(NodeId),
}

/// Why nobody is admitted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Never made here, or long expired.
    #[error("the join token is not known")]
    Unknown,
    /// Made before: made again, one that was used would admit a second node.
    #[error("the join token is known already")]
    Known,
    /// Too late.
    #[error("the join token expired at {0}")]
    Expired(Timestamp),
    /// It admits one node, and has.
    #[error("the join token was used by {0}")]
    Used(NodeId),
    /// A node of that name is there.
    #[error("{1} is called {0}")]
    Name(NodeName, NodeId),
    /// The key is that of a node, as in a copied data directory.
    #[error("the key is that of {0}: its data directory was copied")]
    Key(NodeId),
    /// The key was that of a node that was removed.
    #[error("the key is that of a node that was removed")]
    RemovedKey,
    /// None, or too many to be tried.
    #[error("a node has 1 to {ADDRESSES_MAX} addresses")]
    Addresses,
    /// There is no such node.
    #[error("{0} is not in the cluster")]
    NoNode(NodeId),
    /// A limit is reached.
    #[error("there are {0} already")]
    Full(&'static str),
    /// A token is good for a while only.
    #[error("a join token is good for 7 days at most, and not for none")]
    Life,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Token {
    expires: Timestamp,
    used: Option<(NodeId, KeyHash)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Member {
    name: NodeName,
    key: KeyHash,
    addresses: Vec<SocketAddr>,
}

/// All tokens and all nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admissions {
    tokens: BTreeMap<TokenHash, Token>,
    members: BTreeMap<NodeId, Member>,
    /// Keys of nodes that were removed, for as long as certificates with them may be good.
    removed: BTreeMap<KeyHash, NodeId>,
    last: NodeId,
}

impl Admissions {
    /// What is to become of a request.
    ///
    /// # Errors
    /// When it is refused; nothing changes then.
    pub fn decide(&self, now: Timestamp, request: Request) -> Result<Decision, Refused> {
        match request {
            Request::Token { token, expires } => {
                let good = self.tokens.values().filter(|one| one.expires > now);
                if good.count() >= TOKENS_MAX {
                    return Err(Refused::Full("64 join tokens"));
                }
                if self.tokens.get(&token).is_some_and(|one| one.expires > now) {
                    return Err(Refused::Known);
                }
                if expires <= now || expires.since(now) > TOKEN_LIFE_MAX {
                    return Err(Refused::Life);
                }
                let at = now;
                Ok(Decision::Record(Record::Token { token, expires, at }))
            }
            Request::Join(join) => self.join(now, join),
            Request::Remove(node) if self.members.contains_key(&node) => {
                Ok(Decision::Record(Record::Removed(node)))
            }
            Request::Remove(node) => Err(Refused::NoNode(node)),
        }
    }

    fn join(&self, now: Timestamp, join: Join) -> Result<Decision, Refused> {
        let token = self.tokens.get(&join.token).ok_or(Refused::Unknown)?;
        match token.used {
            Some((node, key)) if key == join.key && self.members.contains_key(&node) => {
                return Ok(Decision::Already(node));
            }
            Some((node, _)) => return Err(Refused::Used(node)),
            None if token.expires <= now => return Err(Refused::Expired(token.expires)),
            None => {}
        }
        if self.removed.contains_key(&join.key) {
            return Err(Refused::RemovedKey);
        }
        for (node, member) in &self.members {
            if member.key == join.key {
                return Err(Refused::Key(*node));
            }
            if member.name == join.name {
                return Err(Refused::Name(join.name, *node));
            }
        }
        if !(1..=ADDRESSES_MAX).contains(&join.addresses.len()) {
            return Err(Refused::Addresses);
        }
        if self.members.len() >= NODES_MAX {
            return Err(Refused::Full("1024 nodes"));
        }
        let node = self.last.next();
        Ok(Decision::Record(Record::Joined { node, join }))
    }

    /// Takes a fact in.
    pub fn apply(&mut self, record: &Record) {
        match record {
            Record::Token { token, expires, at } => {
                self.tokens.retain(|_, one| one.expires > *at);
                let (expires, used) = (*expires, None);
                self.tokens.insert(*token, Token { expires, used });
            }
            Record::Joined { node, join } => {
                if let Some(token) = self.tokens.get_mut(&join.token) {
                    token.used = Some((*node, join.key));
                }
                let member = Member {
                    name: join.name.clone(),
                    key: join.key,
                    addresses: join.addresses.clone(),
                };
                self.members.insert(*node, member);
                self.last = self.last.max(*node);
            }
            Record::Removed(node) => {
                if let Some(member) = self.members.remove(node) {
                    self.removed.insert(member.key, *node);
                }
            }
        }
    }

    /// The node table, as the link takes it.
    pub fn nodes(&self) -> Nodes {
        let row = |(node, member): (&NodeId, &Member)| {
            let row = Node {
                key: member.key,
                addresses: member.addresses.clone(),
            };
            (*node, row)
        };
        self.members.iter().map(row).collect()
    }
}

#[cfg(test)]
mod tests;
