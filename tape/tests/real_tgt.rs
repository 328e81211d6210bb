//! The script, played over iSCSI on Debian's `tgt`.
//!
//! Not on `istgt` yet: version 0.4 of Debian 12 emulates a tape drive, but no changer (its README
//! names disk, DVD and tape, and of changers only that real ones are passed through), and the
//! script carries cartridges.

use holdfast_tape::conformance::{Bench, TGT, judge};
use holdfast_tape::smc::{Changer, Kind};
use holdfast_tape::ssc::{Drive, Locates, Marks, Read, Tells};

use tgt::{CHANGER, Tgt};

#[path = "support/tgt.rs"]
mod tgt;

#[test]
fn tgt_deviates_only_where_the_table_says() {
    let Some(tgt) = Tgt::start() else {
        return;
    };
    let bench = Bench::new(tgt.session(1), tgt.session(CHANGER), 0);
    let found = bench.expect("a bench").play();
    assert_eq!(judge(&found, TGT), [""; 0]);
}

#[test]
fn a_drive_that_cannot_tell_its_position_is_counted_along() {
    let Some(tgt) = Tgt::start() else {
        return;
    };
    let mut changer = Changer::new(tgt.session(CHANGER));
    changer.ready().1.expect("ready");
    let rows = changer.rows().expect("rows");
    changer
        .carry(&rows, rows.slots.first, rows.drives.first)
        .expect("carried");
    let drives = changer.elements(&rows, Kind::Drive).expect("drives");
    assert_eq!(drives[0].label.as_deref(), Some("VT0001L6"));
    assert_eq!(drives[0].source, Some(rows.slots.first));
    let mut drive = Drive::new(tgt.session(1));
    assert_eq!(drive.identity().expect("who").serial, "DRV00001");
    let abilities = drive.learn().expect("abilities");
    assert_eq!(
        (abilities.tells, abilities.locates),
        (Tells::Nothing, Locates::Never)
    );
    drive.any_length().expect("set");
    let mut begins = Vec::new();
    let block = vec![0x5a; 256 << 10];
    for file in 1..=3 {
        begins.push(drive.position().expect("a position"));
        for _ in 0..file {
            drive.write(&block).expect("written");
        }
        drive.filemarks(1, Marks::Buffered).expect("a filemark");
    }
    drive.flush().expect("on tape");
    let end = drive.position().expect("a position");
    let mut buffer = vec![0; 256 << 10];
    for (file, begin) in (1..4).zip(&begins).rev() {
        drive.locate(*begin).expect("there");
        for _ in 0..file {
            assert_eq!(drive.read(&mut buffer), Ok(Read::Block(block.len())));
            assert!(buffer == block);
        }
        assert_eq!(drive.read(&mut buffer), Ok(Read::Filemark));
    }
    assert_eq!(drive.end(), Ok(end));
}
