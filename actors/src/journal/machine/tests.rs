//! Scripts: what is told to a journal, and what it asks for.

use std::fmt::Write as _;

use expect_test::{Expect, expect};

use super::*;
use crate::kernel::Timestamp;

/// Runs a script against a journal of 1,000-byte segments: a time in seconds, an event, its
/// numbers.
fn check(script: &str, expected: Expect) {
    let position = Position {
        next: Sequence::new(1),
        segments: BTreeSet::new(),
        at: 0,
        snapshots: BTreeSet::new(),
    };
    check_from(position, script, expected);
}

fn check_from(position: Position, script: &str, expected: Expect) {
    let options = Options {
        segment_bytes: 1_000,
    };
    let mut journal = Journal::new(position, options);
    let mut told = String::new();
    for line in script.lines().map(str::trim) {
        let mut words = line.split_whitespace();
        let seconds = words.next().unwrap().trim_end_matches(':').parse().unwrap();
        let now = Now {
            monotonic: Instant::default() + Duration::from_secs(seconds),
            wall: Timestamp::default(),
        };
        let word = words.next().unwrap();
        let numbers: Vec<u32> = words.map(|word| word.parse().unwrap()).collect();
        let ticket = |place: usize| Ticket::new(numbers[place].into());
        let mut acts = Acts::default();
        let event = match word {
            "append" => Event::Append {
                ticket: ticket(0),
                length: numbers[1],
            },
            "opened" => Event::Opened,
            "written" => Event::Written,
            "full" => Event::Full,
            "broken" => Event::Broken {
                reason: "gone".to_owned(),
            },
            "snapshot" => Event::Snapshot {
                ticket: ticket(0),
                through: Sequence::new(numbers[1].into()),
            },
            "kept" => Event::Kept,
            "dropped" => Event::Dropped,
            "purged" => Event::Purged(journal.superfluous()),
            "wake" => {
                journal.wake(now, &mut acts);
                tell(&mut told, seconds, acts);
                continue;
            }
            other => panic!("no event {other:?}"),
        };
        journal.step(now, event, &mut acts);
        tell(&mut told, seconds, acts);
    }
    expected.assert_eq(&told);
}

fn tell(told: &mut String, seconds: u64, acts: Acts<Journal>) {
    for act in acts {
        writeln!(told, "{seconds}: {act:?}").unwrap();
    }
}

#[test]
fn what_arrives_during_a_write_is_served_by_the_next_one() {
    check(
        "0: append 1 10
         0: append 2 10
         0: opened
         0: append 3 10
         0: append 4 10
         1: written
         1: written",
        expect![[r#"
            0: Start Create { segment: #1 }
            0: Start Write { at: 0, first: #1, tickets: ticket-1 to ticket-2 }
            1: Show Answer { first: #1, tickets: ticket-1 to ticket-2 }
            1: Start Write { at: 84, first: #3, tickets: ticket-3 to ticket-4 }
            1: Show Answer { first: #3, tickets: ticket-3 to ticket-4 }
        "#]],
    );
}

#[test]
fn a_record_that_does_not_fit_begins_a_segment() {
    check(
        "0: append 1 900
         0: opened
         0: append 2 36
         0: append 3 10
         0: written
         0: written
         0: opened
         0: written",
        expect![[r#"
            0: Start Create { segment: #1 }
            0: Start Write { at: 0, first: #1, tickets: ticket-1 }
            0: Show Answer { first: #1, tickets: ticket-1 }
            0: Start Write { at: 932, first: #2, tickets: ticket-2 }
            0: Show Answer { first: #2, tickets: ticket-2 }
            0: Start Create { segment: #3 }
            0: Start Write { at: 0, first: #3, tickets: ticket-3 }
            0: Show Answer { first: #3, tickets: ticket-3 }
        "#]],
    );
}

#[test]
fn a_record_larger_than_a_segment_gets_one_of_its_own() {
    check(
        "0: append 1 2000
         0: append 2 10
         0: opened
         0: written
         0: opened
         0: written",
        expect![[r#"
            0: Start Create { segment: #1 }
            0: Start Write { at: 0, first: #1, tickets: ticket-1 }
            0: Show Answer { first: #1, tickets: ticket-1 }
            0: Start Create { segment: #2 }
            0: Start Write { at: 0, first: #2, tickets: ticket-2 }
            0: Show Answer { first: #2, tickets: ticket-2 }
        "#]],
    );
}

#[test]
fn a_recovered_segment_is_opened_before_it_is_written() {
    let position = Position {
        next: Sequence::new(8),
        segments: [Sequence::new(5)].into(),
        at: 300,
        snapshots: BTreeSet::new(),
    };
    check_from(
        position,
        "0: append 1 10
         0: append 2 10
         0: opened
         0: written",
        expect![[r#"
            0: Start Open { segment: #5 }
            0: Start Write { at: 300, first: #8, tickets: ticket-1 to ticket-2 }
            0: Show Answer { first: #8, tickets: ticket-1 to ticket-2 }
        "#]],
    );
}

#[test]
fn a_full_disk_is_tried_again_and_loses_nothing() {
    check(
        "0: append 1 10
         0: full
         0: append 2 10
         0: wake
         1: wake
         1: opened
         1: full
         2: wake
         2: written",
        expect![[r#"
            0: Start Create { segment: #1 }
            1: Start Create { segment: #1 }
            1: Start Write { at: 0, first: #1, tickets: ticket-1 to ticket-2 }
            2: Start Write { at: 0, first: #1, tickets: ticket-1 to ticket-2 }
            2: Show Answer { first: #1, tickets: ticket-1 to ticket-2 }
        "#]],
    );
}

#[test]
fn after_a_failure_nobody_is_answered_but_with_a_refusal() {
    check(
        "0: append 1 10
         0: opened
         0: append 2 10
         0: broken
         0: append 3 10
         0: written
         0: opened
         0: broken
         0: snapshot 4 0",
        expect![[r#"
            0: Start Create { segment: #1 }
            0: Start Write { at: 0, first: #1, tickets: ticket-1 }
            0: Show End { reason: "gone" }
            0: Show Refuse { tickets: ticket-1 to ticket-2 }
            0: Show Refuse { tickets: ticket-3 }
            0: Show RefuseSnapshot { ticket: ticket-4, reason: Ended }
        "#]],
    );
}

#[test]
fn a_snapshot_is_of_durable_records_and_newer_than_the_last() {
    check(
        "0: append 1 10
         0: opened
         0: snapshot 2 1
         0: written
         0: snapshot 3 1
         0: snapshot 4 1
         0: kept
         0: snapshot 5 1
         0: append 6 10
         0: written
         0: snapshot 7 2
         0: dropped
         0: snapshot 8 2",
        expect![[r#"
            0: Start Create { segment: #1 }
            0: Start Write { at: 0, first: #1, tickets: ticket-1 }
            0: Show RefuseSnapshot { ticket: ticket-2, reason: Ahead }
            0: Show Answer { first: #1, tickets: ticket-1 }
            0: Start Keep { ticket: ticket-3, through: #1 }
            0: Show RefuseSnapshot { ticket: ticket-4, reason: Busy }
            0: Show AnswerSnapshot { ticket: ticket-3 }
            0: Show RefuseSnapshot { ticket: ticket-5, reason: Stale }
            0: Start Write { at: 42, first: #2, tickets: ticket-6 }
            0: Show Answer { first: #2, tickets: ticket-6 }
            0: Start Keep { ticket: ticket-7, through: #2 }
            0: Show AnswerSnapshot { ticket: ticket-7 }
            0: Start Keep { ticket: ticket-8, through: #2 }
        "#]],
    );
}

#[test]
fn two_snapshots_stay_and_all_records_since_the_older_one() {
    let position = Position {
        next: Sequence::new(40),
        segments: [1, 10, 20, 30].map(Sequence::new).into(),
        at: 300,
        snapshots: [5, 19].map(Sequence::new).into(),
    };
    check_from(
        position,
        "0: snapshot 1 35
         0: kept
         0: snapshot 2 36
         0: kept
         0: purged
         0: snapshot 3 39
         0: kept",
        expect![[r#"
            0: Start Keep { ticket: ticket-1, through: #35 }
            0: Show AnswerSnapshot { ticket: ticket-1 }
            0: Start Purge(Files { segments: [#1, #10], snapshots: [#5] })
            0: Start Keep { ticket: ticket-2, through: #36 }
            0: Show AnswerSnapshot { ticket: ticket-2 }
            0: Start Purge(Files { segments: [#1, #10, #20], snapshots: [#5, #19] })
            0: Start Keep { ticket: ticket-3, through: #39 }
            0: Show AnswerSnapshot { ticket: ticket-3 }
            0: Start Purge(Files { segments: [], snapshots: [#35] })
        "#]],
    );
}

#[test]
fn events_that_come_twice_or_late_change_nothing() {
    check(
        "0: opened
         0: written
         0: full
         0: kept
         0: dropped
         0: purged
         0: wake
         0: append 1 10
         0: written
         0: opened
         0: opened
         0: written
         0: written
         0: full
         9: wake",
        expect![[r#"
            0: Start Create { segment: #1 }
            0: Start Write { at: 0, first: #1, tickets: ticket-1 }
            0: Show Answer { first: #1, tickets: ticket-1 }
        "#]],
    );
}
