//! Space comes back: the oldest extents are emptied and go.
//!
//! Always the oldest first, so that no deletion need be carried along: it speaks of objects that
//! are in its own extent or an older one.
//!
//! What is live in them, or in the bin, is written again at the end of the log, object by object.
//! At most one extent is given back at a time, so that a nearly full disk has room for it.
//!
//! What cannot be read is stepped over: it strands. The log says it again behind, its bytes stay
//! where they are, and so does the file that has them; what else is in its extent is moved, and
//! what is behind is emptied as ever. It is tried again in the next life of the repository.
//!
//! Invariant: an extent is discarded only when the log says behind it, durably, that nothing in it
//! counts; and the log says so only of what it was asked about itself.

mod gain;
mod strays;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::Repository;
use crate::kernel::{Acts, CredentialId, ExtentId, Instant, Now, Size};
use crate::ports::Storage;
use crate::repository::audit::{Audit, Holding, Verdict};
use crate::repository::entry::{Entry, Moved, Stored};
use crate::repository::event::{Copied, Discard, Effect, Uncopied};
use crate::repository::snapshot::Moment;
use crate::repository::uploads::UploadId;
use strays::Strays;

/// How long after something was purged it is looked what can be emptied.
const SETTLE: Duration = Duration::from_secs(10);
/// How long it is left alone after a failure.
const RETRY: Duration = Duration::from_secs(600);
/// How long it waits for an extent to write to.
const STEP: Duration = Duration::from_secs(1);
/// While clients upload, it rests so many times as long as each object took: they go first.
const YIELD: u32 = 3;
/// The most lives of one object that one entry says; more need as many restores within bin days.
const LIVES_MAX: usize = 4096;

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
    /// What the disk had last.
    storage: Option<Storage>,
    /// An extent that must stay with all behind it, and why.
    stuck: Option<(ExtentId, &'static str)>,
    strays: Strays,
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
    /// The first of what is left is being written again.
    Copying {
        left: VecDeque<Holding>,
        upload: UploadId,
        since: Instant,
    },
    /// Those that hold nothing go.
    Discarding(VecDeque<Holding>),
}

impl Emptying {
    /// These extents there are, all of them sealed.
    pub(super) fn recovered(&mut self, extents: BTreeMap<ExtentId, u64>) {
        self.strays.again = true;
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

    /// What the disk has now.
    pub(super) const fn knows(&mut self, storage: Option<Storage>) {
        self.storage = storage;
    }

    /// Whether an object may be written again: like what a prune writes before it deletes, it
    /// leaves half of the reserve. Extents in which nothing counts go without.
    fn has_space(&self, size: Size) -> bool {
        self.storage.is_none_or(|storage| {
            let kept = Size::bytes(storage.reserve().as_bytes() / 2);
            size + kept <= storage.free
        })
    }

    pub(super) const fn deadline(&self) -> Option<Instant> {
        match self.job {
            // What comes next is the end of something.
            Some(Job {
                stage: Stage::Auditing | Stage::Copying { .. } | Stage::Discarding(_),
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
            (None, None) => self.strays.waits(),
        }
    }
}

impl Repository {
    /// Goes on giving space back, if it is time.
    pub(super) fn empty(&mut self, now: Now, acts: &mut Acts<Self>) {
        let due = self.emptying.at.is_some_and(|at| at <= now.monotonic);
        if !due || self.emptying.deadline().is_none() {
            return;
        }
        self.emptying.at = None;
        if self.emptying.job.is_some() {
            self.clear(now, acts);
        } else if self.state.emptied() > self.emptying.discarded || self.has_freed() {
            // It may have been cut off before they were gone.
            self.discard(self.state.emptied(), VecDeque::new(), acts);
        } else if let Some(job) = self.retrieve() {
            self.emptying.job = Some(job);
            self.clear(now, acts);
        } else if let Some(until) = self.choose() {
            let stage = Stage::Auditing;
            self.emptying.job = Some(Job { until, stage });
            // Shown, so that the entries that it goes by are in the files.
            acts.show(Effect::Audit(Audit {
                until,
                extents: self.audited_extents(),
                emptied: self.state.emptied(),
                end: self.state.end(),
                snapshot: self.state.snapshot(),
            }));
        }
    }

    /// The log was asked.
    pub(super) fn audited(
        &mut self,
        now: Now,
        found: Result<Vec<Holding>, Verdict>,
        acts: &mut Acts<Self>,
    ) {
        let Some(Job {
            stage: stage @ Stage::Auditing,
            ..
        }) = &mut self.emptying.job
        else {
            return;
        };
        match found {
            Ok(held) => {
                *stage = Stage::Clearing(held.into());
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

    /// Goes on with what is left in the extents: those before the first of it may go; if there are
    /// none, it is written again.
    fn clear(&mut self, now: Now, acts: &mut Acts<Self>) {
        if !self.has_room(acts) {
            self.emptying.at = Some(now.monotonic + STEP);
            return;
        }
        let Some(Job {
            until,
            stage: Stage::Clearing(left),
        }) = &mut self.emptying.job
        else {
            return;
        };
        let state = &self.state;
        // What was purged, or deleted as locks are, meanwhile.
        let strays = &self.emptying.strays;
        while left
            .pop_front_if(|holding| {
                let is_gone = state.spans(&holding.key, holding.place).is_empty();
                is_gone || strays.stays(holding.place, *until)
            })
            .is_some()
        {}
        let extents = self.emptying.extents.range(..=*until).map(|(id, _)| *id);
        let empty = match left.front() {
            Some(holding) => extents.take_while(|id| *id < holding.first).last(),
            None => Some(*until),
        };
        let left = std::mem::take(left);
        match (empty, left.front().copied()) {
            (None, Some(holding)) => self.copy(now, holding, left, acts),
            (_, None) if *until <= state.emptied() => {
                let until = *until;
                self.discard(until, left, acts);
            }
            (empty, _) => {
                let until = empty.unwrap_or(*until);
                let at = self.time(now);
                let usage = self.state.used(at);
                self.log(Entry::Emptied { until, at, usage }, acts);
                self.discard(until, left, acts);
            }
        }
    }

    /// Begins to write an object again. Its bytes come as those of an upload that reserves nothing.
    fn copy(&mut self, now: Now, holding: Holding, left: VecDeque<Holding>, acts: &mut Acts<Self>) {
        let Holding { place, key, .. } = holding;
        let lives = self
            .state
            .held()
            .lives(&key)
            .map(|(_, binned)| binned.object);
        let live = self.state.held().object(&key, Moment::Now);
        let size = lives.chain(live).find(|object| object.place == place);
        let size = size.map_or(Size::ZERO, |object| object.size);
        if !self.emptying.has_space(size) {
            return self.emptying.fail(now.monotonic);
        }
        let (since, by) = (now.monotonic, CredentialId::default());
        let upload = self.uploads.begin(since, key, by, size, true, Size::ZERO);
        if let Some(job) = &mut self.emptying.job {
            job.stage = Stage::Copying {
                left,
                upload,
                since,
            };
        }
        acts.start(Effect::Copy { upload, place });
    }

    /// The bytes of an object were written again, or were not.
    pub(super) fn copied(&mut self, now: Now, event: Copied, acts: &mut Acts<Self>) {
        self.emptying.knows(event.storage);
        let (ended, job) = (self.uploads.end(event.upload), self.emptying.job.take());
        let Some(Job {
            until,
            stage:
                Stage::Copying {
                    mut left,
                    upload,
                    since,
                },
        }) = job
        else {
            self.emptying.job = job;
            return;
        };
        let whole =
            ended.filter(|ended| upload == event.upload && ended.received == ended.declared);
        let (stored, pieces, holding) = match (event.result, whole, left.pop_front()) {
            (Ok(stored), Some(whole), Some(holding)) => (stored, whole.pieces, holding),
            (Err(Uncopied::Unread(stored)), _, Some(holding)) => {
                let stage = Stage::Clearing(left);
                return self.stray(now, holding, *stored, Job { until, stage }, acts);
            }
            (Err(Uncopied::Damaged), _, Some(holding)) => {
                self.emptying.stuck = Some((holding.first, "an object in it is damaged"));
                return;
            }
            _ => return self.emptying.fail(now.monotonic),
        };
        let lives = self.state.spans(&holding.key, holding.place);
        if lives.len() > LIVES_MAX {
            self.emptying.stuck = Some((holding.first, "an object in it was restored too often"));
            return;
        }
        if !lives.is_empty() {
            let at = self.time(now);
            let moved = Moved {
                stored: Stored { pieces, ..stored },
                from: holding.place,
                lives,
                at,
            };
            self.log(Entry::Moved(moved), acts);
        }
        let stage = Stage::Clearing(left);
        self.emptying.job = Some(Job { until, stage });
        if self.uploads.len() > 0 {
            self.emptying.at = Some(now.monotonic + since.until(now.monotonic) * YIELD);
        } else {
            self.clear(now, acts);
        }
    }

    /// Lets extents go once it is durable that they hold nothing.
    fn discard(&mut self, until: ExtentId, held: VecDeque<Holding>, acts: &mut Acts<Self>) {
        let last = self.emptying.job.as_ref().map_or(until, |job| job.until);
        self.emptying.job = Some(Job {
            until: last,
            stage: Stage::Discarding(held),
        });
        let kept = self.keep(until);
        acts.show(Effect::Discard(Discard { until, kept }));
    }

    /// They are gone, or not yet.
    pub(super) fn discarded(&mut self, now: Now, done: bool) {
        let job = self.emptying.job.take();
        let Some(Job {
            until,
            stage: Stage::Discarding(left),
        }) = job
        else {
            self.emptying.job = job;
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
        if gone < until {
            let stage = Stage::Clearing(left);
            self.emptying.job = Some(Job { until, stage });
        }
    }
}
