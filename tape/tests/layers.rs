//! Drives and changers through their layers, on the virtual library and on a poorer one.

use std::collections::BTreeMap;

use expect_test::expect;
use holdfast_tape::exchange::Failure;
use holdfast_tape::library::{
    Cartridge, FIRST_SLOT, Fault, Kind as Medium, Library, Plan, Port, Shared, Size, Unit,
};
use holdfast_tape::scsi::{Answer, Data, Patience, Scsi};
use holdfast_tape::sense::Sense;
use holdfast_tape::smc::{Address, Changer, Kind};
use holdfast_tape::ssc::{Alerts, Drive, Locates, Marks, Place, Position, Read, Tells};

/// A drive without positions, logs and chips, as old ones and some emulators are.
struct Poor(Port);

impl Scsi for Poor {
    fn execute(&mut self, cdb: &[u8], data: Data<'_>, patience: Patience) -> Answer {
        if matches!(cdb[0], 0x2b | 0x34 | 0x4d | 0x8c | 0x92) {
            let residual = data.len() as i64;
            let sense = Sense::of(5, 0x20, 0).fixed();
            return Answer::Check { sense, residual };
        }
        self.0.execute(cdb, data, patience)
    }
}

fn shared() -> Shared {
    let size = Size {
        drives: 2,
        slots: 3,
        doors: 1,
    };
    let mut library = Library::new(size, Plan::default());
    for (at, barcode) in (FIRST_SLOT..).zip(["AA0001L9", "AA0002L9"]) {
        let cartridge = Cartridge::empty(barcode, Medium::Data, 1_000_000);
        assert!(library.insert(at, cartridge).is_none());
    }
    Shared::new(library)
}

fn loaded<S: Scsi>(shared: &Shared, wrap: impl Fn(Port) -> S) -> Drive<S> {
    let mut changer = Changer::new(shared.port(Unit::Changer));
    assert!(changer.ready().1.is_ok());
    let rows = changer.rows().expect("rows");
    let (from, to) = (rows.slots.first, rows.drives.first);
    changer.carry(&rows, from, to).expect("carried");
    let mut drive = Drive::new(wrap(shared.port(Unit::Drive(0))));
    drive.learn().expect("abilities");
    drive
}

/// Three tape files of one, two and three blocks; positions of the first block of each.
fn write_files<S: Scsi>(drive: &mut Drive<S>) -> Vec<Position> {
    drive.any_length().expect("set");
    let mut begins = Vec::new();
    for file in 1..=3_u8 {
        begins.push(drive.position().expect("a position"));
        for block in 0..file {
            let written = drive.write(&[file * 16 + block; 64]).expect("written");
            assert!(!written.near_end);
        }
        drive.filemarks(1, Marks::Buffered).expect("a filemark");
    }
    drive.flush().expect("on tape");
    begins
}

#[test]
fn a_drive_is_asked_what_it_can_do() {
    let shared = shared();
    let rich = loaded(&shared, |port| port).abilities();
    assert_eq!((rich.tells, rich.locates), (Tells::Long, Locates::Far));
    assert_eq!((rich.alerts, rich.attributes), (Alerts::Kept, true));
    assert_eq!(rich.blocks, (1, 8 << 20));
    let poor = loaded(&self::shared(), Poor).abilities();
    assert_eq!((poor.tells, poor.locates), (Tells::Nothing, Locates::Never));
    assert_eq!((poor.alerts, poor.attributes), (Alerts::Never, false));
}

fn finds_its_files<S: Scsi>(mut drive: Drive<S>) -> Vec<Position> {
    let begins = write_files(&mut drive);
    let mut buffer = [0; 128];
    for (file, begin) in [(2, begins[2]), (0, begins[0]), (1, begins[1])] {
        drive.locate(begin).expect("there");
        for block in 0..=file {
            assert_eq!(drive.read(&mut buffer), Ok(Read::Block(64)));
            assert_eq!(buffer[0], (file + 1) * 16 + block);
        }
        assert_eq!(drive.read(&mut buffer), Ok(Read::Filemark));
    }
    assert_eq!(drive.position(), Ok(begins[2]));
    drive.go(Place { file: 2, block: 1 }).expect("there");
    assert_eq!(drive.read(&mut buffer), Ok(Read::Block(64)));
    assert_eq!(buffer[0], 0x31);
    drive.back_blocks(1).expect("back");
    assert_eq!(drive.read(&mut buffer), Ok(Read::Block(64)));
    assert_eq!(buffer[0], 0x31);
    let end = drive.end().expect("the end");
    assert_eq!(drive.read(&mut buffer), Ok(Read::End));
    assert_eq!(drive.position(), Ok(end));
    begins.into_iter().chain([end]).collect()
}

#[test]
fn files_are_found_by_address_or_by_counting() {
    let rich = finds_its_files(loaded(&shared(), |port| port));
    assert_eq!(rich, [0, 2, 5, 9].map(Position::Address));
    let poor = finds_its_files(loaded(&shared(), Poor));
    let counted = |file| Position::Counted(Place { file, block: 0 });
    assert_eq!(poor, [0, 1, 2, 3].map(counted));
}

#[test]
fn a_count_is_dropped_when_an_answer_is_lost() {
    let shared = shared();
    let mut drive = loaded(&shared, Poor);
    write_files(&mut drive);
    let unit = Unit::Drive(0);
    shared.with(|library| {
        let (after, executed) = (library.commands(unit), true);
        library.plan().add(Fault::AnswerLost {
            unit,
            after,
            executed,
        });
    });
    assert!(matches!(drive.write(&[1]), Err(Failure::Lost(_))));
    assert_eq!(drive.position(), Err(Failure::Nowhere));
    let end = Place { file: 3, block: 1 };
    assert_eq!(drive.end(), Ok(Position::Counted(end)), "it was executed");
    shared.with(|library| library.reset(unit));
    drive.ready().expect("ready");
    assert_eq!(drive.position(), Err(Failure::Nowhere));
}

#[test]
fn chips_and_alerts_are_read() {
    let shared = shared();
    let mut drive = loaded(&shared, |port| port);
    let texts = BTreeMap::from([(0x0803, "label".to_owned()), (0x0806, "AA0001L9".into())]);
    drive.remember(&texts).expect("kept");
    let chip = drive.attributes().expect("a chip");
    assert_eq!(chip.get(&0x0803).map(Vec::as_slice), Some(&b"label"[..]));
    assert_eq!(
        chip.get(&0x0003).map(Vec::as_slice),
        Some(&[0, 0, 0, 0, 0, 0, 0, 1][..])
    );
    shared.with(|library| library.soil(0));
    assert_eq!(drive.alerts().expect("alerts"), [0x14].into());
    assert_eq!(drive.alerts().expect("alerts"), [0x14].into(), "kept");
    let modes = drive.modes().expect("modes");
    assert_eq!(
        (modes.worm, modes.protected, modes.block),
        (Some(false), false, 0)
    );
}

#[test]
fn drives_and_elements_are_paired_by_serial() {
    let shared = shared();
    let mut changer = Changer::new(shared.port(Unit::Changer));
    assert_eq!(changer.ready(), (true, Ok(())));
    let rows = changer.rows().expect("rows");
    let (first, to) = (rows.slots.first, Address(rows.drives.first.0 + 1));
    changer.carry(&rows, first, to).expect("carried");
    let mut drive = Drive::new(shared.port(Unit::Drive(1)));
    let identity = drive.identity().expect("who");
    let mut said = String::new();
    for kind in Kind::ALL {
        for one in changer.elements(&rows, kind).expect("elements") {
            let paired = one
                .device
                .as_ref()
                .map(|device| device.ends_with(&identity.serial));
            said += &format!(
                "{kind:?} {}: full {}, reachable {}, label {:?}, from {:?}, paired {paired:?}\n",
                one.address.0, one.full, one.reachable, one.label, one.source,
            );
        }
    }
    expect![[r#"
        Picker 1: full false, reachable true, label None, from None, paired None
        Slot 1000: full false, reachable true, label None, from None, paired None
        Slot 1001: full true, reachable true, label Some("AA0002L9"), from None, paired None
        Slot 1002: full false, reachable true, label None, from None, paired None
        Door 768: full false, reachable true, label None, from None, paired None
        Drive 256: full false, reachable true, label None, from None, paired Some(false)
        Drive 257: full true, reachable false, label Some("AA0001L9"), from Some(Address(1000)), paired Some(true)
    "#]].assert_eq(&said);
}
