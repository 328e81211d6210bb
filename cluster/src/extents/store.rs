//! The replicas of extents on one node: who may write to them, and how long they are.
//!
//! Invariants: the fence of a replica never falls, and is durable before anybody hears of it; what
//! is taken comes from the replica's one epoch, which is not below the fence; a replica that was
//! closed never grows; the length that a fence was answered with never falls.

mod copied;
mod event;
mod hands;
mod keeping;
mod recovery;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use holdfast_actors::extent::Trouble;
use holdfast_actors::kernel::{Acts, Epoch, ExtentId, Machine, Now, RepositoryId, Ticket};
use serde_json::json;

use super::word::{Ask, Copied, Record, Replica, Stage, Tell};

pub use event::{Effect, Event, Listing, Refusal};
use keeping::Keeping;

pub use hands::{Answer, Message, Notes, StoreHands};
pub use recovery::recover;
pub(super) use recovery::sound;

/// The replicas of one node.
#[derive(Debug, Default)]
pub struct Store {
    replicas: BTreeMap<ExtentId, Replica>,
    /// Whose files are being made, with the caller.
    making: BTreeMap<ExtentId, (Ticket, RepositoryId, Epoch)>,
    /// Which are being closed, with who waits for it.
    closing: BTreeMap<ExtentId, Vec<Ticket>>,
    /// Which are being cut.
    cutting: BTreeSet<ExtentId>,
    /// Whose files are gone.
    lost: BTreeSet<ExtentId>,
    /// Whose files a start found broken off.
    torn: BTreeSet<ExtentId>,
    /// What the catalog says of extents that must be closed first.
    due: BTreeMap<ExtentId, Due>,
    /// Copies that take their place, with the caller.
    placing: BTreeMap<ExtentId, (Ticket, Copied)>,
    /// Whose files are being taken away.
    unlinking: BTreeSet<ExtentId>,
    /// What is written down, and when it is gathered into a snapshot.
    keeping: Keeping,
}

/// What is to become of a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    /// Its extent is sealed at this length.
    Seal(u64),
    /// It is not wanted any more.
    Drop,
}

impl Store {
    /// All replicas.
    pub fn replicas(&self) -> impl Iterator<Item = (ExtentId, Replica)> {
        self.replicas.iter().map(|(extent, row)| (*extent, *row))
    }

    /// The replica of one extent, if there is one.
    pub fn replica(&self, extent: ExtentId) -> Option<Replica> {
        self.replicas.get(&extent).copied()
    }

    fn asked(&mut self, ticket: Ticket, ask: &Ask, bytes: Bytes, acts: &mut Acts<Self>) {
        let refused = match *ask {
            Ask::Create {
                repository,
                extent,
                epoch,
            } => self.create(ticket, repository, extent, epoch, acts),
            Ask::Append {
                extent,
                epoch,
                offset,
            } => self.writable(extent, epoch).map(|()| {
                acts.start(Effect::Append {
                    ticket,
                    extent,
                    epoch,
                    offset,
                    bytes,
                });
            }),
            Ask::Sync { extent, epoch } => self
                .writable(extent, epoch)
                .map(|()| acts.start(Effect::Sync { ticket, extent })),
            Ask::Fence { extent, epoch } => self.fence(ticket, extent, epoch, acts),
            Ask::Read {
                extent,
                offset,
                length,
            } => self.read(ticket, extent, offset, length, acts),
        };
        if let Err(refusal) = refused {
            answer(ticket, Err(refusal), acts);
        }
    }

    fn create(
        &mut self,
        ticket: Ticket,
        repository: RepositoryId,
        extent: ExtentId,
        epoch: Epoch,
        acts: &mut Acts<Self>,
    ) -> Result<(), Refusal> {
        if self.replicas.contains_key(&extent) || self.is_busy(extent) {
            return Err(Refusal::Taken(extent));
        }
        self.making.insert(extent, (ticket, repository, epoch));
        acts.start(Effect::Make {
            repository,
            extent,
            epoch,
        });
        Ok(())
    }

    fn made(&mut self, extent: ExtentId, result: Result<(), Trouble>, acts: &mut Acts<Self>) {
        let Some((ticket, repository, epoch)) = self.making.remove(&extent) else {
            return;
        };
        let result = result.map_err(Refusal::from);
        if result.is_ok() {
            acts.persist(
                self,
                Record::Created {
                    extent,
                    repository,
                    epoch,
                },
            );
        }
        answer(ticket, result.map(|()| Tell::Done), acts);
    }

    /// Whether a writer may append.
    fn writable(&self, extent: ExtentId, epoch: Epoch) -> Result<(), Refusal> {
        let row = self.row(extent)?;
        if epoch < row.fence {
            return Err(Refusal::Fenced(row.fence));
        }
        if epoch != row.epoch {
            return Err(Refusal::Foreign(row.epoch));
        }
        match row.stage {
            Stage::Open if !self.closing.contains_key(&extent) => Ok(()),
            Stage::Open | Stage::Closed { .. } | Stage::Sealed { .. } => Err(Refusal::Closed),
        }
    }

    fn fence(
        &mut self,
        ticket: Ticket,
        extent: ExtentId,
        fence: Epoch,
        acts: &mut Acts<Self>,
    ) -> Result<(), Refusal> {
        let row = self.row(extent)?;
        if fence < row.fence {
            return Err(Refusal::Fenced(row.fence));
        }
        if fence > row.fence {
            acts.persist(self, Record::Fenced { extent, fence });
        }
        match row.stage {
            Stage::Closed { durable } if self.torn.contains(&extent) => {
                answer(ticket, Ok(Tell::Torn { durable }), acts);
            }
            Stage::Closed { durable } | Stage::Sealed { length: durable } => {
                answer(ticket, Ok(Tell::Fenced { durable }), acts);
            }
            Stage::Open => self.close(extent, Some(ticket), acts),
        }
        Ok(())
    }

    fn close(&mut self, extent: ExtentId, waits: Option<Ticket>, acts: &mut Acts<Self>) {
        if !self.closing.contains_key(&extent) {
            acts.start(Effect::Close { extent });
        }
        self.closing.entry(extent).or_default().extend(waits);
    }

    fn closed(&mut self, extent: ExtentId, durable: u64, acts: &mut Acts<Self>) {
        let waiting = self.closing.remove(&extent).unwrap_or_default();
        let Some(row) = self.replicas.get_mut(&extent) else {
            return;
        };
        if row.stage == Stage::Open {
            row.stage = Stage::Closed { durable };
        }
        for ticket in waiting {
            answer(ticket, Ok(Tell::Fenced { durable }), acts);
        }
        match self.due.remove(&extent) {
            Some(Due::Seal(length)) => self.sealed(extent, length, acts),
            Some(Due::Drop) => self.dropped(extent, acts),
            None => {}
        }
    }

    fn read(
        &self,
        ticket: Ticket,
        extent: ExtentId,
        offset: u64,
        length: u32,
        acts: &mut Acts<Self>,
    ) -> Result<(), Refusal> {
        let row = self.row(extent)?;
        // Of an open one the owner alone asks, and knows what it was told to be durable.
        let end = match row.stage {
            Stage::Open => u64::MAX,
            Stage::Closed { durable } => durable,
            Stage::Sealed { length } => length,
        };
        let left = u32::try_from(end.saturating_sub(offset)).unwrap_or(u32::MAX);
        acts.show(Effect::Read {
            ticket,
            repository: row.repository,
            extent,
            offset,
            length: length.min(left),
        });
        Ok(())
    }

    /// The catalog says how long an extent is. What is longer is cut; what is shorter stays closed,
    /// and somebody copies the rest.
    fn sealed(&mut self, extent: ExtentId, length: u64, acts: &mut Acts<Self>) {
        let Ok(row) = self.row(extent) else {
            return;
        };
        match row.stage {
            Stage::Open => {
                self.due.insert(extent, Due::Seal(length));
                self.close(extent, None, acts);
            }
            Stage::Closed { durable } if durable >= length && !self.is_busy(extent) => {
                self.cutting.insert(extent);
                acts.start(Effect::Cut {
                    repository: row.repository,
                    extent,
                    length,
                });
            }
            Stage::Closed { .. } | Stage::Sealed { .. } => {}
        }
    }

    fn row(&self, extent: ExtentId) -> Result<Replica, Refusal> {
        let row = self.replicas.get(&extent).copied();
        let row = row.filter(|_| !self.lost.contains(&extent));
        row.ok_or(Refusal::Absent(extent))
    }
}

fn answer(ticket: Ticket, answer: Result<Tell, Refusal>, acts: &mut Acts<Store>) {
    acts.show(Effect::Answer { ticket, answer });
}

impl Machine for Store {
    type Event = Event;
    type Record = Record;
    type Effect = Effect;

    fn step(&mut self, _: Now, event: Event, acts: &mut Acts<Self>) {
        match event {
            Event::Asked { ticket, ask, bytes } => self.asked(ticket, &ask, bytes, acts),
            Event::Made { extent, result } => self.made(extent, result, acts),
            Event::Closed { extent, durable } => self.closed(extent, durable, acts),
            Event::Failed { extent } => acts.start(Effect::Fail { extent }),
            Event::Sealed { extent, length } => self.sealed(extent, length, acts),
            Event::Cut {
                extent,
                length,
                done,
            } => {
                self.cutting.remove(&extent);
                if done {
                    acts.persist(self, Record::Sealed { extent, length });
                }
            }
            Event::Dropped { extent } => self.dropped(extent, acts),
            Event::Unlinked { extent } => drop(self.unlinking.remove(&extent)),
            Event::Listed { ticket } => self.list(ticket, acts),
            Event::Copied {
                ticket,
                copied,
                from,
            } => self.copied(ticket, copied, from, acts),
            Event::Placed { extent, done } => self.placed(extent, done, acts),
            Event::Kept { done } => self.keeping.kept(done, self.replicas.len()),
        }
        self.keep(acts);
    }

    fn apply(&mut self, record: &Record) {
        self.keeping.recorded();
        match *record {
            Record::Created {
                extent,
                repository,
                epoch,
            } => {
                let row = Replica {
                    repository,
                    epoch,
                    fence: Epoch::default(),
                    stage: Stage::Open,
                };
                self.replicas.insert(extent, row);
            }
            Record::Fenced { extent, fence } => {
                if let Some(row) = self.replicas.get_mut(&extent) {
                    row.fence = row.fence.max(fence);
                }
            }
            Record::Sealed { extent, length } => {
                if let Some(row) = self.replicas.get_mut(&extent) {
                    row.stage = Stage::Sealed { length };
                }
            }
            Record::Removed { extent } => {
                self.replicas.remove(&extent);
                self.lost.remove(&extent);
                self.torn.remove(&extent);
            }
            Record::Copied(copied) => {
                let before = self.replicas.get(&copied.extent);
                let row = Replica {
                    repository: copied.repository,
                    epoch: copied.epoch,
                    fence: before.map(|row| row.fence).unwrap_or_default(),
                    stage: Stage::Sealed {
                        length: copied.length,
                    },
                };
                self.replicas.insert(copied.extent, row);
                self.lost.remove(&copied.extent);
                self.torn.remove(&copied.extent);
            }
            Record::Stands { extent, replica } => drop(self.replicas.insert(extent, replica)),
        }
    }

    fn observe(&self) -> serde_json::Value {
        let count = |is: fn(&Stage) -> bool| {
            let rows = self.replicas.values();
            rows.filter(|row| is(&row.stage)).count()
        };
        json!({
            "replicas": self.replicas.len(),
            "open": count(|stage| matches!(stage, Stage::Open)),
            "closed": count(|stage| matches!(stage, Stage::Closed { .. })),
            "sealed": count(|stage| matches!(stage, Stage::Sealed { .. })),
            "being-made": self.making.len(),
            "being-closed": self.closing.len(),
        })
    }

    fn waits(&self) -> Vec<String> {
        let making = self.making.keys();
        let making = making.map(|extent| format!("the disk makes {extent}"));
        let closing = self.closing.keys();
        let closing = closing.map(|extent| format!("the disk makes {extent} durable, to close it"));
        let placing = self.placing.keys();
        let placing = placing.map(|extent| format!("the disk puts a copy of {extent} in place"));
        making.chain(closing).chain(placing).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXTENT: ExtentId = ExtentId::new(7);
    const REPOSITORY: RepositoryId = RepositoryId::new(3);

    /// A store, and all it ever made durable.
    #[derive(Default)]
    struct Node {
        store: Store,
        records: Vec<Record>,
        tickets: u64,
    }

    impl Node {
        /// Steps, and gives the effects in their form for people.
        fn step(&mut self, event: Event) -> Vec<String> {
            let mut acts = Acts::default();
            self.store.step(Now::default(), event, &mut acts);
            let mut effects = Vec::new();
            for act in acts {
                match act {
                    holdfast_actors::kernel::Act::Persist(record) => self.records.push(record),
                    holdfast_actors::kernel::Act::Start(effect)
                    | holdfast_actors::kernel::Act::Show(effect) => {
                        effects.push(format!("{effect:?}"));
                    }
                }
            }
            effects
        }

        fn ask(&mut self, ask: Ask) -> Vec<String> {
            self.tickets += 1;
            let (ticket, bytes) = (Ticket::new(self.tickets), Bytes::from_static(b"12345"));
            self.step(Event::Asked { ticket, ask, bytes })
        }

        /// With one open replica that epoch 5 writes to.
        fn open() -> Self {
            let mut node = Self::default();
            let made = node.ask(Ask::Create {
                repository: REPOSITORY,
                extent: EXTENT,
                epoch: Epoch::new(5),
            });
            assert_eq!(made, ["Make extent-7 for epoch-5"]);
            let extent = EXTENT;
            let result = Ok(());
            let answer = node.step(Event::Made { extent, result });
            assert_eq!(answer, ["Answer ticket-1 Ok(Done)"]);
            node
        }

        fn append(&mut self, epoch: u64) -> Vec<String> {
            self.ask(Ask::Append {
                extent: EXTENT,
                epoch: Epoch::new(epoch),
                offset: 0,
            })
        }

        fn fence(&mut self, epoch: u64) -> Vec<String> {
            self.ask(Ask::Fence {
                extent: EXTENT,
                epoch: Epoch::new(epoch),
            })
        }

        /// As it is after a start that finds so many sound bytes.
        fn restart(&mut self, durable: u64) {
            self.store = Store::default();
            for record in &self.records {
                self.store.apply(record);
            }
            self.store.found(EXTENT, durable);
        }
    }

    #[test]
    fn a_replica_takes_from_its_writer_alone() {
        let mut node = Node::open();
        assert_eq!(node.append(5), ["Append ticket-2 5B to extent-7 at 0"]);
        assert_eq!(node.append(4), ["Answer ticket-3 Err(Foreign(epoch-5))"]);
        assert_eq!(node.append(6), ["Answer ticket-4 Err(Foreign(epoch-5))"]);
        let other = ExtentId::new(8);
        let epoch = Epoch::new(5);
        let absent = node.ask(Ask::Sync {
            extent: other,
            epoch,
        });
        assert_eq!(absent, ["Answer ticket-5 Err(Absent(extent-8))"]);
    }

    #[test]
    fn a_fence_keeps_the_writer_out_before_it_is_answered_and_for_ever() {
        let mut node = Node::open();
        assert_eq!(node.fence(6), ["Close extent-7"]);
        assert_eq!(node.append(5), ["Answer ticket-3 Err(Fenced(epoch-6))"]);
        let (extent, durable) = (EXTENT, 90);
        let closed = node.step(Event::Closed { extent, durable });
        assert_eq!(closed, ["Answer ticket-2 Ok(Fenced { durable: 90 })"]);
        assert_eq!(node.fence(5), ["Answer ticket-4 Err(Fenced(epoch-6))"]);
        node.restart(90);
        assert_eq!(node.append(5), ["Answer ticket-5 Err(Fenced(epoch-6))"]);
        let again = node.fence(6);
        assert_eq!(again, ["Answer ticket-6 Ok(Fenced { durable: 90 })"]);
    }

    #[test]
    fn nobody_writes_to_a_replica_whose_node_started_again() {
        let mut node = Node::open();
        node.restart(40);
        assert_eq!(node.append(5), ["Answer ticket-2 Err(Closed)"]);
        let fenced = node.fence(9);
        assert_eq!(fenced, ["Answer ticket-3 Ok(Fenced { durable: 40 })"]);
    }

    #[test]
    fn a_replica_that_is_longer_than_its_extent_is_cut_and_a_shorter_one_left() {
        let (extent, length) = (EXTENT, 60);
        let mut node = Node::open();
        let seal = node.step(Event::Sealed { extent, length });
        assert_eq!(seal, ["Close extent-7"]);
        let durable = 64;
        let cut = node.step(Event::Closed { extent, durable });
        assert_eq!(cut, ["Cut extent-7 to 60"]);
        let twice = node.step(Event::Sealed { extent, length });
        assert_eq!(twice, [""; 0]);
        let done = true;
        node.step(Event::Cut {
            extent,
            length,
            done,
        });
        assert_eq!(
            node.records.last(),
            Some(&Record::Sealed { extent, length })
        );
        let mut node = Node::open();
        node.restart(59);
        let seal = node.step(Event::Sealed { extent, length });
        assert_eq!(seal, [""; 0]);
    }

    #[test]
    fn a_replica_nobody_wants_is_closed_before_it_goes() {
        let extent = EXTENT;
        let mut node = Node::open();
        let drop = node.step(Event::Dropped { extent });
        assert_eq!(drop, ["Close extent-7"]);
        let durable = 10;
        let gone = node.step(Event::Closed { extent, durable });
        assert_eq!(gone, ["Unlink extent-7"]);
        assert_eq!(node.records.last(), Some(&Record::Removed { extent }));
        assert_eq!(node.append(5), ["Answer ticket-2 Err(Absent(extent-7))"]);
    }

    #[test]
    fn a_replica_whose_file_is_lost_is_neither_sealed_nor_closed_and_can_go() {
        let (extent, length) = (EXTENT, 60);
        let mut node = Node::open();
        node.store = Store::default();
        for record in &node.records {
            node.store.apply(record);
        }
        node.store.lost(extent);
        assert_eq!(node.step(Event::Sealed { extent, length }), [""; 0]);
        let ticket = Ticket::new(9);
        assert_eq!(node.step(Event::Listed { ticket }), ["List ticket-9 1"]);
        assert_eq!(node.step(Event::Dropped { extent }), ["Unlink extent-7"]);
        assert_eq!(node.step(Event::Listed { ticket }), ["List ticket-9 0"]);
    }

    const COPIED: Copied = Copied {
        extent: EXTENT,
        repository: REPOSITORY,
        epoch: Epoch::new(5),
        length: 60,
    };

    #[test]
    fn a_copy_takes_the_place_of_what_was_there_and_the_fence_stays() {
        let (ticket, copied, extent) = (Ticket::new(9), COPIED, EXTENT);
        let from = String::new;
        let mut node = Node::open();
        node.fence(8);
        let refused = node.step(Event::Copied {
            ticket,
            copied,
            from: from(),
        });
        assert_eq!(refused, ["Answer ticket-9 Err(Taken(extent-7))"]);
        node.restart(40);
        let placing = node.step(Event::Copied {
            ticket,
            copied,
            from: from(),
        });
        assert_eq!(placing, ["Place extent-7"]);
        assert_eq!(node.step(Event::Dropped { extent }), [""; 0]);
        let done = true;
        let placed = node.step(Event::Placed { extent, done });
        assert_eq!(placed, ["Answer ticket-9 Ok(Done)"]);
        node.restart(0);
        let row = node.store.row(extent).unwrap();
        assert_eq!(row.stage, Stage::Sealed { length: 60 });
        assert_eq!(row.fence, Epoch::new(8));
    }

    #[test]
    fn a_copy_waits_until_the_file_before_it_is_gone() {
        let (ticket, copied, extent) = (Ticket::new(9), COPIED, EXTENT);
        let from = String::new;
        let mut node = Node::open();
        node.restart(40);
        assert_eq!(node.step(Event::Dropped { extent }), ["Unlink extent-7"]);
        let refused = node.step(Event::Copied {
            ticket,
            copied,
            from: from(),
        });
        assert_eq!(refused, ["Answer ticket-9 Err(Taken(extent-7))"]);
        node.step(Event::Unlinked { extent });
        let placing = node.step(Event::Copied {
            ticket,
            copied,
            from: from(),
        });
        assert_eq!(placing, ["Place extent-7"]);
    }

    #[test]
    fn a_second_replica_of_one_extent_is_refused() {
        let mut node = Node::open();
        let create = Ask::Create {
            repository: REPOSITORY,
            extent: EXTENT,
            epoch: Epoch::new(6),
        };
        assert_eq!(node.ask(create), ["Answer ticket-2 Err(Taken(extent-7))"]);
    }

    #[test]
    fn a_failed_actor_answers_no_fence() {
        let mut node = Node::open();
        assert_eq!(node.fence(6), ["Close extent-7"]);
        let failed = node.step(Event::Failed { extent: EXTENT });
        assert_eq!(failed, ["Fail for extent-7"]);
    }
}
