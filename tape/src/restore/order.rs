//! What a restore of the catalog means: which cartridges there are, and what is on them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use holdfast_actors::catalog::rows::{
    Cartridge, Destination, Repository, RestorePart, Rows, Run, Set,
};
use holdfast_actors::kernel::{RepositoryId, RestoreId, Space};
use holdfast_actors::names::TapeName;
use holdfast_actors::tape::{MediumId, SetId};

use super::machine::label;
use super::plan::{Known, Source, Tape};
use super::words::{Order, Part, Target};
use crate::format::{Directory, Object, RunName};
use crate::naming::Home;
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
    /// Subtenants of one tenant are not those of another.
    #[error(
        "the run holds parts of subtenants, for which {0} of another tenant has no place: restore \
         it into a folder"
    )]
    Subtenants(RepositoryId),
}

/// The rows of cartridges, as far as there are any.
pub type Shelved = BTreeMap<MediumId, Arc<Known>>;

/// Looks up what is known of the cartridges that a restore reads.
///
/// # Errors
/// When rows cannot be read.
pub async fn shelved(rows: &Rows, shelf: &dyn Shelf, id: RestoreId) -> Result<Shelved, Failed> {
    let parts = rows.tape.restores.get(&id).map(|restore| &restore.parts);
    let sets = parts.into_iter().flatten();
    let sets = sets.filter_map(|part| rows.tape.sets.get(&part.set));
    let media: BTreeSet<MediumId> = sets.flat_map(|set| set.media.iter().copied()).collect();
    let mut known = Shelved::new();
    for medium in media {
        if let Some(rows) = shelf.rows(medium).await? {
            known.insert(medium, Arc::new(Known::from(rows)));
        }
    }
    Ok(known)
}

/// Gathers all that a restore needs. `is_here` says which libraries this node can use.
///
/// # Errors
/// What is missing.
pub fn order(
    rows: &Rows,
    known: &Shelved,
    is_here: &dyn Fn(&TapeName) -> bool,
    id: RestoreId,
) -> Result<Order, Unready> {
    let restore = rows.tape.restores.get(&id).ok_or(Unready::NoRestore(id))?;
    let mut tapes: Vec<Tape> = Vec::new();
    let mut parts = Vec::new();
    for part in &restore.parts {
        if !tapes.iter().any(|tape| tape.set == part.set) {
            tapes.extend(tapes_of(rows, known, is_here, part.set)?);
        }
        parts.extend(parts_of(rows, &tapes, part)?);
    }
    let past_quota = restore.past_quota;
    Ok(Order {
        parts,
        tapes,
        past_quota,
    })
}

/// One part for each list that the run has: for the tenant's own, and for each subtenant's.
fn parts_of(rows: &Rows, tapes: &[Tape], part: &RestorePart) -> Result<Vec<Part>, Unready> {
    let no_run = || Unready::NoRun(part.set, part.run.clone());
    let set = rows
        .tape
        .sets
        .get(&part.set)
        .ok_or(Unready::NoSet(part.set))?;
    let mut runs = set.runs.iter().filter(|run| run.done.is_some());
    let run = runs.find(|run| run.name == part.run).ok_or_else(no_run)?;
    let name = RunName::parse(&run.name).ok_or_else(no_run)?;
    let mine = tapes.iter().filter(|tape| tape.set == part.set);
    let places = mine.flat_map(|tape| tape.rows.iter()).map(|row| &row.path);
    let list = Object::Run(name.clone());
    let lists = places.filter(|place| place.object == list);
    let directories: BTreeSet<Option<Directory>> =
        lists.map(|place| place.directory.clone()).collect();
    if directories.is_empty() {
        return Err(Unready::NoList(run.name.clone()));
    }
    let count = (directories.len() == 1).then_some((run.objects, run.bytes));
    let home = Home {
        repository: run.repository,
        tenant: &run.tenant,
        called: &run.called,
        is_alone: set.one == Some(run.repository),
    };
    let own = home
        .place(Space::TENANT, Object::Config)
        .and_then(|place| place.directory);
    let parts = directories.into_iter().map(|directory| {
        let space = space_of(own.as_ref(), directory.as_ref());
        let to = target_of(rows, run, &part.to, space)?;
        let source = Source {
            set: part.set,
            directory,
            run: name.clone(),
        };
        Ok(Part { source, count, to })
    });
    parts.collect()
}

/// Whose part of a repository a directory holds: that of a subtenant has its number at its end.
fn space_of(own: Option<&Directory>, directory: Option<&Directory>) -> Space {
    let number = own.zip(directory).and_then(|(own, directory)| {
        let rest = directory.as_str().strip_prefix(own.as_str())?;
        rest.strip_prefix('.')?.parse().ok()
    });
    number.map_or(Space::TENANT, Space::new)
}

fn target_of(rows: &Rows, run: &Run, to: &Destination, space: Space) -> Result<Target, Unready> {
    let served = |id| {
        let row = rows
            .repositories
            .get(&id)
            .filter(|row: &&Repository| row.removed.is_none());
        row.ok_or(Unready::NoRepository(id))
    };
    Ok(match to {
        Destination::Original => Target::Exactly {
            id: run.repository,
            space,
            quota: served(run.repository)?.quota,
        },
        Destination::Repository(id) => {
            let row = served(*id)?;
            let owner = rows.repositories.get(&run.repository).map(|row| row.tenant);
            // Its number means somebody else, or nobody, at another tenant.
            if space != Space::TENANT && owner != Some(row.tenant) {
                return Err(Unready::Subtenants(*id));
            }
            let (id, quota) = (*id, row.quota);
            Target::Beside { id, space, quota }
        }
        Destination::Folder(path) if space == Space::TENANT => Target::Folder(path.clone()),
        Destination::Folder(path) => Target::Folder(format!("{path}/subtenant-{}", space.raw())),
    })
}

fn tapes_of(
    rows: &Rows,
    known: &Shelved,
    is_here: &dyn Fn(&TapeName) -> bool,
    id: SetId,
) -> Result<Vec<Tape>, Unready> {
    let set: &Set = rows.tape.sets.get(&id).ok_or(Unready::NoSet(id))?;
    let mut tapes = Vec::new();
    let mut seen: BTreeSet<MediumId> = BTreeSet::new();
    for (sequence, medium) in (1..).zip(set.media.iter().copied()) {
        let row: &Cartridge = rows.tape.media.get(&medium).ok_or(Unready::NoSet(id))?;
        let barcode = row.medium.barcode.clone();
        let known = match known.get(&medium) {
            Some(known) => Arc::clone(known),
            None if row.head.objects == 0 => Arc::new(Known::from(Vec::new())),
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
                rows: known,
            });
        }
    }
    Ok(tapes)
}
