//! What a host sets for a virtual drive, and what follows.

use expect_test::expect;
use holdfast_tape::conformance::say;
use holdfast_tape::library::{Cartridge, Kind, Library, Unit};
use holdfast_tape::scsi::Data;

use bench::{LOADED, check, data, library};

#[path = "support/bench.rs"]
mod bench;

const DRIVE: Unit = Unit::Drive(0);

/// The second page of the configuration, with this byte and this number of megabytes.
fn set(library: &mut Library, mode: u8, early: u16) -> String {
    let mut list = vec![0; 8 + 32];
    list[8..12].copy_from_slice(&[0x50, 0x01, 0, 0x1c]);
    list[13] = mode;
    list[14..16].copy_from_slice(&early.to_be_bytes());
    let cdb = [0x55, 0x10, 0, 0, 0, 0, 0, 0, 40, 0];
    say(&library.execute(DRIVE, &cdb, Data::Out(&list)))
}

/// The byte and the number of megabytes that stand there.
fn shown(library: &mut Library) -> (u8, u16) {
    let mut bytes = [0; 40];
    let cdb = [0x5a, 8, 0x10, 0x01, 0, 0, 0, 0, 40, 0];
    assert_eq!(
        say(&library.execute(DRIVE, &cdb, Data::In(&mut bytes))),
        "GOOD"
    );
    assert_eq!(bytes[8..12], [0x50, 0x01, 0, 0x1c]);
    (bytes[13], u16::from_be_bytes([bytes[14], bytes[15]]))
}

fn allow(library: &mut Library, what: u8, at: u8) -> String {
    let mut cdb = [0; 16];
    (cdb[0], cdb[2], cdb[11]) = (0x82, what, at);
    say(&library.execute(DRIVE, &cdb, Data::None))
}

#[test]
fn a_host_is_warned_once_where_it_wants_to_be() {
    let tape = Cartridge::empty("A", Kind::Data, 4_000_000);
    let mut library = library(vec![tape], vec![]);
    check(
        &mut library,
        LOADED,
        &expect![[r#"
            move 1000 256: GOOD
            ready: 6/28/00
        "#]],
    );
    assert_eq!(set(&mut library, 0, 1), "GOOD");
    assert_eq!(shown(&mut library), (0, 1));
    // The tape ends after 4 MB, its own warning comes at 3.5 and this one at 2.5.
    check(
        &mut library,
        "write 2000000; at; write 400000; write 200000; at; write 100; marks 1; write 900000;
        write 600000; near 1; write 400000; write 200000; reset; ready",
        &expect![[r#"
            write 2000000: GOOD
            at: object 1, flags 00
            write 400000: GOOD
            write 200000: 0/00/07
            at: object 3, flags 01
            write 100: GOOD
            marks 1: GOOD
            write 900000: 0/00/02 EOM
            write 600000: d/00/02 EOM info=600000
            near 1: GOOD
            write 400000: GOOD
            write 200000: 0/00/07
            reset: -
            ready: 6/29/02
        "#]],
    );
    assert_eq!(shown(&mut library), (0, 0), "a reset forgets it");
}

#[test]
fn a_tape_that_is_only_added_to_is_not_written_over() {
    let mut library = library(vec![data("A")], vec![]);
    check(
        &mut library,
        &format!("{LOADED}; write 1; write 2; write 3"),
        &expect![[r#"
            move 1000 256: GOOD
            ready: 6/28/00
            write 1: GOOD
            write 2: GOOD
            write 3: GOOD
        "#]],
    );
    assert_eq!(set(&mut library, 0x10, 0), "GOOD");
    check(
        &mut library,
        "near 1; write 9; marks 1; erase; end; write 4; near 2; at",
        &expect![[r#"
            near 1: GOOD
            write 9: 7/30/0c
            marks 1: 7/30/0c
            erase: 7/30/0c
            end: GOOD
            write 4: GOOD
            near 2: GOOD
            at: object 2, flags 00
        "#]],
    );
    assert_eq!(
        allow(&mut library, 1, 3),
        "5/24/00",
        "the head stands elsewhere"
    );
    assert_eq!(allow(&mut library, 1, 2), "GOOD");
    check(
        &mut library,
        "rewind; near 2; write 9",
        &expect![[r#"
        rewind: GOOD
        near 2: GOOD
        write 9: 7/30/0c
    "#]],
    );
    assert_eq!(allow(&mut library, 1, 2), "GOOD");
    assert_eq!(allow(&mut library, 0, 0), "GOOD");
    check(
        &mut library,
        "write 9",
        &expect![[r#"
        write 9: 7/30/0c
    "#]],
    );
    assert_eq!(allow(&mut library, 1, 2), "GOOD");
    check(
        &mut library,
        "write 9; near 2; write 8; end; at",
        &expect![[r#"
            write 9: GOOD
            near 2: GOOD
            write 8: 7/30/0c
            end: GOOD
            at: object 3, flags 00
        "#]],
    );
}

#[test]
fn what_is_no_such_page_is_refused() {
    let mut library = library(vec![data("A")], vec![]);
    assert_eq!(set(&mut library, 0x20, 0), "5/26/00");
    assert_eq!(set(&mut library, 0x01, 0), "5/26/00");
    let mut select = |list: &[u8]| {
        let length = u8::try_from(list.len()).expect("short");
        let cdb = [0x55, 0x10, 0, 0, 0, 0, 0, 0, length, 0];
        say(&library.execute(DRIVE, &cdb, Data::Out(list)))
    };
    assert_eq!(
        select(&[0, 0, 0, 0, 0, 0, 0, 0, 0x50, 1, 0, 2, 0, 0]),
        "5/26/00"
    );
    assert_eq!(
        select(&[0, 0, 0, 0, 0, 0, 0, 0, 0x50, 1, 0xff, 0xff, 0]),
        "5/1a/00"
    );
    assert_eq!(select(&[0, 0, 0, 0, 0, 0, 0, 0, 0x50, 1]), "5/1a/00");
    let mut bytes = [0; 64];
    let cdb = [0x5a, 8, 0x10, 0x07, 0, 0, 0, 0, 64, 0];
    assert_eq!(
        say(&library.execute(DRIVE, &cdb, Data::In(&mut bytes))),
        "5/24/00"
    );
    assert_eq!(shown(&mut library), (0, 0));
}
