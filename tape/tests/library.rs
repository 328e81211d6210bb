//! What the virtual library answers to raw commands, and what of a tape outlives its faults.

use expect_test::{Expect, expect};
use holdfast_tape::conformance::{say, tell};
use holdfast_tape::library::{
    Cartridge, FIRST_DRIVE, FIRST_SLOT, Fault, InFiles, Kind, Library, Memory, Plan, Size, Unit,
};
use holdfast_tape::scsi::{Answer, Data, Patience, Scsi};

const SIZE: Size = Size {
    drives: 2,
    slots: 4,
    doors: 1,
};

/// A library whose first attentions are already told.
fn library(cartridges: Vec<Cartridge>, faults: Vec<Fault>) -> Library {
    let mut library = Library::new(SIZE, Plan::default());
    for (slot, cartridge) in (FIRST_SLOT..).zip(cartridges) {
        assert!(library.insert(slot, cartridge).is_none());
    }
    for unit in [Unit::Changer, Unit::Drive(0), Unit::Drive(1)] {
        while say(&library.execute(unit, &[0; 6], Data::None)).starts_with("6/") {}
    }
    for fault in faults {
        library.plan().add(fault);
    }
    library
}

/// The way to one device.
struct Way<'a>(&'a mut Library, Unit);

impl Scsi for Way<'_> {
    fn execute(&mut self, cdb: &[u8], data: Data<'_>, _: Patience) -> Answer {
        self.0.execute(self.1, cdb, data)
    }
}

/// A word of the script, or one of these.
fn command(library: &mut Library, line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let place = |at: usize| words[at].parse::<u16>().expect("an address").to_be_bytes();
    match words[0] {
        "power" => library.power_cycle(),
        "reset" => library.reset(Unit::Drive(0)),
        "arm" => return tell(&mut Way(library, Unit::Changer), "ready"),
        "move" => {
            let ([a, b], [c, d]) = (place(1), place(2));
            let cdb = [0xa5, 0, 0, 1, a, b, c, d, 0, 0, 0, 0];
            return say(&library.execute(Unit::Changer, &cdb, Data::None));
        }
        _ => return tell(&mut Way(library, Unit::Drive(0)), line),
    }
    "-".into()
}

fn check(library: &mut Library, script: &str, expected: &Expect) {
    let mut said = String::new();
    for line in script
        .split(['\n', ';'])
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        said += &format!("{line}: {}\n", command(library, line));
    }
    expected.assert_eq(&said);
}

fn data(barcode: &str) -> Cartridge {
    Cartridge::empty(barcode, Kind::Data, 100_000)
}

const LOADED: &str = "move 1000 256
    ready";

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
