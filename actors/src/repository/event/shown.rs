//! How events, records and effects show themselves: ids, lengths and outcomes, never bytes.

use std::fmt;

use bytes::Bytes;

use super::{Copied, Discard, Effect, Event, Frame, Record};
use crate::repository::entry::{Entry, Moved, Place};

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settings(settings) => write!(f, "{settings:?}"),
            Self::Yield => f.write_str("Yield"),
            Self::Visited => f.write_str("Visited"),
            Self::Left => f.write_str("Left"),
            Self::Begin(begin) => write!(f, "{begin:?}"),
            Self::Grow(grow) => write!(f, "{grow:?}"),
            Self::Frame(Frame {
                ticket,
                upload,
                bytes,
                hashed: _,
            }) => {
                write!(f, "Frame {ticket:?} {upload:?} {}B", bytes.len())
            }
            Self::Finish(finish) => write!(f, "{finish:?}"),
            Self::Abort(upload) => write!(f, "Abort {upload:?}"),
            Self::Park(upload) => write!(f, "Park {upload:?}"),
            Self::Resume(resume) => write!(f, "{resume:?}"),
            Self::Delete(delete) => write!(f, "{delete:?}"),
            Self::Restore(restore) => write!(f, "{restore:?}"),
            Self::Look(ticket) => write!(f, "Look {ticket:?}"),
            Self::Report(ticket) => write!(f, "Report {ticket:?}"),
            Self::Written(written) => write!(f, "{written:?}"),
            Self::Opened(opened) => write!(f, "Opened {opened:?}"),
            Self::Lost { extent, durable } => write!(f, "Lost {extent} behind {durable:?}"),
            Self::Sealed { extent, length } => write!(f, "Sealed {extent} at {length}"),
            Self::Audited(Ok(found), _) => write!(f, "Audited {} held", found.len()),
            Self::Audited(Err(verdict), _) => write!(f, "Audited {verdict:?}"),
            Self::Copied(Copied { upload, result, .. }) => {
                let result = result.as_ref().map(|_| ());
                write!(f, "Copied {upload:?} {result:?}")
            }
            Self::Discarded { done } => write!(f, "Discarded done={done}"),
            Self::Checkpointed { done } => write!(f, "Checkpointed done={done}"),
        }
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sequence, place) = (self.sequence, self.place);
        let what = match &self.entry {
            Entry::Stored(stored) => format!("Stored {:?} {:?}", stored.key, stored.size),
            Entry::Deleted { key, .. } => format!("Deleted {key:?}"),
            Entry::Purged { objects, .. } => format!("Purged {}", objects.len()),
            Entry::Restored { to, .. } => format!("Restored to {to}"),
            Entry::Emptied { until, .. } => format!("Emptied up to {until}"),
            Entry::Moved(Moved { stored, .. }) => format!("Moved {:?}", stored.key),
            Entry::Stranded(Moved { stored, .. }) => format!("Stranded {:?}", stored.key),
        };
        write!(f, "{sequence} {what} at {}:{}", place.extent, place.offset)
    }
}

impl fmt::Debug for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("Open"),
            Self::Append {
                upload,
                place,
                parts,
                ..
            } => {
                let length: usize = parts.iter().map(Bytes::len).sum();
                write!(
                    f,
                    "Append {upload:?} {length}B at {}:{}",
                    place.extent, place.offset
                )
            }
            Self::Promise(size) => write!(f, "Promise {size:?}"),
            Self::Seal { extent } => write!(f, "Seal {extent}"),
            Self::Checkpoint(checkpoint) => write!(f, "Checkpoint {checkpoint:?}"),
            Self::Audit(audit) => write!(f, "{audit:?}"),
            Self::Copy { upload, place } => {
                let Place { extent, offset } = place;
                write!(f, "Copy {extent}:{offset} as {upload:?}")
            }
            Self::Discard(Discard { until, kept }) if kept.is_empty() => {
                write!(f, "Discard up to {until}")
            }
            Self::Discard(discard) => write!(f, "{discard:?}"),
            Self::Rest { seen, .. } => write!(f, "Rest after {seen}"),
            Self::Begun { ticket, upload } => write!(f, "Begun {ticket:?} {upload:?}"),
            Self::Held { ticket, held } => {
                let held = held.as_ref().map(|held| (held.upload, held.received));
                write!(f, "Held {ticket:?} {held:?}")
            }
            Self::Done { ticket } => write!(f, "Done {ticket:?}"),
            Self::Deny { ticket, denied } => write!(f, "Deny {ticket:?} {denied:?}"),
            Self::Show { ticket, .. } => write!(f, "Show {ticket:?}"),
            Self::Yielded => f.write_str("Yielded"),
            Self::Tell { ticket, .. } => write!(f, "Tell {ticket:?}"),
        }
    }
}
