//! How fast a tape is written on the embedded library, whose cartridges are files on this disk.
//!
//! `cargo bench -p holdfast-tape --bench stream`, with `--mib 1024 --rounds 21` for other sizes. A
//! round writes packs of 16 MiB as a tape, through the writer, the commands of SSC and the virtual
//! drive; and as many bytes as blocks of 256 KiB straight into a file beside it, with their
//! SHA-256. Both sync once at their end. Promised: 80 of 100 parts of the speed, in the median of
//! the rounds, and half of it where each object is encrypted, too.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]
#![expect(clippy::disallowed_methods, reason = "a bench looks at the clock")]

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use bytes::Bytes;
use holdfast_tape::format::{
    BLOCK, Effect, Encryption, Event, Header, Item, Layout, Object, Place, Reason, SetKind,
    Settings, Sum, Writer, deck,
};
use holdfast_tape::library::{
    Cartridge, FIRST_DRIVE, FIRST_SLOT, InFiles, Kind, Library, Memory, Plan, Port, Shared, Size,
    Unit,
};
use holdfast_tape::mounted::Mounted;
use holdfast_tape::scsi::Patience;
use holdfast_tape::smc::{Address, Changer};
use holdfast_tape::ssc::Drive;
use support::{key, volume};
use told::Report;

#[path = "../tests/support/mod.rs"]
#[expect(dead_code, reason = "tests use the rest of it")]
mod support;
#[expect(dead_code, reason = "other benches use the rest of it")]
mod told;

const PACK: usize = 16 << 20;

/// Packs that differ, and their headers.
fn packs(count: usize) -> Vec<(Header, Bytes)> {
    let mut state = 88_172_645_463_325_252_u64;
    let noise = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    let noise: Bytes = noise
        .flatten()
        .take(PACK + count * 64)
        .collect::<Vec<_>>()
        .into();
    let packs = (0..count).map(|number| {
        let bytes = noise.slice(number * 64..number * 64 + PACK);
        let sha256 = Sum::of(&bytes);
        let place = Place {
            directory: None,
            object: Object::Data(sha256),
        };
        let header = Header {
            item: Item::Object(place),
            length: PACK as u64,
            sha256,
            encryption: None,
        };
        (header, bytes)
    });
    packs.collect()
}

/// The same, to be encrypted.
fn encrypted(packs: &[(Header, Bytes)]) -> Vec<(Header, Bytes)> {
    let mut packs = packs.to_vec();
    for (header, _) in &mut packs {
        let (key, secret, _) = key(1);
        let salt = *header.sha256.as_bytes();
        header.encryption = Some(Encryption { key, secret, salt });
    }
    packs
}

/// A drive with a blank cartridge in this folder.
fn drive(folder: &Path) -> Mounted<Port> {
    let size = Size {
        drives: 1,
        slots: 1,
        doors: 0,
    };
    let memory = Memory {
        kind: Kind::Data,
        capacity: 1 << 40,
        warning: 1 << 30,
        protected: false,
        loads: 0,
        attributes: [].into(),
    };
    let mut library = Library::new(size, Plan::default());
    let files = InFiles::open(folder).unwrap();
    let cartridge = Cartridge::open("HF0001L9", memory, Box::new(files)).unwrap();
    assert!(library.insert(FIRST_SLOT, cartridge).is_none());
    let library = Shared::new(library);
    let mut changer = Changer::new(library.port(Unit::Changer));
    changer.ready().1.unwrap();
    let rows = changer.rows().unwrap();
    changer
        .carry(&rows, Address(FIRST_SLOT), Address(FIRST_DRIVE))
        .unwrap();
    let mut own = Drive::new(library.port(Unit::Drive(0)));
    // What it wants attention for is taken.
    let _ = own.ready();
    own.load(Patience::Load).unwrap();
    Mounted::new(own).unwrap()
}

/// Seconds for all packs as a tape.
fn tape(home: &Path, packs: &[(Header, Bytes)]) -> f64 {
    let folder = home.join("tape");
    let mut medium = drive(&folder);
    let labels = volume(1, Layout::One, SetKind::Whole);
    let mut writer = Writer::fresh(labels, Settings::default());
    let began = Instant::now();
    let mut told = Vec::new();
    deck::run(&mut writer, &mut medium, Event::Start, &mut told);
    for (header, bytes) in packs {
        deck::put(&mut writer, &mut medium, header.clone(), bytes, &mut told);
    }
    deck::run(
        &mut writer,
        &mut medium,
        Event::Seal(Reason::Closed),
        &mut told,
    );
    let seconds = began.elapsed().as_secs_f64();
    assert!(matches!(told.last(), Some(Effect::Ended(_))));
    assert_eq!(writer.rows().len(), packs.len());
    fs::remove_dir_all(&folder).unwrap();
    seconds
}

/// Seconds for all packs as one file, with their sums.
fn plain(home: &Path, packs: &[(Header, Bytes)]) -> f64 {
    let path = home.join("plain");
    let mut file = File::create(&path).unwrap();
    let began = Instant::now();
    for (header, bytes) in packs {
        for block in bytes.chunks(BLOCK) {
            file.write_all(block).unwrap();
        }
        assert!(Sum::of(bytes) == header.sha256);
    }
    file.sync_data().unwrap();
    let seconds = began.elapsed().as_secs_f64();
    fs::remove_file(&path).unwrap();
    seconds
}

fn number(name: &str, usual: usize) -> usize {
    let words: Vec<String> = std::env::args().collect();
    let at = words.iter().position(|word| word == name);
    let value = at.and_then(|at| words.get(at + 1));
    value.map_or(usual, |value| value.parse().unwrap())
}

fn main() -> ExitCode {
    let mut report = Report::begin();
    let mib = number("--mib", report.pick(64, 256));
    let rounds = number("--rounds", report.pick(1, 9)).max(1);
    // Beside the build: where temporary files are may be memory.
    let home = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let packs = packs((mib << 20).div_ceil(PACK));
    let bytes = (packs.len() * PACK) as f64;
    let locked = encrypted(&packs);
    let (mut ratios, mut locked_ratios) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        // Who comes first has the emptier cache: they take turns.
        let (tape, plain) = if round % 2 == 0 {
            let tape = tape(home.path(), &packs);
            (tape, plain(home.path(), &packs))
        } else {
            let plain = plain(home.path(), &packs);
            (tape(home.path(), &packs), plain)
        };
        let locked = self::tape(home.path(), &locked);
        println!(
            "      tape {:.0} MB/s, encrypted {:.0} MB/s, file and sum {:.0} MB/s",
            bytes / tape / 1e6,
            bytes / locked / 1e6,
            bytes / plain / 1e6
        );
        ratios.push(plain / tape);
        locked_ratios.push(plain / locked);
    }
    let mut median = |what: &str, mut ratios: Vec<f64>, promised: f64| {
        ratios.sort_by(f64::total_cmp);
        report.at_least(what, ratios[ratios.len() / 2], promised);
    };
    median("tape beside a file and its sum", ratios, 0.8);
    median("the same, encrypted", locked_ratios, 0.5);
    report.end()
}
