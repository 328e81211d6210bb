//! Decides how a restore goes. It keeps nothing durable: after a crash it plans anew, and what is
//! at its destination already is not fetched again.
//!
//! Nothing is touched before all is known: the lists, what the destinations hold, whether all
//! cartridges can be had and the quota suffices. Then tenants are shut out, cartridges are read one
//! after the other, and at the end every destination is looked at again.
//!
//! Invariants: every restore ends with [`Effect::End`]; it ends as complete only if each
//! destination was seen to hold all that it should; nothing is hidden before all the rest is there.

mod answers;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use holdfast_actors::catalog::rows::RestoreEnd;
use holdfast_actors::catalog::tape::NAMED_MAX;
use holdfast_actors::kernel::{Acts, Instant, Machine, Never, Now, Size};
use holdfast_actors::tape::MediumId;
use serde_json::json;

use super::plan::{self, Plan, Reading, Source, Spot};
use super::words::{Effect, Event, Got, Held, Order, Part, Target};
use crate::format::{Object, Row, Sum};
pub(super) use answers::label;

/// How often a copy is read, and a cartridge put into a drive, before another one is looked for.
pub const TRIES: u32 = 3;
/// How often a destination is looked at and completed.
const ROUNDS: u32 = 3;
/// So many objects are ordered at once, unless one is greater than [`BATCH_BYTES`].
const BATCH: usize = 64;
const BATCH_BYTES: u64 = 256 << 20;
/// How long until it is tried again to note the end.
const AGAIN: Duration = Duration::from_secs(5);

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// What is wanted.
    Lists,
    /// What is there, before anything is touched.
    Looks(usize),
    /// Noting that it begins.
    Opens,
    /// Fetching what is missing.
    Reads,
    /// What is there now.
    Checks(usize),
    /// What shall not be there goes.
    Hides(usize),
    /// Making it durable.
    Finishes(usize),
    /// Noting the end.
    Ends,
    Over,
}

/// One part, as far as it is.
#[derive(Debug)]
struct Wanted {
    part: Part,
    /// All that it is; none until that is known.
    objects: Option<BTreeSet<Object>>,
    /// What is not at the destination yet.
    missing: BTreeSet<Object>,
    /// What is there and shall not be.
    surplus: BTreeSet<Object>,
    /// Bytes that the destination holds.
    held: u64,
    /// What cannot be had, and why.
    lost: BTreeMap<Object, String>,
}

/// A cartridge in a drive, and what is still to be read of it.
#[derive(Debug)]
struct Mounted {
    medium: MediumId,
    queue: VecDeque<Reading>,
}

/// A restore from tape.
#[derive(Debug)]
pub struct Restore {
    wanted: Vec<Wanted>,
    order: Order,
    stage: Stage,
    round: u32,
    mounted: Option<Mounted>,
    /// What is under way and not answered.
    owed: Option<Effect>,
    is_stopping: bool,
    /// How it will end, once that is known.
    end: Option<RestoreEnd>,
    ends_again: Option<Instant>,
    /// Tries of copies and cartridges.
    tries: BTreeMap<Spot, u32>,
    mounts: BTreeMap<MediumId, u32>,
    untaken: BTreeMap<(usize, Object), u32>,
    bad: BTreeSet<Spot>,
    /// Why the last copy of an object could not be read.
    why: BTreeMap<Object, String>,
    loads: u64,
    stored: (u64, u64),
    /// Bytes that come from tape if all goes well.
    total: u64,
}

impl Restore {
    /// A restore that begins with [`Event::Start`].
    pub fn new(order: Order) -> Self {
        let wanted = order.parts.iter().map(|part| Wanted {
            part: part.clone(),
            objects: None,
            missing: BTreeSet::new(),
            surplus: BTreeSet::new(),
            held: 0,
            lost: BTreeMap::new(),
        });
        Self {
            wanted: wanted.collect(),
            order,
            stage: Stage::Lists,
            round: 0,
            mounted: None,
            owed: None,
            is_stopping: false,
            end: None,
            ends_again: None,
            tries: BTreeMap::new(),
            mounts: BTreeMap::new(),
            untaken: BTreeMap::new(),
            bad: BTreeSet::new(),
            why: BTreeMap::new(),
            loads: 0,
            stored: (0, 0),
            total: 0,
        }
    }

    fn plan(&self) -> Plan {
        let wanted = self
            .wanted
            .iter()
            .map(|wanted| (&wanted.part.source, &wanted.missing));
        let wanted: Vec<(&Source, &BTreeSet<Object>)> = wanted.collect();
        plan::plan(&self.order.tapes, &wanted, &self.bad)
    }

    /// Orders what comes next, if nothing is under way.
    fn go(&mut self, acts: &mut Acts<Self>) {
        while self.owed.is_none() && self.stage != Stage::Over {
            let is_ending = matches!(self.stage, Stage::Ends);
            if !is_ending && (self.is_stopping || self.end.is_some()) {
                self.end.get_or_insert(RestoreEnd::Stopped);
                self.stage = Stage::Ends;
            }
            let effect = match self.stage {
                Stage::Lists => self.lists(),
                Stage::Looks(part) => self.looks(part),
                Stage::Opens => Some(Effect::Begin),
                Stage::Reads => self.reads(),
                Stage::Checks(part) => self.checks(part),
                Stage::Hides(part) => self.hides(part),
                Stage::Finishes(part) => self.finishes(part),
                Stage::Ends if self.mounted.is_some() => Some(Effect::Dismount),
                Stage::Ends if self.ends_again.is_some() => return,
                Stage::Ends => self.end.clone().map(Effect::End),
                Stage::Over => None,
            };
            if let Some(effect) = effect {
                self.owed = Some(effect.clone());
                // What a destination shows, and who is shut out, others see.
                acts.show(effect);
            }
        }
    }

    /// A list is read only where the rows alone do not say what is in it.
    fn lists(&mut self) -> Option<Effect> {
        for part in 0..self.wanted.len() {
            if self.wanted[part].objects.is_some() {
                continue;
            }
            let Part { source, count, .. } = self.wanted[part].part.clone();
            let guess = count.and_then(|count| plan::guess(&self.order.tapes, &source, count));
            if guess.is_some() {
                self.wanted[part].objects = guess;
                continue;
            }
            let Some((tape, row)) = plan::list(&self.order.tapes, &source, &self.bad) else {
                let run = source.run.as_str();
                let why = self.why.get(&Object::Run(source.run.clone()));
                let why = why.map_or("it is on no cartridge of its set", String::as_str);
                return self.fail(format!("the list of run {run} cannot be read: {why}"));
            };
            let (medium, row) = (tape.medium, row.clone());
            let Some(at) = tape.at.clone() else {
                let label = label(tape.barcode.as_ref(), medium);
                self.end = Some(RestoreEnd::Offline(vec![label]));
                return None;
            };
            return Some(match &self.mounted {
                Some(mounted) if mounted.medium == medium => Effect::List(part, row),
                Some(_) => Effect::Dismount,
                None => Effect::Mount(medium, at),
            });
        }
        self.stage = Stage::Looks(0);
        None
    }

    fn looks(&mut self, part: usize) -> Option<Effect> {
        if part < self.wanted.len() {
            return Some(Effect::Look(part));
        }
        let plan = self.plan();
        self.total = plan.bytes;
        if plan.offline.is_empty() {
            self.fit(&plan);
        } else {
            let labels = plan.offline.iter();
            let labels = labels.map(|(id, barcode)| label(barcode.as_ref(), *id));
            self.end = Some(RestoreEnd::Offline(labels.collect()));
        }
        self.stage = Stage::Opens;
        None
    }

    fn reads(&mut self) -> Option<Effect> {
        match &mut self.mounted {
            Some(mounted) if !mounted.queue.is_empty() => Some(Effect::Read(mounted.batch())),
            mounted => {
                let at = mounted.as_ref().map(|mounted| mounted.medium);
                let mut plan = self.plan();
                self.lose(&plan);
                let here = plan.loads.iter().position(|load| Some(load.medium) == at);
                if let (Some(here), Some(mounted)) = (here, &mut self.mounted) {
                    mounted.queue = plan.loads.swap_remove(here).reads.into();
                    return None;
                }
                if self.mounted.is_some() {
                    return Some(Effect::Dismount);
                }
                let load = plan.loads.into_iter().next();
                if load.is_none() {
                    self.stage = Stage::Checks(0);
                }
                load.map(|load| Effect::Mount(load.medium, load.at))
            }
        }
    }

    /// What has no copy left is named, and not waited for any more.
    fn lose(&mut self, plan: &Plan) {
        let none = "it is on no cartridge that is known";
        let mut lost = plan.lost.clone();
        if !plan.offline.is_empty() {
            // Its last copy that can be had failed: the others are on cartridges that cannot.
            let planned = plan.loads.iter().flat_map(|load| &load.reads);
            let planned: BTreeSet<_> = planned
                .map(|reading| (reading.part, &reading.row.path.object))
                .collect();
            for (part, wanted) in self.wanted.iter().enumerate() {
                let left = wanted
                    .missing
                    .iter()
                    .filter(|it| !planned.contains(&(part, *it)));
                lost.extend(left.map(|object| (part, object.clone())));
            }
        }
        for (part, object) in lost {
            let why = self
                .why
                .get(&object)
                .map_or(none, String::as_str)
                .to_owned();
            self.wanted[part].missing.remove(&object);
            self.wanted[part].lost.insert(object, why);
        }
    }

    fn checks(&mut self, part: usize) -> Option<Effect> {
        if part < self.wanted.len() {
            return Some(Effect::Look(part));
        }
        let is_missing = self.wanted.iter().any(|wanted| !wanted.missing.is_empty());
        self.round += 1;
        self.stage = match is_missing {
            false => Stage::Hides(0),
            true if self.round < ROUNDS => Stage::Reads,
            true => return self.fail("what was stored is not there afterwards".to_owned()),
        };
        None
    }

    /// An original that is not complete keeps all that it has: nothing becomes worse.
    fn hides(&mut self, part: usize) -> Option<Effect> {
        let Some(wanted) = self.wanted.get(part) else {
            self.stage = Stage::Finishes(0);
            return None;
        };
        let is_exact = matches!(wanted.part.to, Target::Exactly { .. });
        if !is_exact || !wanted.lost.is_empty() || wanted.surplus.is_empty() {
            self.stage = Stage::Hides(part + 1);
            return None;
        }
        let objects = wanted.surplus.iter().take(BATCH).cloned();
        Some(Effect::Hide(part, objects.collect()))
    }

    fn finishes(&mut self, part: usize) -> Option<Effect> {
        if part < self.wanted.len() {
            return Some(Effect::Finish(part));
        }
        let mut lost = self
            .wanted
            .iter()
            .flat_map(|wanted| &wanted.lost)
            .peekable();
        self.end = Some(match lost.peek() {
            None => RestoreEnd::Complete,
            Some(_) => {
                let named = lost.clone().take(NAMED_MAX);
                let named = named
                    .map(|(object, why)| format!("{object}: {why}"))
                    .collect();
                let lost = lost.count() as u64;
                RestoreEnd::Incomplete { lost, named }
            }
        });
        None
    }

    fn fail(&mut self, why: String) -> Option<Effect> {
        self.end.get_or_insert(RestoreEnd::Failed(why));
        None
    }
}
