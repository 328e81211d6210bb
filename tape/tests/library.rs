//! What the virtual library answers to raw commands.

use expect_test::expect;
use holdfast_tape::library::{Cartridge, FIRST_DRIVE, Kind, Library, Unit};
use holdfast_tape::scsi::{Answer, Data};

use bench::{LOADED, check, data, library};

#[path = "support/bench.rs"]
mod bench;

#[test]
fn blocks_and_marks_are_met_in_order() {
    let mut library = library(vec![data("A")], vec![]);
    check(
        &mut library,
        &format!(
            "{LOADED}
            ready
            at
            read 10
            write 100; write 50; marks 1; write 10; at; rewind
            read 100; read 100; read 10
            blocks -1
            blocks -2
            silent 200
            silent 60
            read 10
            blocks 5
            at
            near 0
            blocks 3
            at
            blocks -3
            at
            files 1
            files 1
            files -1
            files -1
            near 9
            near 4
            at"
        ),
        &expect![[r#"
            move 1000 256: GOOD
            ready: 6/28/00
            ready: GOOD
            at: object 0, flags 80
            read 10: 8/00/05 info=10
            write 100: GOOD
            write 50: GOOD
            marks 1: GOOD
            write 10: GOOD
            at: object 4, flags 00
            rewind: GOOD
            read 100: GOOD, 100 x 100
            read 100: 0/00/00 ILI info=50, 50 x 50
            read 10: 0/00/01 FM info=10
            blocks -1: 0/00/01 FM info=1
            blocks -2: GOOD
            silent 200: GOOD, 100 left, 100 x 100
            silent 60: GOOD, 10 left, 50 x 50
            read 10: 0/00/01 FM info=10
            blocks 5: 8/00/05 info=4
            at: object 4, flags 00
            near 0: GOOD
            blocks 3: 0/00/01 FM info=1
            at: object 3, flags 00
            blocks -3: 0/00/01 FM info=3
            at: object 2, flags 00
            files 1: GOOD
            files 1: 8/00/05 info=1
            files -1: GOOD
            files -1: 0/00/04 EOM info=1
            near 9: 8/00/05
            near 4: GOOD
            at: object 4, flags 00
        "#]],
    );
}

#[test]
fn a_cartridge_is_moved_only_when_the_drive_lets_go() {
    let mut library = library(vec![data("A"), data("B")], vec![]);
    check(
        &mut library,
        &format!(
            "{LOADED}
            ready
            move 256 1000
            move 1001 256
            move 1003 257
            move 1000 4000
            unload
            ready
            load
            ready
            ready
            unload
            move 256 1003
            ready"
        ),
        &expect![[r#"
            move 1000 256: GOOD
            ready: 6/28/00
            ready: GOOD
            move 256 1000: 5/53/02
            move 1001 256: 5/3b/0d
            move 1003 257: 5/3b/0e
            move 1000 4000: 5/21/01
            unload: GOOD
            ready: 2/04/02
            load: GOOD
            ready: 6/28/00
            ready: GOOD
            unload: GOOD
            move 256 1003: GOOD
            ready: 2/3a/00
        "#]],
    );
}

#[test]
fn the_end_is_announced_and_then_hard() {
    let mut library = library(vec![Cartridge::empty("A", Kind::Data, 4_000)], vec![]);
    check(
        &mut library,
        &format!(
            "{LOADED}
            write 1000
            write 1000
            write 1000
            marks 1
            write 1000
            write 100
            at"
        ),
        &expect![[r#"
            move 1000 256: GOOD
            ready: 6/28/00
            write 1000: GOOD
            write 1000: GOOD
            write 1000: GOOD
            marks 1: 0/00/02 EOM
            write 1000: d/00/02 EOM info=1000
            write 100: 0/00/02 EOM
            at: object 5, flags 40
        "#]],
    );
}

#[test]
fn what_must_not_be_written_is_not() {
    let worm = Cartridge::empty("W", Kind::Worm, 100_000);
    let mut library = library(vec![worm, data("P").protected()], vec![]);
    check(
        &mut library,
        &format!(
            "{LOADED}
            write 10
            rewind
            write 10
            erase
            end
            write 10
            unload
            move 256 1000
            move 1001 256
            ready
            write 10
            marks 1
            erase
            flush"
        ),
        &expect![[r#"
            move 1000 256: GOOD
            ready: 6/28/00
            write 10: GOOD
            rewind: GOOD
            write 10: 7/30/0c
            erase: 7/30/0c
            end: GOOD
            write 10: GOOD
            unload: GOOD
            move 256 1000: GOOD
            move 1001 256: GOOD
            ready: 6/28/00
            write 10: 7/27/00
            marks 1: 7/27/00
            erase: 7/27/00
            flush: GOOD
        "#]],
    );
}

#[test]
fn a_cleaning_cartridge_cleans_so_often_and_holds_no_data() {
    let cleaner = Cartridge::empty("CLN001CU", Kind::Cleaning { uses: 1 }, 0);
    let mut library = library(vec![cleaner], vec![]);
    let alerts = |library: &mut Library| {
        let mut page = [0; 324];
        let cdb = [0x4d, 0, 0x2e, 0, 0, 0, 0, 0x01, 0x44, 0];
        while let Answer::Check { .. } = library.execute(Unit::Drive(0), &cdb, Data::In(&mut page))
        {
        }
        let raised = page[4..].chunks(5).filter(|flag| flag[4] == 1);
        raised.map(|flag| flag[1]).collect::<Vec<u8>>()
    };
    library.soil(0);
    check(
        &mut library,
        LOADED,
        &expect![[r#"
        move 1000 256: GOOD
        ready: 6/28/00
    "#]],
    );
    check(
        &mut library,
        "ready",
        &expect![[r#"
        ready: 2/30/03
    "#]],
    );
    assert_eq!(alerts(&mut library), [0_u8; 0], "it is clean");
    check(
        &mut library,
        "load",
        &expect![[r#"
        load: GOOD
    "#]],
    );
    assert_eq!(alerts(&mut library), [0x16], "used up");
    assert_eq!(alerts(&mut library), [0_u8; 0], "told once");
}

#[test]
fn what_stood_behind_an_overwritten_block_never_comes_back() {
    let mut library = library(vec![data("A")], vec![]);
    check(
        &mut library,
        &format!(
            "{LOADED}
            write 10
            write 20
            write 30
            flush
            near 1
            write 40
            power
            ready
            end
            at"
        ),
        &expect![[r#"
            move 1000 256: GOOD
            ready: 6/28/00
            write 10: GOOD
            write 20: GOOD
            write 30: GOOD
            flush: GOOD
            near 1: GOOD
            write 40: GOOD
            power: -
            ready: 6/29/00
            end: GOOD
            at: object 1, flags 00
        "#]],
    );
}

#[test]
fn the_model_charges_the_way_to_the_device_that_went_it() {
    let mut library = library(vec![data("A")], vec![]);
    check(
        &mut library,
        LOADED,
        &expect![[r#"
        move 1000 256: GOOD
        ready: 6/28/00
    "#]],
    );
    assert_eq!(library.spent(Unit::Drive(0)).as_secs(), 17);
    assert!(library.spent(Unit::Changer).as_secs() >= 10);
    assert_eq!(library.spent(Unit::Drive(1)).as_secs(), 0);
    assert_eq!(FIRST_DRIVE, 256);
}
