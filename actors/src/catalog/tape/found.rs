//! Media sets that the catalog lost, as their cartridges tell of them.
//!
//! Invariant: what comes back like this is never written to again before an operator gives it up or
//! its time is over, and what is known already is not changed.

use imbl::Vector;
use serde::{Deserialize, Serialize};

use super::super::Refused;
use super::super::draft::Draft;
use super::super::events::Code;
use super::super::rows::{Cartridge, Head, MediaPool, Mixing, Run, Set};
use super::TapeRefused;
use super::set::{RUNS_MAX, SETS_MAX};
use crate::kernel::{RepositoryId, Timestamp};
use crate::names::{TapeName, TenantName};
use crate::tape::media::{Content, Expiry, Kind, Written};
use crate::tape::pool::{Retention, SetRules};
use crate::tape::{MediaSet, MediumId, Pool, PoolId, SetId};

/// The service pool of what comes from a pool that nobody knows: nothing writes to it.
pub const IMPORTED: &str = "imported";

/// What a cartridge told of itself and of its set. Part of the journal's format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Which it is.
    pub medium: MediumId,
    /// What the catalog took it for: one that nobody looked at, or that somebody else wrote.
    pub instead: MediumId,
    /// The name of its media pool.
    pub pool: TapeName,
    /// Which of the five it was.
    pub set: MediaSet,
    /// Whose data alone is on it.
    pub owner: Option<TenantName>,
    /// It holds this repository alone.
    pub one: Option<RepositoryId>,
    /// Its place in the set, from 1.
    pub sequence: u32,
    /// How often it was begun.
    pub generation: u64,
    /// What is on it for good.
    pub head: Head,
    /// It can be written once.
    pub is_worm: bool,
    /// When it was written.
    pub written: Timestamp,
    /// From when on it says itself that it may be written over.
    pub expires: Expiry,
    /// The runs that end on it.
    pub runs: Vec<Run>,
}

impl Draft<'_> {
    pub(super) fn found(&mut self, id: SetId, told: &Told) -> Result<(), Refused> {
        let known = self.rows.tape.sets.get(&id).cloned();
        if known
            .as_ref()
            .is_some_and(|set| set.media.contains(&told.medium))
        {
            return Ok(());
        }
        let place = self.place_of(told)?;
        let of_sequence = |id: &MediumId| {
            let of = self.rows.tape.media.get(id).and_then(|row| row.of);
            of.map_or(0, |(_, sequence)| sequence)
        };
        let set = known.iter().flat_map(|set| &set.media);
        if told.sequence == 0 || set.clone().any(|it| of_sequence(it) == told.sequence) {
            return Err(TapeRefused::NotTaken(place.label(told.medium), id).into());
        }
        let before = set.filter(|it| of_sequence(it) < told.sequence).count();
        let last = set_last(known.as_ref(), of_sequence).max(told.sequence);
        let mut set = match known {
            Some(set) => {
                self.close_set(id);
                set
            }
            None => self.begun_before(told)?,
        };
        set.closed = set.closed.or(Some(self.rows.clock.today));
        set.media.insert(before, told.medium);
        for run in &told.runs {
            let is_known = set.runs.iter().any(|other| other.name == run.name);
            if !is_known && set.runs.len() < RUNS_MAX {
                set.runs.push_back(run.clone());
            }
        }
        set.runs
            .sort_by(|one, other| (one.view, &one.name).cmp(&(other.view, &other.name)));
        self.take_in(id, told, place, &set);
        let there = u32::try_from(set.media.len()).unwrap_or(u32::MAX);
        let lacking = &mut self.rows.tape.lacking;
        match last.saturating_sub(there) {
            0 => lacking.remove(&id),
            more => lacking.insert(id, more),
        };
        self.rows.tape.sets.insert(id, set);
        Ok(())
    }

    /// What the catalog has for it; refused if that is something that it knows.
    fn place_of(&self, told: &Told) -> Result<Cartridge, Refused> {
        let place = self.known_medium(told.instead)?;
        let is_open = match place.medium.content {
            Content::Unrecognized => true,
            Content::Foreign(said) => said == Some(told.medium),
            Content::Empty | Content::Written(_) | Content::GivenUp(_) => false,
        };
        let media = &self.rows.tape.media;
        let is_new = told.instead == told.medium || !media.contains_key(&told.medium);
        match is_open && is_new {
            true => Ok(place.clone()),
            false => Err(TapeRefused::KnownMedium(place.label(told.instead)).into()),
        }
    }

    /// The set as it was when it was begun, without what is on it.
    fn begun_before(&mut self, told: &Told) -> Result<Set, Refused> {
        if self.rows.tape.sets.len() >= SETS_MAX {
            let (what, most) = ("media sets", SETS_MAX);
            return Err(Refused::TooMany { what, most });
        }
        let owner = told.owner.as_ref();
        let owner = owner.and_then(|name| Some(self.rows.tenants.get(name)?.id));
        Ok(Set {
            pool: self.pool_of_found(&told.pool)?,
            set: told.set,
            owner,
            one: told.one,
            media: Vector::new(),
            opened: told.written,
            closed: None,
            runs: Vector::new(),
        })
    }

    /// The pool of that name, else the service pool.
    fn pool_of_found(&mut self, name: &TapeName) -> Result<PoolId, Refused> {
        let imported = TapeName::parse(IMPORTED).ok();
        let pools = &self.rows.tape.pools;
        let known = imported
            .iter()
            .chain([name])
            .rev()
            .find_map(|it| pools.get(it));
        if let Some(row) = known {
            return Ok(row.id);
        }
        let no_pool = || TapeRefused::NoPool(name.clone());
        let imported = imported.ok_or_else(no_pool)?;
        let rules = SetRules {
            retention: Retention::Forever,
            appends: false,
        };
        let id = PoolId::new(self.fresh());
        let pool = MediaPool {
            id,
            description: "what was found on cartridges of pools that nobody knows".to_owned(),
            rules: Pool {
                is_worm: false,
                sets: MediaSet::ALL.map(|set| (set, rules)).into(),
                takes_free: false,
            },
            mixing: Mixing::Never,
            made: self.at,
        };
        self.rows.tape.pools.insert(imported, pool);
        Ok(id)
    }

    /// Puts the cartridge where the catalog had another one, or none.
    fn take_in(&mut self, id: SetId, told: &Told, mut row: Cartridge, set: &Set) {
        let expires = told.expires.max(self.kept_until(set));
        row.of = Some((id, told.sequence));
        row.generation = told.generation;
        row.head = told.head;
        if told.is_worm {
            row.medium.kind = Kind::Worm;
        }
        row.medium.pool = Some(set.pool);
        row.medium.set = Some(set.set);
        row.medium.content = Content::Written(Written {
            is_closed: true,
            expires,
            last: told.written,
        });
        let pool = self.rows.tape.pool(set.pool);
        let text = format!(
            "cartridge {} is known again: it is number {} of a {} set of media pool {}",
            row.label(told.medium),
            told.sequence,
            set.set,
            pool.map(|(name, _)| name.to_string()).unwrap_or_default()
        );
        let tape = &mut self.rows.tape;
        tape.media.remove(&told.instead);
        tape.checks.remove(&told.instead);
        if let Some(vault) = tape.vaulted.remove(&told.instead) {
            tape.vaulted.insert(told.medium, vault);
        }
        tape.media.insert(told.medium, row);
        self.event(Code::TapeMediumChanged, None, text, None);
    }
}

/// The last place that is taken in a set.
fn set_last(set: Option<&Set>, of: impl Fn(&MediumId) -> u32) -> u32 {
    let media = set.into_iter().flat_map(|set| &set.media);
    media.map(of).max().unwrap_or_default()
}
