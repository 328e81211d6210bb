//! When what a node notes of its replicas is gathered into a snapshot.
//!
//! Records are numbered as the journal numbers them: it holds this store's alone, one for each.

use holdfast_actors::kernel::{Acts, Sequence};

use super::super::word::{Record, Replica, Stage};
use super::{Effect, Store};

/// So many records are written at least before they are gathered.
const AFTER: u64 = 1_000;
/// After a snapshot that could not be written, so many more.
const AGAIN: u64 = 100;

/// How much was written since the last snapshot.
#[derive(Debug)]
pub(super) struct Keeping {
    /// The number of the last record.
    last: Sequence,
    /// When the next snapshot is written.
    due: Sequence,
    is_keeping: bool,
}

impl Default for Keeping {
    fn default() -> Self {
        Self {
            last: Sequence::default(),
            due: Sequence::new(AFTER),
            is_keeping: false,
        }
    }
}

impl Keeping {
    /// One more record.
    pub(super) fn recorded(&mut self) {
        self.last = self.last.next();
    }

    /// A snapshot was written, or was not; there are so many replicas.
    pub(super) fn kept(&mut self, done: bool, replicas: usize) {
        self.is_keeping = false;
        let after = match done {
            true => AFTER.max(2 * replicas as u64),
            false => AGAIN,
        };
        self.due = Sequence::new(self.last.raw() + after);
    }
}

impl Store {
    /// A start has read all records: the last of them has this number in the journal, and that one
    /// is the last of the snapshot before it.
    pub fn stands_at(&mut self, last: Sequence, snapshot: Sequence) {
        let after = AFTER.max(2 * self.replicas.len() as u64);
        self.keeping = Keeping {
            last,
            due: Sequence::new(snapshot.raw() + after),
            is_keeping: false,
        };
    }

    /// Begins a snapshot when one is due.
    pub(super) fn keep(&mut self, acts: &mut Acts<Self>) {
        let Keeping {
            last,
            due,
            is_keeping,
        } = self.keeping;
        // A start takes files away that records say were removed: those records stay until then.
        if is_keeping || last < due || !self.unlinking.is_empty() {
            return;
        }
        self.keeping.is_keeping = true;
        let rows = self.replicas.iter();
        let records = rows.map(|(extent, replica)| Record::Stands {
            extent: *extent,
            replica: as_noted(*replica),
        });
        acts.show(Effect::Keep {
            through: last,
            records: records.collect(),
        });
    }
}

/// A replica as records say it; that it was closed is in no record.
fn as_noted(replica: Replica) -> Replica {
    let stage = match replica.stage {
        Stage::Open | Stage::Closed { .. } => Stage::Open,
        Stage::Sealed { length } => Stage::Sealed { length },
    };
    Replica { stage, ..replica }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use holdfast_actors::kernel::{Act, Epoch, ExtentId, Machine as _, Now, RepositoryId, Ticket};

    use super::super::super::word::{Ask, Copied};
    use super::super::Event;
    use super::*;

    fn copied(number: u64) -> Copied {
        Copied {
            extent: ExtentId::new(number % 50),
            repository: RepositoryId::new(3),
            epoch: Epoch::new(5),
            length: number,
        }
    }

    /// Copies so many extents over each other; what was written, and the snapshots asked for.
    fn work(store: &mut Store, count: u64) -> (Vec<Record>, Vec<(Sequence, Vec<Record>)>) {
        let (mut written, mut kept) = (Vec::new(), Vec::new());
        for number in 1..=count {
            let (ticket, copied) = (Ticket::new(number), copied(number));
            let (from, extent) = (String::new(), copied.extent);
            let copied = Event::Copied {
                ticket,
                copied,
                from,
            };
            let done = true;
            for event in [copied, Event::Placed { extent, done }] {
                let mut acts = Acts::default();
                store.step(Now::default(), event, &mut acts);
                for act in acts {
                    match act {
                        Act::Persist(record) => written.push(record),
                        Act::Show(Effect::Keep { through, records }) => {
                            kept.push((through, records));
                        }
                        Act::Start(_) | Act::Show(_) => {}
                    }
                }
            }
        }
        (written, kept)
    }

    fn rows(store: &Store) -> Vec<(ExtentId, Replica)> {
        store.replicas().collect()
    }

    #[test]
    fn a_snapshot_and_the_records_behind_it_say_what_all_records_say() {
        let mut store = Store::default();
        let (written, kept) = work(&mut store, AFTER + 70);
        let [(through, records)] = kept.as_slice() else {
            panic!(
                "{} snapshots, and nobody said that one was written",
                kept.len()
            );
        };
        assert_eq!(through.raw(), AFTER);
        assert_eq!(records.len(), 50);
        let mut restarted = Store::default();
        let behind = &written[AFTER as usize..];
        for record in records.iter().chain(behind) {
            restarted.apply(record);
        }
        restarted.stands_at(Sequence::new(written.len() as u64), *through);
        assert_eq!(rows(&restarted), rows(&store));
        // And so it goes on: the next one is due so many records behind the first.
        let (_, kept) = work(&mut restarted, AFTER - 70);
        assert_eq!(kept[0].0.raw(), 2 * AFTER);
    }

    #[test]
    fn one_that_cannot_be_written_is_tried_again_after_a_while() {
        let mut store = Store::default();
        assert_eq!(work(&mut store, AFTER).1.len(), 1);
        store.step(
            Now::default(),
            Event::Kept { done: false },
            &mut Acts::default(),
        );
        assert!(work(&mut store, AGAIN - 1).1.is_empty());
        let (_, kept) = work(&mut store, 1);
        assert_eq!(kept[0].0.raw(), AFTER + AGAIN);
    }

    #[test]
    fn one_that_was_closed_counts_as_open_and_its_fence_stays() {
        let mut store = Store::default();
        work(&mut store, 50);
        let (extent, epoch) = (ExtentId::new(77), Epoch::new(9));
        let repository = RepositoryId::new(3);
        store.apply(&Record::Created {
            extent,
            repository,
            epoch,
        });
        let fence = Epoch::new(10);
        let (ticket, ask) = (
            Ticket::new(1),
            Ask::Fence {
                extent,
                epoch: fence,
            },
        );
        let bytes = Bytes::new();
        let asked = Event::Asked { ticket, ask, bytes };
        store.step(Now::default(), asked, &mut Acts::default());
        let durable = 90;
        let closed = Event::Closed { extent, durable };
        store.step(Now::default(), closed, &mut Acts::default());
        let (_, kept) = work(&mut store, AFTER);
        let mut restarted = Store::default();
        for record in &kept[0].1 {
            restarted.apply(record);
        }
        let stands = restarted.replica(extent).unwrap();
        assert_eq!((stands.fence, stands.stage), (fence, Stage::Open));
    }
}
