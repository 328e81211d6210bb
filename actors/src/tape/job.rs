//! When one tape job writes, waits, tries again and gives up.
//!
//! A run copies the view that its repositories have at that instant to the eldest media set that is
//! due (10.6). How it is written, and what of it is on tape already, is the business of whoever
//! performs [`Effect::Write`]; a run that is asked for again goes on where it was.
//!
//! Invariant: at most one run is under way, and a run that waits has a time at which it gives up.

mod state;
mod words;

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;

pub use words::{Effect, Event, Occasion, Outcome, Waiting};

use super::schedule::{MediaSet, Schedule};
use crate::kernel::{Acts, Date, Instant, Machine, Now, Timestamp};

/// For how long a run waits for a tape (10.6).
pub const TAPE_WAIT: Duration = Duration::from_hours(72);
/// After which time a failed run is tried again (10.6).
pub const RETRY: Duration = Duration::from_hours(1);
/// How often it is tried again (10.6).
pub const RETRIES: u32 = 24;
/// How long a run may take altogether (10.6).
pub const RUN_MAX: Duration = Duration::from_hours(21 * 24);
/// So far back days are looked at that went by while nobody ran: what was due before is forgotten.
const LOOK_BACK_DAYS: u32 = 400;

/// What of a job is durable: all of it, each time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    enabled: bool,
    /// Days through this one were seen to.
    seen: Date,
    run: Option<Run>,
    /// Elder sets whose day went by without a run: each is written once.
    owed: BTreeSet<MediaSet>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Run {
    set: MediaSet,
    day: Date,
    since: Timestamp,
    failures: u32,
    /// Since when it has waited for a tape, if it ever did.
    tapeless: Option<Timestamp>,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Stage {
    Working,
    /// For something new.
    WaitsForSource,
    WaitsForTape,
    /// Until then.
    WaitsToTryAgain(Timestamp),
}

/// A tape job.
#[derive(Debug, Default)]
pub struct Job {
    schedule: Schedule,
    state: State,
    attempts: u64,
    /// Whether the attempt of that number is under way.
    is_writing: bool,
    /// What the clocks said at the last step.
    now: Now,
}

impl Job {
    /// A job with this schedule, as yet disabled.
    pub fn new(schedule: Schedule) -> Self {
        Self {
            schedule,
            ..Self::default()
        }
    }

    fn keep(&mut self, change: impl FnOnce(&mut State), acts: &mut Acts<Self>) {
        let mut state = self.state.clone();
        change(&mut state);
        if state != self.state {
            acts.persist(self, state);
        }
    }

    fn scan(&self, day: Date) -> Timestamp {
        day.start() + Duration::from_secs(60 * u64::from(self.schedule.at_minutes))
    }

    /// Days before a job was enabled are none of its business (10.6). One with a daily set begins
    /// at once if the time of the day is over.
    fn enabled(&mut self, now: Timestamp, enabled: bool, acts: &mut Acts<Self>) {
        let today = Date::of(now);
        let over = now >= self.scan(today) && self.schedule.daily.is_empty();
        let yesterday = Date::from_days(today.days().saturating_sub(1));
        self.keep(
            |state| {
                state.enabled = enabled;
                state.seen = if over { today } else { yesterday };
                state.owed.clear();
            },
            acts,
        );
        if !enabled {
            self.end(Occasion::Stopped, acts);
        }
    }

    fn ended(&mut self, now: Timestamp, outcome: Outcome, acts: &mut Acts<Self>) {
        self.is_writing = false;
        let Some(run) = self.state.run else {
            return;
        };
        match outcome {
            Outcome::Wrote => self.wrote(now, run, acts),
            Outcome::Nothing => self.waits(Stage::WaitsForSource, acts),
            Outcome::NoTape => {
                if run.tapeless.is_none() {
                    acts.show(Effect::Notify(run.set, Occasion::WaitingForTape));
                }
                let since = run.tapeless.unwrap_or(now);
                self.change(|run| run.tapeless = Some(since), acts);
                self.waits(Stage::WaitsForTape, acts);
            }
            Outcome::Failed if run.failures == RETRIES => self.give_up(run.set, acts),
            Outcome::Failed => {
                self.change(|run| run.failures += 1, acts);
                self.waits(Stage::WaitsToTryAgain(now + RETRY), acts);
            }
        }
    }

    /// Behind an elder set, what else is new on that day is for the daily one (10.6, step 3).
    fn wrote(&mut self, now: Timestamp, run: Run, acts: &mut Acts<Self>) {
        self.end(Occasion::Success, acts);
        let goes_on = run.set.is_whole()
            && run.day == Date::of(now)
            && self.state.owed.is_empty()
            && self.schedule.is_due(MediaSet::Daily, run.day);
        if goes_on {
            let mut next = Run::new(MediaSet::Daily, run.day, now);
            next.stage = Stage::WaitsForSource;
            self.keep(|state| state.run = Some(next), acts);
        }
    }

    /// What an elder set misses it is owed (10.6): it gets it when a library came back, or when the
    /// next day begins.
    fn give_up(&mut self, set: MediaSet, acts: &mut Acts<Self>) {
        if set.is_whole() {
            self.keep(|state| state.owed.extend([set]), acts);
        }
        self.end(Occasion::Failed, acts);
    }

    fn end(&mut self, occasion: Occasion, acts: &mut Acts<Self>) {
        let Some(run) = self.state.run else {
            return;
        };
        if std::mem::take(&mut self.is_writing) {
            acts.start(Effect::Abort(self.attempts));
        }
        self.keep(|state| state.run = None, acts);
        acts.show(Effect::Notify(run.set, occasion));
    }

    fn change(&mut self, change: impl FnMut(&mut Run), acts: &mut Acts<Self>) {
        self.keep(|state| state.run.iter_mut().for_each(change), acts);
    }

    fn waits(&mut self, stage: Stage, acts: &mut Acts<Self>) {
        self.change(|run| run.stage = stage, acts);
    }

    /// Sees to the days that have begun since it last did.
    fn scan_days(&mut self, now: Timestamp, acts: &mut Acts<Self>) {
        let today = Date::of(now);
        let begun = now >= self.scan(today);
        let last = today.days().saturating_sub(u32::from(!begun));
        if !self.state.enabled || self.state.seen.days() >= last {
            return;
        }
        let from = self.state.seen.plus(1).days();
        let from = from.max(last.saturating_sub(LOOK_BACK_DAYS));
        let days = (from..=last).map(Date::from_days);
        let all = days.filter_map(|day| self.schedule.due(day));
        let mut owed: BTreeSet<_> = all.filter(|set| set.is_whole()).collect();
        let due = self.schedule.due(Date::from_days(last));
        self.keep(
            |state| {
                state.seen = Date::from_days(last);
                state.owed.append(&mut owed);
            },
            acts,
        );
        let running = self.state.run.map(|run| run.set);
        match (due, running) {
            (Some(MediaSet::Daily), None) if self.state.owed.is_empty() => {
                self.begin(now, MediaSet::Daily, acts);
            }
            // It is late, and an elder set takes all that it would.
            (Some(set), Some(MediaSet::Daily)) if set.is_whole() => {
                self.end(Occasion::Dropped, acts);
            }
            _ => {}
        }
        self.pay(now, acts);
    }

    /// Begins what is owed, the eldest set first.
    fn pay(&mut self, now: Timestamp, acts: &mut Acts<Self>) {
        let eldest = self.state.owed.last().copied();
        if let (None, Some(set)) = (self.state.run, eldest) {
            self.begin(now, set, acts);
        }
    }

    fn begin(&mut self, now: Timestamp, set: MediaSet, acts: &mut Acts<Self>) {
        let run = Run::new(set, Date::of(now), now);
        self.keep(
            |state| {
                state.run = Some(run);
                state.owed.remove(&set);
            },
            acts,
        );
    }

    /// Lets a run go on whose time has come, or end.
    fn go_on(&mut self, now: Timestamp, acts: &mut Acts<Self>) {
        let Some(run) = self.state.run.filter(|run| run.due() <= now) else {
            return;
        };
        let over = now >= run.since + RUN_MAX;
        match run.stage {
            Stage::WaitsToTryAgain(_) if !over => self.waits(Stage::Working, acts),
            Stage::WaitsForSource if !over => self.end(Occasion::Nothing, acts),
            Stage::Working
            | Stage::WaitsForTape
            | Stage::WaitsForSource
            | Stage::WaitsToTryAgain(_) => self.give_up(run.set, acts),
        }
    }

    fn settle(&mut self, now: Timestamp, acts: &mut Acts<Self>) {
        self.go_on(now, acts);
        self.scan_days(now, acts);
        let working = self.state.run.filter(|run| run.stage == Stage::Working);
        if let (Some(run), false) = (working, self.is_writing) {
            self.attempts += 1;
            self.is_writing = true;
            acts.show(Effect::Write {
                attempt: self.attempts,
                set: run.set,
                day: run.day,
                since: run.since,
            });
        }
    }
}

impl Run {
    fn new(set: MediaSet, day: Date, since: Timestamp) -> Self {
        Self {
            set,
            day,
            since,
            failures: 0,
            tapeless: None,
            stage: Stage::Working,
        }
    }

    /// When it goes on, or ends, though nothing happens.
    fn due(&self) -> Timestamp {
        let stage = match self.stage {
            Stage::Working => None,
            Stage::WaitsForSource => Some(self.day.plus(1).start()),
            Stage::WaitsForTape => self.tapeless.map(|since| since + TAPE_WAIT),
            Stage::WaitsToTryAgain(at) => Some(at),
        };
        let last = self.since + RUN_MAX;
        stage.map_or(last, |at| at.min(last))
    }
}

impl Machine for Job {
    type Event = Event;
    type Record = State;
    type Effect = Effect;

    fn step(&mut self, now: Now, event: Event, acts: &mut Acts<Self>) {
        self.now = now;
        let now = now.wall;
        let stage = self.state.run.map(|run| run.stage);
        match event {
            Event::Enabled(enabled) if enabled == self.state.enabled => {}
            Event::Enabled(enabled) => self.enabled(now, enabled, acts),
            Event::Ended(attempt, outcome) if self.is_writing && attempt == self.attempts => {
                self.ended(now, outcome, acts);
                if outcome == Outcome::Wrote {
                    self.pay(now, acts);
                }
            }
            Event::Changed if stage == Some(Stage::WaitsForSource) => {
                self.waits(Stage::Working, acts);
            }
            Event::Tape if stage == Some(Stage::WaitsForTape) => self.waits(Stage::Working, acts),
            Event::Tape => self.pay(now, acts),
            Event::Stop => self.end(Occasion::Stopped, acts),
            Event::Full(set) if set.is_whole() && self.state.enabled => {
                self.keep(|state| state.owed.extend([set]), acts);
                // It takes all that a daily run waits for.
                let waits = stage.is_some_and(|stage| stage != Stage::Working);
                if waits && self.state.run.is_some_and(|run| !run.set.is_whole()) {
                    self.end(Occasion::Dropped, acts);
                }
                self.pay(now, acts);
            }
            // What is new now is written now; a run that is under way, or waits for something
            // else than a source, takes it too.
            Event::Full(MediaSet::Daily) if self.state.enabled => match stage {
                None => self.begin(now, MediaSet::Daily, acts),
                Some(Stage::WaitsForSource) => self.waits(Stage::Working, acts),
                Some(Stage::Working | Stage::WaitsForTape | Stage::WaitsToTryAgain(_)) => {}
            },
            Event::Ended(..) | Event::Changed | Event::Full(_) => {}
        }
        self.settle(now, acts);
    }

    fn apply(&mut self, state: &State) {
        self.state = state.clone();
    }

    fn deadline(&self) -> Option<Instant> {
        if !self.state.enabled {
            return None;
        }
        let scan = self.scan(self.state.seen.plus(1));
        let run = self.state.run.map(|run| run.due());
        let due = run.map_or(scan, |at| at.min(scan));
        Some(self.now.monotonic + due.since(self.now.wall))
    }

    fn wake(&mut self, now: Now, acts: &mut Acts<Self>) {
        self.now = now;
        self.settle(now.wall, acts);
    }

    fn broken(&self) -> Option<&'static str> {
        let idle = self.state.run.is_none_or(|it| it.stage != Stage::Working);
        (self.is_writing && idle).then_some("tape-job-one-run")
    }

    fn observe(&self) -> serde_json::Value {
        json!({
            "enabled": self.state.enabled,
            "run": self.state.run,
            "owed": self.state.owed,
            "attempts": self.attempts,
        })
    }

    fn waits(&self) -> Vec<String> {
        let said = |run: Run| match run.stage {
            Stage::Working => None,
            Stage::WaitsForSource => Some(format!("something new for {:?}", run.set)),
            Stage::WaitsForTape => Some(format!("a tape for {:?}", run.set)),
            Stage::WaitsToTryAgain(at) => Some(format!("{at}, to try {:?} again", run.set)),
        };
        self.state.run.and_then(said).into_iter().collect()
    }
}

#[cfg(test)]
mod tests;
