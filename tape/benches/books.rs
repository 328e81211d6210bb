//! What it takes to know what is on tape: from the tapes, and from the rows on disk.
//!
//! `cargo bench -p holdfast-tape --bench books`. Ten tapes of 1 GiB are written through the writer
//! and read as `recover-catalog` reads them; promised is that it reads at most 1 part of 100 of
//! their bytes. And 1,000,000 rows of ten cartridges are put on the shelf and taken from there;
//! promised is that an object of them is found within 1 ms, and all take at most 200 MiB of memory.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]
#![expect(clippy::disallowed_methods, reason = "a bench looks at the clock")]

use std::collections::BTreeSet;
use std::fs;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use holdfast_actors::names::TapeName;
use holdfast_actors::ports::Pending;
use holdfast_actors::tape::changer::Element;
use holdfast_actors::tape::{MediumId, SetId};
use holdfast_tape::format::recovery::Level;
use holdfast_tape::format::{
    BLOCK, Directory, Effect, Event, Fault, Header, Item, Layout, Medium, Object, Place, Read,
    Reason, Row, RunName, SetKind, Settings, Space, Sum, Writer, Written, deck,
};
use holdfast_tape::ports::{Failed, Mount, Shelf as _, Work};
use holdfast_tape::recover;
use holdfast_tape::restore::plan::{self, Known, Source, Tape};
use holdfast_tape::shelf::Files;
use holdfast_tape::threads::{Native, wait};
use plain::Plain;
use support::volume;
use told::Report;

mod plain;
#[path = "../tests/support/mod.rs"]
#[expect(dead_code, reason = "tests use the rest of it")]
mod support;
#[expect(dead_code, reason = "other benches use the rest of it")]
mod told;

const PACK: usize = 16 << 20;
static ZEROS: [u8; BLOCK] = [0; BLOCK];

#[derive(Clone)]
enum Mark {
    Zeros,
    Block(Bytes),
    Filemark,
}

/// A tape in memory that counts what is read.
#[derive(Default)]
struct Counted {
    marks: Vec<Mark>,
    head: usize,
    written: u64,
    read: u64,
}

impl Counted {
    fn put(&mut self, mark: Mark) -> Result<Written, Fault> {
        self.marks.truncate(self.head);
        self.marks.push(mark);
        self.head += 1;
        Ok(Written { near_end: false })
    }

    fn is_filemark(&self) -> bool {
        matches!(self.marks.get(self.head), Some(Mark::Filemark))
    }
}

fn wall() -> Fault {
    Fault::Failed("the tape goes no further".to_owned())
}

impl Medium for Counted {
    fn write(&mut self, block: &[u8]) -> Result<Written, Fault> {
        self.written += block.len() as u64;
        let is_zeros = block == ZEROS;
        self.put(match is_zeros {
            true => Mark::Zeros,
            false => Mark::Block(Bytes::copy_from_slice(block)),
        })
    }

    fn filemark(&mut self) -> Result<Written, Fault> {
        self.put(Mark::Filemark)
    }

    fn flush(&mut self) -> Result<(), Fault> {
        Ok(())
    }

    fn position(&mut self) -> Result<Option<u64>, Fault> {
        Ok(Some(self.head as u64))
    }

    fn locate(&mut self, address: u64) -> Result<(), Fault> {
        self.head = usize::try_from(address).unwrap();
        Ok(())
    }

    fn rewind(&mut self) -> Result<(), Fault> {
        self.head = 0;
        Ok(())
    }

    fn space(&mut self, way: Space) -> Result<(), Fault> {
        match way {
            Space::End => self.head = self.marks.len(),
            Space::Blocks(count) => {
                let head = self.head as i64 + count;
                self.head = usize::try_from(head).map_err(|_| wall())?;
            }
            Space::Filemarks(count) if count >= 0 => {
                for _ in 0..count {
                    while !self.is_filemark() {
                        self.head += 1;
                        if self.head > self.marks.len() {
                            return Err(wall());
                        }
                    }
                    self.head += 1;
                }
            }
            Space::Filemarks(count) => {
                for _ in count..0 {
                    self.head = self.head.checked_sub(1).ok_or(wall())?;
                    while !self.is_filemark() {
                        self.head = self.head.checked_sub(1).ok_or(wall())?;
                    }
                }
            }
        }
        Ok(())
    }

    fn read(&mut self) -> Result<Read, Fault> {
        let Some(mark) = self.marks.get(self.head) else {
            return Ok(Read::End);
        };
        self.head += 1;
        let block = match mark {
            Mark::Filemark => return Ok(Read::Filemark),
            Mark::Zeros => Bytes::from_static(&ZEROS),
            Mark::Block(block) => block.clone(),
        };
        self.read += block.len() as u64;
        Ok(Read::Block(block))
    }
}

impl Mount for Counted {
    fn is_worm(&self) -> bool {
        false
    }

    fn work(&mut self, work: Work) -> Pending<Result<(), Failed>> {
        work(self);
        Box::pin(async { Ok(()) })
    }

    fn dismount(self: Box<Self>) -> Pending<Result<(), Failed>> {
        Box::pin(async { Ok(()) })
    }
}

fn header(item: Item, bytes: &Bytes) -> Header {
    Header {
        item,
        length: bytes.len() as u64,
        sha256: Sum::of(bytes),
        encryption: None,
    }
}

/// Writes the tape of this number, with what the earlier ones hold; its rows.
fn write(tape: &mut Counted, sequence: u32, packs: u64, earlier: &[Vec<Row>]) -> Vec<Row> {
    let labels = volume(sequence, Layout::One, SetKind::Whole);
    let mut writer = Writer::fresh(labels, Settings::default());
    let mut told = Vec::new();
    deck::run(&mut writer, tape, Event::Start, &mut told);
    for (number, rows) in (1..).zip(earlier) {
        let lines: Bytes = rows.iter().flat_map(Row::line).collect();
        let header = header(Item::Catalog(number), &lines);
        deck::put(&mut writer, tape, header, &lines, &mut told);
    }
    let mut list = String::new();
    for number in 0..packs {
        let mut bytes = vec![0; PACK];
        bytes[..8].copy_from_slice(&(u64::from(sequence) << 32 | number).to_be_bytes());
        let bytes = Bytes::from(bytes);
        let object = Object::Data(Sum::of(&bytes));
        list.push_str(&format!("{object}\n"));
        let place = Place {
            directory: None,
            object,
        };
        let header = header(Item::Object(place), &bytes);
        deck::put(&mut writer, tape, header, &bytes, &mut told);
    }
    let place = Place {
        directory: None,
        object: Object::Run(RunName::parse(&format!("run-{sequence}")).unwrap()),
    };
    let list = Bytes::from(list);
    let header = header(Item::Object(place), &list);
    deck::put(&mut writer, tape, header, &list, &mut told);
    deck::run(&mut writer, tape, Event::Seal(Reason::Closed), &mut told);
    assert!(matches!(told.last(), Some(Effect::Ended(_))));
    writer.rows().to_vec()
}

/// Which part of ten tapes is read to know what is on them.
fn rebuild(packs: u64) -> f64 {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.unwrap();
    let (mut earlier, mut written, mut read) = (Vec::new(), 0, 0);
    for sequence in 1..=10 {
        let mut tape = Counted::default();
        let rows = write(&mut tape, sequence, packs, &earlier);
        let found = runtime.block_on(recover::read(&mut tape)).unwrap();
        assert_eq!(found.level, Level::Index);
        assert_eq!(found.rows, rows);
        assert_eq!(found.earlier.len(), earlier.len());
        assert_eq!(found.runs[0].objects, Some(packs));
        earlier.push(rows);
        written += tape.written;
        read += tape.read;
    }
    println!("      read {read} of {written} bytes");
    read as f64 / written as f64
}

fn name(number: u64) -> Object {
    let mixed = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&(mixed ^ (mixed >> 29)).to_be_bytes());
    bytes[8..16].copy_from_slice(&number.to_be_bytes());
    Object::Data(Sum::new(bytes))
}

fn row(directory: &Directory, object: Object, number: u64) -> Row {
    Row {
        sha256: object.promised().unwrap_or(Sum::new([7; 32])),
        path: Place {
            directory: Some(directory.clone()),
            object,
        },
        length: PACK as u64,
        file: 2,
        position: Some(3),
        block: u32::try_from(number * 65).unwrap(),
        offset: 0,
        key: None,
    }
}

/// A figure of this process's memory, in MiB.
fn memory(what: &str) -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(what)).unwrap();
    let kib: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib / 1024.0
}

/// What is ready is waited for.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    wait(&Native, future).unwrap()
}

/// Puts so many rows for each of ten cartridges on the shelf; MiB and seconds for all of them.
fn shelf(report: &mut Report, each: u64) {
    let home = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let directory = Directory::parse("acme/servers").unwrap();
    let disk = Arc::new(Plain(home.path().to_owned()));
    let files = Files::new(disk, "rows");
    let run = RunName::parse("run").unwrap();
    for tape in 0..10 {
        let numbers = tape * each..(tape + 1) * each;
        let mut rows: Vec<_> = numbers
            .map(|n| row(&directory, name(n), n % each))
            .collect();
        if tape == 9 {
            rows.push(row(&directory, Object::Run(run.clone()), each));
        }
        block_on(files.add(MediumId::new(u128::from(tape)), &rows)).unwrap();
    }
    // From here on the greatest use of memory is counted anew.
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let began = Instant::now();
    let tapes: Vec<Tape> = (0..10)
        .map(|tape| {
            let medium = MediumId::new(tape);
            let rows = block_on(files.rows(medium)).unwrap().unwrap();
            Tape {
                medium,
                barcode: None,
                at: Some((TapeName::parse("north").unwrap(), Element(1000))),
                set: SetId::new(1),
                sequence: u32::try_from(tape).unwrap() + 1,
                rows: Arc::new(Known::from(rows)),
            }
        })
        .collect();
    println!(
        "      taken from the shelf in {:.1} s",
        began.elapsed().as_secs_f64()
    );
    let used = memory("VmHWM");
    let source = Source {
        set: SetId::new(1),
        directory: Some(directory),
        run,
    };
    let mut longest = 0.0_f64;
    for number in (0..10 * each).step_by(997) {
        let wanted: BTreeSet<_> = [name(number)].into();
        let began = Instant::now();
        let planned = plan::plan(&tapes, &[(&source, &wanted)], &BTreeSet::new());
        longest = longest.max(began.elapsed().as_secs_f64() * 1e3);
        assert_eq!(planned.objects, 1);
    }
    report.at_most("ms to find one of them, the longest", longest, 1.0);
    report.at_most("MiB of the process, at most", used, 200.0);
}

fn main() -> ExitCode {
    let mut report = Report::begin();
    let each = report.pick(1_000, 100_000);
    shelf(&mut report, each);
    let part = rebuild(report.pick(2, 64));
    report.at_most("part of ten tapes that is read to know them", part, 0.01);
    report.end()
}
