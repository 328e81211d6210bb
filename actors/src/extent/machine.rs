//! What an open extent takes, and when it answers.
//!
//! Writing and syncing go on side by side, because a disk is idle while nobody syncs and a client
//! waits while nobody writes: a sync covers what was written when it began.
//!
//! Invariant: one write is under way at a time, and it begins where the last one ended; one sync is
//! under way at a time, and nobody hears of durable bytes that it did not cover.

use std::collections::VecDeque;
use std::fmt;

use bytes::Bytes;
use serde_json::json;

use crate::kernel::{Acts, Epoch, ExtentId, Machine, Never, Now, Ticket};

/// Bytes taken into one write.
const BATCH_MAX: u64 = 4 << 20;
/// Bytes after which a sync begins though nobody waits for it: whoever does will wait for less.
const UNSYNCED_MAX: u64 = 8 << 20;

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
    /// A node that has a copy did not take it, so too few have it.
    #[error("a node with a copy of it is silent, or takes nothing of it any more")]
    Short,
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
    /// The write under way came to an end.
    Written {
        /// How.
        result: Result<(), Trouble>,
    },
    /// The sync under way came to an end.
    Synced {
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
    /// Write the parts at an offset.
    Write {
        /// Where.
        offset: u64,
        /// The bytes.
        parts: Vec<Bytes>,
    },
    /// Make durable all that was written when this began.
    Sync,
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
            Self::Write { offset, parts } => {
                let length: usize = parts.iter().map(Bytes::len).sum();
                write!(f, "Write {length}B at {offset}")
            }
            Self::Sync => f.write_str("Sync"),
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
    /// Below it, everything was written.
    written: u64,
    /// Below it, everything survives a power loss.
    durable: u64,
    queue: VecDeque<Append>,
    writing: Option<Writing>,
    /// The end of what the sync under way covers.
    syncing: Option<u64>,
    /// Who waits for durable bytes, each with the end of its own, in their order.
    waiting: VecDeque<(u64, Ticket)>,
    /// Who waits for the end.
    sealing: Vec<Ticket>,
    trouble: Option<Trouble>,
}

/// A write under way.
#[derive(Debug)]
struct Writing {
    end: u64,
    /// Who hears of it once it is written.
    tickets: Vec<Ticket>,
}

impl Extent {
    /// An extent of an owner's epoch, durable up to where the first append begins.
    pub const fn new(id: ExtentId, epoch: Epoch, begin: u64) -> Self {
        Self {
            id,
            epoch,
            end: begin,
            written: begin,
            durable: begin,
            queue: VecDeque::new(),
            writing: None,
            syncing: None,
            waiting: VecDeque::new(),
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
        if append.durable {
            self.waiting.push_back((self.end, append.ticket));
        }
        self.queue.push_back(append);
    }

    fn settle(&mut self, ticket: Ticket, acts: &mut Acts<Self>) {
        let result = match self.trouble {
            Some(
                trouble @ (Trouble::Full | Trouble::Broken | Trouble::Short | Trouble::Fenced),
            ) => Err(trouble),
            Some(Trouble::Sealed) | None if self.durable == self.end => Ok(()),
            Some(Trouble::Sealed) | None => {
                self.waiting.push_back((self.end, ticket));
                return;
            }
        };
        acts.show(Effect::Answer { ticket, result });
    }

    fn written(&mut self, result: Result<(), Trouble>, acts: &mut Acts<Self>) {
        let Some(writing) = self.writing.take() else {
            return;
        };
        let result = self.trouble.map_or(result, Err);
        for ticket in writing.tickets {
            acts.show(Effect::Answer { ticket, result });
        }
        match result {
            Ok(()) => self.written = writing.end,
            Err(trouble) => self.fail(trouble, acts),
        }
    }

    fn synced(&mut self, result: Result<(), Trouble>, acts: &mut Acts<Self>) {
        let Some(end) = self.syncing.take() else {
            return;
        };
        match result {
            // What a sync made durable stays so, whatever became of a write beside it.
            Ok(()) => self.durable = end,
            Err(trouble) => self.fail(trouble, acts),
        }
        while let Some((_, ticket)) = self.waiting.pop_front_if(|(end, _)| *end <= self.durable) {
            let result = Ok(());
            acts.show(Effect::Answer { ticket, result });
        }
    }

    /// Takes nothing more. Whoever waits for bytes that a sync under way does not cover hears it.
    fn fail(&mut self, trouble: Trouble, acts: &mut Acts<Self>) {
        let trouble = *self.trouble.get_or_insert(trouble);
        let covered = self.syncing.unwrap_or(self.durable);
        let still = self.waiting.partition_point(|(end, _)| *end <= covered);
        let waiting = self
            .waiting
            .split_off(still)
            .into_iter()
            .map(|(_, ticket)| ticket);
        let queued = std::mem::take(&mut self.queue).into_iter();
        let queued = queued
            .filter(|append| !append.durable)
            .map(|append| append.ticket);
        let result = Err(trouble);
        for ticket in queued.chain(waiting) {
            acts.show(Effect::Answer { ticket, result });
        }
    }

    /// Begins the next write and the next sync, or answers the seal when nothing is left to do.
    fn proceed(&mut self, acts: &mut Acts<Self>) {
        if self.writing.is_none() && !self.queue.is_empty() {
            self.write(acts);
        }
        let wanted = self
            .waiting
            .front()
            .is_some_and(|(end, _)| *end <= self.written)
            || self.written - self.durable >= UNSYNCED_MAX
            || !self.sealing.is_empty() && self.writing.is_none();
        let sound = self.trouble.is_none() && self.durable < self.written;
        if self.syncing.is_none() && wanted && sound {
            self.syncing = Some(self.written);
            acts.start(Effect::Sync);
        }
        if self.writing.is_none() && self.syncing.is_none() && !self.sealing.is_empty() {
            self.finish(acts);
        }
    }

    fn write(&mut self, acts: &mut Acts<Self>) {
        let offset = self.written;
        let (mut parts, mut tickets) = (Vec::new(), Vec::new());
        let mut end = offset;
        while let Some(append) = self.queue.pop_front_if(|_| end - offset < BATCH_MAX) {
            end += append.length();
            if !append.durable {
                tickets.push(append.ticket);
            }
            parts.extend(append.parts);
        }
        self.writing = Some(Writing { end, tickets });
        acts.start(Effect::Write { offset, parts });
    }

    fn finish(&mut self, acts: &mut Acts<Self>) {
        // Sealing twice is no trouble: nothing came in between.
        let result = match self.trouble {
            None | Some(Trouble::Sealed) => Ok(()),
            Some(trouble) => Err(trouble),
        };
        self.trouble = self.trouble.or(Some(Trouble::Sealed));
        let durable = self.durable;
        let sealed = Sealed { durable, result };
        for ticket in std::mem::take(&mut self.sealing) {
            acts.show(Effect::Sealed { ticket, sealed });
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
            Event::Synced { result } => self.synced(result, acts),
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
            "syncing": self.syncing.is_some(),
            "trouble": self.trouble.map(|trouble| trouble.to_string()),
        })
    }

    fn waits(&self) -> Vec<String> {
        let write = self.writing.as_ref().map(|writing| writing.end);
        let write = write.map(|end| format!("the disk writes up to byte {end}"));
        let sync = self
            .syncing
            .map(|end| format!("the disk syncs up to byte {end}"));
        write.into_iter().chain(sync).collect()
    }
}

#[cfg(test)]
mod tests;
