//! Space comes back: the oldest extents are emptied and go.
//!
//! Always the oldest first, so that no deletion need be carried along: it speaks of objects that
//! are in its own extent or an older one.
//!
//! Invariant: an extent is discarded only when the log says behind it, durably, that nothing in it
//! counts; and the log says so only of what it was asked about itself.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::Repository;
use crate::kernel::{Acts, ExtentId, Instant, Now, Size};
use crate::repository::audit::{Audit, Holding, Verdict};
use crate::repository::entry::Entry;
use crate::repository::event::Effect;

/// What emptying extents must bring at least: as much as one frame holds.
const GAIN_MIN: u64 = 256 << 10;
/// And which part of all sealed extents, as one in so many: the whole log is read for it.
const GAIN_PART: u64 = 32;
/// How long after something was purged it is looked what can be emptied.
const SETTLE: Duration = Duration::from_secs(10);
/// How long it is left alone after a failure.
const RETRY: Duration = Duration::from_secs(600);
/// How long it waits for an extent to write to.
const STEP: Duration = Duration::from_secs(1);

/// What is known of extents, and what is done to give space back.
#[derive(Debug, Default)]
pub(super) struct Emptying {
    /// All extents, each with its final length once it is sealed.
    extents: BTreeMap<ExtentId, Option<u64>>,
    /// When there is something to do next.
    at: Option<Instant>,
    job: Option<Job>,
    /// Up to where files of emptied extents were looked for in this life.
    discarded: ExtentId,
    /// An extent that must stay, and why.
    stuck: Option<(ExtentId, &'static str)>,
}

/// Extents that are being emptied.
#[derive(Debug)]
struct Job {
    /// The last of them.
    until: ExtentId,
    stage: Stage,
}

/// How far that has come.
#[derive(Debug)]
enum Stage {
    /// The log is asked what they hold.
    Auditing,
    /// This is left in them.
    Clearing(VecDeque<Holding>),
    /// Those that hold nothing go.
    Discarding(VecDeque<Holding>),
}

impl Emptying {
    /// These extents there are, all of them sealed.
    pub(super) fn recovered(&mut self, extents: BTreeMap<ExtentId, u64>) {
        let sealed = extents.into_iter();
        self.extents = sealed.map(|(id, length)| (id, Some(length))).collect();
        self.at = Some(Instant::default());
    }

    /// An extent was begun.
    pub(super) fn opened(&mut self, extent: ExtentId) {
        self.extents.insert(extent, None);
    }

    /// An extent has its final length.
    pub(super) fn sealed(&mut self, extent: ExtentId, length: u64) {
        self.extents.insert(extent, Some(length));
    }

    /// Something was purged.
    pub(super) fn purged(&mut self, now: Instant) {
        let soon = now + SETTLE;
        self.at = Some(self.at.map_or(soon, |at| at.min(soon)));
    }

    pub(super) const fn deadline(&self) -> Option<Instant> {
        match self.job {
            // What comes next is the end of something.
            Some(Job {
                stage: Stage::Auditing | Stage::Discarding(_),
                ..
            }) => None,
            Some(_) | None => self.at,
        }
    }

    /// Whether something is done, or soon to be.
    pub(super) fn is_busy(&self, now: Instant) -> bool {
        self.job.is_some() || self.at.is_some_and(|at| at <= now + SETTLE)
    }

    /// All sealed extents, with their lengths.
    fn sealed_extents(&self) -> BTreeMap<ExtentId, u64> {
        let all = self.extents.iter();
        all.filter_map(|(extent, length)| Some((*extent, (*length)?)))
            .collect()
    }

    /// Gives up for now.
    fn fail(&mut self, now: Instant) {
        (self.job, self.at) = (None, Some(now + RETRY));
    }

    /// What it waits for, as a sentence.
    pub(super) fn waits(&self) -> Option<String> {
        match (&self.job, self.stuck) {
            (Some(job), _) => Some(format!("extents up to {} are being emptied", job.until)),
            (None, Some((extent, why))) => Some(format!("{extent} is kept: {why}")),
            (None, None) => None,
        }
    }
}

impl Repository {
    /// About how many bytes of sealed extents are of no use any more.
    pub(super) fn dead(&self) -> Size {
        let sealed = self.emptying.sealed_extents().into_iter();
        let dead = sealed.map(|(id, length)| length.saturating_sub(self.state.weight(id)));
        Size::bytes(dead.sum())
    }

    /// Goes on giving space back, if it is time.
    pub(super) fn empty(&mut self, now: Now, acts: &mut Acts<Self>) {
        let due = self.emptying.at.is_some_and(|at| at <= now.monotonic);
        if !due || self.emptying.deadline().is_none() {
            return;
        }
        self.emptying.at = None;
        if self.emptying.job.is_some() {
            self.clear(now, acts);
        } else if self.state.emptied() > self.emptying.discarded {
            // It may have been cut off before they were gone.
            self.discard(self.state.emptied(), VecDeque::new(), acts);
        } else if let Some(until) = self.choose() {
            let stage = Stage::Auditing;
            self.emptying.job = Some(Job { until, stage });
            // Shown, so that the entries that it goes by are in the files.
            acts.show(Effect::Audit(Audit {
                until,
                extents: self.emptying.sealed_extents(),
                end: self.state.end(),
                snapshot: self.state.snapshot(),
            }));
        }
    }

    /// Up to which extent to empty: the fewest of the oldest that are worth it. None of those where
    /// an upload has bytes that no entry names yet.
    fn choose(&self) -> Option<ExtentId> {
        let all: u64 = self.emptying.extents.values().flatten().sum();
        let gain_min = GAIN_MIN.max(all / GAIN_PART);
        let stuck = self.emptying.stuck.map(|(extent, _)| extent);
        let bound = self.uploads.oldest().into_iter().chain(stuck).min();
        let (mut length, mut held) = (0, 0);
        for (extent, sealed) in &self.emptying.extents {
            let sealed = sealed.filter(|_| bound.is_none_or(|bound| *extent < bound))?;
            length += sealed;
            held += self.state.weight(*extent);
            if held == 0 && length >= gain_min {
                return Some(*extent);
            }
        }
        None
    }

    /// The log was asked.
    pub(super) fn audited(
        &mut self,
        now: Now,
        found: Result<Vec<Holding>, Verdict>,
        acts: &mut Acts<Self>,
    ) {
        let Some(job) = &mut self.emptying.job else {
            return;
        };
        match found {
            Ok(held) => {
                job.stage = Stage::Clearing(held.into());
                self.clear(now, acts);
            }
            Err(Verdict::Unread) => self.emptying.fail(now.monotonic),
            Err(Verdict::Unknown) => {
                let first = self.emptying.extents.keys().next().copied();
                let why = "the log holds what the index did not";
                self.emptying.stuck = first.map(|extent| (extent, why));
                self.emptying.job = None;
            }
        }
    }

    /// Writes down that extents hold nothing any more, and lets them go.
    fn clear(&mut self, now: Now, acts: &mut Acts<Self>) {
        if !self.has_room(acts) {
            self.emptying.at = Some(now.monotonic + STEP);
            return;
        }
        let Some(Job {
            until,
            stage: Stage::Clearing(held),
        }) = &mut self.emptying.job
        else {
            return;
        };
        let (until, held) = (*until, std::mem::take(held));
        if !held.is_empty() {
            self.emptying.fail(now.monotonic);
            return;
        }
        let at = self.time(now);
        let usage = self.state.used(at);
        self.log(Entry::Emptied { until, at, usage }, acts);
        self.discard(until, held, acts);
    }

    /// Lets extents go once it is durable that they hold nothing.
    fn discard(&mut self, until: ExtentId, held: VecDeque<Holding>, acts: &mut Acts<Self>) {
        let last = self.emptying.job.as_ref().map_or(until, |job| job.until);
        self.emptying.job = Some(Job {
            until: last,
            stage: Stage::Discarding(held),
        });
        acts.show(Effect::Discard { until });
    }

    /// They are gone, or not yet.
    pub(super) fn discarded(&mut self, now: Now, done: bool) {
        let Some(Job { until, stage }) = self.emptying.job.take() else {
            return;
        };
        if !done {
            self.emptying.fail(now.monotonic);
            return;
        }
        let gone = self.state.emptied();
        self.emptying.discarded = gone;
        self.emptying.extents.retain(|extent, _| *extent > gone);
        self.emptying.at = Some(now.monotonic);
        if let (Stage::Discarding(held), true) = (stage, gone < until) {
            let stage = Stage::Clearing(held);
            self.emptying.job = Some(Job { until, stage });
        }
    }
}
