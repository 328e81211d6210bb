//! What goes wrong in the virtual library, and what of a tape outlives it.

use expect_test::expect;
use holdfast_tape::conformance::say;
use holdfast_tape::library::{Cartridge, Fault, InFiles, Kind, Memory, Unit};
use holdfast_tape::scsi::Data;

use bench::{LOADED, check, data, library};

#[path = "support/bench.rs"]
mod bench;

#[test]
fn power_loss_takes_what_was_not_flushed() {
    let folder = tempfile::tempdir().expect("a folder");
    let memory = Memory {
        kind: Kind::Data,
        capacity: 100_000,
        warning: 1_000,
        protected: false,
        loads: 0,
        attributes: [(0x0803, (1, b"label".to_vec()))].into(),
    };
    let store = Box::new(InFiles::open(folder.path()).expect("a cartridge"));
    let cartridge = Cartridge::open("A", memory, store).expect("a cartridge");
    let mut first = library(vec![cartridge], vec![]);
    let script = "write 10
        write 20
        flush
        marks 1
        write 30
        power
        at
        at
        end
        at
        marks 1
        unload";
    check(
        &mut first,
        &format!("{LOADED}\n{script}"),
        &expect![[r#"
            move 1000 256: GOOD
            ready: 6/28/00
            write 10: GOOD
            write 20: GOOD
            flush: GOOD
            marks 1: GOOD
            write 30: GOOD
            power: -
            at: 6/29/00
            at: object 0, flags 80
            end: GOOD
            at: object 2, flags 00
            marks 1: GOOD
            unload: GOOD
        "#]],
    );
    drop(first);
    let store = InFiles::open(folder.path()).expect("the cartridge");
    let memory = store.memory().expect("a chip").expect("written");
    assert_eq!((memory.loads, memory.attributes.len()), (1, 1));
    let cartridge = Cartridge::open("A", memory, Box::new(store)).expect("the cartridge");
    let mut second = library(vec![cartridge], vec![]);
    let script = "read 10
        read 20
        read 30
        read 30";
    check(
        &mut second,
        &format!("{LOADED}\n{script}"),
        &expect![[r#"
            move 1000 256: GOOD
            ready: 6/28/00
            read 10: GOOD, 10 x 10
            read 20: GOOD, 20 x 20
            read 30: 0/00/01 FM info=30
            read 30: 8/00/05 info=30
        "#]],
    );
}

#[test]
fn faults_of_the_medium_come_where_the_plan_says() {
    let barcode = || "A".to_owned();
    let faults = vec![
        Fault::LoadFails {
            barcode: barcode(),
            times: 1,
        },
        Fault::WriteFails {
            barcode: barcode(),
            at: 1,
            deferred: false,
        },
        Fault::WriteFails {
            barcode: barcode(),
            at: 2,
            deferred: true,
        },
        Fault::ReadFails {
            barcode: barcode(),
            at: 0,
            times: Some(1),
        },
        Fault::BitFlips {
            barcode: barcode(),
            at: 1,
        },
        Fault::ProtectFlips {
            barcode: barcode(),
            at: 4,
        },
        Fault::UnloadSticks { drive: 0 },
    ];
    let mut library = library(vec![data("A")], faults);
    check(
        &mut library,
        &format!(
            "move 1000 256
            {LOADED}
            write 4; write 4; write 4; write 4; flush; at
            write 4; write 4; write 4
            rewind
            read 4
            read 4
            read 4
            unload
            move 256 1000"
        ),
        &expect![[r#"
            move 1000 256: 4/15/01
            move 1000 256: GOOD
            ready: 6/28/00
            write 4: GOOD
            write 4: 3/0c/00
            write 4: GOOD
            write 4: GOOD
            flush: 3/0c/00 deferred
            at: object 2, flags 00
            write 4: GOOD
            write 4: GOOD
            write 4: 7/27/00
            rewind: GOOD
            read 4: 3/11/00
            read 4: GOOD, 4 x 4
            read 4: GOOD, 4 mixed
            unload: 4/53/00
            move 256 1000: 5/53/02
        "#]],
    );
}

#[test]
fn faults_of_the_way_leave_the_outcome_open() {
    let unit = Unit::Drive(0);
    let mut library = library(vec![data("A")], vec![]);
    check(
        &mut library,
        LOADED,
        &expect![[r#"
        move 1000 256: GOOD
        ready: 6/28/00
    "#]],
    );
    let now = library.commands(unit);
    let plan = library.plan();
    plan.add(Fault::Reserved {
        unit,
        after: now,
        commands: 2,
    });
    for (later, executed) in [(3, true), (5, false)] {
        plan.add(Fault::AnswerLost {
            unit,
            after: now + later,
            executed,
        });
    }
    plan.add(Fault::Hangs {
        unit,
        after: now + 7,
    });
    check(
        &mut library,
        "write 1
        write 2
        write 3
        write 4
        at
        write 5
        at
        write 6
        ready
        reset
        ready
        ready",
        &expect![[r#"
            write 1: CONFLICT
            write 2: CONFLICT
            write 3: GOOD
            write 4: LOST: the answer was lost
            at: object 2, flags 00
            write 5: LOST: the answer was lost
            at: object 2, flags 00
            write 6: LOST: the device does not answer
            ready: LOST: the device does not answer
            reset: -
            ready: 6/29/02
            ready: GOOD
        "#]],
    );
}

#[test]
fn an_open_door_and_odd_labels_are_seen() {
    let mut library = library(vec![data("A"), data("B"), data("C")], vec![]);
    let plan = library.plan();
    plan.add(Fault::LabelUnreadable {
        barcode: "A".into(),
    });
    plan.add(Fault::LabelReads {
        barcode: "B".into(),
        other: "C".into(),
    });
    let mut status = [0; 512];
    let cdb = [0xb8, 0x12, 0, 0, 0, 4, 0, 0, 2, 0, 0, 0];
    let answer = library.execute(Unit::Changer, &cdb, Data::In(&mut status));
    let width = usize::from(status[11]);
    let shown: Vec<String> = status[16..]
        .chunks(width)
        .take(4)
        .map(|one| format!("{:02x} {:?}", one[2], String::from_utf8_lossy(&one[12..16])))
        .collect();
    expect![[r#"GOOD, 288 left, ["0d \"    \"", "09 \"C   \"", "09 \"C   \"", "08 \"    \""]"#]]
        .assert_eq(&format!("{}, {shown:?}", say(&answer)));
    let after = library.commands(Unit::Changer) + 1;
    library.plan().add(Fault::DoorOpens { after, commands: 2 });
    check(
        &mut library,
        "arm
        arm
        arm
        arm
        arm",
        &expect![[r#"
            arm: GOOD
            arm: 2/04/03
            arm: 2/04/03
            arm: 6/28/00
            arm: GOOD
        "#]],
    );
}
