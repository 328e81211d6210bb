//! The rarer faults of tapes, drives and the arm, each as a host meets it.

use expect_test::{Expect, expect};
use holdfast_tape::conformance::say;
use holdfast_tape::library::{Fault, Library, Unit};
use holdfast_tape::scsi::Data;

use bench::{LOADED, check, data, library};

#[path = "support/bench.rs"]
mod bench;

fn barcode() -> String {
    "A".to_owned()
}

/// What comes of a script on a loaded tape, when this goes wrong. The lines of the load are left
/// out of what is expected.
fn loaded(fault: Fault, script: &str, expected: &Expect) -> Library {
    let mut library = library(vec![data("A"), data("B")], vec![]);
    let told = expect![[r#"
        move 1000 256: GOOD
        ready: 6/28/00
    "#]];
    check(&mut library, LOADED, &told);
    library.plan().add(fault);
    check(&mut library, script, expected);
    library
}

/// The alerts of the first drive.
fn alerts(library: &mut Library) -> Vec<u8> {
    let mut page = [0; 324];
    let cdb = [0x4d, 0, 0x2e, 0, 0, 0, 0, 0x01, 0x44, 0];
    library.execute(Unit::Drive(0), &cdb, Data::In(&mut page));
    let raised = page[4..].chunks(5).filter(|flag| flag[4] == 1);
    raised.map(|flag| flag[1]).collect()
}

/// The elements of this kind: flags, code, label, and the drive's name.
fn elements(library: &mut Library, kind: u8) -> Vec<String> {
    let mut status = [0; 1_024];
    let cdb = [0xb8, 0x10 | kind, 0, 0, 0, 4, 1, 0, 4, 0, 0, 0];
    let answer = library.execute(Unit::Changer, &cdb, Data::In(&mut status));
    assert!(say(&answer).starts_with("GOOD"));
    let width = usize::from(status[11]);
    let count = usize::from(status[3]);
    let described = status[16..].chunks(width).take(count);
    let described = described.map(|one| {
        let text = String::from_utf8_lossy(&one[12..]).into_owned();
        let readable = text.chars().filter(char::is_ascii_alphanumeric);
        let readable: String = readable.collect();
        let said = format!("{:02x} {:02x}{:02x} {readable}", one[2], one[4], one[5]);
        said.trim_end().to_owned()
    });
    described.collect()
}

#[test]
fn a_block_read_at_the_second_try_is_read() {
    let (barcode, at) = (barcode(), 1);
    loaded(
        Fault::Recovered { barcode, at },
        "write 1; write 2; write 3; rewind; read 1; read 2; read 3",
        &expect![[r#"
            write 1: GOOD
            write 2: GOOD
            write 3: GOOD
            rewind: GOOD
            read 1: GOOD, 1 x 1
            read 2: 1/17/01, 2 bytes
            read 3: GOOD, 3 x 3
        "#]],
    );
}

#[test]
fn blocks_that_are_doubled_or_swapped_tell_nothing() {
    let at = 1;
    loaded(
        Fault::BlockDoubled {
            barcode: barcode(),
            at,
        },
        "write 1; write 2; at; write 3; rewind; read 1; read 2; read 2; read 3",
        &expect![[r#"
            write 1: GOOD
            write 2: GOOD
            at: object 3, flags 00
            write 3: GOOD
            rewind: GOOD
            read 1: GOOD, 1 x 1
            read 2: GOOD, 2 x 2
            read 2: GOOD, 2 x 2
            read 3: GOOD, 3 x 3
        "#]],
    );
    loaded(
        Fault::BlocksSwapped {
            barcode: barcode(),
            at,
        },
        "write 1; write 2; write 3; marks 1; rewind; read 1; read 3; read 2; read 4",
        &expect![[r#"
            write 1: GOOD
            write 2: GOOD
            write 3: GOOD
            marks 1: GOOD
            rewind: GOOD
            read 1: GOOD, 1 x 1
            read 3: GOOD, 3 x 3
            read 2: GOOD, 2 x 2
            read 4: 0/00/01 FM info=4
        "#]],
    );
}

#[test]
fn a_tape_of_another_key_is_not_read() {
    let barcode = barcode();
    loaded(
        Fault::KeyWrong { barcode },
        "write 1; rewind; read 1; at",
        &expect![[r#"
            write 1: GOOD
            rewind: GOOD
            read 1: 7/74/03
            at: object 0, flags 80
        "#]],
    );
}

#[test]
fn a_snapped_tape_stays_where_it_is() {
    let (barcode, at) = (barcode(), 2);
    let mut library = loaded(
        Fault::TapeSnaps { barcode, at },
        "write 1; write 2; write 3; write 3; rewind; ready; unload; move 256 1000",
        &expect![[r#"
            write 1: GOOD
            write 2: GOOD
            write 3: 3/3b/00
            write 3: 3/3b/00
            rewind: 3/3b/00
            ready: 3/3b/00
            unload: 4/53/00
            move 256 1000: 5/53/02
        "#]],
    );
    assert_eq!(alerts(&mut library), [0x0e]);
}

#[test]
fn a_broken_chip_hides_what_it_remembers_and_nothing_else() {
    let barcode = barcode();
    let mut library = loaded(
        Fault::ChipUnreadable { barcode },
        "chip; write 1; rewind; read 1",
        &expect![[r#"
            chip: 3/11/12
            write 1: GOOD
            rewind: GOOD
            read 1: GOOD, 1 x 1
        "#]],
    );
    assert_eq!(alerts(&mut library), [0x0f]);
    let list = [0, 0, 0, 6, 8, 3, 1, 0, 1, b'x'];
    let cdb = [0x8d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10, 0, 0];
    let answer = library.execute(Unit::Drive(0), &cdb, Data::Out(&list));
    assert_eq!(say(&answer), "3/11/12");
}

#[test]
fn a_drive_asks_to_be_cleaned_now_or_soon() {
    for (soon, alert) in [(false, 0x14), (true, 0x15)] {
        let mut library = library(vec![data("A")], vec![]);
        let after = library.commands(Unit::Drive(0)) + 1;
        library.plan().add(Fault::NeedsCleaning {
            drive: 0,
            after,
            soon,
        });
        assert_eq!(alerts(&mut library), [0_u8; 0]);
        assert_eq!(alerts(&mut library), [alert]);
        assert_eq!(alerts(&mut library), [0_u8; 0], "told once");
    }
}

#[test]
fn a_slow_device_takes_longer_and_does_the_same() {
    let spent = |faults: Vec<Fault>| {
        let mut library = library(vec![data("A")], faults);
        let cdb = [0xa5, 0, 0, 1, 3, 232, 1, 0, 0, 0, 0, 0];
        assert_eq!(
            say(&library.execute(Unit::Changer, &cdb, Data::None)),
            "GOOD"
        );
        library.spent(Unit::Changer)
    };
    let unit = Unit::Changer;
    assert_eq!(
        spent(vec![Fault::Slow { unit, factor: 10 }]),
        spent(vec![]) * 10
    );
}

#[test]
fn the_arm_is_busy_for_a_while() {
    let mut library = library(vec![data("A")], vec![]);
    let after = library.commands(Unit::Changer) + 1;
    library.plan().add(Fault::ArmBusy { after, commands: 2 });
    check(
        &mut library,
        "arm; move 1000 256; arm; arm; move 1000 256",
        &expect![[r#"
            arm: GOOD
            move 1000 256: 2/04/01
            arm: 2/04/01
            arm: GOOD
            move 1000 256: GOOD
        "#]],
    );
}

#[test]
fn a_cartridge_that_stays_in_the_arm_is_found_there() {
    let mut library = library(vec![data("A"), data("B")], vec![]);
    let barcode = barcode();
    library.plan().add(Fault::StaysInArm { barcode, times: 1 });
    check(
        &mut library,
        "move 1000 256; move 1000 256; move 1001 256",
        &expect![[r#"
            move 1000 256: 4/15/01
            move 1000 256: 5/3b/0e
            move 1001 256: 5/3b/0d
        "#]],
    );
    assert_eq!(elements(&mut library, 1), ["09 0000 A"]);
    check(
        &mut library,
        "move 1 256; move 1001 257",
        &expect![[r#"
        move 1 256: GOOD
        move 1001 257: GOOD
    "#]],
    );
}

#[test]
fn a_broken_element_and_a_wrong_map_are_seen_and_refused() {
    let mut library = library(vec![data("A"), data("B")], vec![]);
    library.plan().add(Fault::ElementBroken { element: 1_000 });
    library.plan().add(Fault::MapWrong { element: 1_001 });
    library.plan().add(Fault::MapWrong { element: 1_002 });
    expect![[r#"
        04 3b11
        08 0000
        09 0000
        08 0000"#]]
    .assert_eq(&elements(&mut library, 2).join("\n"));
    check(
        &mut library,
        "move 1000 256; move 1001 256; move 1002 256",
        &expect![[r#"
            move 1000 256: 5/3b/11
            move 1001 256: 5/3b/0e
            move 1002 256: 5/3b/0e
        "#]],
    );
    let look = [0x07, 0, 0, 0, 0, 0];
    assert_eq!(
        say(&library.execute(Unit::Changer, &look, Data::None)),
        "GOOD"
    );
    expect![[r#"
        04 3b11
        09 0000 B
        08 0000
        08 0000"#]]
    .assert_eq(&elements(&mut library, 2).join("\n"));
}

#[test]
fn drives_that_are_taken_for_each_other_are_named_so() {
    let mut library = library(vec![], vec![]);
    let right = elements(&mut library, 4);
    assert!(right[0].ends_with("HFD00000") && right[1].ends_with("HFD00001"));
    library
        .plan()
        .add(Fault::SerialsSwapped { one: 0, other: 1 });
    let wrong = elements(&mut library, 4);
    assert!(wrong[0].ends_with("HFD00001") && wrong[1].ends_with("HFD00000"));
}

#[test]
fn a_cartridge_that_a_human_swapped_wants_attention() {
    let mut library = library(vec![data("A")], vec![]);
    check(
        &mut library,
        &format!("{LOADED}; write 7"),
        &expect![[r#"
        move 1000 256: GOOD
        ready: 6/28/00
        write 7: GOOD
    "#]],
    );
    assert!(library.swap(0, data("C")).is_some());
    check(
        &mut library,
        "write 8; at; read 7",
        &expect![[r#"
        write 8: 6/28/00
        at: object 0, flags 80
        read 7: 8/00/05 info=7
    "#]],
    );
    assert!(
        library.swap(7, data("D")).is_some(),
        "there is no such drive"
    );
}
