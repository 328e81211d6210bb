//! What a restore of the catalog means: which cartridges there are, and what is on them.

use std::collections::BTreeSet;
use std::sync::Arc;

use holdfast_actors::catalog::rows::{
    Cartridge, Destination, Repository, RestorePart, Rows, Run, Set,
};
use holdfast_actors::kernel::{RepositoryId, RestoreId};
use holdfast_actors::names::TapeName;
use holdfast_actors::tape::{MediumId, SetId};

use super::machine::label;
use super::plan::{Source, Tape};
use super::words::{Order, Part, Target};
use crate::format::{Object, RunName};
use crate::ports::{Failed, Shelf};

/// Why a restore cannot even be planned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unready {
    /// The catalog has no such restore.
    #[error("there is no {0}")]
    NoRestore(RestoreId),
    /// A cartridge of the set was written over.
    #[error("media set {0} is not there any more")]
    NoSet(SetId),
    /// It is not on tape whole.
    #[error("run {1} of media set {0} is not on tape whole")]
    NoRun(SetId, String),
    /// Its list is on no cartridge that is known.
    #[error("the list of run {0} is on no cartridge of its set that is known")]
    NoList(String),
    /// What is on a cartridge has to be read from it first.
    #[error("nobody knows what is on cartridge {0}; let it be read, with 'tape recover-catalog'")]
    Unknown(String),
    /// It is not served.
    #[error("{0} is not there any more: choose another destination")]
    NoRepository(RepositoryId),
    /// The rows of a cartridge cannot be read.
    #[error(transparent)]
    Shelf(#[from] Failed),
}

/// Gathers all that a restore needs. `is_here` says which libraries this node can use.
///
/// # Errors
/// What is missing.
pub fn order(
    rows: &Rows,
    shelf: &dyn Shelf,
    is_here: &dyn Fn(&TapeName) -> bool,
    id: RestoreId,
) -> Result<Order, Unready> {
    let restore = rows.tape.restores.get(&id).ok_or(Unready::NoRestore(id))?;
    let mut tapes: Vec<Tape> = Vec::new();
    let mut parts = Vec::new();
    for part in &restore.parts {
        if !tapes.iter().any(|tape| tape.set == part.set) {
            tapes.extend(tapes_of(rows, shelf, is_here, part.set)?);
        }
        parts.push(part_of(rows, &tapes, part)?);
    }
    let past_quota = restore.past_quota;
    Ok(Order {
        parts,
        tapes,
        past_quota,
    })
}

fn part_of(rows: &Rows, tapes: &[Tape], part: &RestorePart) -> Result<Part, Unready> {
    let no_run = || Unready::NoRun(part.set, part.run.clone());
    let set = rows
        .tape
        .sets
        .get(&part.set)
        .ok_or(Unready::NoSet(part.set))?;
    let runs = set.runs.iter().filter(|run| run.done.is_some());
    let run = runs
        .into_iter()
        .find(|run| run.name == part.run)
        .ok_or_else(no_run)?;
    let name = RunName::parse(&run.name).ok_or_else(no_run)?;
    let mine = tapes.iter().filter(|tape| tape.set == part.set);
    let mut places = mine.flat_map(|tape| tape.rows.iter()).map(|row| &row.path);
    let list = Object::Run(name.clone());
    let place = places.find(|place| place.object == list);
    let source = Source {
        set: part.set,
        directory: place
            .ok_or_else(|| Unready::NoList(run.name.clone()))?
            .directory
            .clone(),
        run: name,
    };
    Ok(Part {
        source,
        objects: run.objects,
        bytes: run.bytes,
        to: target_of(rows, run, &part.to)?,
    })
}

fn target_of(rows: &Rows, run: &Run, to: &Destination) -> Result<Target, Unready> {
    let quota = |id| {
        let row = rows
            .repositories
            .get(&id)
            .filter(|row: &&Repository| row.removed.is_none());
        row.map(|row| row.quota).ok_or(Unready::NoRepository(id))
    };
    Ok(match to {
        Destination::Original => Target::Exactly {
            id: run.repository,
            quota: quota(run.repository)?,
        },
        Destination::Repository(id) => Target::Beside {
            id: *id,
            quota: quota(*id)?,
        },
        Destination::Folder(path) => Target::Folder(path.clone()),
    })
}

fn tapes_of(
    rows: &Rows,
    shelf: &dyn Shelf,
    is_here: &dyn Fn(&TapeName) -> bool,
    id: SetId,
) -> Result<Vec<Tape>, Unready> {
    let set: &Set = rows.tape.sets.get(&id).ok_or(Unready::NoSet(id))?;
    let mut tapes = Vec::new();
    let mut seen: BTreeSet<MediumId> = BTreeSet::new();
    for (sequence, medium) in (1..).zip(set.media.iter().copied()) {
        let row: &Cartridge = rows.tape.media.get(&medium).ok_or(Unready::NoSet(id))?;
        let barcode = row.medium.barcode.clone();
        let known = match shelf.rows(medium)? {
            Some(known) => known,
            None if row.head.objects == 0 => Vec::new(),
            None => return Err(Unready::Unknown(label(barcode.as_ref(), medium))),
        };
        let slot = row.slot.clone().filter(|(library, _)| is_here(library));
        if seen.insert(medium) {
            tapes.push(Tape {
                medium,
                barcode,
                at: slot.filter(|_| row.medium.is_online),
                set: id,
                sequence,
                rows: Arc::from(known),
            });
        }
    }
    Ok(tapes)
}
