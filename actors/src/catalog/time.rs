//! The catalog's time and what passes with it: the day, the doubt, leases, requests that lapse.
//!
//! The day follows the wall clock and never goes back, but by an operator's confirmation. Jumps of
//! more than a day together that no monotonic clock saw are doubted, stops included: leases end by
//! the new day at once, and nothing irreversible happens until somebody confirms the day.
//!
//! Nights in which a node is off are no jumps of its clock, as long as it runs longer than it is
//! off: the time it ran forgives the stop behind it. What the clock of a running node jumps is
//! forgiven by hardly anything, so whoever sets it ahead by hours a day is found out on the second.
//! Whoever may stop the node and set the clock as well gains no more than two days in three.

use std::time::Duration;

use super::command::ClockCommand;
use super::draft::Draft;
use super::events::Code;
use super::rows::{ClockRow, Tenant};
use super::{Outcome, Refused};
use crate::kernel::{Date, Timestamp};

/// Jumps of more than this are doubted, in one or in many.
const JUMP_MAX: Duration = Duration::from_secs(86_400);
/// Jumps are forgiven by this part of the time that the monotonic clock saw: a minute a day, and a
/// clock that is kept right needs no more.
const FORGIVEN_PER: u32 = 1440;
/// A stop is forgiven two thirds of the time that the node ran before it, up to this much.
const STOP_MAX: Duration = Duration::from_secs(12 * 3600);
/// A lease's end is announced so many days before (D1).
const WARNINGS: [u32; 4] = [0, 1, 7, 14];

impl Draft<'_> {
    pub(super) fn clock(&mut self, command: &ClockCommand) -> Result<Outcome, Refused> {
        match command {
            ClockCommand::Tick { wall, elapsed } => self.tick(*wall, *elapsed),
            ClockCommand::Pass { wall, elapsed } => self.pass(*wall, *elapsed),
            ClockCommand::Confirm { today } => self.confirm(*today),
        }
        Ok(Outcome::Done)
    }

    /// Small jumps count together: a clock that is set ahead by hours, again and again, goes as
    /// wrong as one that is set ahead by days.
    fn pass(&mut self, wall: Timestamp, elapsed: Option<Duration>) {
        let old = self.rows.clock;
        if old != ClockRow::default() {
            let seen = elapsed.unwrap_or_default();
            let left = self.rows.unseen.saturating_sub(seen / FORGIVEN_PER);
            let jump = jump(&old, wall, elapsed);
            self.rows.ran = (self.rows.ran + seen).min(STOP_MAX / 2 * 3);
            // A stop takes no clock back.
            let stopped = elapsed.is_none() && wall >= old.wall;
            let forgiven = if stopped {
                self.forgive(jump)
            } else {
                Duration::ZERO
            };
            self.rows.unseen = left.saturating_add(jump.saturating_sub(forgiven));
            if !old.doubted && jump <= JUMP_MAX && self.rows.unseen > JUMP_MAX {
                self.rows.clock.doubted = true;
                let text = "the clock moved by more than a day unseen, in several steps; \
                            confirm the date";
                self.event(Code::ClockDoubted, None, text.to_owned(), None);
            }
        }
        self.tick(wall, elapsed);
    }

    /// How much of a stop is forgiven; each hour that the node ran forgives once.
    fn forgive(&mut self, stop: Duration) -> Duration {
        let forgiven = stop.min(self.rows.ran / 3 * 2);
        self.rows.ran = self.rows.ran.saturating_sub(forgiven / 2 * 3);
        forgiven
    }

    fn tick(&mut self, wall: Timestamp, elapsed: Option<Duration>) {
        let old = self.rows.clock;
        let first = old == ClockRow::default();
        let jump = jump(&old, wall, elapsed);
        let clock = &mut self.rows.clock;
        clock.wall = wall;
        clock.today = old.today.max(old.day(wall));
        if !first && jump > JUMP_MAX {
            clock.doubted = true;
            let expected = old.wall + elapsed.unwrap_or_default();
            let text =
                format!("the clock moved from {expected} to {wall} unseen; confirm the date");
            self.event(Code::ClockDoubted, None, text, None);
        }
        if let Some(now) = self.rows.clock.trusted() {
            self.lapse(now);
        }
        self.leases();
    }

    fn confirm(&mut self, today: Date) {
        let old = self.rows.clock;
        let wall_day = i64::from(Date::of(self.at).days());
        self.rows.clock = ClockRow {
            today,
            wall: self.at,
            offset_days: i64::from(today.days()) - wall_day,
            doubted: false,
        };
        self.rows.unseen = Duration::ZERO;
        // A lease that a wrong clock ended will end once more, and be announced again then.
        let revived = |row: &Tenant| row.ended && row.lease.is_none_or(|lease| today <= lease);
        self.rows.tenants.alter(revived, |row| row.ended = false);
        let text = format!("today is {today}; the clock had said {}", old.today);
        self.event(Code::ClockConfirmed, None, text, None);
    }

    /// Announces leases that end soon or have ended, each step once.
    fn leases(&mut self) {
        let today = self.rows.clock.today;
        let tenants = self.rows.tenants.iter();
        let news: Vec<_> = tenants
            .filter_map(|(name, row)| Some((name.clone(), row.lease?, due(row, today)?)))
            .collect();
        for (name, lease, notice) in news {
            let (code, text) = match notice {
                Notice::Ended => {
                    self.rows.tenants.change(&name, |row| row.ended = true);
                    (Code::LeaseEnded, format!("the lease ended with {lease}"))
                }
                Notice::Soon(step) => {
                    self.rows
                        .tenants
                        .change(&name, |row| row.warned = Some(step));
                    let days = today.until(lease);
                    (
                        Code::LeaseWarning,
                        format!("the lease ends with {lease}, in {days} days"),
                    )
                }
            };
            self.event(code, Some(&name), text, None);
        }
    }
}

/// By how much the wall clock went another way than the monotonic one, in either direction.
fn jump(old: &ClockRow, wall: Timestamp, elapsed: Option<Duration>) -> Duration {
    let expected = old.wall + elapsed.unwrap_or_default();
    wall.since(expected).max(expected.since(wall))
}

enum Notice {
    Ended,
    Soon(u32),
}

fn due(tenant: &Tenant, today: Date) -> Option<Notice> {
    let lease = tenant.lease?;
    if today > lease {
        return (!tenant.ended).then_some(Notice::Ended);
    }
    let days = today.until(lease);
    let step = WARNINGS.into_iter().find(|step| days <= *step)?;
    tenant
        .warned
        .is_none_or(|warned| step < warned)
        .then_some(Notice::Soon(step))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use proptest::prelude::*;

    use super::super::command::Actor;
    use super::super::fixture::{DAY, HOUR, Office, purge_tenant, tenant_name};
    use super::super::record::{restore, snapshot};
    use super::super::rows::{Rows, State};
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn state(office: &Office) -> State {
        let rows = office.rows();
        rows.tenants[&tenant_name("Acme")].state(rows.clock.today)
    }

    fn office(lease: &str) -> Office {
        let mut office = Office::open();
        office.add_tenant("Acme");
        office.set_lease("Acme", lease).unwrap();
        office.events();
        office
    }

    #[test]
    fn a_lease_is_announced_14_7_1_and_0_days_before_its_end_and_at_it() {
        let mut office = office("2026-12-10");
        office.pass(DAY * 25);
        expect![[r#"
            30000 system, Acme: the lease ends with 2026-12-10, in 14 days
            30000 system, Acme: the lease ends with 2026-12-10, in 7 days
            30000 system, Acme: the lease ends with 2026-12-10, in 1 days
            30000 system, Acme: the lease ends with 2026-12-10, in 0 days
            30001 system, Acme: the lease ended with 2026-12-10
        "#]]
        .assert_eq(&office.events());
    }

    #[test]
    fn another_lease_is_announced_anew_and_a_near_one_once() {
        let mut office = office("2026-11-23");
        office.pass(HOUR);
        office.set_lease("Acme", "2026-11-24").unwrap();
        office.set_lease("Acme", "2026-11-24").unwrap();
        office.pass(HOUR);
        expect![[r#"
            30000 system, Acme: the lease ends with 2026-11-23, in 2 days
            25100 operator ann, Acme: tenant Acme updated: lease
            25100 operator ann, Acme: tenant Acme updated: lease
            30000 system, Acme: the lease ends with 2026-11-24, in 3 days
        "#]]
        .assert_eq(&office.events());
    }

    #[test]
    fn a_lease_ends_with_its_last_day_to_the_second_and_extending_works_at_once() {
        let mut office = office("2026-11-21");
        office.pass(HOUR * 14 - Duration::from_millis(1));
        assert_eq!(state(&office), State::Enabled);
        office.pass(Duration::from_millis(1));
        assert_eq!(state(&office), State::Expired);
        office.set_lease("Acme", "2026-11-22").unwrap();
        assert_eq!(state(&office), State::Enabled);
    }

    #[test]
    fn the_clock_set_back_revives_no_lease() {
        let mut office = office("2026-11-21");
        office.pass(HOUR * 15);
        assert_eq!(state(&office), State::Expired);
        office.set_clock("2026-11-21T12:00:00Z");
        assert_eq!(state(&office), State::Expired);
        assert!(!office.rows().clock.doubted, "a jump of less than a day");
    }

    #[test]
    fn a_leap_forward_ends_leases_at_once_and_is_doubted_until_confirmed() {
        let mut office = office("2026-11-30");
        office.set_clock("2027-01-15T10:00:00Z");
        assert_eq!(state(&office), State::Expired);
        assert_eq!(office.rows().clock.trusted(), None);
        assert_eq!(office.ann(purge_tenant("Acme")), Err(Refused::ClockDoubted));
        office.set_clock("2026-11-21T10:10:00Z");
        assert_eq!(
            state(&office),
            State::Expired,
            "the day does not go back by itself"
        );
        office.confirm("2026-11-21").unwrap();
        assert_eq!(state(&office), State::Enabled);
        assert!(office.rows().clock.trusted().is_some());
        expect![[r#"
            30010 system, -: the clock moved from 2026-11-21T10:00:01.000Z to 2027-01-15T10:00:01.000Z unseen; confirm the date
            30001 system, Acme: the lease ended with 2026-11-30
            30010 system, -: the clock moved from 2027-01-15T10:00:02.000Z to 2026-11-21T10:10:01.000Z unseen; confirm the date
            30011 operator ann, -: today is 2026-11-21; the clock had said 2027-01-15
        "#]]
        .assert_eq(&office.events());
        // The lease ends once more when its day has really come, and that is told.
        office.pass(DAY * 10);
        assert!(
            office
                .events()
                .ends_with("the lease ended with 2026-11-30\n")
        );
    }

    #[test]
    fn a_confirmed_day_goes_on_while_the_wall_clock_is_still_wrong() {
        let mut office = office("2026-11-22");
        office.set_clock("2027-01-15T10:00:00Z");
        office.confirm("2026-11-21").unwrap();
        assert_eq!(state(&office), State::Enabled);
        office.pass(MINUTE * 5);
        assert_eq!(state(&office), State::Enabled);
        let trusted = office.rows().clock.trusted().unwrap();
        assert_eq!(Date::of(trusted), Date::parse("2026-11-21").unwrap());
        office.pass(DAY * 2);
        assert_eq!(state(&office), State::Expired);
    }

    #[test]
    fn a_stop_of_more_than_a_day_is_doubted_and_a_night_is_not() {
        let mut office = office("2026-12-30");
        office.stop_for(HOUR * 10);
        assert!(!office.rows().clock.doubted);
        office.pass(HOUR);
        office.stop_for(DAY + HOUR);
        assert!(office.rows().clock.doubted);
        office.stop_for(MINUTE);
        assert!(
            office.rows().clock.doubted,
            "another start is no confirmation"
        );
        office.pass(DAY * 3);
        assert!(office.rows().clock.doubted, "nor is waiting");
    }

    #[test]
    fn jumps_below_a_day_are_doubted_when_they_are_more_than_a_day_together() {
        let mut office = office("2027-12-30");
        office.now.wall = office.now.wall + HOUR * 23;
        office.pass(MINUTE);
        assert!(!office.rows().clock.doubted);
        office.stop_for(MINUTE);
        office.now.wall = office.now.wall + HOUR * 23;
        office.pass(MINUTE);
        assert!(office.rows().clock.doubted);
        assert_eq!(office.ann(purge_tenant("Acme")), Err(Refused::ClockDoubted));
        office.pass(HOUR);
        expect![[r#"
            30010 system, -: the clock moved by more than a day unseen, in several steps; confirm the date
        "#]]
        .assert_eq(&office.events());
        let today = Date::of(office.now()).to_string();
        office.confirm(&today).unwrap();
        office.now.wall = office.now.wall + HOUR * 23;
        office.pass(MINUTE);
        assert!(
            !office.rows().clock.doubted,
            "counted from the confirmation on"
        );
    }

    #[test]
    fn a_snapshot_forgets_no_jump() {
        let mut office = office("2027-12-30");
        office.now.wall = office.now.wall + HOUR * 23;
        office.pass(MINUTE);
        let restored = restore(&snapshot(office.rows())).unwrap();
        assert_eq!(&restored, office.rows());
        assert!(restored.unseen >= HOUR * 23);
    }

    #[test]
    fn a_clock_that_is_corrected_by_seconds_a_day_is_forgiven_day_by_day() {
        let mut office = office("2027-12-30");
        for _ in 0..40 {
            office.now.wall = office.now.wall + Duration::from_secs(43);
            office.pass(DAY);
        }
        assert!(office.rows().unseen <= MINUTE);
    }

    #[test]
    fn hours_that_the_monotonic_clock_saw_are_no_jump() {
        let mut office = office("2026-12-30");
        office.pass(DAY * 3);
        assert!(!office.rows().clock.doubted);
        assert_eq!(
            office.rows().clock.today,
            Date::parse("2026-11-24").unwrap()
        );
    }

    #[test]
    fn a_clock_that_is_set_is_seen_within_a_second_and_small_corrections_write_nothing() {
        let mut office = office("2026-11-30");
        office.pass(MINUTE * 11);
        let before = office.records.len();
        office.now.wall = Timestamp::parse("2026-12-01T00:00:00Z").unwrap();
        office.pass(Duration::from_secs(1));
        assert_eq!(state(&office), State::Expired);
        assert_eq!(office.records.len() - before, 1);
        for _ in 0..100 {
            office.now.wall = office.now.wall + Duration::from_secs(2);
            office.pass(Duration::from_secs(1));
        }
        assert_eq!(office.records.len() - before, 1);
    }

    #[test]
    fn a_command_is_answered_by_the_day_to_which_the_clock_was_just_set() {
        let mut office = office("2026-11-30");
        office.now.wall = Timestamp::parse("2026-12-20T00:00:00Z").unwrap();
        assert_eq!(office.ann(purge_tenant("Acme")), Err(Refused::ClockDoubted));
        assert_eq!(state(&office), State::Expired);
    }

    #[test]
    fn a_quiet_hour_writes_down_a_tick_each_ten_minutes_and_no_more() {
        let mut office = office("2026-12-30");
        office.pass(MINUTE * 11);
        let before = office.records.len();
        office.pass(HOUR);
        assert_eq!(office.records.len() - before, 6);
    }

    /// What the catalog is told of time: hours that the node runs, is off, or its clock is set by.
    #[derive(Clone, Copy, Debug)]
    enum Told {
        Run(u32),
        Stop(u32),
        Set(u32),
    }

    /// A clock alone, that was told of time in minutes.
    struct Clock {
        rows: Rows,
        wall: Timestamp,
    }

    impl Clock {
        fn new() -> Self {
            let wall = Timestamp::parse("2026-11-21T10:00:00Z").unwrap();
            let mut clock = Self {
                rows: Rows::default(),
                wall,
            };
            clock.tell(Duration::ZERO, None);
            clock
        }

        fn tell(&mut self, moved: Duration, elapsed: Option<Duration>) {
            self.wall = self.wall + moved;
            let mut draft = Draft {
                rows: self.rows.clone(),
                by: &Actor::System,
                at: self.wall,
                agreed: None,
            };
            draft.pass(self.wall, elapsed);
            self.rows = draft.rows;
        }

        fn hear(&mut self, told: Told) {
            match told {
                // As often as a node writes it down.
                Told::Run(minutes) => {
                    for _ in 0..minutes / 10 {
                        self.tell(MINUTE * 10, Some(MINUTE * 10));
                    }
                }
                Told::Stop(minutes) => self.tell(MINUTE * minutes, None),
                Told::Set(minutes) => self.tell(MINUTE * minutes, Some(Duration::ZERO)),
            }
        }

        fn is_doubted(&self) -> bool {
            self.rows.clock.doubted
        }
    }

    #[test]
    fn a_node_that_is_off_every_night_asks_in_no_year() {
        let mut clock = Clock::new();
        for _ in 0..365 {
            clock.hear(Told::Run(16 * 60));
            clock.hear(Told::Stop(8 * 60));
        }
        assert!(!clock.is_doubted());
        assert!(clock.rows.unseen <= HOUR);
    }

    #[test]
    fn a_clock_that_is_set_ahead_by_hours_each_day_is_doubted_on_the_second_however_long_it_ran() {
        let mut clock = Clock::new();
        clock.hear(Told::Run(90 * 24 * 60));
        for _ in 0..5 {
            clock.hear(Told::Set(3 * 60));
            clock.hear(Told::Run(4 * 60));
        }
        assert!(!clock.is_doubted());
        for _ in 0..5 {
            clock.hear(Told::Set(3 * 60));
            clock.hear(Told::Run(4 * 60));
        }
        assert!(clock.is_doubted());
    }

    #[test]
    fn a_node_that_is_stopped_and_set_ahead_again_and_again_is_doubted_the_same_day() {
        let mut clock = Clock::new();
        clock.hear(Told::Run(90 * 24 * 60));
        for _ in 0..37 {
            clock.hear(Told::Stop(60));
        }
        assert!(
            clock.is_doubted(),
            "12 hours are forgiven, and a day is borne"
        );
    }

    fn told() -> impl Strategy<Value = Told> {
        prop_oneof![
            3 => (0_u32..48 * 60).prop_map(Told::Run),
            2 => (0_u32..20 * 60).prop_map(Told::Stop),
            1 => (0_u32..10 * 60).prop_map(Told::Set),
        ]
    }

    proptest! {
        /// Whatever the day is told, so long as nobody doubts it: by how much it may be ahead.
        #[test]
        fn a_day_that_is_not_doubted_is_ahead_by_little_more_than_a_day(
            history in prop::collection::vec(told(), 0..60),
        ) {
            let mut clock = Clock::new();
            let (mut ran, mut set, mut off) = (0, 0, 0);
            for told in history {
                clock.hear(told);
                match told {
                    Told::Run(minutes) => ran += minutes / 10 * 10,
                    Told::Stop(minutes) => off += minutes,
                    Told::Set(minutes) => set += minutes,
                }
                if clock.is_doubted() {
                    return Ok(());
                }
                prop_assert!(set <= 24 * 60 + ran / 1440 + 1, "set ahead by {set}");
                prop_assert!(set + off <= 24 * 60 + ran / 1440 + 1 + ran / 3 * 2 + 2);
            }
        }

        #[test]
        fn a_node_that_runs_longer_than_it_is_off_is_never_doubted(
            days in prop::collection::vec((6_u32..48).prop_flat_map(|run| {
                (Just(run * 60), 0..=(run * 40).min(12 * 60))
            }), 0..60),
        ) {
            let mut clock = Clock::new();
            for (run, stop) in days {
                clock.hear(Told::Run(run));
                clock.hear(Told::Stop(stop));
                prop_assert!(!clock.is_doubted());
            }
        }
    }
}
