//! Who was turned away: a removed node that knocks again, a data directory that was copied or
//! set back, a node of another cluster, one of another version, a newcomer whose join token is not
//! good.
//!
//! They knock for ever, and at every node. One event a day says so of each.

use std::time::Duration;

use super::Refused;
use super::cluster::{Turned, TurnedCause};
use super::draft::{Draft, short};
use super::events::Code;
use crate::kernel::NodeId;

/// For so long one event is enough.
const QUIET: Duration = Duration::from_secs(86_400);
/// The most events of a code in that time, whoever knocks: strangers fill no list, and hide nobody
/// who shows a token.
const EVENTS_MAX: usize = 64;
/// The most bytes of where somebody came from.
const FROM_MAX: usize = 64;

impl Draft<'_> {
    pub(super) fn turned(&mut self, turned: &Turned) -> Result<(), Refused> {
        short("where somebody came from", &turned.from, FROM_MAX)?;
        let (code, text) = (code(turned.cause), self.told(turned));
        let events = self.rows.events.values().rev();
        let late = events.take_while(|event| self.at.since(event.at) <= QUIET);
        let told: Vec<&str> = late
            .filter(|event| event.code == code.number())
            .map(|event| event.text.as_str())
            .collect();
        if told.len() < EVENTS_MAX && !told.contains(&text.as_str()) {
            self.event(code, None, text, None);
        }
        Ok(())
    }

    fn told(&self, turned: &Turned) -> String {
        let named = |node: NodeId| match self.rows.cluster.nodes.get(&node) {
            Some(row) => format!("{node} '{}'", row.name),
            None => node.to_string(),
        };
        let who = turned.peer.map_or_else(|| "a node".to_owned(), named);
        let from = match turned.from.as_str() {
            "" => String::new(),
            from => format!(" from {from}"),
        };
        match (turned.cause, turned.peer) {
            (TurnedCause::Removed, _) => format!(
                "{who}, which was removed, knocked{from} and was turned away; stop it there"
            ),
            (TurnedCause::Copy, _) => format!(
                "{who} runs twice: one with a copy of its data directory knocked{from} and was \
                 turned away"
            ),
            (TurnedCause::Version, _) => format!(
                "{who} speaks another version between nodes than this cluster: it knocked{from} \
                 and was turned away; upgrade the older"
            ),
            (TurnedCause::Forgot, _) => format!(
                "{who} came back{from} without what it had acknowledged, with an older state of \
                 its data directory, and was turned away; remove or replace it, and join anew"
            ),
            (TurnedCause::Foreign, Some(_)) => format!(
                "at the address of {who} a node of another cluster answers; nothing was said to it"
            ),
            (TurnedCause::Foreign, None) => {
                format!("a node of another cluster knocked{from} and was turned away")
            }
            (TurnedCause::TokenUsed, _) => format!(
                "a newcomer{from} showed the join token that let {who} in before, and was turned \
                 away: a token lets one node in; if nobody of yours did it, somebody has read that \
                 token"
            ),
            (TurnedCause::TokenExpired, _) => format!(
                "a newcomer{from} showed a join token that has expired, and was turned away; make \
                 another if it is one of yours"
            ),
            (TurnedCause::TokenUnknown, _) => format!(
                "a newcomer{from} showed a join token that was revoked or never made here, and was \
                 turned away; make another if it is one of yours"
            ),
        }
    }
}

const fn code(cause: TurnedCause) -> Code {
    match cause {
        TurnedCause::Removed
        | TurnedCause::Copy
        | TurnedCause::Foreign
        | TurnedCause::Version
        | TurnedCause::Forgot => Code::NodeTurnedAway,
        TurnedCause::TokenUsed | TurnedCause::TokenExpired | TurnedCause::TokenUnknown => {
            Code::JoinTokenRefused
        }
    }
}
