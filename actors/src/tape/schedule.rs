//! On which days a tape job writes, and to which of its media sets.
//!
//! Days are days in UTC, as all days of the catalog are.

use std::collections::BTreeSet;
use std::fmt;

use jiff::{Span, ToSpan as _, civil};
use serde::{Deserialize, Serialize};

use crate::kernel::Date;

/// The media sets of a GFS pool, younger before elder (`R10.1`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum MediaSet {
    /// Takes what is new since the last copy.
    Daily,
    /// This and all elder ones take the whole view of a repository.
    Weekly,
    /// Once a month.
    Monthly,
    /// Once in three months.
    Quarterly,
    /// Once a year.
    Yearly,
}

impl MediaSet {
    /// All, younger before elder.
    pub const ALL: [Self; 5] = [
        Self::Daily,
        Self::Weekly,
        Self::Monthly,
        Self::Quarterly,
        Self::Yearly,
    ];

    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
            Self::Quarterly => "quarterly",
            Self::Yearly => "yearly",
        }
    }

    /// Whether what it takes stands on its own.
    pub fn is_whole(self) -> bool {
        self > Self::Daily
    }
}

impl fmt::Display for MediaSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is its own name")]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

impl Weekday {
    /// Monday before Sunday.
    pub const ALL: [Self; 7] = [
        Self::Monday,
        Self::Tuesday,
        Self::Wednesday,
        Self::Thursday,
        Self::Friday,
        Self::Saturday,
        Self::Sunday,
    ];

    /// The one on which a day lies: the first day of all was a Thursday.
    pub fn of(day: Date) -> Self {
        Self::ALL[(day.days() as usize + 3) % 7]
    }
}

/// Which of the weekdays of one name in a month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is its own name")]
pub enum Nth {
    First,
    Second,
    Third,
    Fourth,
    Last,
}

/// A day of a month (`R10.21`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum MonthDay {
    /// For example the last Saturday.
    Nth(Nth, Weekday),
    /// From 1 to 31. In a month that is shorter it is the last day: a set is never left out for
    /// the calendar's sake. Zero is the first.
    Day(u8),
    /// The last day.
    Last,
}

/// When the quarterly set is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Quarter {
    /// In the last month of the quarter rather than in the first.
    pub is_last_month: bool,
    /// On which day of it.
    pub day: MonthDay,
}

/// When the yearly set is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Yearly {
    /// From 1 to 12.
    pub month: u8,
    /// On which day of it.
    pub day: MonthDay,
}

/// When a tape job writes to its media sets; a set that is off is never due (`R10.1`, `R10.21`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Minutes after midnight at which the job looks whether there is something to do.
    pub at_minutes: u16,
    /// Off if empty.
    pub daily: BTreeSet<Weekday>,
    /// Off if none, as all below.
    pub weekly: Option<Weekday>,
    /// See [`MediaSet::Monthly`].
    pub monthly: Option<MonthDay>,
    /// See [`MediaSet::Quarterly`].
    pub quarterly: Option<Quarter>,
    /// See [`MediaSet::Yearly`].
    pub yearly: Option<Yearly>,
}

impl Schedule {
    /// The set that is written on a day. If several are due only the eldest counts (10.6, step 1).
    pub fn due(&self, day: Date) -> Option<MediaSet> {
        MediaSet::ALL
            .into_iter()
            .rfind(|set| self.is_due(*set, day))
    }

    /// The sets that are on, younger before elder.
    pub fn sets(&self) -> impl Iterator<Item = MediaSet> {
        let is_on = |set: &MediaSet| match set {
            MediaSet::Daily => !self.daily.is_empty(),
            MediaSet::Weekly => self.weekly.is_some(),
            MediaSet::Monthly => self.monthly.is_some(),
            MediaSet::Quarterly => self.quarterly.is_some(),
            MediaSet::Yearly => self.yearly.is_some(),
        };
        MediaSet::ALL.into_iter().filter(is_on)
    }

    /// Whether one set is due on a day, whatever else is.
    pub fn is_due(&self, set: MediaSet, day: Date) -> bool {
        match set {
            MediaSet::Daily => self.daily.contains(&Weekday::of(day)),
            MediaSet::Weekly => self.weekly == Some(Weekday::of(day)),
            MediaSet::Monthly => self.monthly.is_some_and(|it| it.is(day, |_| true)),
            MediaSet::Quarterly => self.quarterly.is_some_and(|it| {
                let rest = if it.is_last_month { 0 } else { 1 };
                it.day.is(day, |month| month % 3 == rest)
            }),
            MediaSet::Yearly => self
                .yearly
                .is_some_and(|it| it.day.is(day, |month| month == it.month)),
        }
    }
}

impl MonthDay {
    /// Whether a day is this one, in a month that counts.
    fn is(self, day: Date, counts: impl Fn(u8) -> bool) -> bool {
        let Some(date) = civil_of(day) else {
            return false;
        };
        counts(date.month().unsigned_abs()) && self.in_month_of(date) == Some(date)
    }

    fn in_month_of(self, date: civil::Date) -> Option<civil::Date> {
        match self {
            Self::Nth(nth, weekday) => {
                let nth = match nth {
                    Nth::First => 1,
                    Nth::Second => 2,
                    Nth::Third => 3,
                    Nth::Fourth => 4,
                    Nth::Last => -1,
                };
                let monday = civil::Weekday::Monday;
                let weekday = monday.wrapping_add(weekday as i64);
                date.nth_weekday_of_month(nth, weekday).ok()
            }
            Self::Day(day) => {
                let day = i64::from(day.max(1)) - 1;
                let wanted = date.first_of_month().checked_add(day.days()).ok()?;
                Some(wanted.min(date.last_of_month()))
            }
            Self::Last => Some(date.last_of_month()),
        }
    }
}

/// None beyond the years that a calendar has.
fn civil_of(day: Date) -> Option<civil::Date> {
    let since = Span::new().try_days(day.days()).ok()?;
    civil::date(1970, 1, 1).checked_add(since).ok()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> Date {
        Date::parse(text).unwrap()
    }

    fn full() -> Schedule {
        Schedule {
            at_minutes: 0,
            daily: Weekday::ALL.into(),
            weekly: Some(Weekday::Saturday),
            monthly: Some(MonthDay::Nth(Nth::Last, Weekday::Sunday)),
            quarterly: Some(Quarter {
                is_last_month: false,
                day: MonthDay::Day(1),
            }),
            yearly: Some(Yearly {
                month: 1,
                day: MonthDay::Day(1),
            }),
        }
    }

    /// T10.2.
    #[test]
    fn over_a_year_the_eldest_set_of_a_day_is_written() {
        let (schedule, first) = (full(), day("2027-01-01"));
        let days = (0..365).map(|it| first.plus(it));
        let elder: Vec<_> = days
            .filter_map(|day| Some((day, schedule.due(day)?)))
            .filter(|(_, set)| *set > MediaSet::Weekly)
            .map(|(day, set)| format!("{day} {set:?}"))
            .collect();
        expect![[r#"
            2027-01-01 Yearly
            2027-01-31 Monthly
            2027-02-28 Monthly
            2027-03-28 Monthly
            2027-04-01 Quarterly
            2027-04-25 Monthly
            2027-05-30 Monthly
            2027-06-27 Monthly
            2027-07-01 Quarterly
            2027-07-25 Monthly
            2027-08-29 Monthly
            2027-09-26 Monthly
            2027-10-01 Quarterly
            2027-10-31 Monthly
            2027-11-28 Monthly
            2027-12-26 Monthly"#]]
        .assert_eq(&elder.join("\n"));
        assert_eq!(schedule.due(day("2027-01-02")), Some(MediaSet::Weekly));
        assert_eq!(schedule.due(day("2027-01-04")), Some(MediaSet::Daily));
    }

    #[test]
    fn a_set_that_is_off_is_never_due() {
        let schedule = Schedule {
            weekly: Some(Weekday::Monday),
            ..Schedule::default()
        };
        assert_eq!(schedule.due(day("2026-11-23")), Some(MediaSet::Weekly));
        assert_eq!(schedule.due(day("2026-11-24")), None);
    }

    #[test]
    fn a_month_without_the_day_has_its_last() {
        let schedule = Schedule {
            monthly: Some(MonthDay::Day(31)),
            ..Schedule::default()
        };
        assert_eq!(schedule.due(day("2028-02-29")), Some(MediaSet::Monthly));
        assert_eq!(schedule.due(day("2028-02-28")), None);
        assert_eq!(schedule.due(day("2028-03-31")), Some(MediaSet::Monthly));
    }

    fn month_day() -> impl Strategy<Value = MonthDay> {
        let nth = [Nth::First, Nth::Second, Nth::Third, Nth::Fourth, Nth::Last];
        let named = (0..5_usize, 0..7_usize);
        prop_oneof![
            named.prop_map(move |(n, day)| MonthDay::Nth(nth[n], Weekday::ALL[day])),
            (0..40_u8).prop_map(MonthDay::Day),
            Just(MonthDay::Last),
        ]
    }

    proptest! {
        #[test]
        fn each_month_has_its_day_once(
            which in month_day(), year in 1970..2400_i16, month in 1..13_i8,
        ) {
            let first = civil::date(year, month, 1);
            let since = first.since(civil::date(1970, 1, 1)).unwrap().get_days();
            let first_day = Date::from_days(u32::try_from(since).unwrap());
            let days = first.days_in_month().unsigned_abs();
            let found = (0..u32::from(days)).filter(|it| which.is(first_day.plus(*it), |_| true));
            prop_assert_eq!(found.count(), 1);
        }

        #[test]
        fn no_day_is_too_far(which in month_day(), days: u32) {
            let schedule = Schedule { monthly: Some(which), ..Schedule::default() };
            let _ = schedule.due(Date::from_days(days));
        }
    }
}
