//! Which repositories are followed, and what is done about each next.
//!
//! Invariants: one thing at a time is done with each, and [`AT_ONCE`] things in all; each has its
//! place in the queue while nothing is done with it; more objects than [`OBJECTS_MAX`] are known
//! only until one that is too many was written to the index.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::json;

use super::event::{Effect, Event, Lost};
use super::{
    AT_ONCE, EAGER, ENTRIES_MAX, LAZY, LINGER, OBJECTS_MAX, PARKED, QUIET, RETRY, RETRY_MOST,
};
use crate::kernel::{Acts, Instant, Machine, Never, Now, RepositoryId, Ticket};
use crate::repository::Found;

/// What is done with one at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Task {
    Following,
    /// Some rows, or all of them, which takes long.
    Writing {
        all: bool,
    },
}

/// One repository.
#[derive(Debug)]
struct One {
    /// Whether it was destroyed.
    is_gone: bool,
    /// Until when it stays though it is not wanted any more.
    leaves: Option<Instant>,
    task: Option<Task>,
    /// What is known of it, if anything is.
    known: Option<Found>,
    /// Whether it is begun with the log alone.
    anew: bool,
    /// When it is its turn, while nothing is done with it.
    at: Instant,
    pause: Duration,
    /// When its log had grown last.
    grew: Instant,
    failures: u32,
    askers: Vec<Ticket>,
}

impl One {
    const fn new(now: Instant) -> Self {
        Self {
            is_gone: false,
            leaves: None,
            task: None,
            known: None,
            anew: false,
            at: now,
            pause: EAGER,
            grew: now,
            failures: 0,
            askers: Vec::new(),
        }
    }

    /// Whether the index is to be told now, of one that stays or goes.
    fn is_to_write(&self, now: Instant, goes: bool) -> bool {
        match self.known {
            Some(Found {
                unwritten: Some(entries),
                ..
            }) => {
                let is_quiet = goes || self.grew + QUIET <= now;
                entries >= ENTRIES_MAX || (entries > 0 && is_quiet)
            }
            Some(Found { objects, .. }) => objects > 0,
            None => false,
        }
    }
}

/// Those that this node stands by for.
#[derive(Debug, Default)]
pub struct Standbys {
    all: BTreeMap<RepositoryId, One>,
    queue: BTreeSet<(Instant, RepositoryId)>,
    under_way: usize,
    /// How many objects are known in all.
    objects: u64,
    given: u64,
}

impl Standbys {
    /// Gives one its turn.
    fn queue(&mut self, id: RepositoryId, at: Instant) {
        if let Some(one) = self.all.get_mut(&id) {
            self.queue.remove(&(one.at, id));
            one.at = at;
            self.queue.insert((at, id));
        }
    }

    fn news(&mut self, now: Instant, wanted: Vec<RepositoryId>, unwanted: Vec<RepositoryId>) {
        for id in wanted {
            match self.all.get_mut(&id) {
                Some(one) => one.leaves = None,
                None => {
                    self.all.insert(id, One::new(now));
                    self.queue(id, now);
                }
            }
        }
        for id in unwanted {
            if let Some(one) = self.all.get_mut(&id) {
                one.leaves = one.leaves.or(Some(now + LINGER));
            }
        }
    }

    /// Of what was destroyed nothing stays, once nothing is done with it.
    fn gone(&mut self, now: Instant, gone: Vec<RepositoryId>, acts: &mut Acts<Self>) {
        for id in gone {
            let Some(one) = self.all.get_mut(&id) else {
                acts.show(Effect::Clear(id));
                continue;
            };
            one.is_gone = true;
            match one.task {
                Some(Task::Writing { .. }) => acts.show(Effect::LeaveOff(id)),
                Some(Task::Following) => {}
                None => self.queue(id, now),
            }
        }
    }

    /// What is known of one changes.
    fn knows(&mut self, id: RepositoryId, found: Option<Found>) {
        if let Some(one) = self.all.get_mut(&id) {
            let before = std::mem::replace(&mut one.known, found);
            self.objects -= before.map_or(0, |found| found.objects);
            self.objects += found.map_or(0, |found| found.objects);
        }
    }

    fn followed(
        &mut self,
        now: Instant,
        id: RepositoryId,
        found: Result<Found, Lost>,
        acts: &mut Acts<Self>,
    ) {
        self.knows(id, found.ok());
        let Some(one) = self.all.get_mut(&id) else {
            return;
        };
        let at = match found {
            Ok(found) => {
                if found.entries > 0 {
                    (one.pause, one.grew) = (EAGER, now);
                } else {
                    one.pause = (one.pause * 2).min(LAZY);
                }
                (one.anew, one.failures) = (false, 0);
                match one.is_to_write(now, false) {
                    true => now,
                    false => now + one.pause,
                }
            }
            Err(lost) => {
                one.anew = lost == Lost::Missed;
                one.failures += 1;
                let wait = RETRY * (1 << (one.failures - 1).min(8));
                match one.failures {
                    1 if one.anew => now,
                    _ => now + wait.min(RETRY_MOST),
                }
            }
        };
        self.ended(id, at, acts);
    }

    fn written(&mut self, now: Instant, id: RepositoryId, done: bool, acts: &mut Acts<Self>) {
        let Some(one) = self.all.get_mut(&id) else {
            return;
        };
        if let Some(known) = &mut one.known {
            known.unwritten = done.then_some(0);
        }
        let goes = one.leaves.is_some_and(|at| at <= now);
        let wait = match done {
            true if goes => Duration::ZERO,
            true => one.pause,
            // All is written again, later.
            false => RETRY_MOST,
        };
        self.ended(id, now + wait, acts);
    }

    /// What was done with one has ended.
    fn ended(&mut self, id: RepositoryId, at: Instant, acts: &mut Acts<Self>) {
        let Some(one) = self.all.get_mut(&id) else {
            return;
        };
        self.under_way -= usize::from(one.task.take().is_some());
        let askers = std::mem::take(&mut one.askers);
        let at = if one.is_gone { Instant::default() } else { at };
        if askers.is_empty() {
            self.queue(id, at);
        }
        for ticket in askers {
            self.give(id, ticket, acts);
        }
    }

    fn asked(&mut self, id: RepositoryId, ticket: Ticket, acts: &mut Acts<Self>) {
        match self.all.get_mut(&id) {
            Some(one) if one.task.is_some() => {
                one.askers.push(ticket);
                // The others are a moment's work, which the next owner would have to do himself.
                if one.task == Some(Task::Writing { all: true }) {
                    acts.show(Effect::LeaveOff(id));
                }
            }
            _ => self.give(id, ticket, acts),
        }
    }

    /// Gives what is known, once.
    fn give(&mut self, id: RepositoryId, ticket: Ticket, acts: &mut Acts<Self>) {
        let one = self.all.get(&id);
        if one.is_some_and(|one| one.is_gone) {
            acts.show(Effect::Refuse(ticket));
            acts.show(Effect::Clear(id));
        } else if one.is_some_and(|one| one.known.is_some()) {
            self.given += 1;
            acts.show(Effect::Give(id, ticket));
        } else {
            acts.show(Effect::Refuse(ticket));
        }
        self.drop(id);
    }

    fn drop(&mut self, id: RepositoryId) {
        self.knows(id, None);
        if let Some(one) = self.all.remove(&id) {
            self.queue.remove(&(one.at, id));
        }
    }

    /// Does what is next with one whose turn it is.
    fn turn(&mut self, now: Instant, id: RepositoryId, acts: &mut Acts<Self>) {
        let is_full = self.objects > OBJECTS_MAX;
        let Some(one) = self.all.get_mut(&id) else {
            return;
        };
        if one.is_gone {
            acts.show(Effect::Clear(id));
            return self.drop(id);
        }
        let leaves = one.leaves.is_some_and(|at| at <= now);
        let is_parked = is_full && one.known.is_some_and(|known| known.objects > 0);
        let task = if one.is_to_write(now, leaves || is_parked) {
            let all = one.known.is_none_or(|known| known.unwritten.is_none());
            acts.show(Effect::Write(id));
            Task::Writing { all }
        } else if leaves || is_parked {
            acts.show(Effect::Forget(id));
            if leaves {
                self.drop(id);
            } else {
                self.knows(id, None);
                self.queue(id, now + PARKED);
            }
            return;
        } else {
            acts.show(match one.known {
                Some(_) => Effect::CatchUp(id),
                None => Effect::Begin { id, anew: one.anew },
            });
            Task::Following
        };
        one.task = Some(task);
        self.under_way += 1;
    }

    fn proceed(&mut self, now: Instant, acts: &mut Acts<Self>) {
        while self.under_way < AT_ONCE {
            let due = self.queue.first().copied();
            let Some((at, id)) = due.filter(|(at, _)| *at <= now) else {
                return;
            };
            self.queue.remove(&(at, id));
            self.turn(now, id, acts);
        }
    }
}

impl Machine for Standbys {
    type Event = Event;
    type Record = Never;
    type Effect = Effect;

    fn step(&mut self, now: Now, event: Event, acts: &mut Acts<Self>) {
        let now = now.monotonic;
        match event {
            Event::News {
                wanted,
                unwanted,
                gone,
            } => {
                self.news(now, wanted, unwanted);
                self.gone(now, gone, acts);
            }
            Event::Followed { id, found } => self.followed(now, id, found, acts),
            Event::Written { id, done } => self.written(now, id, done, acts),
            Event::Asked { id, ticket } => self.asked(id, ticket, acts),
        }
        self.proceed(now, acts);
    }

    fn apply(&mut self, record: &Never) {
        match *record {}
    }

    fn deadline(&self) -> Option<Instant> {
        let next = self.queue.first().filter(|_| self.under_way < AT_ONCE);
        next.map(|(at, _)| *at)
    }

    fn wake(&mut self, now: Now, acts: &mut Acts<Self>) {
        self.proceed(now.monotonic, acts);
    }

    fn broken(&self) -> Option<&'static str> {
        (self.queue.len() + self.under_way != self.all.len()).then_some("turns")
    }

    fn observe(&self) -> serde_json::Value {
        let known = self.all.values().filter(|one| one.known.is_some());
        let failing = self.all.values().filter(|one| one.failures > 0);
        json!({
            "repositories": self.all.len(),
            "known": known.count(),
            "objects": self.objects,
            "under-way": self.under_way,
            "failing": failing.count(),
            "taken-over": self.given,
        })
    }
}

#[cfg(test)]
mod tests;
