//! When which repository is visited, read back or destroyed.
//!
//! Invariant: at most one is looked at and at most one destroyed at once, and a served repository
//! either has a place in a queue, or has nothing that will be due.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::scrub::{Scrubs, Step, Wanted};
use super::{PACE, RETRY, SETTLING, Standing};
use crate::kernel::{Acts, Date, Instant, Machine, Never, Now, RepositoryId, Timestamp};

/// What a caretaker hears.
#[derive(Debug)]
pub enum Event {
    /// The catalog changed.
    News {
        /// The repositories that stand otherwise than before; all of them the first time.
        changed: Vec<(RepositoryId, Standing)>,
        /// The time by which bins are emptied; none while the clock is in doubt.
        trusted: Option<Timestamp>,
        /// The day by which data is destroyed; none while the clock is in doubt.
        today: Option<Date>,
    },
    /// A repository rests, or was looked at: when something in its bin is due, if anything.
    Told(RepositoryId, Option<Timestamp>),
    /// A repository failed: what it would have told is not known.
    Lost(RepositoryId),
    /// A repository could not be looked at.
    Missed(RepositoryId),
    /// What was to be destroyed is, or is not yet.
    Destroyed(RepositoryId, bool),
    /// The index has rows of these, which were destroyed: what silent damage brought back, or what
    /// another node destroyed while this one was away.
    Strays(Vec<RepositoryId>),
    /// A step of reading a repository back came to an end.
    Stepped(RepositoryId, Step),
}

/// What is wanted.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// Visit it, and ask when something in its bin is due.
    Look(RepositoryId),
    /// Destroy it.
    Destroy(RepositoryId),
    /// Look for what the index has of repositories that were destroyed.
    Sweep,
    /// Take all of one out of the index.
    Clear(RepositoryId),
    /// Begin to read it back: the first step.
    Scrub(RepositoryId),
    /// Read on: the next step.
    ReadOn(RepositoryId),
    /// Its reading is over, one way or another: leave it.
    Leave(RepositoryId),
}

/// Where a served repository waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// To be looked at from then on.
    Unknown(Instant),
    /// To be visited when that time can be trusted to be over.
    Due(Timestamp),
    /// For nothing.
    Nowhere,
}

/// The caretaker of one node.
#[derive(Debug, Default)]
pub struct Caretaker {
    places: BTreeMap<RepositoryId, Place>,
    unknown: BTreeSet<(Instant, RepositoryId)>,
    due: BTreeSet<(Timestamp, RepositoryId)>,
    /// What is to be destroyed, from which day on, and not before which moment.
    doomed: BTreeMap<RepositoryId, (Date, Instant)>,
    trusted: Option<Timestamp>,
    today: Option<Date>,
    /// Whether the catalog was heard of before.
    is_settled: bool,
    looking: Option<RepositoryId>,
    destroying: Option<RepositoryId>,
    scrubs: Scrubs,
    /// The next look is not before.
    next: Instant,
}

impl Machine for Caretaker {
    type Event = Event;
    type Record = Never;
    type Effect = Effect;

    fn step(&mut self, now: Now, event: Event, acts: &mut Acts<Self>) {
        let now = now.monotonic;
        match event {
            Event::News {
                changed,
                trusted,
                today,
            } => {
                (self.trusted, self.today) = (trusted, today);
                for (id, standing) in changed {
                    self.stands(now, id, standing);
                }
                if !self.is_settled {
                    self.scrubs.settle(now + SETTLING);
                    acts.start(Effect::Sweep);
                }
                self.is_settled = true;
            }
            Event::Told(id, purge) => {
                self.looked(id);
                self.put(id, self.place(now, purge));
            }
            Event::Lost(id) => self.put(id, Place::Unknown(now + RETRY)),
            Event::Missed(id) => {
                self.looked(id);
                self.put(id, Place::Unknown(now + RETRY));
            }
            Event::Destroyed(id, done) => {
                self.destroying.take_if(|destroying| *destroying == id);
                if let (false, Some((_, retry))) = (done, self.doomed.get_mut(&id)) {
                    *retry = now + RETRY;
                } else {
                    self.doomed.remove(&id);
                }
            }
            Event::Strays(gone) => {
                for id in gone {
                    acts.start(Effect::Clear(id));
                }
            }
            Event::Stepped(id, step) => {
                let known = self.scrubs.stepped(now, self.trusted, id, step);
                if !known || !matches!(step, Step::More { .. }) {
                    acts.start(Effect::Leave(id));
                }
            }
        }
        self.settle(now, acts);
    }

    fn apply(&mut self, record: &Never) {
        match *record {}
    }

    fn deadline(&self) -> Option<Instant> {
        let look = self.candidate().map(|(at, _)| at.max(self.next));
        let look = look.filter(|_| self.looking.is_none());
        let destroy = self.victim().map(|(at, _)| at);
        let destroy = destroy.filter(|_| self.destroying.is_none());
        let scrub = self.scrubs.deadline(self.trusted);
        look.into_iter().chain(destroy).chain(scrub).min()
    }

    fn wake(&mut self, now: Now, acts: &mut Acts<Self>) {
        self.settle(now.monotonic, acts);
    }

    fn observe(&self) -> serde_json::Value {
        json!({
            "unknown": self.unknown.len(),
            "due": self.due.len(),
            "next": self.due.first().map(|(at, _)| at.to_string()),
            "looking": self.looking.map(|id| id.to_string()),
            "to-destroy": self.doomed.len(),
            "destroying": self.destroying.map(|id| id.to_string()),
            "scrub": self.scrubs.observe(),
        })
    }
}

impl Caretaker {
    fn stands(&mut self, now: Instant, id: RepositoryId, standing: Standing) {
        let last = match standing {
            Standing::Served(last) | Standing::Come(last) => Some(last),
            Standing::Kept | Standing::Doomed(_) | Standing::Gone => None,
        };
        self.scrubs.know(id, last);
        match standing {
            // One that was just made has nothing in its bin.
            Standing::Served(_) if self.is_settled => {
                self.places.entry(id).or_insert(Place::Nowhere);
            }
            Standing::Served(_) | Standing::Come(_) => {
                self.places.insert(id, Place::Nowhere);
                self.put(id, Place::Unknown(now + SETTLING));
            }
            Standing::Kept | Standing::Doomed(_) | Standing::Gone => {
                self.put(id, Place::Nowhere);
                self.places.remove(&id);
            }
        }
        match standing {
            Standing::Doomed(day) => drop(self.doomed.insert(id, (day, now))),
            Standing::Served(_) | Standing::Come(_) | Standing::Kept | Standing::Gone => {
                self.doomed.remove(&id);
            }
        }
    }

    /// Where a repository waits that says so. What is due already it does itself in this moment; if
    /// it does not, it is visited again.
    fn place(&self, now: Instant, purge: Option<Timestamp>) -> Place {
        match purge {
            None => Place::Nowhere,
            Some(at) if self.trusted.is_some_and(|trusted| at <= trusted) => {
                Place::Unknown(now + RETRY)
            }
            Some(at) => Place::Due(at),
        }
    }

    fn put(&mut self, id: RepositoryId, place: Place) {
        let Some(was) = self.places.get_mut(&id) else {
            return;
        };
        match std::mem::replace(was, place) {
            Place::Unknown(at) => drop(self.unknown.remove(&(at, id))),
            Place::Due(at) => drop(self.due.remove(&(at, id))),
            Place::Nowhere => {}
        }
        match place {
            Place::Unknown(at) => drop(self.unknown.insert((at, id))),
            Place::Due(at) => drop(self.due.insert((at, id))),
            Place::Nowhere => {}
        }
    }

    fn looked(&mut self, id: RepositoryId) {
        self.looking.take_if(|looking| *looking == id);
    }

    /// Which repository is to be looked at next, and when.
    fn candidate(&self) -> Option<(Instant, RepositoryId)> {
        let trusted = self.trusted?;
        let due = self.due.first().filter(|(at, _)| *at <= trusted);
        let due = due.map(|(_, id)| (Instant::default(), *id));
        due.or_else(|| self.unknown.first().copied())
    }

    /// Which repository is to be destroyed next, and when.
    fn victim(&self) -> Option<(Instant, RepositoryId)> {
        let today = self.today?;
        let doomed = self.doomed.iter().filter(|(_, (day, _))| *day <= today);
        doomed.map(|(id, (_, retry))| (*retry, *id)).min()
    }

    fn settle(&mut self, now: Instant, acts: &mut Acts<Self>) {
        if self.looking.is_none()
            && let Some((at, id)) = self.candidate()
            && at.max(self.next) <= now
        {
            // Until it says otherwise.
            self.put(id, Place::Unknown(now + RETRY));
            self.looking = Some(id);
            self.next = now + PACE;
            acts.start(Effect::Look(id));
        }
        if self.destroying.is_none()
            && let Some((at, id)) = self.victim()
            && at <= now
        {
            self.destroying = Some(id);
            acts.start(Effect::Destroy(id));
        }
        match self.scrubs.want(now, self.trusted) {
            Some(Wanted::First(id)) => acts.start(Effect::Scrub(id)),
            Some(Wanted::Next(id)) => acts.start(Effect::ReadOn(id)),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const DAY: u64 = 86_400_000;
    const SERVED: Standing = Standing::Served(Timestamp::from_millis(0));

    #[derive(Default)]
    struct Node {
        caretaker: Caretaker,
        millis: u64,
    }

    impl Node {
        fn now(&self) -> Now {
            Now {
                monotonic: Instant::default() + Duration::from_millis(self.millis),
                wall: Timestamp::from_millis(self.millis),
            }
        }

        fn step(&mut self, event: Event) -> String {
            let mut acts = Acts::default();
            self.caretaker.step(self.now(), event, &mut acts);
            shown(&acts)
        }

        /// Lets time pass up to the deadline, and wakes.
        fn wake(&mut self) -> String {
            let deadline = self.caretaker.deadline().unwrap();
            self.millis = self.millis.max(deadline.as_micros() / 1000);
            let mut acts = Acts::default();
            self.caretaker.wake(self.now(), &mut acts);
            format!("{}: {}", self.millis, shown(&acts))
        }

        fn news(&mut self, changed: &[(u64, Standing)], trusted: Option<u64>) -> String {
            let changed = changed.iter();
            let changed = changed.map(|(id, standing)| (RepositoryId::new(*id), *standing));
            self.step(Event::News {
                changed: changed.collect(),
                trusted: trusted.map(Timestamp::from_millis),
                today: trusted.map(|at| Date::of(Timestamp::from_millis(at))),
            })
        }

        fn told(&mut self, id: u64, purge: Option<u64>) -> String {
            let purge = purge.map(Timestamp::from_millis);
            self.step(Event::Told(RepositoryId::new(id), purge))
        }
    }

    fn shown(acts: &Acts<Caretaker>) -> String {
        let acts: Vec<String> = acts.iter().map(|act| format!("{act:?}")).collect();
        acts.join(", ")
    }

    #[test]
    fn after_a_boot_each_repository_is_looked_at_once_at_a_pace() {
        let mut node = Node::default();
        let served = [(1, SERVED), (2, SERVED), (3, Standing::Kept)];
        assert_eq!(node.news(&served, Some(0)), "Start Sweep");
        assert_eq!(node.wake(), "60000: Start Look(repository-1)");
        assert_eq!(node.caretaker.deadline(), None, "one at a time");
        assert_eq!(node.told(1, None), "");
        assert_eq!(node.wake(), "60100: Start Look(repository-2)");
        assert_eq!(node.told(2, Some(DAY)), "");
        assert_eq!(node.caretaker.deadline(), None);
        assert_eq!(node.news(&[(4, SERVED)], Some(1)), "");
        assert_eq!(
            node.caretaker.deadline(),
            None,
            "a new one has an empty bin"
        );
    }

    #[test]
    fn a_resting_repository_is_visited_when_its_bin_is_due() {
        let mut node = Node::default();
        node.news(&[], Some(0));
        node.news(&[(1, SERVED)], Some(0));
        assert_eq!(node.told(1, Some(DAY)), "");
        assert_eq!(node.news(&[], Some(DAY - 1)), "");
        assert_eq!(node.news(&[], None), "", "not while the clock is in doubt");
        assert_eq!(node.news(&[], Some(DAY)), "Start Look(repository-1)");
        assert_eq!(node.told(1, Some(DAY)), "", "it empties its bin now");
        assert_eq!(node.told(1, None), "", "it rests, and nothing is left");
        assert_eq!(node.caretaker.deadline(), None);
    }

    #[test]
    fn a_repository_that_failed_or_did_not_answer_is_looked_at_again() {
        let mut node = Node::default();
        node.news(&[], Some(0));
        node.news(&[(1, SERVED)], Some(0));
        let one = RepositoryId::new(1);
        assert_eq!(node.step(Event::Lost(one)), "");
        assert_eq!(node.wake(), "60000: Start Look(repository-1)");
        assert_eq!(node.step(Event::Missed(one)), "");
        assert_eq!(node.wake(), "120000: Start Look(repository-1)");
        node.news(&[(1, Standing::Gone)], Some(0));
        node.step(Event::Missed(one));
        assert_eq!(node.caretaker.deadline(), None);
    }

    #[test]
    fn a_repository_is_read_back_step_by_step_after_thirty_days_and_left() {
        let mut node = Node::default();
        let one = RepositoryId::new(1);
        node.news(&[], Some(0));
        node.news(&[(1, SERVED)], Some(0));
        assert_eq!(node.caretaker.deadline(), None);
        node.news(&[], None);
        assert_eq!(node.caretaker.deadline(), None, "not in doubt");
        assert_eq!(node.news(&[], Some(30 * DAY)), "", "not right after a boot");
        assert_eq!(node.wake(), "60000: Start Scrub(repository-1)");
        let more = Step::More { uploading: false };
        assert_eq!(node.step(Event::Stepped(one, more)), "");
        assert_eq!(node.wake(), "60100: Start ReadOn(repository-1)");
        let all = node.step(Event::Stepped(one, Step::All));
        assert_eq!(all, "Start Leave(repository-1)");
        assert_eq!(node.caretaker.deadline(), None, "for thirty days");
        node.news(&[], Some(60 * DAY));
        assert_eq!(node.wake(), "60200: Start Scrub(repository-1)");
        node.news(&[(1, Standing::Gone)], Some(60 * DAY));
        let late = node.step(Event::Stepped(one, more));
        assert_eq!(
            late, "Start Leave(repository-1)",
            "it was removed meanwhile"
        );
        assert_eq!(node.caretaker.deadline(), None);
    }

    #[test]
    fn what_is_doomed_is_destroyed_from_its_day_on_and_tried_until_it_is() {
        let mut node = Node::default();
        let day = Date::from_days(1);
        let doomed = [(1, Standing::Doomed(day)), (2, Standing::Doomed(day))];
        assert_eq!(node.news(&doomed, Some(0)), "Start Sweep");
        assert_eq!(node.caretaker.deadline(), None);
        assert_eq!(node.news(&[], None), "");
        assert_eq!(node.news(&[], Some(DAY)), "Start Destroy(repository-1)");
        let [one, two] = [1, 2].map(RepositoryId::new);
        let failed = node.step(Event::Destroyed(one, false));
        assert_eq!(failed, "Start Destroy(repository-2)");
        assert_eq!(node.step(Event::Destroyed(two, true)), "");
        assert_eq!(node.wake(), "60000: Start Destroy(repository-1)");
        node.news(&[(1, Standing::Gone)], Some(DAY));
        assert_eq!(node.step(Event::Destroyed(one, true)), "");
        assert_eq!(node.caretaker.deadline(), None);
    }

    #[test]
    fn what_the_index_has_of_the_destroyed_is_looked_for_once_and_taken_out() {
        let mut node = Node::default();
        assert_eq!(node.news(&[(1, SERVED)], None), "Start Sweep");
        assert_eq!(node.news(&[], None), "");
        let gone = [2, 3].map(RepositoryId::new).to_vec();
        let cleared = node.step(Event::Strays(gone));
        assert_eq!(
            cleared,
            "Start Clear(repository-2), Start Clear(repository-3)"
        );
        assert_eq!(node.step(Event::Strays(Vec::new())), "");
    }
}
