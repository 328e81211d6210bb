//! Join tokens, and the nodes that they let in.
//!
//! The catalog knows a token by the SHA-256 of its secret, so who reads the rows is let in by none
//! of them. Tokens end by the wall clock that a majority agrees on, whatever the clock of the node
//! says that an operator or a newcomer speaks to.
//!
//! Invariant: a token lets one key in, and a key is let in under one number, which no other node
//! ever had.

use std::time::Duration;

use super::cluster::NewNode;
use super::draft::Draft;
use super::events::Code;
use super::rows::{NodeState, Token};
use super::{Outcome, Refused};
use crate::kernel::{NodeId, NodeName, Timestamp};

/// The most tokens that let somebody in at once.
const TOKENS_MAX: usize = 64;
/// The longest that a token lets somebody in.
const LIFE_MAX: Duration = Duration::from_secs(86_400 * 7);

impl Draft<'_> {
    /// The wall clock: as the nodes' were last looked at, and the catalog's own time since.
    fn wall(&self) -> Timestamp {
        let (clock, cluster) = (self.rows.clock, &self.rows.cluster);
        if clock.wall == Timestamp::default() {
            return self.at;
        }
        clock.wall + cluster.now.saturating_sub(cluster.looked)
    }

    /// Makes a token good for so long.
    pub(super) fn promise(&mut self, hash: [u8; 32], life: Duration) -> Result<Outcome, Refused> {
        if self.rows.cluster.nodes.is_empty() {
            return Err(Refused::Alone);
        }
        let (given, most) = (life.as_secs(), LIFE_MAX.as_secs());
        if !(1..=most).contains(&given) {
            let (what, least) = ("the seconds of a join token", 1);
            return Err(Refused::Range {
                what,
                given,
                least,
                most,
            });
        }
        let now = self.wall();
        let tokens = &mut self.rows.cluster.tokens;
        *tokens = std::mem::take(tokens)
            .into_iter()
            .filter(|(_, token)| token.expires > now)
            .collect();
        // Made again, one that was used would let a second node in.
        if tokens.contains_key(&hash) {
            return Err(Refused::TokenExists);
        }
        if tokens.values().filter(|it| it.used.is_none()).count() >= TOKENS_MAX {
            let (what, most) = ("join tokens", TOKENS_MAX);
            return Err(Refused::TooMany { what, most });
        }
        let expires = now + Duration::from_secs(given);
        let used = None;
        tokens.insert(hash, Token { expires, used });
        let text = format!("a join token was made, good until {expires}");
        self.event(Code::JoinTokenMade, None, text, None);
        Ok(Outcome::Token { expires })
    }

    /// A token lets nobody in any more. Of one that was used, it stays known whom it let in.
    pub(super) fn revoke(&mut self, hash: &[u8; 32]) -> Result<(), Refused> {
        let tokens = &mut self.rows.cluster.tokens;
        let token = *tokens.get(hash).ok_or(Refused::NoToken)?;
        if let Some((node, _)) = token.used {
            return Err(Refused::TokenUsed(node));
        }
        tokens.remove(hash);
        let text = format!(
            "a join token was revoked, which was good until {}",
            token.expires
        );
        self.event(Code::JoinTokenRevoked, None, text, None);
        Ok(())
    }

    /// Lets a node in, once for a token; again for whoever lost the answer.
    pub(super) fn join(&mut self, hash: [u8; 32], new: &NewNode) -> Result<Outcome, Refused> {
        let cluster = &self.rows.cluster;
        let token = *cluster.tokens.get(&hash).ok_or(Refused::NoToken)?;
        match token.used {
            Some((node, key)) => {
                let row = cluster.nodes.get(&node);
                let is_in = row.is_some_and(|row| row.state != NodeState::Removed);
                return if is_in && key == new.key {
                    Ok(Outcome::Node { node })
                } else {
                    Err(Refused::TokenUsed(node))
                };
            }
            None if token.expires <= self.wall() => {
                return Err(Refused::TokenExpired(token.expires));
            }
            None => {}
        }
        let last = cluster.nodes.get_max().map(|(last, _)| *last);
        let node = last.unwrap_or_default().next();
        self.vacant(node, new)?;
        self.reachable(new)?;
        self.add_node(node, new)?;
        let used = Some((node, new.key));
        self.rows
            .cluster
            .tokens
            .insert(hash, Token { used, ..token });
        Ok(Outcome::Node { node })
    }

    /// Whether a node may come in under this name and with this key.
    pub(super) fn vacant(&self, id: NodeId, new: &NewNode) -> Result<(), Refused> {
        own_name(id, &new.name)?;
        for (id, node) in &self.rows.cluster.nodes {
            let removed = node.state == NodeState::Removed;
            match (node.key == new.key, node.name == new.name) {
                (true, _) if removed => return Err(Refused::NodeKeyRemoved(*id)),
                (true, _) => return Err(Refused::NodeKey(*id)),
                (false, true) if !removed => return Err(Refused::NodeName(new.name.clone(), *id)),
                (false, _) => {}
            }
        }
        Ok(())
    }
}

/// Nobody bears another node's id as its name: orders say either.
pub(super) fn own_name(id: NodeId, name: &NodeName) -> Result<(), Refused> {
    let number = name.as_str().strip_prefix("node-");
    let other = number.and_then(|number| number.parse().ok().map(NodeId::new));
    match other.filter(|other| *other != id) {
        Some(other) => Err(Refused::NodeName(name.clone(), other)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
