//! Everything about tape on one node: its libraries, the jobs that write on them, and restores.
//!
//! What runs follows from the catalog: a library that hangs on this node is opened, a job that
//! writes on one of them is at work, a restore that has no end goes on. What fails is started
//! again after a pause that doubles, and the node stays up meanwhile.

mod hands;
mod keep;
mod wanted;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use holdfast_actors::kernel::{Acts, Instant, Machine, Never, Now, RestoreId};
use holdfast_actors::names::TapeName;
use serde_json::json;

pub use hands::{Message, RoomHands, Tools};
pub use keep::Keep;
pub use wanted::Wanted;

/// The pause after the first failure; each further one doubles it.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// A part of the room.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// A library: before the others, who need it.
    Library(TapeName),
    /// A job.
    Job(TapeName),
    /// A restore.
    Restore(RestoreId),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Starting,
    Running,
    /// It failed; it is started again at that time.
    Pausing(Instant),
}

/// What the room is told.
#[derive(Debug)]
pub enum Event {
    /// The catalog changed.
    Rows(Wanted),
    /// A part runs, or does not start.
    Started(Part, bool),
    /// A part ended by itself.
    Ended(Part, bool),
}

/// What the room wants.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// Start a part.
    Start(Part),
    /// End a part.
    Stop(Part),
    /// Tell a job that there may be a cartridge for it.
    Tape(TapeName),
    /// Tell a job whether it writes when it is due.
    Enable(TapeName, bool),
    /// Have a restore end.
    Cancel(RestoreId),
}

/// The room.
#[derive(Debug, Default)]
pub struct Room {
    wanted: Wanted,
    parts: BTreeMap<Part, Stage>,
    /// How often each has failed.
    failures: BTreeMap<Part, u32>,
    /// What jobs were told last.
    told: BTreeMap<TapeName, bool>,
    /// Restores that were told to end.
    cancelled: BTreeSet<RestoreId>,
    /// Restores that came to their end in this life; the catalog may not show it yet.
    over: BTreeSet<RestoreId>,
}

impl Room {
    fn is_running(&self, part: &Part) -> bool {
        self.parts.get(part) == Some(&Stage::Running)
    }

    /// Whether all libraries were tried: who comes after them finds those that open.
    fn is_furnished(&self) -> bool {
        let mut libraries = self.wanted.libraries.iter();
        libraries.all(|name| {
            let stage = self.parts.get(&Part::Library(name.clone()));
            matches!(stage, Some(Stage::Running | Stage::Pausing(..)))
        })
    }

    fn go_on(&mut self, now: Instant, acts: &mut Acts<Self>) {
        let gone: Vec<Part> = self
            .parts
            .keys()
            .filter(|part| !self.wanted.has(part))
            .cloned()
            .collect();
        for part in gone {
            if self.is_running(&part) {
                acts.start(Effect::Stop(part.clone()));
            }
            // One that is starting is ended when it runs.
            if self.parts.get(&part) != Some(&Stage::Starting) {
                self.parts.remove(&part);
            }
        }
        let over = |part: &Part| matches!(part, Part::Restore(id) if self.over.contains(id));
        let parts = self.wanted.parts().into_iter().filter(|part| !over(part));
        for part in parts.collect::<Vec<_>>() {
            let waits = !matches!(part, Part::Library(_)) && !self.is_furnished();
            let due = match self.parts.get(&part) {
                None => !waits,
                Some(Stage::Pausing(at)) => *at <= now,
                Some(Stage::Starting | Stage::Running) => false,
            };
            if due {
                self.parts.insert(part.clone(), Stage::Starting);
                acts.start(Effect::Start(part));
            }
        }
        self.tell(acts);
    }

    /// Tells those who run what is wanted of them by now.
    fn tell(&mut self, acts: &mut Acts<Self>) {
        for (name, is_enabled) in self.wanted.jobs.clone() {
            let runs = self.is_running(&Part::Job(name.clone()));
            if runs && self.told.get(&name) != Some(&is_enabled) {
                self.told.insert(name.clone(), is_enabled);
                acts.start(Effect::Enable(name, is_enabled));
            }
        }
        for (id, is_stopping) in self.wanted.restores.clone() {
            let runs = self.is_running(&Part::Restore(id));
            if runs && is_stopping && self.cancelled.insert(id) {
                acts.start(Effect::Cancel(id));
            }
        }
    }

    /// A cartridge was put in, or became free.
    fn offer(&self, acts: &mut Acts<Self>) {
        for name in self.wanted.jobs.keys() {
            if self.is_running(&Part::Job(name.clone())) {
                acts.start(Effect::Tape(name.clone()));
            }
        }
    }

    fn ended(&mut self, now: Instant, part: Part, failed: bool) {
        if let Part::Job(name) = &part {
            self.told.remove(name);
        }
        if let Part::Restore(id) = &part {
            self.cancelled.remove(id);
        }
        if !failed {
            if let Part::Restore(id) = &part {
                self.over.insert(*id);
            }
            self.failures.remove(&part);
            self.parts.remove(&part);
            return;
        }
        let count = self.failures.entry(part.clone()).or_default();
        let pause = PAUSE * 2_u32.saturating_pow((*count).min(16));
        *count += 1;
        let at = now + pause.min(PAUSE_MAX);
        self.parts.insert(part, Stage::Pausing(at));
    }
}

impl Machine for Room {
    type Event = Event;
    type Record = Never;
    type Effect = Effect;

    fn step(&mut self, now: Now, event: Event, acts: &mut Acts<Self>) {
        let now = now.monotonic;
        match event {
            Event::Rows(wanted) => {
                self.failures.retain(|part, _| wanted.has(part));
                self.over.retain(|id| wanted.has(&Part::Restore(*id)));
                let is_new = !wanted.tapes.is_subset(&self.wanted.tapes);
                self.wanted = wanted;
                if is_new {
                    self.offer(acts);
                }
            }
            Event::Started(part, true) => {
                if self.wanted.has(&part) {
                    self.parts.insert(part, Stage::Running);
                } else {
                    self.parts.remove(&part);
                    acts.start(Effect::Stop(part));
                }
            }
            Event::Started(part, false) => self.ended(now, part, true),
            Event::Ended(part, failed) => self.ended(now, part, failed),
        }
        self.go_on(now, acts);
    }

    fn apply(&mut self, record: &Never) {
        match *record {}
    }

    fn deadline(&self) -> Option<Instant> {
        let pauses = self.parts.values().filter_map(|stage| match stage {
            Stage::Pausing(at) => Some(*at),
            Stage::Starting | Stage::Running => None,
        });
        pauses.min()
    }

    fn wake(&mut self, now: Now, acts: &mut Acts<Self>) {
        self.go_on(now.monotonic, acts);
    }

    fn observe(&self) -> serde_json::Value {
        let parts = self.parts.iter().map(|(part, stage)| {
            let stage = match stage {
                Stage::Starting => "starting".to_owned(),
                Stage::Running => "running".to_owned(),
                Stage::Pausing(_) => {
                    let count = self.failures.get(part).copied().unwrap_or_default();
                    format!("failed {count} times, out of service")
                }
            };
            (format!("{part:?}"), stage.into())
        });
        json!({ "parts": parts.collect::<serde_json::Map<_, _>>() })
    }

    fn waits(&self) -> Vec<String> {
        let failed = self.parts.iter().filter_map(|(part, stage)| match stage {
            Stage::Pausing(..) => Some(format!("a pause, to start {part:?} again")),
            Stage::Starting | Stage::Running => None,
        });
        failed.collect()
    }
}

#[cfg(test)]
mod tests;
