//! What becomes of commands whose time is up.

use super::super::*;
use super::fake::Said;
use super::open::{GOOD, WRITE, lost};
use super::*;

/// A target that does not answer its first command, and answers tasks so. What it was asked.
fn late(task: fn(&Message) -> Said) -> (Answer, Option<String>, Vec<(u8, u32)>, Answer) {
    let (mut session, seen) = session(move |asked| match asked.head.opcode() {
        opcode::COMMAND if asked.head.number(16) == 1 => vec![],
        opcode::TASK => task(asked),
        _ => polite(asked),
    });
    let first = session.execute(WRITE, Data::Out(&[1]), Patience::Question);
    let over = session.over().map(str::to_owned);
    let next = session.execute(&[0; 6], Data::None, Patience::Question);
    let seen = seen.borrow();
    let writes = seen.of(opcode::COMMAND).into_iter();
    let writes = writes.filter(|one| one.head.bytes[32] == WRITE[0]);
    assert_eq!(writes.count(), 1, "nothing is sent twice");
    let tasks = seen.of(opcode::TASK).into_iter();
    let tasks = tasks.map(|one| (one.head.bytes[1] & 0x7f, one.head.number(20)));
    (first, over, tasks.collect(), next)
}

#[test]
fn a_command_whose_time_is_up_is_aborted() {
    for response in [0, 1] {
        let task: fn(&Message) -> Said = match response {
            0 => polite,
            _ => |asked| vec![(head(asked, opcode::TASK_DONE, &[(2, 1)]), vec![])],
        };
        let (answer, over, tasks, next) = late(task);
        assert_eq!(answer, lost("no answer in time; the command was aborted"));
        assert_eq!((over, tasks, next), (None, vec![(1, 1)], GOOD));
    }
}

#[test]
fn an_answer_that_comes_with_the_abort_counts() {
    let (answer, over, _, next) = late(|asked| {
        let mut answer = head(asked, opcode::RESPONSE, &[]);
        answer.set(16, asked.head.number(20));
        let done = head(asked, opcode::TASK_DONE, &[]);
        vec![(answer, vec![]), (done, vec![])]
    });
    assert_eq!((answer, over, next), (GOOD, None, GOOD));
}

#[test]
fn what_comes_of_an_aborted_command_later_is_passed_over() {
    let (answer, over, _, next) = late(|asked| {
        let mut answer = head(asked, opcode::RESPONSE, &[]);
        answer.set(16, asked.head.number(20));
        let done = head(asked, opcode::TASK_DONE, &[]);
        vec![(done, vec![]), (answer, vec![])]
    });
    assert_eq!(answer, lost("no answer in time; the command was aborted"));
    assert_eq!((over, next), (None, GOOD));
}

#[test]
fn who_cannot_abort_is_reset_and_who_cannot_that_is_left() {
    // Says that it has no such function, or rejects the message.
    let (answer, over, tasks, next) = late(|asked| {
        let cannot = u8::from(asked.head.bytes[1] == 0x81) * 5;
        vec![(head(asked, opcode::TASK_DONE, &[(2, cannot)]), vec![])]
    });
    assert_eq!(answer, lost("no answer in time; the device was reset"));
    assert_eq!((over, tasks, next), (None, vec![(1, 1), (5, NO_TAG)], GOOD));
    for refuses in [
        (|asked| {
            let reject = head(asked, opcode::REJECT, &[(2, 5)]);
            vec![(reject, asked.head.bytes.to_vec())]
        }) as fn(&Message) -> Said,
        |_| vec![],
    ] {
        let (answer, over, tasks, next) = late(refuses);
        assert_eq!(answer, lost("the target does not answer"));
        assert_eq!(over.as_deref(), Some("the target does not answer"));
        assert_eq!((tasks.len(), next), (2, answer));
    }
}
