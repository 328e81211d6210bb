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
    /// Tell a caller how its append or seal came out.
    Answer {
        /// Whom.
        ticket: Ticket,
        /// What.
        result: Result<(), Trouble>,
    },
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
    sealing: Option<Ticket>,
    trouble: Option<Trouble>,
}

#[derive(Debug)]
struct Writing {
    end: u64,
    sync: bool,
    tickets: Vec<Ticket>,
}

impl Extent {
    /// An empty extent of an owner's epoch.
    pub const fn new(id: ExtentId, epoch: Epoch) -> Self {
        Self {
            id,
            epoch,
            end: 0,
            durable: 0,
            queue: VecDeque::new(),
            writing: None,
            sealing: None,
            trouble: None,
        }
    }

    fn append(&mut self, append: Append, acts: &mut Acts<Self>) {
        let refusal = match self.trouble {
            Some(trouble) => Some(trouble),
            None if self.sealing.is_some() => Some(Trouble::Sealed),
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
        let Some(ticket) = self.sealing else { return };
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
                self.sealing = None;
                self.trouble = trouble.or(Some(Trouble::Sealed));
                acts.show(Effect::Answer {
                    ticket,
                    result: trouble.map_or(Ok(()), Err),
                });
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
            Event::Seal { ticket } if self.sealing.is_some() => {
                acts.show(Effect::Answer {
                    ticket,
                    result: Err(Trouble::Sealed),
                });
            }
            Event::Seal { ticket } => self.sealing = Some(ticket),
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
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    /// Each line is an event: `write OFFSET LENGTH`, `sync OFFSET LENGTH`, `done`, `full`, `settle`, `seal`.
    fn check(script: &str, expected: Expect) {
        let mut extent = Extent::new(ExtentId::new(1), Epoch::new(7));
        let mut shown = String::new();
        for (at, line) in script.lines().map(str::trim).enumerate() {
            let ticket = Ticket::new(at as u64);
            let words: Vec<&str> = line.split(' ').collect();
            let number = |at: usize| words[at].parse::<u64>().unwrap();
            let append = |epoch, durable| {
                let parts = vec![Bytes::from(vec![0; number(2) as usize])];
                let epoch = Epoch::new(epoch);
                Event::Append(Append {
                    ticket,
                    epoch,
                    offset: number(1),
                    parts,
                    durable,
                })
            };
            let event = match words[0] {
                "write" => append(7, false),
                "sync" => append(7, true),
                "stranger" => append(6, true),
                "done" => Event::Written { result: Ok(()) },
                "full" => Event::Written {
                    result: Err(Trouble::Full),
                },
                "settle" => Event::Settle { ticket },
                "seal" => Event::Seal { ticket },
                word => panic!("no such event: {word}"),
            };
            let mut acts = Acts::default();
            extent.step(Now::default(), event, &mut acts);
            for act in acts.iter() {
                shown.push_str(&format!("{at}: {act:?}\n"));
            }
        }
        expected.assert_eq(&shown);
    }

    #[test]
    fn all_that_arrives_during_a_sync_is_served_by_the_next_one() {
        check(
            "sync 0 10
             sync 10 5
             write 15 5
             sync 20 1
             done
             done",
            expect![[r#"
                0: Start Write 10B at 0 sync=true
                4: Show Answer ticket-0 Ok(())
                4: Start Write 11B at 10 sync=true
                5: Show Answer ticket-1 Ok(())
                5: Show Answer ticket-2 Ok(())
                5: Show Answer ticket-3 Ok(())
            "#]],
        );
    }

    #[test]
    fn a_gap_an_overlap_and_a_stranger_are_fenced_off() {
        check(
            "write 0 10
             write 5 1
             write 11 1
             stranger 10 1",
            expect![[r#"
                0: Start Write 10B at 0 sync=false
                1: Show Answer ticket-1 Err(Fenced)
                2: Show Answer ticket-2 Err(Fenced)
                3: Show Answer ticket-3 Err(Fenced)
            "#]],
        );
    }

    #[test]
    fn after_a_failed_write_nothing_more_is_taken() {
        check(
            "write 0 10
             sync 10 1
             full
             write 11 1
             seal",
            expect![[r#"
                0: Start Write 10B at 0 sync=false
                2: Show Answer ticket-0 Err(Full)
                2: Show Answer ticket-1 Err(Full)
                3: Show Answer ticket-3 Err(Full)
                4: Show Answer ticket-4 Err(Full)
            "#]],
        );
    }

    #[test]
    fn a_seal_makes_all_durable_before_it_is_answered() {
        check(
            "write 0 10
             seal
             write 10 1
             done
             done",
            expect![[r#"
                0: Start Write 10B at 0 sync=false
                2: Show Answer ticket-2 Err(Sealed)
                3: Show Answer ticket-0 Ok(())
                3: Start Write 0B at 10 sync=true
                4: Show Answer ticket-1 Ok(())
            "#]],
        );
    }

    #[test]
    fn settling_answers_once_what_was_taken_before_is_durable() {
        check(
            "write 0 10
             settle
             done
             write 10 1
             done
             settle
             done
             settle",
            expect![[r#"
                0: Start Write 10B at 0 sync=false
                2: Show Answer ticket-0 Ok(())
                2: Start Write 0B at 10 sync=true
                4: Show Answer ticket-1 Ok(())
                4: Start Write 1B at 10 sync=false
                6: Show Answer ticket-3 Ok(())
                6: Start Write 0B at 11 sync=true
            "#]],
        );
    }
}
