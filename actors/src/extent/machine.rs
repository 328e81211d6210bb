//! What an open extent takes, and when it answers.
//!
//! Invariant: one write is under way at a time, and it begins where the last one ended.

use std::collections::VecDeque;
use std::fmt;

use bytes::Bytes;
use serde_json::json;

use crate::kernel::{Acts, Epoch, ExtentId, Machine, Never, Now, Ticket};

/// Bytes taken into one write.
const BATCH_MAX: u64 = 4 << 20;

/// Bytes for the end of the extent.
pub struct Append {
    /// Whom to answer.
    pub ticket: Ticket,
    /// The epoch of the writer.
    pub epoch: Epoch,
    /// Where they go: the extent's end.
    pub offset: u64,
    /// The bytes, one behind the other.
    pub parts: Vec<Bytes>,
    /// Whether to answer only when they are durable, and all before them.
    pub durable: bool,
}

impl Append {
    fn length(&self) -> u64 {
        self.parts.iter().map(|part| part.len() as u64).sum()
    }
}

impl fmt::Debug for Append {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (length, offset, durable) = (self.length(), self.offset, self.durable);
        write!(
            f,
            "Append {:?} {length}B at {offset} durable={durable}",
            self.ticket
        )
    }
}

/// Why an extent takes nothing more, or not this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// No space left on the disk.
    #[error("no space left on the disk")]
    Full,
    /// A write or a sync failed; what is behind the durable end may be anything.
    #[error("the disk failed to write or sync")]
    Broken,
    /// The writer is not the one this extent belongs to, or does not write at its end.
    #[error("the writer is not this extent's owner")]
    Fenced,
    /// The extent is sealed.
    #[error("the extent is sealed")]
    Sealed,
}

/// What can happen to an extent.
#[derive(Debug)]
pub enum Event {
    /// The repository appends.
    Append(Append),
    /// The write under way, and its sync if it had one, came to an end.
    Written {
        /// How.
        result: Result<(), Trouble>,
    },
    /// Make durable all that was taken so far, then answer.
    Settle {
        /// Whom to answer.
        ticket: Ticket,
    },
    /// Nothing more will come: make all durable, then answer and end.
    Seal {
        /// Whom to answer.
        ticket: Ticket,
    },
}

/// What an extent asks of its hands.
pub enum Effect {
    /// Write the parts at an offset, then sync if asked to.
    Write {
        /// Where.
        offset: u64,
        /// The bytes.
        parts: Vec<Bytes>,
        /// Whether to sync behind it.
        sync: bool,
    },
    /// Tell a caller how its append came out.
    Answer {
        /// Whom.
        ticket: Ticket,
        /// What.
        result: Result<(), Trouble>,
    },
    /// Tell a caller how its seal came out.
    Sealed {
        /// Whom.
        ticket: Ticket,
        /// What.
        sealed: Sealed,
    },
}

/// How an extent ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Below it, everything survives a power loss; it does not grow any more.
    pub durable: u64,
    /// Whether that is all that the extent took.
    pub result: Result<(), Trouble>,
}

impl fmt::Debug for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write {
                offset,
                parts,
                sync,
            } => {
                let length: usize = parts.iter().map(Bytes::len).sum();
                write!(f, "Write {length}B at {offset} sync={sync}")
            }
            Self::Answer { ticket, result } => write!(f, "Answer {ticket:?} {result:?}"),
            Self::Sealed { ticket, sealed } => {
                let Sealed { durable, result } = sealed;
                write!(f, "Sealed {ticket:?} at {durable} {result:?}")
            }
        }
    }
}

/// An open extent.
#[derive(Debug)]
pub struct Extent {
    id: ExtentId,
    epoch: Epoch,
    /// Where the next append must begin.
    end: u64,
    /// Below it, everything survives a power loss.
    durable: u64,
    queue: VecDeque<Append>,
    writing: Option<Writing>,
    /// Who waits for the end.
    sealing: Vec<Ticket>,
    trouble: Option<Trouble>,
}

#[derive(Debug)]
struct Writing {
    end: u64,
    sync: bool,
    tickets: Vec<Ticket>,
}

impl Extent {
    /// An extent of an owner's epoch, durable up to where the first append begins.
    pub const fn new(id: ExtentId, epoch: Epoch, begin: u64) -> Self {
        Self {
            id,
            epoch,
            end: begin,
            durable: begin,
            queue: VecDeque::new(),
            writing: None,
            sealing: Vec::new(),
            trouble: None,
        }
    }

    fn append(&mut self, append: Append, acts: &mut Acts<Self>) {
        let refusal = match self.trouble {
            Some(trouble) => Some(trouble),
            None if !self.sealing.is_empty() => Some(Trouble::Sealed),
            None if append.epoch != self.epoch || append.offset != self.end => {
                Some(Trouble::Fenced)
            }
            None => None,
        };
        if let Some(trouble) = refusal {
            acts.show(Effect::Answer {
                ticket: append.ticket,
                result: Err(trouble),
            });
            return;
        }
        self.end += append.length();
        self.queue.push_back(append);
    }

    fn settle(&mut self, ticket: Ticket, acts: &mut Acts<Self>) {
        match self.trouble {
            Some(trouble @ (Trouble::Full | Trouble::Broken | Trouble::Fenced)) => {
                acts.show(Effect::Answer {
                    ticket,
                    result: Err(trouble),
                });
            }
            _ if self.durable == self.end => {
                acts.show(Effect::Answer {
                    ticket,
                    result: Ok(()),
                });
            }
            _ => {
                let (epoch, offset, parts) = (self.epoch, self.end, Vec::new());
                self.queue.push_back(Append {
                    ticket,
                    epoch,
                    offset,
                    parts,
                    durable: true,
                });
            }
        }
    }

    fn written(&mut self, result: Result<(), Trouble>, acts: &mut Acts<Self>) {
        let Some(writing) = self.writing.take() else {
            return;
        };
        if result.is_ok() && writing.sync {
            self.durable = writing.end;
        }
        for ticket in writing.tickets {
            acts.show(Effect::Answer { ticket, result });
        }
        let Err(trouble) = result else { return };
        self.trouble = Some(trouble);
        for append in std::mem::take(&mut self.queue) {
            acts.show(Effect::Answer {
                ticket: append.ticket,
                result,
            });
        }
    }

    /// Begins the next write, or answers the seal when nothing is left to write.
    fn proceed(&mut self, acts: &mut Acts<Self>) {
        if self.writing.is_some() {
            return;
        }
        if self.queue.is_empty() {
            self.finish(acts);
            return;
        }
        let offset = self.queue.front().map_or(self.end, |append| append.offset);
        let (mut parts, mut tickets) = (Vec::new(), Vec::new());
        let (mut end, mut sync) = (offset, false);
        while let Some(append) = self.queue.pop_front_if(|_| end - offset < BATCH_MAX) {
            end += append.length();
            sync |= append.durable;
            tickets.push(append.ticket);
            parts.extend(append.parts);
        }
        self.writing = Some(Writing { end, sync, tickets });
        acts.start(Effect::Write {
            offset,
            parts,
            sync,
        });
    }

    fn finish(&mut self, acts: &mut Acts<Self>) {
        if self.sealing.is_empty() {
            return;
        }
        match self.trouble {
            None if self.durable < self.end => {
                let (end, tickets) = (self.end, Vec::new());
                self.writing = Some(Writing {
                    end,
                    sync: true,
                    tickets,
                });
                acts.start(Effect::Write {
                    offset: end,
                    parts: Vec::new(),
                    sync: true,
                });
            }
            trouble => {
                self.trouble = trouble.or(Some(Trouble::Sealed));
                let durable = self.durable;
                // Sealing twice is no trouble: nothing came in between.
                let result = match trouble {
                    None | Some(Trouble::Sealed) => Ok(()),
                    Some(trouble) => Err(trouble),
                };
                let sealed = Sealed { durable, result };
                for ticket in std::mem::take(&mut self.sealing) {
                    acts.show(Effect::Sealed { ticket, sealed });
                }
            }
        }
    }
}

impl Machine for Extent {
    type Event = Event;
    type Record = Never;
    type Effect = Effect;

    fn step(&mut self, _: Now, event: Event, acts: &mut Acts<Self>) {
        match event {
            Event::Append(append) => self.append(append, acts),
            Event::Written { result } => self.written(result, acts),
            Event::Settle { ticket } => self.settle(ticket, acts),
            Event::Seal { ticket } => self.sealing.push(ticket),
        }
        self.proceed(acts);
    }

    fn apply(&mut self, record: &Never) {
        match *record {}
    }

    fn observe(&self) -> serde_json::Value {
        json!({
            "extent": self.id.raw(),
            "epoch": self.epoch.raw(),
            "end": self.end,
            "durable": self.durable,
            "queued": self.queue.len(),
            "writing": self.writing.is_some(),
            "trouble": self.trouble.map(|trouble| trouble.to_string()),
        })
    }

    fn waits(&self) -> Vec<String> {
        let write = self.writing.as_ref().map(|writing| match writing.sync {
            true => format!("the disk syncs up to byte {}", writing.end),
            false => format!("the disk writes up to byte {}", writing.end),
        });
        write.into_iter().collect()
    }
}

#[cfg(test)]
mod tests;
