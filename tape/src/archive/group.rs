//! The repositories that share a media set, one after the other.

use std::collections::{BTreeSet, VecDeque};

use holdfast_actors::catalog::rows::{MediaPool, Rows, Run, Share};
use holdfast_actors::catalog::tape::SetCommand;
use holdfast_actors::kernel::{RepositoryId, Space, Timestamp};
use holdfast_actors::tape::pool::SetRules;
use holdfast_actors::tape::{MediumId, SetId};
use serde_json::json;

use super::sources::{self, Group};
use super::{Archive, Book, Content, Effect, Lot, Order, Piece, Text};
use crate::format::{Measure, Object, Place, Row, RunName};
use crate::naming::{self, Home};
use crate::ports::Item;
use bytes::Bytes;

/// A run of this attempt.
#[derive(Debug)]
pub(super) struct Work {
    name: String,
    /// Pieces of it that are not on tape for good.
    pub(super) left: usize,
    pub(super) has_failed: bool,
}

/// A group that is under way.
#[derive(Debug)]
pub(super) struct Current {
    pub(super) share: Share,
    pub(super) set: Option<SetId>,
    repositories: VecDeque<RepositoryId>,
    /// Whose view is awaited.
    looks_at: Option<Run>,
    /// Whose begun run cannot be gone on with: what it found is not there any more.
    anew: BTreeSet<RepositoryId>,
    /// Cartridges of the set whose rows nobody asked for yet.
    unread: VecDeque<MediumId>,
    reading: Option<MediumId>,
    /// What the set holds for good, as far as anybody knows.
    pub(super) present: BTreeSet<Place>,
    /// Rows on the shelf of the last cartridge that was read, and their sum.
    pub(super) shelved: Option<(MediumId, Vec<Row>)>,
    pub(super) runs: Vec<Work>,
    /// Goes on tape, in order.
    pub(super) queue: VecDeque<Piece>,
    /// Was given to the tape, and may yet be lost.
    pub(super) given: VecDeque<Piece>,
    pub(super) has_failed: bool,
    /// This run began it, or goes on with what it began: its last cartridge is gone on with.
    pub(super) is_of_run: bool,
    /// The mounted cartridge was sealed because all is done.
    pub(super) is_sealed: bool,
}

impl Current {
    pub(super) fn observe(&self) -> serde_json::Value {
        json!({
            "owner": self.share.owner(),
            "set": self.set.map(|set| set.to_string()),
            "repositories-left": self.repositories.len(),
            "objects-left": self.queue.len(),
            "objects-unsafe": self.given.len(),
        })
    }
}

impl Current {
    /// Bytes that are still to be given to the tape.
    pub(super) fn left(&self) -> u64 {
        self.queue.iter().map(Piece::length).sum()
    }
}

impl Archive {
    pub(super) fn rows(&self) -> Option<&Rows> {
        self.book.as_ref().map(|book| &*book.rows)
    }

    pub(super) fn pool(&self) -> Option<&MediaPool> {
        self.rows()?.tape.pools.get(&self.job()?.pool)
    }

    pub(super) fn rules(&self) -> Option<SetRules> {
        self.pool()?.rules.sets.get(&self.order.set).copied()
    }

    /// Begins a group with what there is for it already.
    pub(super) fn enter(&mut self, group: Group) -> Option<Effect> {
        let (Some(rows), Some(pool)) = (self.rows(), self.pool()) else {
            self.has_failed = true;
            return None;
        };
        let found = sources::find(rows, &self.order, pool, &group.share);
        let set = found.set.and_then(|id| rows.tape.sets.get(&id));
        let is_of_run = set.is_some_and(|set| set.runs.iter().any(|run| self.order.is_of_run(run)));
        let unread = set.map(|set| set.media.iter().copied().collect());
        let only = set.and_then(|set| set.one);
        let mut repositories = group.repositories;
        repositories.retain(|id| !found.done.contains(id));
        // What was made since its set was begun belongs to the next.
        repositories.retain(|id| only.is_none_or(|only| only == *id));
        self.has_written |= !found.done.is_empty();
        self.current = Some(Current {
            share: group.share,
            set: found.set,
            repositories,
            looks_at: None,
            anew: BTreeSet::new(),
            unread: unread.unwrap_or_default(),
            reading: None,
            present: BTreeSet::new(),
            shelved: None,
            runs: Vec::new(),
            queue: VecDeque::new(),
            given: VecDeque::new(),
            has_failed: false,
            is_of_run,
            is_sealed: false,
        });
        for id in found.stale {
            self.tell_set(id, SetCommand::Close);
        }
        None
    }

    /// What is next in the group; none if something came up that is to be done before.
    pub(super) fn go_on(&mut self, now: Timestamp) -> Option<Effect> {
        let current = self.current.as_mut()?;
        if let Some(medium) = current.unread.pop_front() {
            current.reading = Some(medium);
            return Some(Effect::Rows(medium));
        }
        if !current.queue.is_empty() {
            return self.feed(now);
        }
        if let Some(id) = current.repositories.pop_front() {
            return self.look_at(id, now);
        }
        self.finish()
    }

    /// Takes in the rows of a cartridge, as far as the catalog counts them. What cannot be trusted
    /// counts as not there: the tape itself says it if it is mounted, else it is written again.
    pub(super) fn shelf(&mut self, rows: Option<Lot<Row>>) {
        let medium = self.current.as_mut().and_then(|it| it.reading.take());
        let head = medium.and_then(|id| Some(self.rows()?.tape.media.get(&id)?.head));
        let (Some(current), Some(medium), Some(head)) = (self.current.as_mut(), medium, head)
        else {
            return;
        };
        let rows = rows.map(|rows| rows.0).unwrap_or_default();
        let counted = usize::try_from(head.objects).unwrap_or(usize::MAX);
        if let Some(counted) = rows.get(..counted) {
            let mut measure = Measure::default();
            counted.iter().for_each(|row| measure.add(row));
            if head.objects == 0 || *measure.sum().as_bytes() == head.root {
                let places = counted.iter().map(|row| row.path.clone());
                current.present.extend(places);
            }
        }
        current.shelved = Some((medium, rows));
    }

    /// Asks what a repository shows: as of the instant of the run if it was begun, else as of now.
    fn look_at(&mut self, id: RepositoryId, now: Timestamp) -> Option<Effect> {
        let run = self.begun_run(id).or_else(|| self.new_run(id, now))?;
        let view = run.view;
        self.current.as_mut()?.looks_at = Some(run);
        Some(Effect::View(id, view))
    }

    fn begun_run(&self, id: RepositoryId) -> Option<Run> {
        let current = self.current.as_ref()?;
        if current.anew.contains(&id) {
            return None;
        }
        let set = self.rows()?.tape.sets.get(&current.set?)?;
        let unfinished =
            |run: &&Run| self.order.is_of_run(run) && run.repository == id && run.done.is_none();
        set.runs.iter().rfind(unfinished).cloned()
    }

    fn new_run(&self, id: RepositoryId, now: Timestamp) -> Option<Run> {
        let rows = self.rows()?;
        let row = rows.repositories.get(&id)?;
        Some(Run {
            name: name(id, &self.order, now),
            job: self.order.job.clone(),
            repository: id,
            tenant: sources::tenant(rows, row.tenant)?.clone(),
            called: row.name.clone(),
            view: now,
            objects: 0,
            bytes: 0,
            done: None,
        })
    }

    pub(super) fn has_no_view(&mut self) {
        self.has_failed = true;
        if let Some(current) = &mut self.current {
            current.looks_at = None;
            current.has_failed = true;
        }
    }

    /// Begins the run of a repository with all that the set lacks of it.
    pub(super) fn viewed(&mut self, items: Vec<Item>) {
        let Some(mut run) = self.current.as_mut().and_then(|it| it.looks_at.take()) else {
            return;
        };
        let is_begun = self.begun_run(run.repository).is_some();
        let found = items.iter().map(|item| item.length.as_bytes()).sum();
        if let Some(current) = &mut self.current
            && is_begun
            && (run.objects, run.bytes) != (items.len() as u64, found)
        {
            current.anew.insert(run.repository);
            current.repositories.push_front(run.repository);
            return;
        }
        let one = self.alone(&run, &items);
        let Some(pieces) = self.pieces(&run, &items, one.is_some()) else {
            return self.has_no_view();
        };
        let is_new = |piece: &Piece| matches!(piece.content, Content::Object(..));
        if !is_begun && !pieces.iter().any(is_new) {
            return;
        }
        if self.loaded.is_none() && !pieces.is_empty() && self.choose().is_none() {
            self.lacks_tape = true;
            return self.give_up();
        }
        run.objects = items.len() as u64;
        run.bytes = found;
        let Some(set) = self.set_of_run(one) else {
            return self.fail();
        };
        if !is_begun {
            self.tell_set(set, SetCommand::Run(run.clone()));
        }
        let Some(current) = &mut self.current else {
            return;
        };
        let lengths: u64 = pieces.iter().map(Piece::length).sum();
        current.is_of_run = true;
        current.runs.push(Work {
            name: run.name.clone(),
            left: pieces.len(),
            has_failed: false,
        });
        current.queue.extend(pieces);
        self.found += lengths;
        self.settle(self.current.as_ref().map_or(0, |it| it.runs.len() - 1));
    }

    /// Whose repository the set is alone: it lies at the root of the tapes then, so that the union
    /// of them is the repository. So it is where a set takes one whole view and no more.
    fn alone(&self, run: &Run, items: &[Item]) -> Option<RepositoryId> {
        let current = self.current.as_ref()?;
        if let Some(set) = current.set {
            return self.rows()?.tape.sets.get(&set)?.one;
        }
        let appends = self.rules().is_some_and(|rules| rules.appends);
        let takes_one = self.order.set.is_whole() && !appends;
        let others = !current.repositories.is_empty() || !current.runs.is_empty();
        let is_only = !others && !current.has_failed;
        let is_whole = items.iter().all(|item| item.key.space == Space::TENANT);
        (takes_one && is_only && is_whole).then_some(run.repository)
    }

    /// The set of the group, begun if there is none.
    fn set_of_run(&mut self, one: Option<RepositoryId>) -> Option<SetId> {
        if let Some(set) = self.current.as_ref()?.set {
            return Some(set);
        }
        let (pool, share) = (self.pool()?.id, self.current.as_ref()?.share.clone());
        let set = self.order.set;
        let Book { drawn, .. } = self.book.as_ref()?;
        let drawn = *drawn;
        self.current.as_mut()?.set = Some(drawn);
        let open = match share {
            Share::Class(class) => SetCommand::Share {
                pool,
                set,
                class,
                one,
            },
            Share::All | Share::Own(_) => SetCommand::Open {
                pool,
                set,
                owner: share.owner(),
                one,
            },
        };
        self.tell_set(drawn, open);
        Some(drawn)
    }

    /// What the set lacks: objects, and behind them the list of each part. None if an object has
    /// no place in the set.
    fn pieces(&self, run: &Run, items: &[Item], is_alone: bool) -> Option<Vec<Piece>> {
        let current = self.current.as_ref()?;
        let home = Home {
            repository: run.repository,
            tenant: &run.tenant,
            called: &run.called,
            is_alone,
        };
        let number = current.runs.len();
        let piece = |place, content| Piece {
            place,
            content,
            run: number,
        };
        let mut pieces = Vec::new();
        let mut lists: std::collections::BTreeMap<Space, String> =
            std::collections::BTreeMap::new();
        for item in items {
            let object = naming::object(item.key)?;
            let list = lists.entry(item.key.space).or_default();
            list.push_str(&format!("{object}\n"));
            let place = home.place(item.key.space, object)?;
            if !current.present.contains(&place) {
                pieces.push(piece(place, Content::Object(run.repository, *item)));
            }
        }
        for (space, list) in lists {
            let place = home.place(space, Object::Run(RunName::parse(&run.name)?))?;
            if !current.present.contains(&place) {
                let text = Text(Bytes::from(list));
                pieces.push(piece(place, Content::List(text)));
            }
        }
        Some(pieces)
    }

    /// Says that a run is done, if it is.
    pub(super) fn settle(&mut self, run: usize) {
        let Some(current) = &self.current else {
            return;
        };
        let done = current.runs.get(run);
        let done = done.filter(|it| it.left == 0 && !it.has_failed);
        if let (Some(work), Some(set)) = (done, current.set) {
            let run = work.name.clone();
            self.tell_set(set, SetCommand::Ran { run });
        }
    }

    /// All was given to the tape: it is made safe, and a set that stands on its own is closed.
    fn finish(&mut self) -> Option<Effect> {
        let appends = self.rules().is_some_and(|rules| rules.appends);
        let current = self.current.as_mut()?;
        let closes = self.order.set.is_whole() && !appends;
        let closes = closes && current.is_of_run && !current.has_failed;
        let is_ready = self.loaded.as_ref().is_some_and(|it| it.is_ready);
        if is_ready && closes && !current.is_sealed {
            current.is_sealed = true;
            return Some(Effect::Seal);
        }
        if is_ready && !current.given.is_empty() {
            return Some(Effect::Commit);
        }
        let set = current.set.filter(|_| closes);
        self.give_up();
        if let Some(set) = set {
            self.tell_set(set, SetCommand::Close);
        }
        None
    }
}

/// The name of a run's list: when, which repository, and which job, as far as it fits.
fn name(id: RepositoryId, order: &Order, now: Timestamp) -> String {
    let mut name = format!("{}-{}-{}", now.as_millis(), id.raw(), order.job);
    name.truncate(64);
    name
}
