//! The whole way once: a restic repository through commands to the virtual library onto cartridges
//! in files, the library started anew, and what `tar` and `restic` make of the tapes.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};

use holdfast_tape::format::{
    self, Effect, End, Event, Layout, Medium as _, Read, Reason, Row, SetKind, Space, Writer, deck,
    recovery,
};
use holdfast_tape::library::{
    Cartridge, FIRST_DRIVE, FIRST_SLOT, InFiles, Kind, Library, Memory, Plan, Port, Shared, Size,
    Unit,
};
use holdfast_tape::mounted::Mounted;
use holdfast_tape::scsi::Patience;
use holdfast_tape::smc::{Address, Changer};
use holdfast_tape::ssc::Drive;
use restic::{Restic, SMALL, tree, untar};
use support::{Source, volume};
use tempfile::TempDir;

#[path = "tar_and_restic/restic.rs"]
#[expect(dead_code, reason = "other tests use the rest of it")]
mod restic;
#[path = "support/mod.rs"]
#[expect(dead_code, reason = "other tests use the rest of it")]
mod support;

/// Bytes of tape, the last eighth of them behind the warning.
const CAPACITY: u64 = 48 << 20;
const CARTRIDGES: u16 = 4;

/// A library of one drive whose cartridges are folders here.
fn library(home: &Path) -> Shared {
    let size = Size {
        drives: 1,
        slots: CARTRIDGES,
        doors: 1,
    };
    let mut library = Library::new(size, Plan::default());
    for number in 0..CARTRIDGES {
        let barcode = format!("HF000{number}L9");
        let files = InFiles::open(&home.join(&barcode)).unwrap();
        let new = Memory {
            kind: Kind::Data,
            capacity: CAPACITY,
            warning: CAPACITY / 8,
            protected: false,
            loads: 0,
            attributes: [].into(),
        };
        let memory = files.memory().unwrap().unwrap_or(new);
        let cartridge = Cartridge::open(&barcode, memory, Box::new(files)).unwrap();
        assert!(library.insert(FIRST_SLOT + number, cartridge).is_none());
    }
    Shared::new(library)
}

/// Has the arm put a cartridge into the drive, does something with it, and puts it back.
fn with<R>(library: &Shared, number: u16, work: impl FnOnce(&mut Mounted<Port>) -> R) -> R {
    let mut changer = Changer::new(library.port(Unit::Changer));
    changer.ready().1.unwrap();
    let rows = changer.rows().unwrap();
    let (slot, drive) = (Address(FIRST_SLOT + number), Address(FIRST_DRIVE));
    changer.carry(&rows, slot, drive).unwrap();
    let mut own = Drive::new(library.port(Unit::Drive(0)));
    // What it wants attention for is taken, and that it must load.
    let _ = own.ready();
    own.load(Patience::Load).unwrap();
    let mut mounted = Mounted::new(own).unwrap();
    let done = work(&mut mounted);
    mounted.drive().unload().unwrap();
    changer.carry(&rows, drive, slot).unwrap();
    done
}

/// Writes what is left onto one tape; whether all of it is on tape then, and what was committed.
fn write(library: &Shared, number: u16, left: &mut VecDeque<Source>) -> (bool, Vec<Row>) {
    let labels = volume(u32::from(number) + 1, Layout::One, SetKind::Whole);
    let (mut writer, mut told, mut given) = (Writer::fresh(labels, SMALL), Vec::new(), Vec::new());
    with(library, number, |tape| {
        deck::run(&mut writer, tape, Event::Start, &mut told);
        while matches!(told.last(), Some(Effect::Want)) {
            let Some(source) = left.pop_front() else {
                deck::run(&mut writer, tape, Event::Seal(Reason::Closed), &mut told);
                break;
            };
            deck::put(&mut writer, tape, source.header(), &source.bytes, &mut told);
            given.push(source);
        }
    });
    let (mut is_sealed, mut rows) = (false, Vec::new());
    for effect in told {
        if let Effect::Committed(more) = effect {
            rows.extend(more);
        } else if let Effect::Ended(End::Sealed(_)) = effect {
            is_sealed = true;
        } else if let Effect::Again(places) = effect {
            for place in places.into_iter().rev() {
                let source = given.iter().find(|source| source.place == place);
                left.push_front(source.unwrap().clone());
            }
        }
    }
    assert!(is_sealed, "the tape came to no good end");
    (left.is_empty(), rows)
}

/// Reads a tape as `dd` would, a file for each tape file.
fn dump(library: &Shared, number: u16, to: &Path) -> PathBuf {
    let folder = to.join(format!("tape-{number}"));
    fs::create_dir_all(&folder).unwrap();
    with(library, number, |tape| {
        let (mut file, mut bytes) = (0, Vec::new());
        loop {
            match tape.read().unwrap() {
                Read::Block(block) => bytes.extend(block),
                Read::End => return,
                Read::Filemark if bytes.is_empty() => {}
                Read::Filemark => {
                    fs::write(folder.join(format!("{file:04}")), &bytes).unwrap();
                    (file, bytes) = (file + 1, Vec::new());
                }
            }
        }
    });
    folder
}

#[test]
fn a_repository_goes_to_tape_through_a_drive_and_a_changer_and_comes_back() {
    let restic = Restic::new();
    restic.backup("first", 50);
    restic.backup("second", 30);
    let sources = restic.sources(None);
    let home = TempDir::new().unwrap();
    let mut left = VecDeque::from(sources.clone());
    let mut tapes = Vec::new();
    let own = library(home.path());
    for number in 0.. {
        let (is_all, rows) = write(&own, number, &mut left);
        tapes.push(rows);
        if is_all {
            break;
        }
    }
    drop(own);
    assert!(tapes.len() > 1, "the set has one tape only");
    assert_eq!(tapes.iter().map(Vec::len).sum::<usize>(), sources.len());

    // The library begins anew: what counts is in the files.
    let own = library(home.path());
    let dumps = home.path().join("dumps");
    let all = 0..u16::try_from(tapes.len()).unwrap();
    let dumped: Vec<_> = all.clone().map(|it| dump(&own, it, &dumps)).collect();
    let untarred = home.path().join("untarred");
    untar(&dumped, &untarred);
    restic.is_good(&untarred);
    let on_tape = tree(&untarred);
    let original = restic::without_locks(tree(&restic.repository()));
    let is_there = |(path, bytes): (&String, _)| on_tape.get(path) == Some(bytes);
    assert!(original.iter().all(is_there), "an object is not as it was");

    // One object of each tape by its row alone, and all rows from the tape alone.
    for number in all {
        let rows = &tapes[usize::from(number)];
        let row = rows.last().unwrap();
        let wanted = sources.iter().find(|it| it.place == row.path).unwrap();
        with(&own, number, |tape| {
            let mut bytes = Vec::new();
            format::fetch(tape, row, &mut |piece| bytes.extend(piece)).unwrap();
            assert_eq!(bytes, wanted.bytes);
            tape.space(Space::End).unwrap();
            assert_eq!(&recovery::rebuild(tape, None).unwrap().rows, rows);
        });
    }
}
