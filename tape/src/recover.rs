//! What is known of a cartridge, from the cartridge alone: for a node that lost its rows, or all.
//!
//! Invariant: what is known already is never replaced by less.

use std::collections::BTreeMap;

use holdfast_actors::tape::{MediumId, SetId};

use crate::format::recovery::{self, Level};
use crate::format::{Directory, Medium, Object, Row, RunName, SetLabel, cut, fetch};
use crate::naming;
use crate::ports::{Failed, Mount, Shelf, ask};

/// What a cartridge says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Which it is.
    pub medium: MediumId,
    /// What it says of its set; none if that is lost.
    pub set: Option<SetLabel>,
    /// How much of it had to be read.
    pub level: Level,
    /// What is on it for good.
    pub rows: Vec<Row>,
    /// What it says is on the earlier cartridges of its set.
    pub earlier: BTreeMap<MediumId, Vec<Row>>,
    /// The runs that end on it.
    pub runs: Vec<Ran>,
}

/// A run whose list is on a cartridge: all of it is on this one and the earlier ones of its set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// The name of its list.
    pub name: RunName,
    /// The repository's directory.
    pub directory: Option<Directory>,
    /// Objects that it found; none if the list cannot be read.
    pub objects: Option<u64>,
    /// Their bytes, as far as they are on known cartridges.
    pub bytes: u64,
}

impl Found {
    /// The media set, if that is not lost.
    pub fn set(&self) -> Option<SetId> {
        self.set.as_ref().map(|label| naming::set(label.set))
    }
}

/// Reads all that a cartridge in a drive can tell, with as little reading as its damage allows.
///
/// # Errors
/// When it is blank or foreign, or the drive fails.
pub async fn read(mount: &mut dyn Mount) -> Result<Found, Failed> {
    ask(mount, tell).await?.map_err(Failed::Other)
}

/// Notes the rows that a cartridge told, its own and those of earlier ones of its set that nobody
/// knew.
///
/// # Errors
/// When they cannot be read or written.
pub async fn keep(shelf: &dyn Shelf, found: &Found) -> Result<(), Failed> {
    let earlier = found.earlier.iter().map(|(medium, rows)| (*medium, rows));
    for (medium, rows) in earlier.chain([(found.medium, &found.rows)]) {
        let known = shelf.rows(medium).await;
        // Damaged rows are as good as none.
        let known = known.ok().flatten().map_or(0, |known| known.len());
        if known < rows.len() {
            shelf.clear(medium).await?;
            shelf.add(medium, rows).await?;
        }
    }
    Ok(())
}

fn tell(medium: &mut dyn Medium) -> Result<Found, String> {
    let words = |error: &dyn std::error::Error| holdfast_actors::shell::Fault::of(error).0;
    let labels = recovery::labels(medium).map_err(|error| words(&error))?;
    let signer = labels.label.signer;
    let rebuilt = recovery::rebuild(medium, Some(&signer)).map_err(|error| words(&error))?;
    let mut earlier = BTreeMap::new();
    for previous in labels.set.iter().flat_map(|set| &set.previous) {
        if let Some(rows) = labels.catalogs.get(&previous.sequence) {
            earlier.insert(naming::medium(previous.volume), rows.clone());
        }
    }
    let mut lengths: BTreeMap<(&Option<Directory>, &Object), u64> = BTreeMap::new();
    for row in earlier.values().flatten().chain(&rebuilt.rows) {
        lengths.insert((&row.path.directory, &row.path.object), row.length);
    }
    let mut runs = Vec::new();
    for row in &rebuilt.rows {
        let Object::Run(name) = &row.path.object else {
            continue;
        };
        let directory = row.path.directory.clone();
        let mut bytes = Vec::new();
        let list = fetch(medium, row, &mut |piece| bytes.extend_from_slice(&piece));
        let list = list.ok().and_then(|()| cut::parse(&bytes).ok());
        let sizes = list.iter().flatten();
        let sizes = sizes.filter_map(|object| lengths.get(&(&directory, object)));
        let bytes = sizes.sum();
        runs.push(Ran {
            name: name.clone(),
            objects: list.map(|list| list.len() as u64),
            directory,
            bytes,
        });
    }
    Ok(Found {
        medium: naming::medium(labels.label.volume),
        set: labels.set,
        level: rebuilt.level,
        rows: rebuilt.rows.clone(),
        earlier,
        runs,
    })
}
