//! Who keeps the catalog on one node: decides each command on the rows as they are, makes it a
//! fact, and answers. It keeps the catalog's time going, too.
//!
//! Invariant: the rows are what the records say, in order, and nothing else. A refused command
//! leaves no record.

use std::fmt;
use std::time::Duration;

use serde_json::json;

use super::applied::apply;
use super::command::{Actor, ClockCommand, Command, Submission};
use super::draft::{decide, repeated};
use super::record::Record;
use super::rows::Rows;
use super::{Outcome, Refused};
use crate::kernel::{Acts, Date, Instant, Machine, Now, Sequence, Ticket};

/// How often leases, approvals and the day are gone through, while the wall clock is not set.
const TICK: Duration = Duration::from_secs(60);
/// How often the wall clock is held against the monotonic one: a lease that a set clock ends is
/// over within this. It costs two numbers, whatever there is, and writes nothing down.
const LOOK: Duration = Duration::from_secs(1);
/// A wall clock that gained or lost less than this since the last look was corrected, not set.
const SLEW: Duration = Duration::from_millis(500);
/// How long a tick that changes nothing but the time is not written down. A stop of the node counts
/// from the last one written, so it seems up to this much longer than it was.
const QUIET: Duration = Duration::from_secs(600);
const DAY_MS: u64 = 86_400_000;

/// The catalog on one node.
#[derive(Debug)]
pub struct Keeper {
    rows: Rows,
    /// When, on the monotonic clock, the time in the rows was taken; none until the first tick.
    counted: Option<Instant>,
    /// When time is gone through next, if the wall clock is not set before.
    due: Instant,
    /// Both clocks at the last look; none before the first.
    seen: Option<Now>,
    /// The invariant that a command broke, if any did.
    broken: Option<&'static str>,
}

/// What the catalog is told.
#[derive(Debug)]
pub enum Event {
    /// Somebody wants something done.
    Submit {
        /// Whom to answer.
        ticket: Ticket,
        /// What.
        submission: Submission,
    },
}

/// What a caller is told: what came of the command and its place in the log, or why it was refused.
pub type Answer = Result<(Outcome, Sequence), Refused>;

/// What the catalog asks for. Both are seen by others, so both wait for the disk.
pub enum Effect {
    /// Answer a caller.
    Answer {
        /// Whom.
        ticket: Ticket,
        /// What.
        answer: Answer,
    },
    /// Give all readers these rows.
    Publish(Box<Rows>),
}

impl fmt::Debug for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer { ticket, answer } => write!(f, "Answer {ticket} {answer:?}"),
            Self::Publish(rows) => write!(f, "Publish {}", rows.index),
        }
    }
}

impl Keeper {
    /// A catalog that holds `rows`.
    pub fn new(rows: Rows) -> Self {
        Self {
            rows,
            counted: None,
            due: Instant::default(),
            seen: None,
            broken: None,
        }
    }

    /// What it holds.
    pub fn rows(&self) -> &Rows {
        &self.rows
    }

    /// Whether a command left the log behind, or moved the day back though nobody confirmed it.
    fn judge(&mut self, (index, today): (Sequence, Date), command: &Command) {
        let confirms = matches!(command, Command::Clock(ClockCommand::Confirm { .. }));
        if self.rows.index <= index {
            self.broken = Some("index");
        } else if self.rows.clock.today < today && !confirms {
            self.broken = Some("calendar");
        }
    }

    fn submit(&mut self, now: Now, submission: Submission, acts: &mut Acts<Self>) -> Answer {
        if let Some(answer) = repeated(&self.rows, &submission)? {
            return Ok((answer.outcome, answer.index));
        }
        let (_, outcome) = decide(&self.rows, &submission)?;
        self.take(now, submission, acts);
        Ok((outcome, self.rows.index))
    }

    /// Makes a command that was found good a fact.
    fn take(&mut self, now: Now, submission: Submission, acts: &mut Acts<Self>) {
        let timed = matches!(submission.command, Command::Clock(_));
        let index = self.rows.index.next();
        acts.persist(self, Record { index, submission });
        acts.show(Effect::Publish(Box::new(self.rows.clone())));
        if timed {
            self.counted = Some(now.monotonic);
        }
    }

    /// Goes through time when that is due, and at once when the wall clock was set.
    fn look(&mut self, now: Now, acts: &mut Acts<Self>) {
        let is_set = self
            .seen
            .replace(now)
            .is_none_or(|seen| apart(seen, now) > SLEW);
        if is_set || self.due <= now.monotonic {
            self.tick(now, acts);
        }
    }

    fn tick(&mut self, now: Now, acts: &mut Acts<Self>) {
        let midnight = Duration::from_millis(DAY_MS - now.wall.as_millis() % DAY_MS);
        self.due = now.monotonic + TICK.min(midnight);
        let elapsed = self.counted.map(|at| at.until(now.monotonic));
        let wall = now.wall;
        let submission = Submission {
            client: 0,
            sequence: 0,
            by: Actor::System,
            at: wall,
            command: Command::Clock(ClockCommand::Pass { wall, elapsed }),
        };
        let long = elapsed.is_none_or(|elapsed| elapsed >= QUIET);
        let Ok((rows, _)) = decide(&self.rows, &submission) else {
            return;
        };
        if long || differ(&self.rows, &rows) {
            self.take(now, submission, acts);
        }
    }
}

/// By how much the wall clock went another way than the monotonic one.
fn apart(seen: Now, now: Now) -> Duration {
    let expected = seen.wall + seen.monotonic.until(now.monotonic);
    now.wall.since(expected).max(expected.since(now.wall))
}

/// Whether a tick changed more than the time of day.
fn differ(before: &Rows, after: &Rows) -> bool {
    let (old, new) = (before.clock, after.clock);
    let moved = new.wall.since(old.wall).max(old.wall.since(new.wall));
    let told = before.events.get_max() != after.events.get_max();
    told || old.today != new.today || old.doubted != new.doubted || moved >= QUIET
}

impl Machine for Keeper {
    type Event = Event;
    type Record = Record;
    type Effect = Effect;

    fn step(&mut self, now: Now, event: Event, acts: &mut Acts<Self>) {
        // Nobody is answered by a day that is over.
        self.look(now, acts);
        let Event::Submit { ticket, submission } = event;
        let answer = self.submit(now, submission, acts);
        acts.show(Effect::Answer { ticket, answer });
    }

    fn apply(&mut self, record: &Record) {
        // One from before the snapshot is in the rows already.
        if record.index > self.rows.index {
            let before = (self.rows.index, self.rows.clock.today);
            (self.rows, _) = apply(&self.rows, record.index, &record.submission);
            self.judge(before, &record.submission.command);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        Some(
            self.seen
                .map_or(self.due, |seen| self.due.min(seen.monotonic + LOOK)),
        )
    }

    fn wake(&mut self, now: Now, acts: &mut Acts<Self>) {
        self.look(now, acts);
    }

    fn broken(&self) -> Option<&'static str> {
        self.broken
    }

    fn observe(&self) -> serde_json::Value {
        let rows = &self.rows;
        json!({
            "index": rows.index.raw(),
            "today": rows.clock.today.to_string(),
            "wall": rows.clock.wall.to_string(),
            "doubted": rows.clock.doubted,
            "maintenance": rows.maintenance.is_some(),
            "four-eyes": rows.four_eyes(),
            "operators": rows.operators.len(),
            "approvals": rows.approvals.len(),
            "tenants": rows.tenants.len(),
            "subtenants": rows.subtenants.len(),
            "credentials": rows.credentials.len(),
            "repositories": rows.repositories.len(),
            "extents": rows.extents.len(),
            "events": rows.events.len(),
            "answers": rows.answers.len(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::command::{Contract, Submission, TenantCommand};
    use super::super::events::EVENTS_MAX;
    use super::super::fixture::{Office, maintenance, operator, tenant, tenant_name};
    use super::super::record::snapshot;
    use super::super::{Outcome, Refused};
    use super::*;

    fn add(office: &Office, client: u64, sequence: u64, name: &str) -> Submission {
        Submission {
            client,
            sequence,
            by: operator("ann"),
            at: office.now(),
            command: tenant(name, TenantCommand::Add(Contract::default())),
        }
    }

    #[test]
    fn a_command_sent_again_is_answered_as_before_and_not_done_again() {
        let mut office = Office::open();
        let command = add(&office, 3, 1, "Acme");
        let answer = office.send(command.clone());
        let records = office.records.len();
        assert!(matches!(answer, Ok((Outcome::Tenant { .. }, _))));
        assert_eq!(office.send(command), answer);
        assert_eq!(office.records.len(), records);
        // The number counts, not the command: the same words under another number are another wish.
        let other = add(&office, 3, 2, "Acme");
        assert!(matches!(office.send(other), Err(Refused::TenantExists(_))));
    }

    #[test]
    fn a_command_older_than_the_last_answered_is_refused() {
        let mut office = Office::open();
        let (first, second) = (add(&office, 3, 1, "a"), add(&office, 3, 2, "b"));
        office.send(second).unwrap();
        assert_eq!(
            office.send(first),
            Err(Refused::Stale { given: 1, last: 2 })
        );
    }

    #[test]
    fn a_refused_command_leaves_no_record() {
        let mut office = Office::open();
        let records = office.records.len();
        let command = tenant("Acme", TenantCommand::Enable);
        assert!(office.ann(command).is_err());
        assert_eq!(office.records.len(), records);
    }

    #[test]
    fn a_day_that_goes_back_by_itself_and_a_log_that_stands_still_are_counted() {
        let pass = Command::Service(super::super::command::ServiceCommand::Maintenance(None));
        let today = Date::from_days(100);
        let confirm = Command::Clock(ClockCommand::Confirm { today });
        let keeper = |index: u64, day| {
            let mut rows = Rows::default();
            (rows.index, rows.clock.today) = (Sequence::new(index), Date::from_days(day));
            Keeper::new(rows)
        };
        let before = (Sequence::new(5), today);
        for (index, day, command, broken) in [
            (6, 100, &pass, None),
            (6, 99, &pass, Some("calendar")),
            (6, 99, &confirm, None),
            (5, 100, &pass, Some("index")),
        ] {
            let mut keeper = keeper(index, day);
            keeper.judge(before, command);
            assert_eq!(keeper.broken(), broken, "{index} {day}");
        }
    }

    #[test]
    fn an_answer_comes_behind_its_record_and_its_rows() {
        let mut keeper = Keeper::new(Rows::default());
        let mut acts = Acts::default();
        keeper.wake(Now::default(), &mut acts);
        let mut acts = Acts::default();
        let submission = Submission {
            client: 1,
            sequence: 1,
            by: Actor::System,
            at: Default::default(),
            command: Command::Service(super::super::command::ServiceCommand::CertificateUpdated {
                thumbprint: "ab:cd".to_owned(),
            }),
        };
        let ticket = Ticket::new(5);
        keeper.step(
            Now::default(),
            Event::Submit { ticket, submission },
            &mut acts,
        );
        let acts: Vec<String> = acts.iter().map(|act| format!("{act:?}")).collect();
        assert!(acts[0].starts_with("Persist Record"));
        assert_eq!(
            acts[1..],
            ["Show Publish #2", "Show Answer ticket-5 Ok((Done, #2))"]
        );
    }

    #[test]
    fn the_oldest_events_and_answers_go_when_there_are_too_many() {
        let mut office = Office::open();
        for client in 1..=5000 {
            let (sequence, by, at) = (1, operator("ann"), office.now());
            let command = maintenance(None);
            office
                .send(Submission {
                    client,
                    sequence,
                    by,
                    at,
                    command,
                })
                .unwrap();
        }
        assert!(office.rows().answers.len() <= 4096);
        assert!(office.rows().answers.contains_key(&5000));
        assert!(!office.rows().answers.contains_key(&1));
        let mut rows = office.rows().clone();
        let (_, event) = rows.events.get_max().cloned().unwrap();
        let most = u64::try_from(EVENTS_MAX).unwrap();
        rows.events = (1..=most)
            .map(|at| (Sequence::new(at), event.clone()))
            .collect();
        let command = add(&office, 9999, 1, "Acme");
        let (rows, _) = decide(&rows, &command).unwrap();
        assert_eq!(rows.events.len(), EVENTS_MAX);
        assert_eq!(rows.events.get_min().unwrap().0, Sequence::new(2));
    }

    #[test]
    fn twenty_thousand_tenants_come_back_from_a_snapshot() {
        let mut office = Office::open();
        office.add_tenant("one");
        let mut rows = office.rows().clone();
        let row = rows.tenants.values().next().cloned().unwrap();
        for number in 0..20_000 {
            rows.tenants
                .insert(tenant_name(&format!("tenant-{number}")), row.clone());
        }
        let bytes = snapshot(&rows);
        assert!(bytes.len() > 1 << 20, "more than a frame holds");
        let recovered = Keeper::recover(Some(&bytes), Vec::new()).unwrap();
        assert_eq!(*recovered.rows(), rows);
    }
}
