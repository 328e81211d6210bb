//! Where a call by name goes next, and whether it does.
//!
//! A node that says where the actor went is believed at once, a few times in a row; otherwise a
//! pause that doubles lets the owner and the table of owners settle, and the table is asked again.
//!
//! Invariant: a call whose end is unknown is made again only if that is harmless; each ends once,
//! and by its deadline.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use holdfast_actors::kernel::{Acts, Instant, Machine, Never, NodeId, Now, Ticket};
use serde_json::json;

use super::{PursuitError, Repeat};
use crate::calls::CallError;

/// The most calls under way.
pub const PURSUITS_MAX: usize = 65_536;
/// How often in a row a call goes where it is told without a pause.
const HOPS_MAX: u32 = 3;
/// The first pause; each further one doubles it.
const PAUSE: Duration = Duration::from_millis(20);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_millis(500);

/// What came of one try.
#[derive(Clone, PartialEq, Eq)]
pub enum Tried {
    /// The actor answered.
    Answer(Bytes),
    /// Another node owns the actor.
    Moved(NodeId),
    /// The node that was asked does not own it.
    NotHere,
    /// Nobody knows a node that does.
    Nowhere,
    /// The call itself failed.
    Failed(CallError),
}

/// What the machine learns.
pub enum Event {
    /// Somebody calls.
    Asked {
        /// Whom to answer.
        ticket: Ticket,
        /// How long there is.
        within: Duration,
        /// Whether it may be made twice.
        repeat: Repeat,
    },
    /// A try is over.
    Tried(Ticket, Tried),
    /// Nobody waits any more.
    TurnedAway(Ticket),
}

/// What it wants done.
#[derive(PartialEq, Eq)]
pub enum Effect {
    /// Make the call now: at this node, or where the actor is said to be.
    Try {
        /// Which call.
        ticket: Ticket,
        /// Where; none to look it up.
        at: Option<NodeId>,
        /// How long there is left.
        within: Duration,
    },
    /// Tell the caller. Without a result the actor was not found.
    Conclude(Ticket, Result<Bytes, Ended>),
    /// Give up the try that is under way.
    Drop(Ticket),
}

/// Why a call by name has no answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Ended {
    /// A call ended so.
    Call(CallError),
    /// Nobody said that it owns the actor.
    NotFound,
    /// There are too many.
    Crowded,
}

impl Ended {
    /// With the name that was called.
    pub fn named(self, name: &[u8]) -> PursuitError {
        match self {
            Self::Call(error) => PursuitError::Call(error),
            Self::NotFound => PursuitError::NotFound(String::from_utf8_lossy(name).into_owned()),
            Self::Crowded => PursuitError::Crowded,
        }
    }
}

/// All calls by name of one node.
#[derive(Debug, Default)]
pub struct Pursuits {
    calls: BTreeMap<Ticket, Pursuit>,
}

#[derive(Debug)]
struct Pursuit {
    until: Instant,
    repeat: Repeat,
    /// When it is tried again; none while a try is under way.
    again: Option<Instant>,
    pause: Duration,
    hops: u32,
    /// How it ends if no try succeeds; once that is unknown it stays so.
    last: Option<CallError>,
}

impl Pursuit {
    fn remember(&mut self, error: Option<CallError>) {
        if !matches!(self.last, Some(CallError::Unknown(_))) {
            self.last = error;
        }
    }

    fn end(self) -> Ended {
        self.last.map_or(Ended::NotFound, Ended::Call)
    }
}

impl Pursuits {
    fn tried(&mut self, now: Instant, ticket: Ticket, tried: Tried, acts: &mut Acts<Self>) {
        let Some(call) = self.calls.get_mut(&ticket) else {
            return;
        };
        if call.again.is_some() {
            // It was over before.
            return;
        }
        match tried {
            Tried::Answer(body) => {
                self.calls.remove(&ticket);
                acts.show(Effect::Conclude(ticket, Ok(body)));
            }
            Tried::Moved(to) if call.hops < HOPS_MAX => {
                call.hops += 1;
                call.remember(None);
                let (at, within) = (Some(to), now.until(call.until));
                acts.show(Effect::Try { ticket, at, within });
            }
            Tried::Moved(_) | Tried::NotHere | Tried::Nowhere => {
                call.remember(None);
                self.pause(now, ticket, acts);
            }
            Tried::Failed(error) => {
                let goes_on = match &error {
                    CallError::NoService(..) | CallError::Unreachable(_) => true,
                    CallError::Unknown(_) => call.repeat == Repeat::Harmless,
                    CallError::Rejected(_) | CallError::TooLarge(_) => false,
                };
                if goes_on {
                    call.remember(Some(error));
                    self.pause(now, ticket, acts);
                } else {
                    self.calls.remove(&ticket);
                    acts.show(Effect::Conclude(ticket, Err(Ended::Call(error))));
                }
            }
        }
    }

    /// Tries again later, if there is time for that.
    fn pause(&mut self, now: Instant, ticket: Ticket, acts: &mut Acts<Self>) {
        let Some(call) = self.calls.get_mut(&ticket) else {
            return;
        };
        let again = now + call.pause;
        if again < call.until {
            call.again = Some(again);
            call.hops = 0;
            call.pause = (call.pause * 2).min(PAUSE_MAX);
        } else if let Some(call) = self.calls.remove(&ticket) {
            acts.show(Effect::Conclude(ticket, Err(call.end())));
        }
    }
}

impl Machine for Pursuits {
    type Event = Event;
    type Record = Never;
    type Effect = Effect;

    fn step(&mut self, now: Now, event: Event, acts: &mut Acts<Self>) {
        match event {
            Event::Asked { ticket, .. } if self.calls.len() >= PURSUITS_MAX => {
                acts.show(Effect::Conclude(ticket, Err(Ended::Crowded)));
            }
            Event::Asked {
                ticket,
                within,
                repeat,
            } => {
                let call = Pursuit {
                    until: now.monotonic + within,
                    repeat,
                    again: None,
                    pause: PAUSE,
                    hops: 0,
                    last: None,
                };
                self.calls.insert(ticket, call);
                let at = None;
                acts.show(Effect::Try { ticket, at, within });
            }
            Event::Tried(ticket, tried) => self.tried(now.monotonic, ticket, tried, acts),
            Event::TurnedAway(ticket) => {
                if self.calls.remove(&ticket).is_some() {
                    acts.show(Effect::Drop(ticket));
                }
            }
        }
    }

    fn apply(&mut self, record: &Never) {
        match *record {}
    }

    fn deadline(&self) -> Option<Instant> {
        self.calls.values().filter_map(|call| call.again).min()
    }

    fn wake(&mut self, now: Now, acts: &mut Acts<Self>) {
        for (ticket, call) in &mut self.calls {
            if call.again.is_some_and(|again| again <= now.monotonic) {
                call.again = None;
                // Even when it is too late by now: the call ends at once, and says how.
                let (ticket, at) = (*ticket, None);
                let within = now.monotonic.until(call.until);
                acts.show(Effect::Try { ticket, at, within });
            }
        }
    }

    fn observe(&self) -> serde_json::Value {
        let pausing = self.calls.values().filter(|it| it.again.is_some()).count();
        json!({ "calls": self.calls.len(), "waiting-for-another-try": pausing })
    }
}

impl fmt::Debug for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer(body) => write!(f, "Answer {} B", body.len()),
            Self::Moved(to) => write!(f, "Moved {to}"),
            Self::NotHere => f.write_str("NotHere"),
            Self::Nowhere => f.write_str("Nowhere"),
            Self::Failed(error) => write!(f, "{error:?}"),
        }
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked {
                ticket,
                within,
                repeat,
            } => write!(f, "Asked {ticket} within {within:?} {repeat:?}"),
            Self::Tried(ticket, tried) => write!(f, "Tried {ticket} {tried:?}"),
            Self::TurnedAway(ticket) => write!(f, "TurnedAway {ticket}"),
        }
    }
}

impl fmt::Debug for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Try { ticket, at, within } => write!(f, "Try {ticket} {at:?} within {within:?}"),
            Self::Conclude(ticket, Ok(body)) => write!(f, "Conclude {ticket} {} B", body.len()),
            Self::Conclude(ticket, Err(error)) => write!(f, "Conclude {ticket} {error:?}"),
            Self::Drop(ticket) => write!(f, "Drop {ticket}"),
        }
    }
}

#[cfg(test)]
mod tests;
