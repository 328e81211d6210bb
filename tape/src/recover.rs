//! What is known of a cartridge, from the cartridge alone: for a node that lost its rows, or all.
//!
//! Invariant: what is known already is never replaced by less.

use std::collections::BTreeMap;

use holdfast_actors::catalog::rows::{Head, Run};
use holdfast_actors::catalog::tape::{IMPORTED, Told};
use holdfast_actors::kernel::{RepositoryId, Timestamp};
use holdfast_actors::names::{RepositoryName, TapeName, TenantName};
use holdfast_actors::tape::{MediaSet, MediumId, SetId};

use crate::format::recovery::{self, Level};
use crate::format::{
    Directory, Label, Layout, Measure, Medium, Object, Row, RunName, SetKind, SetLabel, Text, cut,
    fetch,
};
use crate::naming;
use crate::ports::{Failed, Mount, Shelf, ask};
use crate::station::expiry;

/// What a cartridge says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Which it is.
    pub medium: MediumId,
    /// What it says of itself.
    pub label: Label,
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
    /// All that a catalog has to know that lost the media set; `instead` is what it took the
    /// cartridge for. None if what the cartridge says of its set is lost.
    pub fn told(&self, instead: MediumId) -> Option<(SetId, Told)> {
        let set = self.set.as_ref()?;
        let mut measure = Measure::default();
        let mut head = Head::default();
        for row in &self.rows {
            measure.add(row);
            head.objects += 1;
            head.bytes += row.length;
        }
        head.root = *measure.sum().as_bytes();
        let pool = TapeName::parse(self.label.pool.as_str());
        let runs: Vec<Run> = self.catalogued(set).into_values().collect();
        let first = runs.first().map(|run| run.repository);
        let told = Told {
            medium: self.medium,
            instead,
            pool: pool.or_else(|_| TapeName::parse(IMPORTED)).ok()?,
            set: set_of(set),
            owner: set.owner.as_ref().and_then(tenant),
            one: first.filter(|_| set.layout == Layout::One),
            sequence: set.sequence,
            generation: set.generation,
            head,
            is_worm: set.worm,
            written: Timestamp::from_millis(self.label.written.saturating_mul(1_000)),
            expires: expiry(set.protected_until),
            runs,
        };
        Some((naming::set(set.set), told))
    }

    /// The runs as the catalog had them, by their names; those whose name says nothing are left
    /// out. A part of a subtenant counts with the repository.
    fn catalogued(&self, set: &SetLabel) -> BTreeMap<String, Run> {
        let mut runs: BTreeMap<String, Run> = BTreeMap::new();
        for ran in &self.runs {
            let Some(run) = ran.catalogued(set) else {
                continue;
            };
            let objects = ran.objects.unwrap_or_default();
            let known = runs.entry(run.name.clone()).or_insert(run);
            known.objects = known.objects.saturating_add(objects);
            known.bytes = known.bytes.saturating_add(ran.bytes);
        }
        runs
    }

    /// The media set, if that is not lost.
    pub fn set(&self) -> Option<SetId> {
        self.set.as_ref().map(|label| naming::set(label.set))
    }
}

impl Ran {
    /// What its name and its directory say, without what is counted.
    fn catalogued(&self, set: &SetLabel) -> Option<Run> {
        let mut parts = self.name.as_str().splitn(3, '-');
        let view = parts.next()?.parse().ok()?;
        let repository = parts.next()?.parse().ok()?;
        let job = TapeName::parse(parts.next()?).or_else(|_| TapeName::parse(IMPORTED));
        // Of a set that holds one repository alone only its owner is known.
        let (whose, called) = match &self.directory {
            Some(directory) => directory.as_str().split_once('/')?,
            None => (set.owner.as_ref().map_or(IMPORTED, Text::as_str), "main"),
        };
        let called = called.split('.').next()?;
        let view = Timestamp::from_millis(view);
        Some(Run {
            name: self.name.as_str().to_owned(),
            job: job.ok()?,
            repository: RepositoryId::new(repository),
            tenant: TenantName::parse(whose).ok()?,
            called: RepositoryName::parse(called).ok()?,
            view,
            objects: 0,
            bytes: 0,
            done: Some(view),
        })
    }
}

/// Which of the five the name of a set says, else the one of its kind that is most often.
fn set_of(label: &SetLabel) -> MediaSet {
    let mut words = label.name.as_str().split(' ');
    let said = words.find_map(|word| {
        let mut all = MediaSet::ALL.into_iter();
        all.find(|set| set.to_string() == word)
    });
    said.unwrap_or(match label.runs {
        SetKind::Whole => MediaSet::Weekly,
        SetKind::Daily => MediaSet::Daily,
    })
}

fn tenant(text: &Text) -> Option<TenantName> {
    TenantName::parse(text.as_str()).ok()
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

pub(crate) fn tell(medium: &mut dyn Medium) -> Result<Found, String> {
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
        label: labels.label,
        set: labels.set,
        level: rebuilt.level,
        rows: rebuilt.rows.clone(),
        earlier,
        runs,
    })
}
