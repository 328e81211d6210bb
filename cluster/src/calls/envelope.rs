//! What nodes say to each other about calls, and how it lies in a frame.
//!
//! ```text
//! frame:    | major | minor | envelope | envelope | …
//! envelope: | length u32 | kind u8 | id u64 | what the kind says …
//! ```
//!
//! Numbers are little-endian; the length counts what is behind it. Kinds below 128 ask something
//! of the reader, and the id is the writer's; the others answer, and the id is the reader's. So a
//! program can step over an envelope of a later minor version, and politely answer one that asks.
//! Bodies are never copied when they are read: they are parts of the frame.

mod codec;

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use holdfast_actors::kernel::Ticket;
use holdfast_actors::ports::FRAME_MAX;

use super::Passing;

pub use codec::{FrameError, decode, encode};

/// The version of the form; a reader refuses a frame of another.
pub const MAJOR: u8 = 1;
/// Grows when a kind is added.
pub const MINOR: u8 = 0;
/// The most envelopes of one frame.
pub const ENVELOPES_MAX: usize = 4096;
/// The most bytes of a service's name, of a path, and of the sentence of a rejection.
pub const TEXT_MAX: usize = 1024;

/// What stands before the envelopes.
const OPENING: usize = 2;
/// The length, the kind and the id.
const HEAD: usize = 4 + REST_MIN;
const REST_MIN: usize = 1 + 8;

/// One thing that a node says to another.
#[derive(Clone, PartialEq, Eq)]
pub enum Envelope {
    /// The greeting on a connection: how many calls of each service the writer takes at once.
    Credit {
        /// So many.
        window: u16,
        /// The writer has been greeted on this connection; if not, it wants to be.
        is_greeted: bool,
    },
    /// Please answer.
    Call {
        /// The caller's number.
        id: Ticket,
        /// How long the caller goes on waiting; whole milliseconds.
        within: Duration,
        /// Of whom; at most [`TEXT_MAX`] bytes.
        service: Bytes,
        /// What.
        body: Bytes,
    },
    /// Nobody waits any more for the answer to this call, or for the end of this actor.
    Cancel {
        /// The number of the call or watch.
        id: Ticket,
    },
    /// Please say when the actor at this path has ended.
    Watch {
        /// The watcher's number.
        id: Ticket,
        /// The path as text; at most [`TEXT_MAX`] bytes. Empty for the node itself, of whose end
        /// only the connection tells.
        path: Bytes,
    },
    /// The answer to a call.
    Answer {
        /// Which.
        id: Ticket,
        /// What the service said.
        body: Bytes,
    },
    /// The service understood the call and did nothing.
    Rejected {
        /// Which call.
        id: Ticket,
        /// Why; at most [`TEXT_MAX`] bytes.
        why: Bytes,
    },
    /// Nobody is called so here.
    NoService {
        /// Which call.
        id: Ticket,
    },
    /// More calls than the window; nothing was done.
    Busy {
        /// Which call.
        id: Ticket,
    },
    /// The service ended before it answered.
    Lost {
        /// Which call.
        id: Ticket,
    },
    /// A watched actor is no more.
    Down {
        /// Which watch.
        id: Ticket,
        /// How that came; never [`Passing::NoConnection`].
        passing: Passing,
    },
    /// The writer does not know what was asked under this number; nothing was done.
    Unfamiliar {
        /// Which number of the reader's.
        id: Ticket,
    },
    /// Never written: an envelope of a kind that this program does not know.
    Strange {
        /// Which number.
        id: Ticket,
        /// Whether it asks something of this node.
        asks: bool,
    },
}

impl Envelope {
    /// How many bytes it takes in a frame.
    pub fn length(&self) -> usize {
        HEAD + match self {
            Self::Credit { .. } => 3,
            Self::Call { service, body, .. } => 4 + 2 + service.len() + body.len(),
            Self::Watch { path, .. } => path.len(),
            Self::Answer { body, .. } => body.len(),
            Self::Rejected { why, .. } => why.len(),
            Self::Down { .. } => 1,
            Self::Cancel { .. }
            | Self::NoService { .. }
            | Self::Busy { .. }
            | Self::Lost { .. }
            | Self::Unfamiliar { .. }
            | Self::Strange { .. } => 0,
        }
    }

    /// Whether it can be sent at all.
    pub fn fits(&self) -> bool {
        let text = match self {
            Self::Call { service, .. } => service.len(),
            Self::Watch { path, .. } => path.len(),
            Self::Rejected { why, .. } => why.len(),
            Self::Credit { .. }
            | Self::Cancel { .. }
            | Self::Answer { .. }
            | Self::NoService { .. }
            | Self::Busy { .. }
            | Self::Lost { .. }
            | Self::Down { .. }
            | Self::Unfamiliar { .. }
            | Self::Strange { .. } => 0,
        };
        text <= TEXT_MAX && OPENING + self.length() <= FRAME_MAX
    }

    /// The number of what it asks or answers; 0 for a greeting.
    pub const fn id(&self) -> Ticket {
        match self {
            Self::Credit { .. } => Ticket::new(0),
            Self::Call { id, .. }
            | Self::Cancel { id }
            | Self::Watch { id, .. }
            | Self::Answer { id, .. }
            | Self::Rejected { id, .. }
            | Self::NoService { id }
            | Self::Busy { id }
            | Self::Lost { id }
            | Self::Down { id, .. }
            | Self::Unfamiliar { id }
            | Self::Strange { id, .. } => *id,
        }
    }
}

/// Kinds, ids and lengths; never bytes.
impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.id();
        match self {
            Self::Credit { window, is_greeted } => write!(f, "Credit {window} {is_greeted}"),
            Self::Call {
                within,
                service,
                body,
                ..
            } => {
                let (service, bytes) = (String::from_utf8_lossy(service), body.len());
                write!(f, "Call {id} {service} {bytes} B within {within:?}")
            }
            Self::Cancel { .. } => write!(f, "Cancel {id}"),
            Self::Watch { path, .. } => {
                write!(f, "Watch {id} {}", String::from_utf8_lossy(path))
            }
            Self::Answer { body, .. } => write!(f, "Answer {id} {} B", body.len()),
            Self::Rejected { .. } => write!(f, "Rejected {id}"),
            Self::NoService { .. } => write!(f, "NoService {id}"),
            Self::Busy { .. } => write!(f, "Busy {id}"),
            Self::Lost { .. } => write!(f, "Lost {id}"),
            Self::Down { passing, .. } => write!(f, "Down {id} {passing:?}"),
            Self::Unfamiliar { .. } => write!(f, "Unfamiliar {id}"),
            Self::Strange { asks, .. } => write!(f, "Strange {id} asks={asks}"),
        }
    }
}

#[cfg(test)]
mod tests;
