//! Words of the trade of tapes: days of a schedule, and media sets. Each is shown as it
//! would be written.

use std::collections::BTreeSet;
use std::fmt;

use holdfast_actors::names::TapeName;
use holdfast_actors::tape::pool::{Retention, SetRules};
use holdfast_actors::tape::{MediaSet, MonthDay, Nth, Quarter, Schedule, Weekday, Yearly};
use serde::{Deserialize, Serialize};

use crate::commands::values::{ValueError, as_text};

/// What stands for a set that is off.
const NONE: &str = "none";
const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const NTHS: [(&str, Nth); 5] = [
    ("first", Nth::First),
    ("second", Nth::Second),
    ("third", Nth::Third),
    ("fourth", Nth::Fourth),
    ("last", Nth::Last),
];
const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

fn weekday(text: &str) -> Option<Weekday> {
    let at = WEEKDAYS.iter().position(|word| *word == text)?;
    Some(Weekday::ALL[at])
}

fn month_day(text: &str) -> Option<MonthDay> {
    if text == "last" {
        return Some(MonthDay::Last);
    }
    if let Some((nth, day)) = text.split_once('-') {
        let (_, nth) = NTHS.iter().find(|(word, _)| *word == nth)?;
        return Some(MonthDay::Nth(*nth, weekday(day)?));
    }
    let day: u8 = text.parse().ok()?;
    let is_day = (1..=31).contains(&day) && day.to_string() == text;
    is_day.then_some(MonthDay::Day(day))
}

/// A day of a month, as [`Monthly`] parses it.
fn spelled(day: MonthDay) -> String {
    match day {
        MonthDay::Nth(nth, day) => {
            let word = NTHS.iter().find(|(_, it)| *it == nth);
            let word = word.map_or("last", |(word, _)| *word);
            format!("{word}-{}", WEEKDAYS[day as usize])
        }
        MonthDay::Day(day) => day.to_string(),
        MonthDay::Last => "last".to_owned(),
    }
}

/// Weekdays of the daily set; none of them for a set that is off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Daily(pub BTreeSet<Weekday>);

impl Daily {
    /// Parses days with commas between them, or `none`.
    ///
    /// # Errors
    /// When a word is no day.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        if text == NONE {
            return Ok(Self(BTreeSet::new()));
        }
        let days: Option<BTreeSet<Weekday>> = text.split(',').map(weekday).collect();
        let wanted = "days such as mon,tue,wed,thu,fri,sat,sun, or 'none'";
        days.map(Self).ok_or_else(|| ValueError::new(text, wanted))
    }
}

impl fmt::Display for Daily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days: Vec<&str> = self.0.iter().map(|day| WEEKDAYS[*day as usize]).collect();
        match days.is_empty() {
            true => f.write_str(NONE),
            false => f.write_str(&days.join(",")),
        }
    }
}

as_text!(Daily);

macro_rules! on_a_day {
    ($(#[$doc:meta])* $name:ident, $day:ty, $wanted:literal, $parse:expr, $show:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(pub Option<$day>);

        impl $name {
            /// Parses a day, or `none`.
            ///
            /// # Errors
            /// When the text is neither.
            pub fn parse(text: &str) -> Result<Self, ValueError> {
                if text == NONE {
                    return Ok(Self(None));
                }
                let parse: fn(&str) -> Option<$day> = $parse;
                let day = parse(text).ok_or_else(|| ValueError::new(text, $wanted))?;
                Ok(Self(Some(day)))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let show: fn($day) -> String = $show;
                f.write_str(&self.0.map_or_else(|| NONE.to_owned(), show))
            }
        }

        as_text!($name);
    };
}

on_a_day!(
    /// The day of the weekly set.
    Weekly,
    Weekday,
    "a day such as sat, or 'none'",
    weekday,
    |day| WEEKDAYS[day as usize].to_owned()
);

on_a_day!(
    /// The day of the monthly set.
    Monthly,
    MonthDay,
    "a day of the month such as 1, last, or last-sat, or 'none'",
    month_day,
    spelled
);

on_a_day!(
    /// The day of the quarterly set, in the first month of the quarter or in the last.
    Quarterly,
    Quarter,
    "a day of the quarter's first month or last, such as first:1 or last:last-sat, or 'none'",
    |text| {
        let (month, day) = text.split_once(':').unwrap_or(("first", text));
        let is_last_month = match month {
            "first" => false,
            "last" => true,
            _ => return None,
        };
        let day = month_day(day)?;
        Some(Quarter { is_last_month, day })
    },
    |quarter| {
        let month = if quarter.is_last_month { "last" } else { "first" };
        format!("{month}:{}", spelled(quarter.day))
    }
);

on_a_day!(
    /// The day of the yearly set.
    OnceAYear,
    Yearly,
    "a day of the year such as jan:1 or dec:last-sat, or 'none'",
    |text| {
        let (month, day) = text.split_once(':')?;
        let month = MONTHS.iter().position(|word| *word == month)? + 1;
        let month = u8::try_from(month).ok()?;
        let day = month_day(day)?;
        Some(Yearly { month, day })
    },
    |year| {
        let month = MONTHS[usize::from(year.month.clamp(1, 12)) - 1];
        format!("{month}:{}", spelled(year.day))
    }
);

/// A time of the day, UTC, in minutes after midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeOfDay(pub u16);

impl TimeOfDay {
    /// Parses `HH:MM`.
    ///
    /// # Errors
    /// When the text has another form.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let two = |digits: &str, most: u16| {
            let is_two = digits.len() == 2 && digits.bytes().all(|it| it.is_ascii_digit());
            let number: u16 = digits.parse().ok().filter(|_| is_two)?;
            (number <= most).then_some(number)
        };
        let parts = text.split_once(':');
        let parts = parts.and_then(|(hour, minute)| Some((two(hour, 23)?, two(minute, 59)?)));
        let wanted = "a time of the day such as 22:30, in UTC";
        let (hour, minute) = parts.ok_or_else(|| ValueError::new(text, wanted))?;
        Ok(Self(hour * 60 + minute))
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

as_text!(TimeOfDay);

/// One of the five media sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Set(pub MediaSet);

impl Set {
    /// Parses its name.
    ///
    /// # Errors
    /// When there is no such set.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let set = MediaSet::ALL
            .into_iter()
            .find(|set| set.to_string() == text);
        let wanted = "a media set: daily, weekly, monthly, quarterly or yearly";
        set.map(Self).ok_or_else(|| ValueError::new(text, wanted))
    }
}

impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

as_text!(Set);

/// A media set of a pool, and what it does with cartridges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SetRule {
    /// Which.
    pub set: Set,
    /// What it does.
    pub rules: SetRules,
}

impl SetRule {
    /// Parses `daily:14d`, `weekly:28d:append`, `monthly:cyclic` or `yearly:forever`.
    ///
    /// # Errors
    /// When a part is none of these.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let wanted = "a media set with how long it is kept, such as daily:14d, \
                      weekly:28d:append, monthly:cyclic, or yearly:forever";
        let wrong = || ValueError::new(text, wanted);
        let mut parts = text.split(':');
        let set = parts.next().and_then(|set| Set::parse(set).ok());
        let retention = match parts.next().ok_or_else(wrong)? {
            "cyclic" => Retention::None,
            "forever" => Retention::Forever,
            days => {
                let days = days.strip_suffix('d').and_then(|days| days.parse().ok());
                Retention::Days(days.ok_or_else(wrong)?)
            }
        };
        let appends = match parts.next() {
            None => false,
            Some("append") => true,
            Some(_) => return Err(wrong()),
        };
        if parts.next().is_some() {
            return Err(wrong());
        }
        let set = set.ok_or_else(wrong)?;
        let rules = SetRules { retention, appends };
        Ok(Self { set, rules })
    }

    /// What a set does unless somebody says otherwise (`R10.7`): the daily one goes on where it
    /// was, the others begin anew.
    pub fn usual(set: MediaSet) -> Self {
        let rules = SetRules {
            retention: Retention::usual(set),
            appends: !set.is_whole(),
        };
        Self {
            set: Set(set),
            rules,
        }
    }
}

impl fmt::Display for SetRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = match self.rules.retention {
            Retention::None => "cyclic".to_owned(),
            Retention::Days(days) => format!("{days}d"),
            Retention::Forever => "forever".to_owned(),
        };
        let append = if self.rules.appends { ":append" } else { "" };
        write!(f, "{}:{kept}{append}", self.set)
    }
}

as_text!(SetRule);

/// A media set of a pool, and the vault of what it exports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct InVault {
    /// Which.
    pub set: Set,
    /// Where to.
    pub vault: TapeName,
}

impl InVault {
    /// Parses `daily=bank`.
    ///
    /// # Errors
    /// When a part is missing or wrong.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let wanted = "a media set and a vault, such as daily=bank";
        let parts = text.split_once('=').and_then(|(set, vault)| {
            let set = Set::parse(set).ok()?;
            let vault = TapeName::parse(vault).ok()?;
            Some(Self { set, vault })
        });
        parts.ok_or_else(|| ValueError::new(text, wanted))
    }
}

impl fmt::Display for InVault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.set, self.vault)
    }
}

as_text!(InVault);

/// A schedule in words, a part each: `at 22:30`, `daily mon,tue`, `weekly sat`.
pub fn told(schedule: &Schedule) -> Vec<String> {
    let mut told = vec![format!("at {}", TimeOfDay(schedule.at_minutes))];
    let mut on = |set: MediaSet, days: String| {
        if days != NONE {
            told.push(format!("{set} {days}"));
        }
    };
    on(MediaSet::Daily, Daily(schedule.daily.clone()).to_string());
    on(MediaSet::Weekly, Weekly(schedule.weekly).to_string());
    on(MediaSet::Monthly, Monthly(schedule.monthly).to_string());
    on(
        MediaSet::Quarterly,
        Quarterly(schedule.quarterly).to_string(),
    );
    on(MediaSet::Yearly, OnceAYear(schedule.yearly).to_string());
    told
}

#[cfg(test)]
mod tests {
    use super::super::named::{MediumRef, Whole, restore_id};
    use super::*;

    #[track_caller]
    fn same<T: fmt::Display>(texts: &[&str], parse: fn(&str) -> Result<T, ValueError>) {
        for text in texts {
            assert_eq!(parse(text).unwrap().to_string(), *text);
        }
    }

    #[track_caller]
    fn wrong<T: fmt::Debug>(texts: &[&str], parse: fn(&str) -> Result<T, ValueError>) {
        for text in texts {
            assert!(parse(text).is_err(), "{text}: {:?}", parse(text));
        }
    }

    #[test]
    fn days_are_shown_as_they_would_be_written() {
        same(&["mon", "mon,sun", "none"], Daily::parse);
        same(&["sat", "none"], Weekly::parse);
        same(
            &["1", "31", "last", "last-sat", "first-mon", "none"],
            Monthly::parse,
        );
        same(&["first:1", "last:last-sat", "none"], Quarterly::parse);
        same(
            &["jan:1", "dec:last", "jun:second-tue", "none"],
            OnceAYear::parse,
        );
        same(&["00:00", "23:59"], TimeOfDay::parse);
    }

    #[test]
    fn days_mean_what_they_say() {
        let last_saturday = MonthDay::Nth(Nth::Last, Weekday::Saturday);
        assert_eq!(Monthly::parse("last-sat").unwrap().0, Some(last_saturday));
        assert_eq!(Monthly::parse("1").unwrap().0, Some(MonthDay::Day(1)));
        assert_eq!(Monthly::parse("last").unwrap().0, Some(MonthDay::Last));
        let first = Quarterly::parse("1").unwrap();
        assert_eq!(first.to_string(), "first:1", "the first month is meant");
        assert_eq!(OnceAYear::parse("dec:1").unwrap().0.unwrap().month, 12);
        assert_eq!(TimeOfDay::parse("22:30").unwrap().0, 1350);
    }

    #[test]
    fn what_is_no_day_is_refused() {
        wrong(&["", "Mon", "mon,", "mon, tue", "none,mon"], Daily::parse);
        wrong(&["", "sat,sun", "6"], Weekly::parse);
        wrong(
            &["0", "32", "01", "+1", "fifth-sat", "last-", "-1", "sat"],
            Monthly::parse,
        );
        wrong(&["second:1", "first:", ":1", "first:0"], Quarterly::parse);
        wrong(&["1", "13:1", "january:1", "jan:32"], OnceAYear::parse);
        wrong(
            &["24:00", "1:00", "01:60", "0100", "+1:00"],
            TimeOfDay::parse,
        );
    }

    #[test]
    fn sets_and_cartridges_are_shown_as_they_would_be_written() {
        same(&["daily", "yearly"], Set::parse);
        same(
            &[
                "daily:14d",
                "weekly:28d:append",
                "monthly:cyclic",
                "yearly:forever",
            ],
            SetRule::parse,
        );
        wrong(
            &[
                "daily",
                "daily:14",
                "never:1d",
                "daily:1d:often",
                "daily:1d:append:",
            ],
            SetRule::parse,
        );
        same(&["daily=bank", "yearly=box-7"], InVault::parse);
        wrong(&["daily", "daily=", "=bank", "hourly=bank"], InVault::parse);
        let id = "00000000-0000-0000-0000-0000000000ff";
        same(&["BK0001L9", id], MediumRef::parse);
        wrong(&["bk0001l9", "ff", "", "BK01"], MediumRef::parse);
        same(&["acme/main"], Whole::parse);
        wrong(&["acme", "/main", "acme/", "acme/a/b"], Whole::parse);
        assert_eq!(restore_id("restore-7").unwrap(), restore_id("7").unwrap());
    }

    #[test]
    fn a_schedule_is_told_by_what_is_on() {
        let schedule = Schedule {
            at_minutes: 60,
            weekly: Some(Weekday::Saturday),
            monthly: Some(MonthDay::Last),
            ..Schedule::default()
        };
        assert_eq!(told(&schedule), ["at 01:00", "weekly sat", "monthly last"]);
    }
}
