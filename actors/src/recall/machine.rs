//! Which repositories are recalled: each is read once for as long as the node is cut off, and is
//! forgotten when nobody has asked for a while, or when others need its room.
//!
//! Invariants: at most [`AT_ONCE`] are read at once; what was put together while the node was cut
//! off once is given to nobody when it is cut off again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use serde_json::json;

use crate::kernel::{Acts, Instant, Machine, Never, Now, RepositoryId, Ticket};

/// How many are read at once.
const AT_ONCE: usize = 2;
/// How long one stays for which nobody asks.
const REST: Duration = Duration::from_secs(300);
/// The most objects that are kept for those that were not asked for last: about 150 bytes each.
const OBJECTS_MAX: u64 = 4_000_000;

/// What can happen.
#[derive(Debug)]
pub enum Event {
    /// Somebody is to read a repository.
    Asked {
        /// Which.
        id: RepositoryId,
        /// Since when the node is cut off.
        since: Instant,
        /// Whom to answer.
        ticket: Ticket,
    },
    /// One was put together with so many objects, or could not be.
    Loaded {
        /// Which.
        id: RepositoryId,
        /// How many it has.
        objects: Option<u64>,
    },
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Put one together.
    Load(RepositoryId),
    /// Show it.
    Give(RepositoryId, Ticket),
    /// It cannot be shown.
    Refuse(Ticket),
    /// Nobody needs it any more.
    Forget(RepositoryId),
}

/// One repository.
#[derive(Debug)]
struct One {
    since: Instant,
    /// When it was asked for last.
    used: Instant,
    /// How many objects it has; none while it is put together.
    objects: Option<u64>,
    askers: Vec<Ticket>,
}

/// Those that are recalled.
#[derive(Debug, Default)]
pub struct Recall {
    all: BTreeMap<RepositoryId, One>,
    queue: VecDeque<RepositoryId>,
    loading: BTreeSet<RepositoryId>,
    given: u64,
    refused: u64,
}

impl Recall {
    fn asked(
        &mut self,
        now: Instant,
        (id, since): (RepositoryId, Instant),
        ticket: Ticket,
        acts: &mut Acts<Self>,
    ) {
        let is_old = |one: &One| one.since != since && one.objects.is_some();
        if self.all.get(&id).is_some_and(is_old) {
            self.all.remove(&id);
            acts.show(Effect::Forget(id));
        }
        let queue = &mut self.queue;
        let one = self.all.entry(id).or_insert_with(|| {
            queue.push_back(id);
            One {
                since,
                used: now,
                objects: None,
                askers: Vec::new(),
            }
        });
        one.used = now;
        if one.objects.is_some() {
            self.given += 1;
            acts.show(Effect::Give(id, ticket));
        } else if one.since == since {
            one.askers.push(ticket);
        } else {
            // It is still put together for those who asked the last time.
            self.refused += 1;
            acts.show(Effect::Refuse(ticket));
        }
    }

    fn loaded(&mut self, id: RepositoryId, objects: Option<u64>, acts: &mut Acts<Self>) {
        self.loading.remove(&id);
        let Some(one) = self.all.get_mut(&id) else {
            return;
        };
        one.objects = objects;
        for ticket in std::mem::take(&mut one.askers) {
            let is_there = objects.is_some();
            self.given += u64::from(is_there);
            self.refused += u64::from(!is_there);
            acts.show(match is_there {
                true => Effect::Give(id, ticket),
                false => Effect::Refuse(ticket),
            });
        }
        if objects.is_none() {
            self.all.remove(&id);
        }
    }

    /// Forgets those that make room for the one that was asked for last, and those that rest.
    fn settle(&mut self, now: Instant, acts: &mut Acts<Self>) {
        let mut there: Vec<_> = self
            .all
            .iter()
            .filter_map(|(id, one)| Some((one.used, *id, one.objects?)))
            .collect();
        there.sort_unstable_by(|one, other| other.cmp(one));
        let mut room = OBJECTS_MAX;
        for (number, (used, id, objects)) in there.into_iter().enumerate() {
            let fits = room.checked_sub(objects);
            if used + REST <= now || (number > 0 && fits.is_none()) {
                self.all.remove(&id);
                acts.show(Effect::Forget(id));
            } else {
                room = fits.unwrap_or_default();
            }
        }
        while self.loading.len() < AT_ONCE
            && let Some(id) = self.queue.pop_front()
        {
            self.loading.insert(id);
            acts.show(Effect::Load(id));
        }
    }
}

impl Machine for Recall {
    type Event = Event;
    type Record = Never;
    type Effect = Effect;

    fn step(&mut self, now: Now, event: Event, acts: &mut Acts<Self>) {
        match event {
            Event::Asked { id, since, ticket } => {
                self.asked(now.monotonic, (id, since), ticket, acts);
            }
            Event::Loaded { id, objects } => self.loaded(id, objects, acts),
        }
        self.settle(now.monotonic, acts);
    }

    fn apply(&mut self, record: &Never) {
        match *record {}
    }

    fn deadline(&self) -> Option<Instant> {
        let there = self.all.values().filter(|one| one.objects.is_some());
        there.map(|one| one.used + REST).min()
    }

    fn wake(&mut self, now: Now, acts: &mut Acts<Self>) {
        self.settle(now.monotonic, acts);
    }

    fn broken(&self) -> Option<&'static str> {
        let waiting = self.all.values().filter(|one| one.objects.is_none());
        (waiting.count() != self.queue.len() + self.loading.len()).then_some("reading")
    }

    fn observe(&self) -> serde_json::Value {
        let objects = self.all.values().filter_map(|one| one.objects);
        json!({
            "repositories": self.all.len(),
            "objects": objects.sum::<u64>(),
            "loading": self.loading.len(),
            "given": self.given,
            "refused": self.refused,
        })
    }
}

#[cfg(test)]
mod tests;
