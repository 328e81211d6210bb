//! The shapes of tape: libraries, media pools, cartridges, jobs, and what they archived.

mod care;
mod feed;
mod key;
mod library;
mod vault;

use holdfast_actors::catalog::rows::{self, Mixing, Rows, Source};
use holdfast_actors::kernel::{RepositoryId, Size};
use holdfast_actors::names::{RepositoryName, TapeName, TenantName};
use holdfast_actors::tape::job::Waiting;
use holdfast_actors::tape::media::{Content, Expiry, Kind};
use holdfast_actors::tape::{MediumId, SetId};
use serde::Serialize;

use crate::commands::tape::words::{InVault, Set, SetRule, told};
use crate::commands::values::{Day, Moment};

pub use care::{CartridgeCopied, CartridgeFound, CartridgeRecovered, TapePlace};
pub use feed::Feed;
pub use key::TapeKey;
pub use library::TapeLibrary;
pub use vault::{TapeClass, Vault};

/// A media pool.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct MediaPool {
    /// Its name.
    pub name: TapeName,
    /// Its media sets, as `--set` takes them.
    pub sets: Vec<SetRule>,
    /// Whether all tenants may share cartridges.
    pub mix: bool,
    /// Whether tenants of one class may.
    pub mix_classes: bool,
    /// The vaults that its sets export into, as `--vault` takes them.
    pub vaults: Vec<InVault>,
    /// Whether it is for cartridges that can be written once.
    pub worm: bool,
    /// Whether it takes free cartridges.
    pub free: bool,
    /// The key that what it begins is encrypted with.
    pub key: Option<String>,
    /// How many cartridges are in it.
    pub cartridges: usize,
    /// The jobs that write to it.
    pub jobs: Vec<TapeName>,
    /// When it was made.
    pub made: Moment,
    /// Free text of the operator.
    pub description: String,
}

impl MediaPool {
    /// The pool as the rows have it.
    pub fn of(name: &TapeName, row: &rows::MediaPool, rows: &Rows) -> Self {
        let sets = row.rules.sets.iter();
        let (media, jobs) = (rows.tape.media.values(), rows.tape.jobs.iter());
        let vaults = rows.tape.vault_of.iter();
        let vaults = vaults.filter(|((pool, _), _)| *pool == row.id);
        let mine = jobs.filter(|(_, job)| job.pool == *name);
        Self {
            name: name.clone(),
            sets: sets
                .map(|(set, rules)| SetRule {
                    set: Set(*set),
                    rules: *rules,
                })
                .collect(),
            mix: row.mixing == Mixing::All,
            mix_classes: row.mixing == Mixing::Class,
            vaults: vaults
                .map(|((_, set), vault)| InVault {
                    set: Set(*set),
                    vault: vault.clone(),
                })
                .collect(),
            worm: row.rules.is_worm,
            free: row.rules.takes_free,
            key: rows.tape.encrypting.get(&row.id).map(ToString::to_string),
            cartridges: media.filter(|it| it.medium.pool == Some(row.id)).count(),
            jobs: mine.map(|(name, _)| name.clone()).collect(),
            made: Moment(row.made),
            description: row.description.clone(),
        }
    }
}

/// A cartridge.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Cartridge {
    /// What its label says; none if no reader can read it.
    pub barcode: Option<String>,
    /// Its number.
    pub id: String,
    /// Its media pool; none of a free one.
    pub pool: Option<TapeName>,
    /// Which media set of the pool wrote it.
    pub set: Option<Set>,
    /// What is on it: `unrecognized`, `empty`, `foreign`, `written`, `closed` or `given-up`.
    pub content: &'static str,
    /// From which day on it may be written over: a day, `always` or `never`.
    pub expires: Option<String>,
    /// When it was last written.
    pub written: Option<Moment>,
    /// Objects on it for good.
    pub objects: u64,
    /// Their bytes.
    pub bytes: Size,
    /// The library that it is in.
    pub library: Option<TapeName>,
    /// Its slot there.
    pub slot: Option<u16>,
    /// The vault that it is in.
    pub vault: Option<TapeName>,
    /// Whether it can be had now.
    pub online: bool,
    /// Whether an operator keeps it from being written over.
    pub protected: bool,
    /// Whether it is used no more.
    pub retired: bool,
}

/// A cartridge with all that is known of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CartridgeShown {
    /// The cartridge.
    #[serde(flatten)]
    pub cartridge: Cartridge,
    /// What it is made for: `standard`, `worm` or `cleaning`.
    pub kind: &'static str,
    /// Whether its tab keeps it from being written.
    pub write_protected: bool,
    /// How often it could not be written.
    pub write_errors: u32,
    /// How often it was begun.
    pub generation: u64,
    /// The number of the media set that it is of.
    pub media_set: Option<String>,
    /// Its place in that, from 1.
    pub place: Option<u32>,
    /// When it was last read back as a whole.
    pub verified: Option<Moment>,
    /// How many of its objects were not what they were then.
    pub damaged: Option<u64>,
    /// The key that what is on it is encrypted with.
    pub key: Option<String>,
}

impl CartridgeShown {
    /// The cartridge as the rows have it.
    pub fn of(id: MediumId, row: &rows::Cartridge, rows: &Rows) -> Self {
        let (medium, check) = (&row.medium, rows.tape.checks.get(&id));
        let written = match medium.content {
            Content::Written(written) => Some(written),
            Content::Unrecognized | Content::Empty | Content::Foreign(_) | Content::GivenUp(_) => {
                None
            }
        };
        let pool = medium.pool.and_then(|id| rows.tape.pool(id));
        let cartridge = Cartridge {
            barcode: medium.barcode.as_ref().map(ToString::to_string),
            id: id.to_string(),
            pool: pool.map(|(name, _)| name.clone()),
            set: medium.set.map(Set),
            content: content(&medium.content),
            expires: written.map(|it| expiry(it.expires)),
            written: written.map(|it| Moment(it.last)),
            objects: row.head.objects,
            bytes: Size::bytes(row.head.bytes),
            library: row.slot.as_ref().map(|(library, _)| library.clone()),
            slot: row.slot.as_ref().map(|(_, slot)| slot.0),
            vault: rows.tape.vaulted.get(&id).cloned(),
            online: medium.is_online,
            protected: medium.is_protected,
            retired: medium.is_retired,
        };
        Self {
            cartridge,
            kind: match medium.kind {
                Kind::Standard => "standard",
                Kind::Worm => "worm",
                Kind::Cleaning => "cleaning",
            },
            write_protected: medium.is_write_protected,
            write_errors: medium.write_errors,
            generation: row.generation,
            media_set: row.of.map(|(set, _)| set.to_string()),
            place: row.of.map(|(_, place)| place),
            verified: check.map(|check| Moment(check.at)),
            damaged: check.map(|check| check.damaged),
            key: rows.tape.encrypted.get(&id).map(ToString::to_string),
        }
    }
}

fn content(content: &Content) -> &'static str {
    match content {
        Content::Unrecognized => "unrecognized",
        Content::Empty => "empty",
        Content::Foreign(_) => "foreign",
        Content::Written(written) if written.is_closed => "closed",
        Content::Written(_) => "written",
        Content::GivenUp(_) => "given-up",
    }
}

fn expiry(expires: Expiry) -> String {
    match expires {
        Expiry::Always => "always".to_owned(),
        Expiry::On(day) => Day(day).to_string(),
        Expiry::Never => "never".to_owned(),
    }
}

/// A tape job.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TapeJob {
    /// Its name.
    pub name: TapeName,
    /// The media pool that it writes to.
    pub pool: TapeName,
    /// What it archives: `all`, tenants, and repositories such as `acme/main`.
    pub sources: Vec<String>,
    /// When, in words.
    pub schedule: Vec<String>,
    /// Whether it writes when it is due.
    pub enabled: bool,
    /// The media set that a run is under way for, or waits.
    pub running: Option<Set>,
    /// Since when.
    pub since: Option<Moment>,
    /// What that run waits for; none while it writes.
    pub waits: Option<String>,
    /// How it writes now.
    #[serde(flatten)]
    pub feed: Feed,
    /// When something of it last came to be on tape for good.
    pub last: Option<Moment>,
    /// When it was made.
    pub made: Moment,
    /// Free text of the operator.
    pub description: String,
}

impl TapeJob {
    /// The job as the rows have it.
    pub fn of(name: &TapeName, row: &rows::TapeJob, rows: &Rows) -> Self {
        let running = row.state.running();
        let runs = rows.tape.sets.values().flat_map(|set| set.runs.iter());
        let done = runs
            .filter(|run| run.job == *name)
            .filter_map(|run| run.done);
        Self {
            name: name.clone(),
            pool: row.pool.clone(),
            sources: row.sources.iter().map(|it| source(it, rows)).collect(),
            schedule: told(&row.schedule),
            enabled: row.is_enabled,
            running: running.map(|(set, _)| Set(set)),
            since: running.map(|(_, since)| Moment(since)),
            waits: row.state.waits().map(waits),
            feed: Feed::default(),
            last: done.max().map(Moment),
            made: Moment(row.made),
            description: row.description.clone(),
        }
    }
}

/// What a run waits for, behind "waits".
pub fn waits(waiting: Waiting) -> String {
    match waiting {
        Waiting::Source => "for something new".to_owned(),
        Waiting::Tape => "for a cartridge that may be written".to_owned(),
        Waiting::Retry(at) => format!("to try again at {}", Moment(at)),
    }
}

fn source(source: &Source, rows: &Rows) -> String {
    match source {
        Source::All => "all".to_owned(),
        Source::Tenant(id) => {
            let tenant = rows.tenants.iter().find(|(_, row)| row.id == *id);
            tenant.map_or_else(
                || "a removed tenant".to_owned(),
                |(name, _)| name.to_string(),
            )
        }
        Source::Repository(id) => repository(*id, rows),
    }
}

/// A repository as `acme/main`, or by its number if it is not there any more.
pub(super) fn repository(id: RepositoryId, rows: &Rows) -> String {
    let row = rows.repositories.get(&id);
    let tenant = row.and_then(|row| rows.tenants.iter().find(|(_, it)| it.id == row.tenant));
    match (row, tenant) {
        (Some(row), Some((tenant, _))) => format!("{tenant}/{}", row.name),
        _ => id.to_string(),
    }
}

/// What one run of a job archived of one repository.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TapeRun {
    /// Its name, which restores take.
    pub name: String,
    /// The job.
    pub job: TapeName,
    /// To which media set.
    pub set: Set,
    /// Whose it was then.
    pub tenant: TenantName,
    /// How it was called then.
    pub repository: RepositoryName,
    /// The repository is on tape as of then.
    pub view: Moment,
    /// When all of it was on tape for good; none as long as it is not.
    pub done: Option<Moment>,
    /// How it is written now, if it is.
    #[serde(flatten)]
    pub feed: Feed,
    /// Objects in it.
    pub objects: u64,
    /// Their bytes.
    pub bytes: Size,
    /// The cartridges of its media set, in order.
    pub cartridges: Vec<String>,
    /// Cartridges that left the set: what was on them cannot be brought back.
    pub lacks: u32,
}

impl TapeRun {
    /// The run as the rows have it.
    pub fn of((id, set): (SetId, &rows::Set), run: &rows::Run, rows: &Rows) -> Self {
        Self {
            name: run.name.clone(),
            job: run.job.clone(),
            set: Set(set.set),
            tenant: run.tenant.clone(),
            repository: run.called.clone(),
            view: Moment(run.view),
            done: run.done.map(Moment),
            feed: Feed::default(),
            objects: run.objects,
            bytes: Size::bytes(run.bytes),
            cartridges: set.media.iter().map(|id| label(*id, rows)).collect(),
            lacks: rows.tape.lacking.get(&id).copied().unwrap_or_default(),
        }
    }
}

/// What people know a cartridge by.
pub fn label(id: MediumId, rows: &Rows) -> String {
    let row = rows.tape.media.get(&id);
    row.map_or_else(|| id.to_string(), |row| row.label(id))
}

/// A tape drive.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TapeDrive {
    /// The library.
    pub library: String,
    /// Its number there.
    pub drive: String,
    /// Whether its actor works: `running`, or what became of it.
    pub state: String,
    /// What it says of itself; none if it says nothing.
    pub holds: serde_json::Value,
}

/// What a restore would read.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RestorePlan {
    /// What would be brought back.
    pub run: TapeRun,
    /// The cartridges that are loaded, in this order.
    pub loads: Vec<String>,
    /// Cartridges that have to be put in first.
    pub offline: Vec<String>,
    /// How many objects are on no cartridge that is known.
    pub lost: u64,
    /// Objects that can be had.
    pub objects: u64,
    /// Their bytes.
    pub bytes: Size,
}
