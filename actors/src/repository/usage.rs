//! Byte-milliseconds by month: what a tenant is billed by.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::kernel::{Date, Size, Timestamp};

/// The last moment that is metered, the end of the year 9998: clocks that say more are wrong.
pub(super) const TIME_MAX: Timestamp = Timestamp::from_millis(253_370_764_800_000);

/// Byte-milliseconds of live objects by month, named by its first day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage(BTreeMap<Date, u128>);

impl Usage {
    /// Adds `size` for the time from one instant to another.
    pub(super) fn add(&mut self, size: Size, from: Timestamp, to: Timestamp) {
        let (mut from, to) = (from, to.min(TIME_MAX));
        while from < to && size > Size::ZERO {
            let (month, next) = month(Date::of(from));
            let until = next.start().min(to);
            let millis = until.since(from).as_millis();
            *self.0.entry(month).or_default() += u128::from(size.as_bytes()) * millis;
            from = until;
        }
    }

    /// Byte-seconds by month, cut to whole ones.
    pub(super) fn byte_seconds(&self) -> BTreeMap<Date, u128> {
        let each = self.0.iter();
        each.map(|(month, millis)| (*month, millis / 1000))
            .collect()
    }
}

/// The first day of the month in which a day lies, and of the next one.
fn month(day: Date) -> (Date, Date) {
    let first = Date::from_days(day.days() - (day_of_month(day) - 1));
    // No month has more than 31 days, and 31 days on lies always in the next one.
    let beyond = first.plus(31);
    let next = Date::from_days(beyond.days() - (day_of_month(beyond) - 1));
    (first, next)
}

/// 1 to 31, by the Gregorian calendar: years are counted from March, so that the leap day is last.
const fn day_of_month(day: Date) -> u32 {
    let days = day.days() as u64 + 719_468;
    let of_era = days % 146_097;
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    (of_year - (153 * month + 2) / 5 + 1) as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    proptest! {
        #[test]
        fn a_month_begins_on_its_first_and_ends_before_the_next(days in 0_u32..2_900_000) {
            let day = Date::from_days(days);
            let (first, next) = month(day);
            prop_assert!(first <= day && day < next);
            prop_assert!(first.to_string().ends_with("-01"));
            prop_assert!(next.to_string().ends_with("-01"));
            prop_assert_eq!(&first.to_string()[..7], &day.to_string()[..7]);
        }
    }

    #[test]
    fn usage_is_cut_where_a_month_ends() {
        let mut usage = Usage::default();
        usage.add(
            Size::bytes(10),
            at("2024-02-29T23:59:00Z"),
            at("2024-04-01T00:00:01Z"),
        );
        let shown: Vec<String> = usage
            .byte_seconds()
            .iter()
            .map(|(month, seconds)| format!("{month} {seconds}"))
            .collect();
        expect_test::expect!["2024-02-01 600, 2024-03-01 26784000, 2024-04-01 10"]
            .assert_eq(&shown.join(", "));
    }

    #[test]
    fn a_clock_beyond_all_calendars_is_not_metered() {
        let mut usage = Usage::default();
        let end = Timestamp::from_millis(u64::MAX);
        usage.add(Size::bytes(1), at("9998-12-31T23:59:59Z"), end);
        assert_eq!(
            usage.byte_seconds().values().copied().collect::<Vec<_>>(),
            [1]
        );
        usage.add(Size::bytes(1), end, end);
    }
}
