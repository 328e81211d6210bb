//! Who may ask whom, and what becomes of each question: the calls of one node.
//!
//! Calls wait here until the peer has greeted, a place in its window is free and the link takes a
//! frame; so until a call is sent nothing of it can have been done, and from then on its end is
//! unknown until an answer says otherwise. All that is ready for one peer travels in few frames.
//! Calls to the node itself take the same path, without a link.
//!
//! Invariant: every call ends once, and by its deadline; what ended without having been sent was
//! never heard by anybody; of each service at most a window of each peer's calls is under way.

mod calling;
mod peer;
mod serving;
mod shown;
mod turn;
mod vocabulary;
mod watching;

use std::collections::BTreeMap;
use std::time::Duration;

use holdfast_actors::kernel::{Acts, Instant, Machine, Never, NodeId, Now, Ticket};
use serde_json::json;

use super::envelope::Envelope;
use super::{CallError, Passing};
use calling::Open;
use peer::Peer;
use turn::Turn;

pub use vocabulary::{Ask, Effect, Event, Execution, News, Outcome};

/// After which a peer that has not greeted is greeted again.
const GREET: Duration = Duration::from_millis(500);
/// The most ends of actors and nodes that this node waits for, and that it watches for one peer.
pub const WATCHES_MAX: usize = 4096;
/// The most small envelopes that wait for one peer before what answers it is left out: a peer that
/// asks and does not listen gets no answers.
const URGENT_MAX: usize = 8192;

/// How much of everything there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Calls of one peer to one service under way at once, both those it takes and those it makes.
    pub window: u16,
    /// Calls that wait for a place in one window.
    pub waiting: usize,
    /// Bytes of their bodies.
    pub waiting_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            window: 64,
            waiting: 1024,
            waiting_bytes: 16 << 20,
        }
    }
}

/// The calls of one node.
#[derive(Debug)]
pub struct Switchboard {
    me: NodeId,
    limits: Limits,
    services: BTreeMap<&'static [u8], &'static str>,
    peers: BTreeMap<NodeId, Peer>,
    /// What callers of this node wait for.
    calls: BTreeMap<Ticket, Open>,
    /// Nodes that watchers of this node wait for.
    watches: BTreeMap<Ticket, NodeId>,
    /// Not later than the first deadline; looked at only then, so that it seldom moves.
    alarm: Option<Instant>,
    is_closed: bool,
    /// Answers that nobody waited for any more.
    late: u64,
    /// Frames that could not be read.
    garbled: u64,
}

impl Switchboard {
    /// Of a node that has no services and has spoken to nobody.
    pub const fn new(me: NodeId, limits: Limits) -> Self {
        Self {
            me,
            limits,
            services: BTreeMap::new(),
            peers: BTreeMap::new(),
            calls: BTreeMap::new(),
            watches: BTreeMap::new(),
            alarm: None,
            is_closed: false,
            late: 0,
            garbled: 0,
        }
    }

    fn take(&mut self, news: News, turn: &mut Turn) {
        match news {
            News::Unsent { to, envelopes, why } => self.unsent(to, envelopes, why, turn),
            News::Heard { from, envelopes } => {
                for envelope in envelopes {
                    self.heard(from, envelope, turn);
                }
            }
            News::Garbled(_) => self.garbled += 1,
            News::Down(peer) => self.down(peer, turn),
            News::Room(peer) => {
                if let Some(peer) = self.peers.get_mut(&peer) {
                    peer.is_blocked = false;
                }
                turn.touch(peer);
            }
            News::Closed => {
                self.is_closed = true;
                let others = self.peers.keys().filter(|peer| **peer != self.me);
                for peer in others.copied().collect::<Vec<_>>() {
                    self.down(peer, turn);
                }
            }
            News::Serves(service) => {
                self.services.insert(service.as_bytes(), service);
            }
            News::Done {
                from,
                ticket,
                outcome,
            } => self.done(from, ticket, outcome, turn),
            News::Ended {
                from,
                ticket,
                passing,
            } => self.ended(from, ticket, passing, turn),
            News::Asked(ask) => self.asked(ask, turn),
            News::Watches { ticket, node, path } => self.watch(ticket, node, path, turn),
            News::TurnedAway(ticket) => self.turned_away(ticket, turn),
        }
    }

    fn heard(&mut self, from: NodeId, envelope: Envelope, turn: &mut Turn) {
        match envelope {
            Envelope::Credit { window, is_greeted } => {
                let peer = self.peers.entry(from).or_default();
                peer.greeting = Some(window.max(1));
                peer.owes_greeting |= !is_greeted;
                turn.touch(from);
            }
            Envelope::Call {
                id,
                within,
                service,
                body,
            } => self.serve(from, id, within, &service, body, turn),
            Envelope::Cancel { id } => self.cancelled(from, id, turn),
            Envelope::Watch { id, path } => self.mourn(from, id, path, turn),
            Envelope::Answer { id, body } => self.answered(from, id, Ok(body), turn),
            Envelope::Rejected { id, why } => {
                let why = String::from_utf8_lossy(&why).into_owned();
                let rejected = super::Rejected(why);
                self.answered(from, id, Err(CallError::Rejected(rejected)), turn);
            }
            Envelope::NoService { id } => self.not_served(from, id, turn),
            Envelope::Busy { id } => {
                self.answered(from, id, Err(CallError::Unreachable(from)), turn);
            }
            Envelope::Lost { id } => self.answered(from, id, Err(CallError::Unknown(from)), turn),
            Envelope::Down { id, passing } => self.passed(from, id, passing, turn),
            Envelope::Unfamiliar { id } => {
                self.not_served(from, id, turn);
                self.passed(from, id, Passing::Refused, turn);
            }
            Envelope::Strange { id, asks: true } => {
                self.say(from, Envelope::Unfamiliar { id }, turn);
            }
            Envelope::Strange { id, asks: false } => {
                self.answered(from, id, Err(CallError::Unknown(from)), turn);
                self.passed(from, id, Passing::Refused, turn);
            }
        }
    }

    /// Says something small to a peer, unless too much waits for it already.
    fn say(&mut self, to: NodeId, envelope: Envelope, turn: &mut Turn) {
        let peer = self.peers.entry(to).or_default();
        if peer.urgent.len() < URGENT_MAX {
            peer.urgent.push_back(envelope);
        }
        turn.touch(to);
    }

    /// The connection with a peer is dead.
    fn down(&mut self, node: NodeId, turn: &mut Turn) {
        let Some(peer) = self.peers.remove(&node) else {
            return;
        };
        for (ticket, open) in self.calls.extract_if(.., |_, open| open.to == node) {
            let error = if open.is_sent {
                CallError::Unknown(node)
            } else {
                CallError::Unreachable(node)
            };
            turn.concluded.push((ticket, Err(error)));
        }
        for (ticket, _) in self.watches.extract_if(.., |_, at| *at == node) {
            turn.told.push((ticket, Passing::NoConnection));
        }
        let served = peer.serving.into_keys().chain(peer.mourned);
        turn.dropped.extend(served.map(|ticket| (node, ticket)));
        turn.executed.retain(|it| it.from != node);
        turn.mourned.retain(|(from, ..)| *from != node);
    }

    /// Sends all that is ready to those for whom something has changed.
    fn flush(&mut self, turn: &mut Turn) {
        while let Some(to) = turn.touched.pop_first() {
            if to == self.me {
                while let Some(envelopes) = self.ready(to, turn) {
                    for envelope in envelopes {
                        self.heard(to, envelope, turn);
                    }
                }
                turn.touched.remove(&to);
            } else if let Some(envelopes) = self.ready(to, turn) {
                turn.send(to, envelopes);
            }
        }
    }

    /// Time is over for some, or some peer is to be greeted again.
    fn lapse(&mut self, turn: &mut Turn) {
        self.expire_calls(turn);
        self.expire_served(turn);
        let mut next = self.calls.values().map(|open| open.deadline).min();
        for (node, peer) in &self.peers {
            let again = peer.greeted.filter(|_| peer.waits_for_greeting());
            let again = again.map(|greeted| greeted + GREET);
            if again.is_some_and(|again| again <= turn.now) {
                turn.touch(*node);
            }
            let later = again.filter(|again| *again > turn.now);
            next = [next, later, peer.first_lapse()]
                .into_iter()
                .flatten()
                .min();
        }
        self.alarm = next;
    }

    /// Wants to be woken then at the latest.
    fn expect(&mut self, at: Instant) {
        self.alarm = Some(self.alarm.map_or(at, |alarm| alarm.min(at)));
    }
}

impl Machine for Switchboard {
    type Event = Event;
    type Record = Never;
    type Effect = Effect;

    fn step(&mut self, now: Now, event: Event, acts: &mut Acts<Self>) {
        let mut turn = Turn::at(now.monotonic);
        for news in event.0 {
            self.take(news, &mut turn);
        }
        self.flush(&mut turn);
        turn.end(acts);
    }

    fn apply(&mut self, record: &Never) {
        match *record {}
    }

    fn deadline(&self) -> Option<Instant> {
        self.alarm
    }

    fn wake(&mut self, now: Now, acts: &mut Acts<Self>) {
        if self.alarm.is_some_and(|alarm| alarm <= now.monotonic) {
            let mut turn = Turn::at(now.monotonic);
            self.lapse(&mut turn);
            self.flush(&mut turn);
            turn.end(acts);
        }
    }

    fn observe(&self) -> serde_json::Value {
        let sent = self.calls.values().filter(|open| open.is_sent).count();
        let served: usize = self.peers.values().map(|peer| peer.serving.len()).sum();
        json!({
            "peers": self.peers.keys().map(NodeId::to_string).collect::<Vec<_>>(),
            "calls-sent": sent,
            "calls-waiting": self.calls.len() - sent,
            "calls-served": served,
            "watches": self.watches.len(),
            "late-answers": self.late,
            "unreadable-frames": self.garbled,
        })
    }

    fn waits(&self) -> Vec<String> {
        let waits = self.peers.iter().filter_map(|(node, peer)| {
            let count = peer.waiting();
            let why = match () {
                () if count == 0 => return None,
                () if peer.is_blocked => "the link to take more",
                () if peer.waits_for_greeting() => "its greeting",
                () => "places in its windows",
            };
            Some(format!("{count} calls to {node} wait for {why}"))
        });
        waits.collect()
    }
}

#[cfg(test)]
mod tests;
