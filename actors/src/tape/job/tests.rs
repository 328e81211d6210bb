//! A job on a clock of its own; nothing is written.

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::super::schedule::{Weekday, Yearly};
use super::super::{MonthDay, Schedule};
use super::*;
use crate::kernel::Act;

/// A job on a clock of its own.
struct World {
    job: Job,
    now: Now,
    said: String,
}

/// All days, whole on Saturdays and on the first day of the year, at two in the morning.
fn schedule() -> Schedule {
    Schedule {
        at_minutes: 120,
        daily: Weekday::ALL.into(),
        weekly: Some(Weekday::Saturday),
        yearly: Some(Yearly {
            month: 1,
            day: MonthDay::Day(1),
        }),
        ..Schedule::default()
    }
}

impl World {
    /// A job that was enabled at that time.
    fn at(time: &str) -> Self {
        let mut world = Self {
            job: Job::new(schedule()),
            now: Now::default(),
            said: String::new(),
        };
        world.jump(time);
        world.step(Event::Enabled(true));
        world
    }

    fn jump(&mut self, time: &str) {
        let wall = Timestamp::parse(&format!("{time}:00Z")).unwrap();
        self.now.monotonic = self.now.monotonic + wall.since(self.now.wall);
        self.now.wall = wall;
    }

    fn step(&mut self, event: Event) {
        let mut acts = Acts::default();
        self.job.step(self.now, event, &mut acts);
        self.note(acts);
    }

    fn note(&mut self, acts: Acts<Job>) {
        for act in acts {
            if let Act::Start(effect) | Act::Show(effect) = act {
                let time = self.now.wall.to_string();
                writeln!(self.said, "{} {effect:?}", &time[5..16]).unwrap();
            }
        }
        assert_eq!(self.job.broken(), None);
    }

    fn ends(&mut self, outcome: Outcome) {
        self.step(Event::Ended(self.job.attempts, outcome));
    }

    /// Lets time pass until then; every attempt meanwhile ends so, if it ends.
    fn until(&mut self, time: &str, outcome: Option<Outcome>) {
        let end = Timestamp::parse(&format!("{time}:00Z")).unwrap();
        loop {
            if let (true, Some(outcome)) = (self.job.is_writing, outcome) {
                self.ends(outcome);
                continue;
            }
            let next = self.job.deadline().unwrap();
            let wall = self.now.wall + self.now.monotonic.until(next);
            if wall > end {
                return self.jump(time);
            }
            self.now = Now {
                monotonic: next,
                wall,
            };
            let mut acts = Acts::default();
            self.job.wake(self.now, &mut acts);
            self.note(acts);
            let later = self.job.deadline().unwrap();
            assert!(later > self.now.monotonic, "{:?}", self.job);
        }
    }

    fn said(&mut self, expected: &Expect) {
        expected.assert_eq(&std::mem::take(&mut self.said));
    }
}

/// T10.3. The 21st of November 2026 is a Saturday.
#[test]
fn on_a_day_of_an_elder_set_the_first_is_whole_and_what_comes_later_is_daily() {
    let mut world = World::at("2026-11-20T12:00");
    world.until("2026-11-21T03:00", Some(Outcome::Wrote));
    world.step(Event::Changed);
    world.until("2026-11-22T01:00", Some(Outcome::Wrote));
    world.said(&expect![[r#"
        11-20T12:00 Write { attempt: 1, set: Daily, day: 2026-11-20, since: 2026-11-20T12:00:00.000Z }
        11-20T12:00 Notify(Daily, Success)
        11-21T02:00 Write { attempt: 2, set: Weekly, day: 2026-11-21, since: 2026-11-21T02:00:00.000Z }
        11-21T02:00 Notify(Weekly, Success)
        11-21T03:00 Write { attempt: 3, set: Daily, day: 2026-11-21, since: 2026-11-21T02:00:00.000Z }
        11-21T03:00 Notify(Daily, Success)
    "#]]);
}

/// T10.4.
#[test]
fn where_nothing_is_new_nothing_is_written_and_the_day_ends_it() {
    let mut world = World::at("2026-11-23T01:00");
    world.until("2026-11-24T01:00", Some(Outcome::Nothing));
    world.said(&expect![[r#"
        11-23T02:00 Write { attempt: 1, set: Daily, day: 2026-11-23, since: 2026-11-23T02:00:00.000Z }
        11-24T00:00 Notify(Daily, Nothing)
    "#]]);
}

/// T10.5.
#[test]
fn without_a_tape_it_waits_three_days_and_says_so_once() {
    let mut world = World::at("2026-11-23T01:00");
    world.until("2026-11-23T05:00", Some(Outcome::NoTape));
    world.step(Event::Tape);
    world.until("2026-11-26T12:00", Some(Outcome::NoTape));
    world.said(&expect![[r#"
        11-23T02:00 Write { attempt: 1, set: Daily, day: 2026-11-23, since: 2026-11-23T02:00:00.000Z }
        11-23T02:00 Notify(Daily, WaitingForTape)
        11-23T05:00 Write { attempt: 2, set: Daily, day: 2026-11-23, since: 2026-11-23T02:00:00.000Z }
        11-26T02:00 Notify(Daily, Failed)
        11-26T02:00 Write { attempt: 3, set: Daily, day: 2026-11-26, since: 2026-11-26T02:00:00.000Z }
        11-26T02:00 Notify(Daily, WaitingForTape)
    "#]]);
}

/// T10.6.
#[test]
fn a_failed_run_is_tried_again_each_hour_for_a_day() {
    let mut world = World::at("2026-11-23T01:00");
    world.until("2026-11-24T01:59", Some(Outcome::Failed));
    let said = std::mem::take(&mut world.said);
    assert_eq!(said.matches("Write").count(), 24, "{said}");
    world.until("2026-11-24T02:30", Some(Outcome::Failed));
    world.said(&expect![[r#"
        11-24T02:00 Write { attempt: 25, set: Daily, day: 2026-11-23, since: 2026-11-23T02:00:00.000Z }
        11-24T02:00 Notify(Daily, Failed)
    "#]]);
}

#[test]
fn a_daily_run_that_is_late_makes_place_for_an_elder_set() {
    let mut world = World::at("2026-11-20T01:00");
    world.until("2026-11-20T12:00", Some(Outcome::NoTape));
    world.until("2026-11-21T03:00", Some(Outcome::NoTape));
    world.said(&expect![[r#"
        11-20T02:00 Write { attempt: 1, set: Daily, day: 2026-11-20, since: 2026-11-20T02:00:00.000Z }
        11-20T02:00 Notify(Daily, WaitingForTape)
        11-21T02:00 Notify(Daily, Dropped)
        11-21T02:00 Write { attempt: 2, set: Weekly, day: 2026-11-21, since: 2026-11-21T02:00:00.000Z }
        11-21T02:00 Notify(Weekly, WaitingForTape)
    "#]]);
}

#[test]
fn what_elder_sets_missed_while_nobody_ran_each_gets_once_and_the_eldest_first() {
    let mut world = World::at("2026-12-01T01:00");
    world.until("2026-12-01T03:00", Some(Outcome::Wrote));
    world.said.clear();
    world.jump("2027-01-20T09:00");
    world.until("2027-01-20T23:00", Some(Outcome::Wrote));
    world.said(&expect![[r#"
        01-20T09:00 Write { attempt: 2, set: Yearly, day: 2027-01-20, since: 2027-01-20T09:00:00.000Z }
        01-20T09:00 Notify(Yearly, Success)
        01-20T09:00 Write { attempt: 3, set: Weekly, day: 2027-01-20, since: 2027-01-20T09:00:00.000Z }
        01-20T09:00 Notify(Weekly, Success)
    "#]]);
}

#[test]
fn what_went_by_while_it_was_disabled_is_skipped() {
    let mut world = World::at("2026-12-28T01:00");
    world.step(Event::Enabled(false));
    world.jump("2027-01-05T09:00");
    world.step(Event::Enabled(true));
    world.until("2027-01-05T10:00", Some(Outcome::Wrote));
    world.said(&expect![[r#"
        01-05T09:00 Write { attempt: 1, set: Daily, day: 2027-01-05, since: 2027-01-05T09:00:00.000Z }
        01-05T09:00 Notify(Daily, Success)
    "#]]);
}

#[test]
fn one_that_is_stopped_by_hand_starts_again_on_the_next_day() {
    let mut world = World::at("2026-11-23T01:00");
    world.until("2026-11-23T03:00", None);
    world.step(Event::Stop);
    world.until("2026-11-24T03:00", None);
    world.said(&expect![[r#"
        11-23T02:00 Write { attempt: 1, set: Daily, day: 2026-11-23, since: 2026-11-23T02:00:00.000Z }
        11-23T03:00 Abort(1)
        11-23T03:00 Notify(Daily, Stopped)
        11-24T02:00 Write { attempt: 2, set: Daily, day: 2026-11-24, since: 2026-11-24T02:00:00.000Z }
    "#]]);
}

#[test]
fn an_operator_gets_a_set_at_once() {
    let mut world = World::at("2026-11-23T01:00");
    world.step(Event::Full(MediaSet::Monthly));
    world.step(Event::Full(MediaSet::Daily));
    world.ends(Outcome::Wrote);
    world.step(Event::Full(MediaSet::Daily));
    world.ends(Outcome::Nothing);
    world.step(Event::Full(MediaSet::Daily));
    world.ends(Outcome::Failed);
    world.step(Event::Full(MediaSet::Daily));
    world.said(&expect![[r#"
        11-23T01:00 Write { attempt: 1, set: Monthly, day: 2026-11-23, since: 2026-11-23T01:00:00.000Z }
        11-23T01:00 Notify(Monthly, Success)
        11-23T01:00 Write { attempt: 2, set: Daily, day: 2026-11-23, since: 2026-11-23T01:00:00.000Z }
        11-23T01:00 Write { attempt: 3, set: Daily, day: 2026-11-23, since: 2026-11-23T01:00:00.000Z }
    "#]]);
}

#[test]
fn a_daily_run_that_waits_makes_place_for_a_set_that_an_operator_wants() {
    let mut world = World::at("2026-11-23T01:00");
    world.until("2026-11-23T03:00", Some(Outcome::Nothing));
    world.step(Event::Full(MediaSet::Weekly));
    world.said(&expect![[r#"
        11-23T02:00 Write { attempt: 1, set: Daily, day: 2026-11-23, since: 2026-11-23T02:00:00.000Z }
        11-23T03:00 Notify(Daily, Dropped)
        11-23T03:00 Write { attempt: 2, set: Weekly, day: 2026-11-23, since: 2026-11-23T03:00:00.000Z }
    "#]]);
}

#[test]
fn a_run_that_never_ends_is_given_up_after_three_weeks() {
    let mut world = World::at("2026-11-23T01:00");
    world.until("2026-12-19T03:00", None);
    world.said(&expect![[r#"
        11-23T02:00 Write { attempt: 1, set: Daily, day: 2026-11-23, since: 2026-11-23T02:00:00.000Z }
        11-28T02:00 Abort(1)
        11-28T02:00 Notify(Daily, Dropped)
        11-28T02:00 Write { attempt: 2, set: Weekly, day: 2026-11-28, since: 2026-11-28T02:00:00.000Z }
        12-19T02:00 Abort(2)
        12-19T02:00 Notify(Weekly, Failed)
        12-19T02:00 Write { attempt: 3, set: Weekly, day: 2026-12-19, since: 2026-12-19T02:00:00.000Z }
    "#]]);
}

#[test]
fn a_job_that_comes_back_from_what_is_durable_begins_its_run_again() {
    let mut world = World::at("2026-11-23T03:00");
    let state = world.job.state.clone();
    world.job = Job::new(schedule());
    world.job.apply(&state);
    world.said.clear();
    let mut acts = Acts::default();
    world.job.wake(world.now, &mut acts);
    world.note(acts);
    world.said(&expect![[r#"
        11-23T03:00 Write { attempt: 1, set: Daily, day: 2026-11-23, since: 2026-11-23T03:00:00.000Z }
    "#]]);
}

proptest! {
    #[test]
    fn whatever_happens_one_run_is_under_way_and_ends(
        steps in prop::collection::vec((0..9_u8, 0..100_u64), 0..200),
    ) {
        let mut world = World::at("2026-11-20T12:00");
        for (what, hours) in steps {
            let wait = Duration::from_hours(hours);
            world.now.monotonic = world.now.monotonic + wait;
            world.now.wall = world.now.wall + wait;
            match what {
                0 => world.step(Event::Changed),
                1 => world.step(Event::Tape),
                2 => world.step(Event::Stop),
                3 => world.step(Event::Full(MediaSet::Quarterly)),
                4 => world.ends(Outcome::Wrote),
                5 => world.ends(Outcome::Nothing),
                6 => world.ends(Outcome::NoTape),
                7 => world.ends(Outcome::Failed),
                _ => {
                    let mut acts = Acts::default();
                    world.job.wake(world.now, &mut acts);
                    world.note(acts);
                }
            }
            prop_assert!(world.job.deadline().unwrap() > world.now.monotonic);
            let run = world.job.state.run;
            prop_assert!(run.is_none_or(|run| world.now.wall < run.since + RUN_MAX));
        }
    }
}
