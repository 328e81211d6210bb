//! How far a tape is wound to read objects from a full set of LTO-9, in the time model.
//!
//! `cargo bench -p holdfast-tape --bench restore`. The set has four tapes of 18 TB with packs of
//! 16 MiB. Promised: one object takes one load and one LOCATE, and so do many that are neighbours;
//! and 1,000 objects anywhere on a tape are read at least three times as fast in the order of the
//! planner as in that of their names.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use holdfast_actors::names::TapeName;
use holdfast_actors::tape::changer::Element;
use holdfast_actors::tape::{Barcode, MediumId, SetId};
use holdfast_tape::format::{
    BLOCK, Fault, Keys, Medium, Object, Place, Read, Reader, Row, RunName, Space, Sum, Summing,
    Written,
};
use holdfast_tape::library::time::{LTO_9, Work, cost};
use holdfast_tape::restore::plan::{self, Known, Load, Source, Tape};
use told::Report;

mod told;

const PACK: u64 = 16 << 20;
/// A pack, and the headers before it.
const STEP: u64 = PACK / BLOCK as u64 + 1;

/// A full tape of zeros in a drive that counts the time.
struct Model {
    head: u64,
    spent: Duration,
    locates: u64,
    block: Bytes,
}

impl Model {
    fn new() -> Self {
        Self {
            head: 0,
            spent: cost(&LTO_9, LTO_9.native, Work::Load),
            locates: 0,
            block: vec![0; BLOCK].into(),
        }
    }

    fn work(&mut self, work: Work) {
        self.spent += cost(&LTO_9, LTO_9.native, work);
    }
}

impl Medium for Model {
    fn write(&mut self, _: &[u8]) -> Result<Written, Fault> {
        Err(Fault::Unsupported)
    }

    fn filemark(&mut self) -> Result<Written, Fault> {
        Err(Fault::Unsupported)
    }

    fn flush(&mut self) -> Result<(), Fault> {
        Ok(())
    }

    fn position(&mut self) -> Result<Option<u64>, Fault> {
        Ok(Some(self.head))
    }

    fn locate(&mut self, address: u64) -> Result<(), Fault> {
        let (from, to) = (self.head * BLOCK as u64, address * BLOCK as u64);
        self.work(Work::Locate { from, to });
        self.locates += 1;
        self.head = address;
        Ok(())
    }

    fn rewind(&mut self) -> Result<(), Fault> {
        self.locate(0)
    }

    fn space(&mut self, _: Space) -> Result<(), Fault> {
        Err(Fault::Unsupported)
    }

    fn read(&mut self) -> Result<Read, Fault> {
        self.work(Work::Stream {
            bytes: BLOCK as u64,
        });
        self.head += 1;
        Ok(Read::Block(self.block.clone()))
    }
}

/// A number that looks like any other, for each.
fn draw(number: u64) -> u64 {
    let mixed = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn name(tape: u64, number: u64) -> Object {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&draw((tape << 32) + number + 1).to_be_bytes());
    bytes[8..16].copy_from_slice(&number.to_be_bytes());
    bytes[16..24].copy_from_slice(&tape.to_be_bytes());
    Object::Data(Sum::new(bytes))
}

/// The tapes of one set, the list of its one run at the end of the last.
fn set(tapes: u64, packs: u64) -> (Vec<Tape>, Source) {
    let zeros = vec![0; BLOCK];
    let mut summing = Summing::default();
    (0..PACK / BLOCK as u64).for_each(|_| summing.update(&zeros));
    let sum = summing.finish();
    let run = RunName::parse("run").unwrap();
    let all = (1..=tapes).map(|tape| {
        let row = |object, number: u64| Row {
            path: Place {
                directory: None,
                object,
            },
            sha256: sum,
            length: PACK,
            file: 2,
            position: Some(0),
            block: u32::try_from(10 + number * STEP).unwrap(),
            offset: 0,
            key: None,
        };
        let mut rows: Vec<_> = (0..packs).map(|n| row(name(tape, n), n)).collect();
        if tape == tapes {
            rows.push(row(Object::Run(run.clone()), packs));
        }
        Tape {
            medium: MediumId::new(u128::from(tape)),
            barcode: Some(Barcode::parse(&format!("HF{tape:04}L9")).unwrap()),
            at: Some((TapeName::parse("north").unwrap(), Element(1000))),
            set: SetId::new(1),
            sequence: u32::try_from(tape).unwrap(),
            rows: Arc::new(Known::from(rows)),
        }
    });
    let all = all.collect();
    let source = Source {
        set: SetId::new(1),
        directory: None,
        run,
    };
    (all, source)
}

fn planned(tapes: &[Tape], source: &Source, objects: BTreeSet<Object>) -> Vec<Load> {
    let planned = plan::plan(tapes, &[(source, &objects)], &BTreeSet::new());
    assert_eq!(planned.objects, objects.len() as u64);
    planned.loads
}

/// Reads a load in this order; how often the tape was moved, and how long it took.
fn read<'a>(rows: impl Iterator<Item = &'a Row>) -> (u64, Duration) {
    let mut model = Model::new();
    let mut reader = Reader::at(&mut model, Keys::default());
    for row in rows {
        reader.fetch(&mut model, row, &mut |_| {}).unwrap();
    }
    (model.locates, model.spent)
}

fn main() -> ExitCode {
    let mut report = Report::begin();
    let tapes = report.pick(1, 4);
    let packs = LTO_9.native / BLOCK as u64 / STEP - 20;
    let (tapes, source) = set(tapes, packs);
    let last = tapes.len() as u64;

    let one = planned(&tapes, &source, [name(last, packs / 2)].into());
    report.at_most("loads for one object", one.len() as f64, 1.0);
    let (locates, spent) = read(one[0].reads.iter().map(|reading| &reading.row));
    report.at_most("LOCATEs for one object", locates as f64, 1.0);
    println!("      it takes {:.0} s", spent.as_secs_f64());

    let run = (0..64).map(|n| name(last, packs / 3 + n)).collect();
    let run = planned(&tapes, &source, run);
    report.at_most("loads for 64 neighbours", run.len() as f64, 1.0);
    let (locates, _) = read(run[0].reads.iter().map(|reading| &reading.row));
    report.at_most("LOCATEs for 64 neighbours", locates as f64, 1.0);

    let count = report.pick(50, 1_000);
    let mut drawn: BTreeSet<u64> = BTreeSet::new();
    let mut draws = (7_777..).map(|number| draw(number) % packs);
    while drawn.len() < count {
        drawn.extend(draws.next());
    }
    let any = drawn.into_iter().map(|number| name(last, number));
    let load = planned(&tapes, &source, any.collect());
    let rows = || load[0].reads.iter().map(|reading| &reading.row);
    let named: BTreeMap<_, _> = rows().map(|row| (&row.path.object, row)).collect();
    let mut placed: Vec<_> = rows().collect();
    placed.sort_by_key(|row| row.at());
    let (_, naive) = read(named.into_values());
    let (_, by_place) = read(placed.into_iter());
    let (_, spent) = read(rows());
    println!(
        "      {count} objects: by name {:.0} s, by place {:.0} s, as planned {:.0} s",
        naive.as_secs_f64(),
        by_place.as_secs_f64(),
        spent.as_secs_f64()
    );
    let ratio = naive.as_secs_f64() / spent.as_secs_f64();
    report.at_least("the order of names beside the planner's", ratio, 3.0);
    report.end()
}
