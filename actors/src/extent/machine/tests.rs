//! Scripts of events, and what the machine asks for.

use expect_test::{Expect, expect};

use super::*;

/// Each line is an event: `write OFFSET LENGTH`, `sync OFFSET LENGTH`, `done`, `full`, `settle`,
/// `seal`.
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
            "sync" => append(7, true),
            "stranger" => append(6, true),
            "done" => Event::Written { result: Ok(()) },
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
fn all_that_arrives_during_a_sync_is_served_by_the_next_one() {
    check(
        "sync 0 10
         sync 10 5
         write 15 5
         sync 20 1
         done
         done",
        expect![[r#"
            0: Start Write 10B at 0 sync=true
            4: Show Answer ticket-0 Ok(())
            4: Start Write 11B at 10 sync=true
            5: Show Answer ticket-1 Ok(())
            5: Show Answer ticket-2 Ok(())
            5: Show Answer ticket-3 Ok(())
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
            0: Start Write 10B at 0 sync=false
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
         sync 10 1
         full
         write 11 1
         seal",
        expect![[r#"
            0: Start Write 10B at 0 sync=false
            2: Show Answer ticket-0 Err(Full)
            2: Show Answer ticket-1 Err(Full)
            3: Show Answer ticket-3 Err(Full)
            4: Show Sealed ticket-4 at 0 Err(Full)
        "#]],
    );
}

#[test]
fn a_seal_makes_all_durable_before_it_is_answered() {
    check(
        "write 0 10
         seal
         write 10 1
         done
         done",
        expect![[r#"
            0: Start Write 10B at 0 sync=false
            2: Show Answer ticket-2 Err(Sealed)
            3: Show Answer ticket-0 Ok(())
            3: Start Write 0B at 10 sync=true
            4: Show Sealed ticket-1 at 10 Ok(())
        "#]],
    );
}

#[test]
fn settling_answers_once_what_was_taken_before_is_durable() {
    check(
        "write 0 10
         settle
         done
         write 10 1
         done
         settle
         done
         settle",
        expect![[r#"
            0: Start Write 10B at 0 sync=false
            2: Show Answer ticket-0 Ok(())
            2: Start Write 0B at 10 sync=true
            4: Show Answer ticket-1 Ok(())
            4: Start Write 1B at 10 sync=false
            6: Show Answer ticket-3 Ok(())
            6: Start Write 0B at 11 sync=true
        "#]],
    );
}
