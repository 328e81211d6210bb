//! Which cartridges are loaded, in which order, and what is read of each.
//!
//! Every cartridge is loaded once, and read in the order in which it is wound least. Of several
//! copies of an object the newest is read that was written before the list of its run: what a
//! later run wrote under the same name is not what this one found. An object whose name is its sum
//! is the same wherever it is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use holdfast_actors::names::TapeName;
use holdfast_actors::tape::changer::Element;
use holdfast_actors::tape::{Barcode, MediumId, SetId};

use super::route;
use crate::format::{Directory, Object, Row, RunName};
use crate::library::time;

/// A cartridge of a set, and what is on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tape {
    /// Which.
    pub medium: MediumId,
    /// What its sticker says.
    pub barcode: Option<Barcode>,
    /// Where it can be had; none while it is off line.
    pub at: Option<(TapeName, Element)>,
    /// Its set.
    pub set: SetId,
    /// Its place in the set, from 1.
    pub sequence: u32,
    /// What is on it, in the order in which it is.
    pub rows: Arc<Known>,
}

/// Rows of a cartridge in the order in which they are on it, in which objects can be looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    rows: Vec<Row>,
    /// Indices of rows, by their object.
    by_object: Vec<u32>,
}

impl From<Vec<Row>> for Known {
    fn from(rows: Vec<Row>) -> Self {
        // A tape holds fewer by far.
        let count = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        let mut by_object: Vec<u32> = (0..count).collect();
        by_object.sort_by_key(|index| &rows[*index as usize].path.object);
        Self { rows, by_object }
    }
}

impl Known {
    /// All of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Row> {
        self.rows.iter()
    }

    /// The rows of one object, of whatever repository, in order.
    pub fn of<'a, 'b>(&'a self, object: &'b Object) -> impl Iterator<Item = &'a Row> + use<'a, 'b> {
        let row = |index: &u32| &self.rows[*index as usize];
        let first = self
            .by_object
            .partition_point(|index| row(index).path.object < *object);
        let found = self.by_object[first..].iter().map(row);
        found.take_while(move |row| row.path.object == *object)
    }
}

/// Where the objects of a run are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its set.
    pub set: SetId,
    /// The repository's directory in it.
    pub directory: Option<Directory>,
    /// The name of its list.
    pub run: RunName,
}

/// One place on one cartridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spot {
    /// The cartridge.
    pub medium: MediumId,
    /// See [`Row::file`].
    pub file: u32,
    /// See [`Row::block`].
    pub block: u32,
    /// See [`Row::offset`].
    pub offset: u32,
}

impl Spot {
    /// Where a row of a cartridge stands.
    pub const fn of(medium: MediumId, row: &Row) -> Self {
        Self {
            medium,
            file: row.file,
            block: row.block,
            offset: row.offset,
        }
    }
}

/// One object to read, and for which part of the restore.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Counted from 0.
    pub part: usize,
    /// Where it is.
    pub row: Row,
}

/// A cartridge that is loaded, and what is read of it, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Load {
    /// Which.
    pub medium: MediumId,
    /// Where it is.
    pub at: (TapeName, Element),
    /// What is read of it.
    pub reads: Vec<Reading>,
}

/// What has to be read to bring back what is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// By set and place in it.
    pub loads: Vec<Load>,
    /// Cartridges that nobody can load now, without which it does not go (`R10.33`).
    pub offline: BTreeMap<MediumId, Option<Barcode>>,
    /// What is on no cartridge, or on none that can be read.
    pub lost: BTreeSet<(usize, Object)>,
    /// Objects on cartridges that can be had.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Finds the list of a run: the newest that is not among the `bad`, on line before off line.
pub fn list<'a>(
    tapes: &'a [Tape],
    source: &Source,
    bad: &BTreeSet<Spot>,
) -> Option<(&'a Tape, &'a Row)> {
    let object = Object::Run(source.run.clone());
    let tapes = tapes.iter().filter(|tape| tape.set == source.set);
    let rows = tapes.flat_map(|tape| tape.rows.of(&object).map(move |row| (tape, row)));
    rows.filter(|(_, row)| row.path.directory == source.directory)
        .filter(|(tape, row)| !bad.contains(&Spot::of(tape.medium, row)))
        .max_by_key(|(tape, row)| (tape.at.is_some(), tape.sequence, row.file, row.at()))
}

/// The rows that stand before the list of a run, each with its cartridge; `None` if it has none.
fn before<'a>(
    tapes: &'a [Tape],
    source: &'a Source,
) -> Option<impl Iterator<Item = (&'a Tape, &'a Row)>> {
    let (tape, list) = list(tapes, source, &BTreeSet::new())?;
    let end = (tape.sequence, list.file, list.at());
    let tapes = tapes.iter().filter(|tape| tape.set == source.set);
    let rows = tapes.flat_map(|tape| tape.rows.iter().map(move |row| (tape, row)));
    Some(rows.filter(move |(tape, row)| {
        let is_object = !matches!(row.path.object, Object::Run(_));
        is_object
            && row.path.directory == source.directory
            && (tape.sequence, row.file, row.at()) < end
    }))
}

/// The objects of a run without reading its list: all that stand before it, if they are exactly as
/// many objects and bytes as the run found. Whoever gets `None` has to read the list.
pub fn guess(
    tapes: &[Tape],
    source: &Source,
    (objects, bytes): (u64, u64),
) -> Option<BTreeSet<Object>> {
    let mut found = BTreeMap::new();
    for (_, row) in before(tapes, source)? {
        found.insert(&row.path.object, row.length);
    }
    let is_all = found.len() as u64 == objects && found.values().sum::<u64>() == bytes;
    is_all.then(|| found.into_keys().cloned().collect())
}

/// A copy of an object; the greatest is the one to read.
type Rank = (bool, bool, u32, u32, u64);

/// Plans the reading of what each part wants. `bad` are copies that could not be read.
pub fn plan(tapes: &[Tape], wanted: &[(&Source, &BTreeSet<Object>)], bad: &BTreeSet<Spot>) -> Plan {
    let mut plan = Plan::default();
    let mut reads: BTreeMap<usize, Vec<Reading>> = BTreeMap::new();
    for (part, (source, objects)) in wanted.iter().enumerate() {
        let end = list(tapes, source, &BTreeSet::new())
            .map(|(tape, row)| (tape.sequence, row.file, row.at()));
        for object in objects.iter() {
            match best(tapes, (source, end), object, bad) {
                None => drop(plan.lost.insert((part, object.clone()))),
                Some((tape, _)) if tapes[tape].at.is_none() => {
                    let tape = &tapes[tape];
                    plan.offline.insert(tape.medium, tape.barcode.clone());
                }
                Some((tape, row)) => {
                    plan.objects += 1;
                    plan.bytes += row.length;
                    let row = row.clone();
                    let reading = Reading { part, row };
                    reads.entry(tape).or_default().push(reading);
                }
            }
        }
    }
    plan.loads = loads(tapes, reads);
    plan
}

/// The copy of an object to read, and the index of its cartridge.
fn best<'a>(
    tapes: &'a [Tape],
    (source, end): (&Source, Option<(u32, u32, u64)>),
    object: &Object,
    bad: &BTreeSet<Spot>,
) -> Option<(usize, &'a Row)> {
    let mut best: Option<(Rank, usize, &Row)> = None;
    for (index, tape) in tapes.iter().enumerate() {
        for row in tape.rows.of(object) {
            let is_before = tape.set == source.set
                && row.path.directory == source.directory
                && end.is_some_and(|end| (tape.sequence, row.file, row.at()) < end);
            let is_any = is_before || object.promised().is_some();
            if !is_any || bad.contains(&Spot::of(tape.medium, row)) {
                continue;
            }
            let rank = (
                tape.at.is_some(),
                is_before,
                tape.sequence,
                row.file,
                row.at(),
            );
            if best.is_none_or(|(best, ..)| rank > best) {
                best = Some((rank, index, row));
            }
        }
    }
    best.map(|(_, index, row)| (index, row))
}

fn loads(tapes: &[Tape], reads: BTreeMap<usize, Vec<Reading>>) -> Vec<Load> {
    let mut loads: Vec<_> = reads.into_iter().collect();
    loads.sort_by_key(|(tape, _)| (tapes[*tape].set, tapes[*tape].sequence));
    let loads = loads.into_iter().filter_map(|(tape, mut reads)| {
        reads.sort_by_key(|reading| (reading.row.file, reading.row.at(), reading.part));
        let tape = &tapes[tape];
        let at = tape.at.clone()?;
        let medium = tape.medium;
        let sticker = tape.barcode.as_ref().map(Barcode::to_string);
        let reads = route::order(
            reads,
            &time::profile(sticker.as_deref().unwrap_or_default()),
        );
        Some(Load { medium, at, reads })
    });
    loads.collect()
}
