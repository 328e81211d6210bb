//! One replica: what it keeps, and what it does for clients.
//!
//! It treats itself as any other replica: its words to itself take the same way, so that what it
//! has said to itself is as durable as what it has said to others.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use holdfast_actors::kernel::{Acts, Instant, Machine, NodeId, Now};
use serde_json::json;

use super::word::{Record, Word};
use super::{Flaw, Kept, Tag, Value};

/// After which a word is said again to whoever has not answered.
const AGAIN: Duration = Duration::from_millis(200);
/// After which nobody waits for an answer any more.
const PATIENCE: Duration = Duration::from_secs(20);
/// The most requests at once; more are not answered.
const JOBS_MAX: usize = 64;
/// Lives are counted in the high half of a round's number, so that no two rounds share one.
const LIFE_SHIFT: u32 = 32;

/// What a replica learns.
#[derive(Debug)]
pub(crate) enum Event {
    /// Its life begins.
    Begin,
    /// Somebody says something.
    Heard { from: NodeId, word: Word },
    /// A connection died: what was said on it may be lost.
    Lost(NodeId),
}

/// What a replica does.
#[derive(Debug)]
pub(crate) enum Effect {
    /// Says something, perhaps to itself.
    Say { to: NodeId, word: Word },
}

/// One replica.
#[derive(Debug)]
pub(crate) struct Replica {
    me: NodeId,
    replicas: Vec<NodeId>,
    flaw: Option<Flaw>,
    // Durable.
    life: u64,
    kept: Kept,
    // Gone after a crash.
    rounds: u64,
    /// The highest round of a tag that this life has made.
    made: u64,
    jobs: BTreeMap<u64, Job>,
}

/// A client's request under way.
#[derive(Debug)]
struct Job {
    client: NodeId,
    request: u64,
    value: Option<Value>,
    phase: Phase,
    again: Instant,
    end: Instant,
}

#[derive(Debug)]
enum Phase {
    Asking(BTreeMap<NodeId, Kept>),
    Keeping(Kept, BTreeSet<NodeId>),
}

impl Replica {
    /// A replica of these, that has kept nothing yet.
    pub(crate) const fn new(me: NodeId, replicas: Vec<NodeId>, flaw: Option<Flaw>) -> Self {
        let nothing = Tag {
            round: 0,
            node: 0,
            life: 0,
        };
        Self {
            me,
            replicas,
            flaw,
            life: 0,
            kept: Kept {
                tag: nothing,
                value: 0,
            },
            rounds: 0,
            made: 0,
            jobs: BTreeMap::new(),
        }
    }

    /// What it keeps.
    pub(crate) const fn kept(&self) -> Kept {
        self.kept
    }

    /// Whether it is one that forgets what it kept when it starts again.
    pub(crate) fn is_forgetful(&self) -> bool {
        self.flaw == Some(Flaw::ForgottenTag)
    }

    fn quorum(&self) -> usize {
        let majority = self.replicas.len() / 2 + 1;
        if self.flaw == Some(Flaw::SmallQuorum) {
            majority - 1
        } else {
            majority
        }
    }

    fn heard(&mut self, now: Now, from: NodeId, word: Word, acts: &mut Acts<Self>) {
        match word {
            Word::Read { request } => self.begin(now, from, request, None, acts),
            Word::Write { request, value } => self.begin(now, from, request, Some(value), acts),
            Word::Ask { round } => {
                let told = Word::Told {
                    round,
                    kept: self.kept,
                };
                say(from, told, acts);
            }
            Word::Keep { round, kept } => self.keep(from, round, kept, acts),
            Word::Told { round, kept } => self.told(now, from, round, kept, acts),
            Word::Has { round } => self.has(from, round, acts),
            // Replicas ask nobody for values.
            Word::Done { .. } => {}
        }
    }

    fn begin(
        &mut self,
        now: Now,
        client: NodeId,
        request: u64,
        value: Option<Value>,
        acts: &mut Acts<Self>,
    ) {
        if self.jobs.len() >= JOBS_MAX {
            return;
        }
        self.rounds += 1;
        let round = self.life << LIFE_SHIFT | self.rounds;
        let job = Job {
            client,
            request,
            value,
            phase: Phase::Asking(BTreeMap::new()),
            again: now.monotonic + AGAIN,
            end: now.monotonic + PATIENCE,
        };
        job.say(round, &self.replicas, acts);
        self.jobs.insert(round, job);
    }

    fn keep(&mut self, from: NodeId, round: u64, kept: Kept, acts: &mut Acts<Self>) {
        if kept.tag > self.kept.tag {
            acts.persist(self, Record::Kept(kept));
        }
        let has = Word::Has { round };
        if self.flaw == Some(Flaw::EarlyKept) {
            acts.start(Effect::Say {
                to: from,
                word: has,
            });
        } else {
            say(from, has, acts);
        }
    }

    fn told(&mut self, now: Now, from: NodeId, round: u64, kept: Kept, acts: &mut Acts<Self>) {
        let (quorum, me, life) = (self.quorum(), self.me, self.life);
        let Some(job) = self.jobs.get_mut(&round) else {
            return;
        };
        let Phase::Asking(answers) = &mut job.phase else {
            return;
        };
        answers.insert(from, kept);
        if answers.len() < quorum {
            return;
        }
        let newest = answers.values().max_by_key(|kept| kept.tag).copied();
        let mut kept = newest.unwrap_or_default();
        if let Some(value) = job.value {
            self.made = self.made.max(kept.tag.round) + 1;
            let tag = Tag {
                round: self.made,
                node: me.raw(),
                life,
            };
            kept = Kept { tag, value };
        } else if self.flaw == Some(Flaw::BareRead) {
            return self.done(round, kept, acts);
        }
        job.phase = Phase::Keeping(kept, BTreeSet::new());
        job.again = now.monotonic + AGAIN;
        job.say(round, &self.replicas, acts);
    }

    fn has(&mut self, from: NodeId, round: u64, acts: &mut Acts<Self>) {
        let quorum = self.quorum();
        let Some(job) = self.jobs.get_mut(&round) else {
            return;
        };
        let Phase::Keeping(kept, keepers) = &mut job.phase else {
            return;
        };
        keepers.insert(from);
        if keepers.len() >= quorum {
            let kept = *kept;
            self.done(round, kept, acts);
        }
    }

    fn done(&mut self, round: u64, kept: Kept, acts: &mut Acts<Self>) {
        if let Some(job) = self.jobs.remove(&round) {
            let request = job.request;
            say(job.client, Word::Done { request, kept }, acts);
        }
    }
}

impl Job {
    /// Says what this phase has to say to all who have not answered.
    fn say(&self, round: u64, replicas: &[NodeId], acts: &mut Acts<Replica>) {
        for to in replicas.iter().copied() {
            match &self.phase {
                Phase::Asking(answers) if !answers.contains_key(&to) => {
                    say(to, Word::Ask { round }, acts);
                }
                Phase::Keeping(kept, keepers) if !keepers.contains(&to) => {
                    let kept = *kept;
                    say(to, Word::Keep { round, kept }, acts);
                }
                Phase::Asking(_) | Phase::Keeping(..) => {}
            }
        }
    }
}

fn say(to: NodeId, word: Word, acts: &mut Acts<Replica>) {
    acts.show(Effect::Say { to, word });
}

impl Machine for Replica {
    type Event = Event;
    type Record = Record;
    type Effect = Effect;

    fn step(&mut self, now: Now, event: Event, acts: &mut Acts<Self>) {
        match event {
            Event::Begin => acts.persist(self, Record::Life(self.life + 1)),
            Event::Heard { from, word } => self.heard(now, from, word, acts),
            Event::Lost(peer) => {
                // Duplicates do no harm: whoever has answered is not asked again.
                if self.replicas.contains(&peer) {
                    self.jobs
                        .values_mut()
                        .for_each(|job| job.again = now.monotonic);
                }
            }
        }
    }

    fn apply(&mut self, record: &Record) {
        match record {
            Record::Life(life) => self.life = *life,
            Record::Kept(kept) => self.kept = *kept,
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.jobs.values().map(|job| job.again.min(job.end)).min()
    }

    fn wake(&mut self, now: Now, acts: &mut Acts<Self>) {
        self.jobs.retain(|_, job| job.end > now.monotonic);
        for (round, job) in &mut self.jobs {
            if job.again <= now.monotonic {
                job.again = now.monotonic + AGAIN;
                job.say(*round, &self.replicas, acts);
            }
        }
    }

    fn observe(&self) -> serde_json::Value {
        json!({ "kept": format!("{:?}", self.kept), "life": self.life, "jobs": self.jobs.len() })
    }
}

#[cfg(test)]
mod tests;
