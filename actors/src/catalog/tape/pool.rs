//! Media pools (10.4).

use std::collections::BTreeMap;

use super::super::Refused;
use super::super::draft::{Draft, TEXT_MAX, forget, short, within};
use super::super::events::Code;
use super::super::rows::{MediaPool, Set, TapeJob};
use super::{IMPORTED, MediaPoolCommand, TapeRefused, in_use};
use crate::names::TapeName;
use crate::tape::media::Expiry;
use crate::tape::pool::{Retention, SetRules};
use crate::tape::{MediaSet, Pool, PoolId};

const POOLS_MAX: usize = 1_024;
/// Days that something is kept unless it is kept for ever.
const DAYS_MAX: u32 = 36_500;

impl Draft<'_> {
    pub(super) fn media_pool(
        &mut self,
        name: &TapeName,
        command: &MediaPoolCommand,
    ) -> Result<(), Refused> {
        if name.as_str() == IMPORTED {
            return Err(TapeRefused::Service(name.clone()).into());
        }
        match command {
            MediaPoolCommand::Add {
                description,
                is_worm,
                takes_free,
                sets,
                mixing,
            } => {
                let rules = Pool {
                    is_worm: *is_worm,
                    sets: sets.clone(),
                    takes_free: *takes_free,
                };
                let pool = MediaPool {
                    id: PoolId::default(),
                    description: description.clone(),
                    rules,
                    mixing: *mixing,
                    made: self.at,
                };
                self.add_media_pool(name, pool)
            }
            MediaPoolCommand::Set {
                description,
                takes_free,
                sets,
                mixing,
            } => {
                let mut pool = self.known_media_pool(name)?.clone();
                if let Some(sets) = sets {
                    fit_sets(sets)?;
                    self.fit_users(name, pool.id, sets)?;
                    pool.rules.sets.clone_from(sets);
                    let is_off = |set: &MediaSet| !sets.contains_key(set);
                    forget(&mut self.rows.tape.vault_of, |(of, set), _| {
                        *of == pool.id && is_off(set)
                    });
                }
                if let Some(description) = description {
                    short("a description", description, TEXT_MAX)?;
                    pool.description.clone_from(description);
                }
                pool.rules.takes_free = takes_free.unwrap_or(pool.rules.takes_free);
                pool.mixing = mixing.unwrap_or(pool.mixing);
                self.rows.tape.pools.insert(name.clone(), pool);
                let text = format!("media pool {name} changed");
                self.event(Code::TapeChanged, None, text, None);
                Ok(())
            }
            MediaPoolCommand::Remove => self.remove_media_pool(name),
            MediaPoolCommand::Encrypt(key) => self.encrypt_pool(name, *key),
            MediaPoolCommand::Vaults(vaults) => self.set_vaults(name, vaults),
        }
    }

    pub(super) fn known_media_pool(&self, name: &TapeName) -> Result<&MediaPool, Refused> {
        let row = self.rows.tape.pools.get(name);
        row.ok_or_else(|| TapeRefused::NoPool(name.clone()).into())
    }

    /// Until when what is on a set is kept that is closed today, by what its pool says today; for
    /// ever, if nobody says anything any more.
    pub(super) fn kept_until(&self, set: &Set) -> Expiry {
        let pool = self.rows.tape.pool(set.pool);
        let rules = pool.and_then(|(_, row)| row.rules.sets.get(&set.set));
        let retention = rules.map_or(Retention::Forever, |rules| rules.retention);
        retention.expiry(self.rows.clock.today)
    }

    fn add_media_pool(&mut self, name: &TapeName, mut pool: MediaPool) -> Result<(), Refused> {
        short("a description", &pool.description, TEXT_MAX)?;
        fit_sets(&pool.rules.sets)?;
        if self.rows.tape.pools.contains_key(name) {
            return Err(TapeRefused::Exists("media pool", name.clone()).into());
        }
        if self.rows.tape.pools.len() >= POOLS_MAX {
            let (what, most) = ("media pools", POOLS_MAX);
            return Err(Refused::TooMany { what, most });
        }
        pool.id = PoolId::new(self.fresh());
        self.rows.tape.pools.insert(name.clone(), pool);
        let text = format!("media pool {name} made");
        self.event(Code::TapeChanged, None, text, None);
        Ok(())
    }

    /// What jobs write on, or sets are open for, must stay on.
    fn fit_users(
        &self,
        name: &TapeName,
        id: PoolId,
        sets: &BTreeMap<MediaSet, SetRules>,
    ) -> Result<(), Refused> {
        let jobs = self.rows.tape.jobs.iter();
        let mut own = jobs.filter(|(_, job)| job.pool == *name);
        let lacks = |job: &TapeJob| job.schedule.sets().any(|set| !sets.contains_key(&set));
        if let Some((job, _)) = own.find(|(_, job)| lacks(job)) {
            return Err(in_use("media pool", name, format!("tape job '{job}'")));
        }
        let is_open = |row: &Set| row.pool == id && row.closed.is_none();
        let mut open = self.rows.tape.sets.iter().filter(|(_, row)| is_open(row));
        match open.find(|(_, row)| !sets.contains_key(&row.set)) {
            Some((set, row)) => {
                let by = format!(
                    "an open {} set; close it first: 'tape set close {set}'",
                    row.set
                );
                Err(in_use("media pool", name, by))
            }
            None => Ok(()),
        }
    }

    fn remove_media_pool(&mut self, name: &TapeName) -> Result<(), Refused> {
        let id = self.known_media_pool(name)?.id;
        let mut jobs = self.rows.tape.jobs.iter();
        if let Some((job, _)) = jobs.find(|(_, job)| job.pool == *name) {
            return Err(in_use("media pool", name, format!("tape job '{job}'")));
        }
        let media = self.rows.tape.media.values();
        let count = media.filter(|row| row.medium.pool == Some(id)).count();
        if count > 0 {
            let by =
                format!("its cartridges, which are {count}; take them out with 'tape media move'");
            return Err(in_use("media pool", name, by));
        }
        self.rows.tape.pools.remove(name);
        self.rows.tape.encrypting.remove(&id);
        // All of them are without cartridges.
        forget(&mut self.rows.tape.sets, |_, row| row.pool == id);
        let tape = &mut self.rows.tape;
        let sets = tape.sets.clone();
        forget(&mut tape.class_of, |set, _| !sets.contains_key(set));
        forget(&mut tape.vault_of, |(of, _), _| *of == id);
        let text = format!("media pool {name} removed");
        self.event(Code::TapeRemoved, None, text, None);
        Ok(())
    }
}

fn fit_sets(sets: &BTreeMap<MediaSet, SetRules>) -> Result<(), Refused> {
    if sets.is_empty() {
        return Err(TapeRefused::NoSets.into());
    }
    for rules in sets.values() {
        if let Retention::Days(days) = rules.retention {
            within("the days of retention", days, 1, DAYS_MAX)?;
        }
    }
    Ok(())
}
