//! Makes the replicas of one node what the catalog says.
//!
//! What is longer than its sealed extent is cut, what is not of this node goes, what is to be
//! copied is copied in pieces from a node that has all of it, checked, made durable, and reported.
//! A replica that should be whole and is missing, too short or damaged is reported as lost and then
//! copied again. In their turn all sealed replicas are read back, and compared with those of
//! others.
//!
//! Invariants: a replica is taken away only after rows that were read behind it, through a barrier,
//! say that it is not of this node; a copy is reported only when all of it was checked and has
//! taken its place; at most `FILLS` extents are copied at once.

mod comparing;
mod copying;
mod files;
mod hands;
mod reading;
mod vocabulary;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use holdfast_actors::catalog::command::ReplicaCommand;
use holdfast_actors::kernel::{Acts, ExtentId, Instant, Machine, Never, NodeId, Now};
use serde_json::json;

use super::super::extents::Stage;
use super::pace::{PERIOD, Pace};
use copying::Fill;
use reading::Reading;

pub use hands::{Message, Parts, Visit, start};
pub use vocabulary::{Attempt, Effect, Event, News, Pulled, Scanned, Verdict, Wanted};

/// How many extents are copied at once.
pub(super) const FILLS: usize = 2;
/// Bytes of a piece.
pub(super) const PIECE: u64 = 512 << 10;
/// How often the store is looked at though nothing has changed.
const LOOK: Duration = Duration::from_secs(30);
/// How soon it is looked at when something has.
const SOON: Duration = Duration::from_millis(200);
/// How long after a failure it is tried again, the first time; each time twice as long.
const RETRY: Duration = Duration::from_secs(1);
/// And at most.
const RETRY_MOST: Duration = Duration::from_secs(64);

/// What the catalog wants of one extent, and since which look.
#[derive(Debug)]
struct Due {
    wanted: Wanted,
    since: u64,
}

/// The replicas of one node, against the catalog.
#[derive(Debug)]
pub struct Reconcile {
    node: NodeId,
    due: BTreeMap<ExtentId, Due>,
    /// Those of them that are to be copied.
    to_fill: BTreeSet<ExtentId>,
    /// The last id that the catalog gave out.
    last: u64,
    held: BTreeMap<ExtentId, Option<Stage>>,
    /// How many looks at the store were begun.
    looks: u64,
    looking: bool,
    look_at: Instant,
    fills: BTreeMap<ExtentId, Fill>,
    attempts: Attempt,
    /// What failed: how often, and when it is tried again.
    later: BTreeMap<ExtentId, (u32, Instant)>,
    /// When the next of it is.
    retry_at: Option<Instant>,
    /// Replicas of this node that are damaged, as far as it read.
    damaged: BTreeSet<ExtentId>,
    /// What was reported as lost, until the catalog has said something.
    losing: BTreeSet<(ExtentId, NodeId)>,
    /// Replicas that were read to their end.
    to_compare: BTreeSet<ExtentId>,
    /// Damaged ones of which nobody else has a sound copy, to be told; and those that were.
    to_tell: BTreeSet<ExtentId>,
    told: BTreeSet<ExtentId>,
    reading: Reading,
    pace: Pace,
    /// Whether somebody was asked how much is written, and when somebody is next.
    counting: bool,
    count_at: Instant,
    copied: u64,
    copied_bytes: u64,
    lost: u64,
    dropped: u64,
}

impl Reconcile {
    /// Of a node that knows nothing of the catalog yet. A number that nobody can guess says where
    /// reading back begins.
    pub fn new(node: NodeId, draw: u64) -> Self {
        Self {
            node,
            due: BTreeMap::new(),
            to_fill: BTreeSet::new(),
            last: 0,
            held: BTreeMap::new(),
            looks: 0,
            looking: false,
            look_at: Instant::default(),
            fills: BTreeMap::new(),
            attempts: 0,
            later: BTreeMap::new(),
            retry_at: None,
            damaged: BTreeSet::new(),
            losing: BTreeSet::new(),
            to_compare: BTreeSet::new(),
            to_tell: BTreeSet::new(),
            told: BTreeSet::new(),
            reading: Reading::new(draw),
            pace: Pace::default(),
            counting: false,
            count_at: Instant::default(),
            copied: 0,
            copied_bytes: 0,
            lost: 0,
            dropped: 0,
        }
    }

    fn learn(&mut self, now: Instant, news: News) {
        self.last = self.last.max(news.last);
        for (extent, wanted) in news.changed {
            self.look_at = self.look_at.min(now + SOON);
            self.later.remove(&extent);
            self.damaged.remove(&extent);
            self.to_fill.remove(&extent);
            match wanted {
                Some(wanted) => {
                    if wanted.fill && wanted.sealed.is_some() {
                        self.to_fill.insert(extent);
                    }
                    let since = self.looks;
                    self.due.insert(extent, Due { wanted, since });
                }
                None => drop(self.due.remove(&extent)),
            }
        }
    }

    /// What the store has against what the catalog wants.
    fn compare(&mut self, now: Instant, fresh: bool, acts: &mut Acts<Self>) {
        let Self {
            due, held, fills, ..
        } = self;
        let strange = held.keys().filter(|extent| !due.contains_key(*extent));
        for extent in strange.filter(|extent| fresh && extent.raw() <= self.last) {
            if !fills.contains_key(extent) {
                self.dropped += 1;
                acts.show(Effect::Drop(*extent));
            }
        }
        let mut lost = Vec::new();
        for (extent, Due { wanted, since }) in due.iter() {
            let (Some(length), stage) = (wanted.sealed, held.get(extent).copied()) else {
                continue;
            };
            let is_lost = match stage.flatten() {
                Some(Stage::Open) => {
                    acts.show(Effect::Seal(*extent, length));
                    false
                }
                Some(Stage::Closed { durable }) if durable >= length => {
                    if !wanted.fill {
                        acts.show(Effect::Seal(*extent, length));
                    }
                    false
                }
                Some(Stage::Closed { .. }) => true,
                Some(Stage::Sealed { length: found }) => found != length,
                None => length > 0,
            };
            // Of what the catalog said since the look began, the store may not have heard by then.
            if is_lost && !wanted.fill && *since < self.looks {
                lost.push(*extent);
            }
        }
        for extent in lost {
            self.lose(now, extent, self.node, acts);
        }
    }

    /// Reports that a node has not got what it should have.
    fn lose(&mut self, now: Instant, extent: ExtentId, node: NodeId, acts: &mut Acts<Self>) {
        let waits = self.later.get(&extent).is_some_and(|(_, at)| *at > now);
        let mine = node == self.node;
        if (mine && waits) || !self.losing.insert((extent, node)) {
            return;
        }
        let command = ReplicaCommand::Lost;
        acts.show(Effect::Submit {
            extent,
            node,
            command,
        });
    }

    /// Puts off what failed.
    fn put_off(&mut self, now: Instant, extent: ExtentId) -> u32 {
        let (count, at) = self.later.entry(extent).or_default();
        *count += 1;
        let wait = RETRY * (1 << (*count - 1).min(6));
        *at = now + wait.min(RETRY_MOST);
        *count
    }

    fn decided(
        &mut self,
        now: Instant,
        extent: ExtentId,
        node: NodeId,
        command: ReplicaCommand,
        verdict: Verdict,
    ) {
        match command {
            ReplicaCommand::Lost | ReplicaCommand::Differs => {
                self.losing.remove(&(extent, node));
                if verdict == Verdict::Done {
                    self.lost += 1;
                    // Until the rows that say so are here, it looks as if it were to be reported.
                    self.later.insert(extent, (0, now + LOOK));
                } else if node == self.node {
                    self.put_off(now, extent);
                    if verdict == Verdict::Refused && self.damaged.contains(&extent) {
                        self.to_tell.insert(extent);
                    }
                }
            }
            ReplicaCommand::Filled => self.reported(now, extent, verdict),
            ReplicaCommand::Fill
            | ReplicaCommand::Drop
            | ReplicaCommand::LastDamaged
            | ReplicaCommand::Undecided => {}
        }
        self.look_at = self.look_at.min(now + SOON);
    }

    /// Goes on with all that can go on.
    fn proceed(&mut self, now: Instant, acts: &mut Acts<Self>) {
        if !self.looking && self.look_at <= now {
            (self.looking, self.look_at) = (true, now + LOOK);
            self.looks += 1;
            acts.show(Effect::Look);
        }
        self.lose_damaged(now, acts);
        self.tell_last(acts);
        self.compare_digests(acts);
        self.begin_fills(now);
        self.go_on_copying(now, acts);
        self.go_on_reading(now, acts);
        if !self.is_at_work() {
            self.pace.rest();
        } else if !self.counting && self.count_at <= now {
            (self.counting, self.count_at) = (true, now + PERIOD);
            acts.show(Effect::Count);
        }
        let later = self.later.values().map(|(_, at)| *at);
        self.retry_at = later.filter(|at| *at > now).min();
    }

    fn is_at_work(&self) -> bool {
        !self.fills.is_empty() || self.reading.is_at_work()
    }
}

impl Machine for Reconcile {
    type Event = Event;
    type Record = Never;
    type Effect = Effect;

    fn step(&mut self, now: Now, event: Event, acts: &mut Acts<Self>) {
        let now = now.monotonic;
        match event {
            Event::News(news) => {
                self.learn(now, news);
                acts.show(Effect::Watch);
            }
            Event::Looked { held, news, fresh } => {
                self.looking = false;
                self.learn(now, news);
                self.held = held.into_iter().collect();
                self.compare(now, fresh, acts);
            }
            Event::Blind => self.looking = false,
            Event::Pulled {
                extent,
                attempt,
                pulled,
            } => self.pulled(now, extent, attempt, pulled, acts),
            Event::Placed {
                extent,
                attempt,
                done,
            } => self.placed(now, extent, attempt, done, acts),
            Event::Scanned {
                extent,
                offset,
                scanned,
            } => self.scanned(extent, offset, scanned),
            Event::Decided {
                extent,
                node,
                command,
                verdict,
            } => self.decided(now, extent, node, command, verdict),
            Event::Compared {
                extent,
                mine,
                theirs,
            } => self.compared(extent, mine, &theirs, acts),
            Event::Unsound(replicas) => {
                for (extent, node) in replicas {
                    self.lose(now, extent, node, acts);
                }
                acts.show(Effect::Watch);
            }
            Event::Appended(bytes) => {
                self.counting = false;
                self.pace.seen(now, bytes);
            }
            Event::Nothing => {}
        }
        self.cancel(acts);
        self.proceed(now, acts);
    }

    fn apply(&mut self, record: &Never) {
        match *record {}
    }

    fn deadline(&self) -> Option<Instant> {
        let look = (!self.looking).then_some(self.look_at);
        let count = (self.is_at_work() && !self.counting).then_some(self.count_at);
        let ready = self.is_held_up().then(|| self.pace.ready());
        let due = [look, count, self.retry_at, ready, self.reading.deadline()];
        due.into_iter().flatten().min()
    }

    fn wake(&mut self, now: Now, acts: &mut Acts<Self>) {
        self.proceed(now.monotonic, acts);
    }

    fn observe(&self) -> serde_json::Value {
        json!({
            "replicas": self.held.len(),
            "wanted": self.due.len(),
            "to-copy": self.to_fill.len(),
            "copying": self.shown_fills(),
            "copied": self.copied,
            "copied-bytes": self.copied_bytes,
            "bytes-a-second": self.pace.rate(),
            "lost": self.lost,
            "damaged": self.damaged.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "dropped": self.dropped,
            "reading-back": self.reading.shown(),
        })
    }

    fn waits(&self) -> Vec<String> {
        let fills = self.fills.iter().map(|(extent, fill)| fill.waits(*extent));
        let damaged = self.damaged.iter().map(|extent| {
            format!("another node with all of {extent}, of which the replica here is damaged")
        });
        fills.chain(damaged).chain(self.waits_to_fill()).collect()
    }
}

#[cfg(test)]
mod tests;
