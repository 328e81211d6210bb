//! Scripts of events, and what the machine asks for.

use expect_test::{Expect, expect};

use super::*;

/// Each line is an event: `write OFFSET LENGTH`, `durable OFFSET LENGTH`, `written`, `full`,
/// `synced`, `broken`, `settle`, `seal`.
fn check(script: &str, expected: Expect) {
    let mut extent = Extent::new(ExtentId::new(1), Epoch::new(7), 0);
    let mut shown = String::new();
    for (at, line) in script.lines().map(str::trim).enumerate() {
        let ticket = Ticket::new(at as u64);
        let words: Vec<&str> = line.split(' ').collect();
        let number = |at: usize| words[at].parse::<u64>().unwrap();
        let append = |epoch, durable| {
            let parts = vec![Bytes::from(vec![0; number(2) as usize])];
            let epoch = Epoch::new(epoch);
            Event::Append(Append {
                ticket,
                epoch,
                offset: number(1),
                parts,
                durable,
            })
        };
        let event = match words[0] {
            "write" => append(7, false),
            "durable" => append(7, true),
            "stranger" => append(6, true),
            "written" => Event::Written { result: Ok(()) },
            "synced" => Event::Synced { result: Ok(()) },
            "broken" => Event::Synced {
                result: Err(Trouble::Broken),
            },
            "full" => Event::Written {
                result: Err(Trouble::Full),
            },
            "settle" => Event::Settle { ticket },
            "seal" => Event::Seal { ticket },
            word => panic!("no such event: {word}"),
        };
        let mut acts = Acts::default();
        extent.step(Now::default(), event, &mut acts);
        for act in acts.iter() {
            shown.push_str(&format!("{at}: {act:?}\n"));
        }
    }
    expected.assert_eq(&shown);
}

#[test]
fn all_that_is_written_during_a_sync_is_served_by_the_next_one() {
    check(
        "durable 0 10
         written
         durable 10 5
         write 15 5
         durable 20 1
         written
         written
         synced
         synced",
        expect![[r#"
            0: Start Write 10B at 0
            1: Start Sync
            2: Start Write 5B at 10
            5: Start Write 6B at 15
            6: Show Answer ticket-3 Ok(())
            7: Show Answer ticket-0 Ok(())
            7: Start Sync
            8: Show Answer ticket-2 Ok(())
            8: Show Answer ticket-4 Ok(())
        "#]],
    );
}

#[test]
fn a_sync_answers_nobody_whose_bytes_were_written_after_it_began() {
    check(
        "durable 0 10
         written
         durable 10 5
         written
         synced
         synced",
        expect![[r#"
            0: Start Write 10B at 0
            1: Start Sync
            2: Start Write 5B at 10
            4: Show Answer ticket-0 Ok(())
            4: Start Sync
            5: Show Answer ticket-2 Ok(())
        "#]],
    );
}

#[test]
fn a_gap_an_overlap_and_a_stranger_are_fenced_off() {
    check(
        "write 0 10
         write 5 1
         write 11 1
         stranger 10 1",
        expect![[r#"
            0: Start Write 10B at 0
            1: Show Answer ticket-1 Err(Fenced)
            2: Show Answer ticket-2 Err(Fenced)
            3: Show Answer ticket-3 Err(Fenced)
        "#]],
    );
}

#[test]
fn after_a_failed_write_nothing_more_is_taken() {
    check(
        "write 0 10
         durable 10 1
         full
         write 11 1
         seal",
        expect![[r#"
            0: Start Write 10B at 0
            2: Show Answer ticket-0 Err(Full)
            2: Show Answer ticket-1 Err(Full)
            3: Show Answer ticket-3 Err(Full)
            4: Show Sealed ticket-4 at 0 Err(Full)
        "#]],
    );
}

#[test]
fn a_failed_write_takes_nothing_back_from_the_sync_beside_it() {
    check(
        "durable 0 10
         written
         durable 10 1
         full
         seal
         synced",
        expect![[r#"
            0: Start Write 10B at 0
            1: Start Sync
            2: Start Write 1B at 10
            3: Show Answer ticket-2 Err(Full)
            5: Show Answer ticket-0 Ok(())
            5: Show Sealed ticket-4 at 10 Err(Full)
        "#]],
    );
}

#[test]
fn after_a_failed_sync_a_write_beside_it_counts_for_nothing() {
    check(
        "durable 0 10
         written
         write 10 1
         durable 11 1
         broken
         written
         settle
         seal",
        expect![[r#"
            0: Start Write 10B at 0
            1: Start Sync
            2: Start Write 1B at 10
            4: Show Answer ticket-0 Err(Broken)
            4: Show Answer ticket-3 Err(Broken)
            5: Show Answer ticket-2 Err(Broken)
            6: Show Answer ticket-6 Err(Broken)
            7: Show Sealed ticket-7 at 0 Err(Broken)
        "#]],
    );
}

#[test]
fn many_bytes_are_synced_before_anybody_asks() {
    check(
        "write 0 8388607
         written
         write 8388607 1
         written
         durable 8388608 1
         written
         synced
         synced",
        expect![[r#"
            0: Start Write 8388607B at 0
            1: Show Answer ticket-0 Ok(())
            2: Start Write 1B at 8388607
            3: Show Answer ticket-2 Ok(())
            3: Start Sync
            4: Start Write 1B at 8388608
            6: Start Sync
            7: Show Answer ticket-4 Ok(())
        "#]],
    );
}

#[test]
fn a_seal_makes_all_durable_before_it_is_answered() {
    check(
        "write 0 10
         seal
         write 10 1
         written
         synced
         seal",
        expect![[r#"
            0: Start Write 10B at 0
            2: Show Answer ticket-2 Err(Sealed)
            3: Show Answer ticket-0 Ok(())
            3: Start Sync
            4: Show Sealed ticket-1 at 10 Ok(())
            5: Show Sealed ticket-5 at 10 Ok(())
        "#]],
    );
}

#[test]
fn settling_answers_once_what_was_taken_before_is_durable() {
    check(
        "write 0 10
         settle
         written
         write 10 1
         written
         synced
         settle
         synced
         settle",
        expect![[r#"
            0: Start Write 10B at 0
            2: Show Answer ticket-0 Ok(())
            2: Start Sync
            3: Start Write 1B at 10
            4: Show Answer ticket-3 Ok(())
            5: Show Answer ticket-1 Ok(())
            6: Start Sync
            7: Show Answer ticket-6 Ok(())
            8: Show Answer ticket-8 Ok(())
        "#]],
    );
}
