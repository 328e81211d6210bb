//! Golden bytes: tapes of version 1 look as they always did, and stay readable.
//!
//! A tape is kept as text: a line for each unit of 512 bytes that is not zeros, with the tape file,
//! the number of the unit and its bytes. File 0 is left out of the comparison of what is written:
//! its papers for people may be bettered.

use std::fmt::Write as _;

use bytes::Bytes;
use expect_test::expect_file;
use holdfast_tape::format::recovery::{self, Level};
use holdfast_tape::format::{
    ALIGNED_FROM, BLOCK, Event, Header, Item, Layout, Measure, Object, Place, Reason, Reel,
    RunName, SetKind, Settings, Sum,
};

use crate::object;
use crate::support::{Deck, Source, signer, volume};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/1.txt");
const UNIT: usize = 512;

fn sources() -> Vec<Source> {
    let mut big = vec![0; usize::try_from(ALIGNED_FROM).unwrap() + 1];
    big[0] = b'<';
    *big.last_mut().unwrap() = b'>';
    let run = Object::Run(RunName::parse("monday").unwrap());
    let list = Bytes::from_static(b"config\n");
    vec![
        Source {
            place: Place {
                directory: None,
                object: Object::Config,
            },
            bytes: "c".into(),
        },
        object(0, "a key"),
        object(3, big),
        object(2, ""),
        Source {
            place: Place {
                directory: None,
                object: run,
            },
            bytes: list,
        },
    ]
}

/// The second tape of a set, with the catalog of the first.
fn golden() -> Deck {
    let labels = volume(2, Layout::One, SetKind::Daily);
    let mut deck = Deck::fresh(labels, Settings::default(), Reel::default());
    let mut first = Deck::fresh(
        volume(1, Layout::One, SetKind::Daily),
        Settings::default(),
        Reel::default(),
    );
    first.put(&object(1, "an index"));
    first.run(Event::Commit);
    let (mut measure, mut lines) = (Measure::default(), Vec::new());
    for row in first.committed() {
        measure.add(&row);
        lines.extend(row.line());
    }
    let (length, sha256) = (measure.length(), measure.sum());
    deck.run(Event::Begin(Header {
        item: Item::Catalog(1),
        length,
        sha256,
        encryption: None,
    }));
    deck.run(Event::Piece(lines.into()));
    sources().iter().for_each(|source| deck.put(source));
    deck.run(Event::Commit);
    deck.run(Event::Seal(Reason::Exported));
    deck
}

fn text(files: &[Vec<u8>]) -> String {
    let mut text = String::new();
    for (file, bytes) in files.iter().enumerate() {
        writeln!(text, "file {file} {}", bytes.len()).unwrap();
        for (unit, bytes) in bytes.chunks(UNIT).enumerate().filter(|_| file > 0) {
            let Some(last) = bytes.iter().rposition(|byte| *byte != 0) else {
                continue;
            };
            writeln!(text, "{unit} {}", bytes[..=last].escape_ascii()).unwrap();
        }
    }
    text
}

fn unescape(text: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, tail @ ..] = rest {
        rest = tail;
        let (byte, used) = match (first, tail) {
            (b'\\', [b'x', ..]) => {
                let digits = std::str::from_utf8(&tail[1..3]).unwrap();
                (u8::from_str_radix(digits, 16).unwrap(), 3)
            }
            (b'\\', [b'n', ..]) => (b'\n', 1),
            (b'\\', [b't', ..]) => (b'\t', 1),
            (b'\\', [b'r', ..]) => (b'\r', 1),
            (b'\\', [other, ..]) => (*other, 1),
            (byte, _) => (*byte, 0),
        };
        bytes.push(byte);
        rest = &rest[used..];
    }
    bytes
}

fn files(text: &str) -> Vec<Vec<u8>> {
    let mut files: Vec<Vec<u8>> = Vec::new();
    for line in text.lines() {
        if let Some(opening) = line.strip_prefix("file ") {
            let (_, length) = opening.split_once(' ').unwrap();
            files.push(vec![0; length.parse().unwrap()]);
            continue;
        }
        let (unit, bytes) = line.split_once(' ').unwrap();
        let (at, bytes) = (unit.parse::<usize>().unwrap() * UNIT, unescape(bytes));
        files.last_mut().unwrap()[at..at + bytes.len()].copy_from_slice(&bytes);
    }
    files
}

#[test]
fn a_tape_of_version_1_has_these_bytes() {
    expect_file![GOLDEN].assert_eq(&text(&golden().reel.files()));
}

#[test]
fn a_tape_of_version_1_is_read() {
    let mut files = files(&std::fs::read_to_string(GOLDEN).unwrap());
    files[0] = golden().reel.files().swap_remove(0);
    assert!(files.iter().all(|file| file.len() % BLOCK == 0));
    let mut reel = Reel::of(&files);
    let labels = recovery::labels(&mut reel).unwrap();
    assert_eq!(labels.set.unwrap().sequence, 2);
    assert_eq!(labels.catalogs[&1].len(), 1);
    let key = signer().public();
    let index = recovery::rebuild(&mut reel, Some(&key)).unwrap();
    let read = recovery::walk(&mut reel, Some(&key), true).unwrap();
    assert_eq!((index.level, read.level), (Level::Index, Level::Headers));
    assert_eq!(index.rows, read.rows);
    assert!(index.sealed.unwrap().is_genuine && read.garbage.is_empty());
    let found: Vec<_> = index
        .rows
        .into_iter()
        .map(|row| (row.path, row.sha256))
        .collect();
    let written: Vec<_> = sources()
        .into_iter()
        .map(|source| (source.place, Sum::of(&source.bytes)))
        .collect();
    assert_eq!(found, written);
}
