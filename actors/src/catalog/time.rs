//! The catalog's time and what passes with it: the day, the doubt, leases, requests that lapse.
//!
//! The day follows the wall clock and never goes back, but by an operator's confirmation. A jump of
//! more than a day that no monotonic clock saw is doubted, a long stop included: leases end by the
//! new day at once, and nothing irreversible happens until somebody confirms the day.

use std::time::Duration;

use super::command::ClockCommand;
use super::draft::{Draft, alter};
use super::events::Code;
use super::rows::{ClockRow, Tenant};
use super::{Outcome, Refused};
use crate::kernel::{Date, Timestamp};

/// A jump of more than this is doubted.
const JUMP_MAX: Duration = Duration::from_secs(86_400);
/// A lease's end is announced so many days before (D1).
const WARNINGS: [u32; 4] = [0, 1, 7, 14];

impl Draft<'_> {
    pub(super) fn clock(&mut self, command: &ClockCommand) -> Result<Outcome, Refused> {
        match command {
            ClockCommand::Tick { wall, elapsed } => self.tick(*wall, *elapsed),
            ClockCommand::Confirm { today } => self.confirm(*today),
        }
        Ok(Outcome::Done)
    }

    fn tick(&mut self, wall: Timestamp, elapsed: Option<Duration>) {
        let old = self.rows.clock;
        let first = old == ClockRow::default();
        let expected = old.wall + elapsed.unwrap_or_default();
        let jump = wall.since(expected).max(expected.since(wall));
        let clock = &mut self.rows.clock;
        clock.wall = wall;
        clock.today = old.today.max(old.day(wall));
        if !first && jump > JUMP_MAX {
            clock.doubted = true;
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
        // A lease that a wrong clock ended will end once more, and be announced again then.
        let revived = |row: &Tenant| row.ended && row.lease.is_none_or(|lease| today <= lease);
        alter(&mut self.rows.tenants, revived, |row| row.ended = false);
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
            let Some(row) = self.rows.tenants.get_mut(&name) else {
                continue;
            };
            let (code, text) = match notice {
                Notice::Ended => {
                    row.ended = true;
                    (Code::LeaseEnded, format!("the lease ended with {lease}"))
                }
                Notice::Soon(step) => {
                    row.warned = Some(step);
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
