//! Media pools and tape jobs.

use std::collections::BTreeMap;

use super::super::Refused;
use super::super::draft::{Draft, TEXT_MAX, short, within};
use super::super::events::Code;
use super::super::rows::{MediaPool, Source, TapeJob};
use super::{JobCommand, MediaPoolCommand, TapeRefused};
use crate::names::TapeName;
use crate::tape::job::{Occasion, State};
use crate::tape::pool::{Retention, SetRules};
use crate::tape::{MediaSet, Pool, PoolId, Schedule};

const POOLS_MAX: usize = 1_024;
const JOBS_MAX: usize = 1_024;
const SOURCES_MAX: usize = 4_096;
/// Days that something is kept unless it is kept for ever.
const DAYS_MAX: u32 = 36_500;
const MINUTES_MAX: u32 = 24 * 60 - 1;

impl Draft<'_> {
    pub(super) fn media_pool(
        &mut self,
        name: &TapeName,
        command: &MediaPoolCommand,
    ) -> Result<(), Refused> {
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
                    self.fit_jobs(name, sets)?;
                    pool.rules.sets.clone_from(sets);
                }
                if let Some(description) = description {
                    short("a description", description, TEXT_MAX)?;
                    pool.description.clone_from(description);
                }
                pool.rules.takes_free = takes_free.unwrap_or(pool.rules.takes_free);
                pool.mixing = mixing.unwrap_or(pool.mixing);
                self.rows.tape.pools.insert(name.clone(), pool);
                let text = format!("media pool {name} changed");
                self.event(Code::TapePoolChanged, None, text, None);
                Ok(())
            }
            MediaPoolCommand::Remove => self.remove_media_pool(name),
        }
    }

    pub(super) fn known_media_pool(&self, name: &TapeName) -> Result<&MediaPool, Refused> {
        let row = self.rows.tape.pools.get(name);
        row.ok_or_else(|| TapeRefused::NoPool(name.clone()).into())
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
        self.event(Code::TapePoolChanged, None, text, None);
        Ok(())
    }

    /// What jobs write on must stay on.
    fn fit_jobs(
        &self,
        name: &TapeName,
        sets: &BTreeMap<MediaSet, SetRules>,
    ) -> Result<(), Refused> {
        let jobs = self.rows.tape.jobs.iter();
        let mut own = jobs.filter(|(_, job)| job.pool == *name);
        let lacks = |job: &TapeJob| job.schedule.sets().any(|set| !sets.contains_key(&set));
        match own.find(|(_, job)| lacks(job)) {
            Some((job, _)) => Err(in_use("media pool", name, format!("tape job '{job}'"))),
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
            let by = format!("{count} cartridges; take them out with 'tape media move'");
            return Err(in_use("media pool", name, by));
        }
        self.rows.tape.pools.remove(name);
        let text = format!("media pool {name} removed");
        self.event(Code::TapeRemoved, None, text, None);
        Ok(())
    }

    pub(super) fn tape_job(
        &mut self,
        name: &TapeName,
        command: &JobCommand,
    ) -> Result<(), Refused> {
        match command {
            JobCommand::Add {
                description,
                sources,
                pool,
                schedule,
            } => {
                let job = TapeJob {
                    description: description.clone(),
                    sources: sources.clone(),
                    pool: pool.clone(),
                    schedule: schedule.clone(),
                    is_enabled: false,
                    state: State::default(),
                    made: self.at,
                };
                if self.rows.tape.jobs.contains_key(name) {
                    return Err(TapeRefused::Exists("tape job", name.clone()).into());
                }
                if self.rows.tape.jobs.len() >= JOBS_MAX {
                    let (what, most) = ("tape jobs", JOBS_MAX);
                    return Err(Refused::TooMany { what, most });
                }
                self.keep_job(name, job, "made")
            }
            JobCommand::Set {
                description,
                sources,
                schedule,
            } => {
                let mut job = self.known_job(name)?.clone();
                if let Some(description) = description {
                    job.description.clone_from(description);
                }
                if let Some(sources) = sources {
                    job.sources.clone_from(sources);
                }
                if let Some(schedule) = schedule {
                    job.schedule = schedule.clone();
                }
                self.keep_job(name, job, "changed")
            }
            JobCommand::Enable(is_enabled) => {
                let mut job = self.known_job(name)?.clone();
                job.is_enabled = *is_enabled;
                let what = if *is_enabled { "enabled" } else { "disabled" };
                self.keep_job(name, job, what)
            }
            JobCommand::Remove => self.remove_job(name),
            JobCommand::Keep(state) => {
                let mut job = self.known_job(name)?.clone();
                job.state = *state.clone();
                self.rows.tape.jobs.insert(name.clone(), job);
                Ok(())
            }
            JobCommand::Notify(set, occasion) => {
                self.known_job(name)?;
                let (code, what) = told(*occasion);
                let text = format!("tape job {name}, {set} set: {what}");
                self.event(code, None, text, None);
                Ok(())
            }
        }
    }

    fn remove_job(&mut self, name: &TapeName) -> Result<(), Refused> {
        if self.known_job(name)?.state.running().is_some() {
            let by = "its run; stop it first with 'tape job stop'".to_owned();
            return Err(in_use("tape job", name, by));
        }
        self.rows.tape.jobs.remove(name);
        let text = format!("tape job {name} removed; what it wrote stays on tape");
        self.event(Code::TapeRemoved, None, text, None);
        Ok(())
    }

    fn known_job(&self, name: &TapeName) -> Result<&TapeJob, Refused> {
        let row = self.rows.tape.jobs.get(name);
        row.ok_or_else(|| TapeRefused::NoJob(name.clone()).into())
    }

    fn keep_job(&mut self, name: &TapeName, job: TapeJob, what: &str) -> Result<(), Refused> {
        short("a description", &job.description, TEXT_MAX)?;
        let minutes = u32::from(job.schedule.at_minutes);
        within("the minute of the day", minutes, 0, MINUTES_MAX)?;
        self.fit_schedule(&job.pool, &job.schedule)?;
        self.fit_sources(&job.sources)?;
        self.rows.tape.jobs.insert(name.clone(), job);
        let text = format!("tape job {name} {what}");
        self.event(Code::TapeJobChanged, None, text, None);
        Ok(())
    }

    fn fit_schedule(&self, pool: &TapeName, schedule: &Schedule) -> Result<(), Refused> {
        let rules = &self.known_media_pool(pool)?.rules;
        let mut sets = schedule.sets();
        let off = sets.find(|set| !rules.sets.contains_key(set));
        match off {
            Some(set) => Err(TapeRefused::SetOff(pool.clone(), set).into()),
            None if schedule.sets().next().is_none() => Err(TapeRefused::NoSources.into()),
            None => Ok(()),
        }
    }

    fn fit_sources(&self, sources: &[Source]) -> Result<(), Refused> {
        if sources.is_empty() {
            return Err(TapeRefused::NoSources.into());
        }
        if sources.len() > SOURCES_MAX {
            let (what, most) = ("sources of a tape job", SOURCES_MAX);
            return Err(Refused::TooMany { what, most });
        }
        for source in sources {
            match source {
                Source::All => {}
                Source::Tenant(id) => {
                    let mut tenants = self.rows.tenants.values();
                    if !tenants.any(|row| row.id == *id) {
                        return Err(TapeRefused::NoSources.into());
                    }
                }
                Source::Repository(id) => {
                    if !self.rows.repositories.contains_key(id) {
                        return Err(Refused::NoRepositoryId(*id));
                    }
                }
            }
        }
        Ok(())
    }
}

fn in_use(what: &'static str, name: &TapeName, by: String) -> Refused {
    let name = name.clone();
    TapeRefused::InUse { what, name, by }.into()
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

const fn told(occasion: Occasion) -> (Code, &'static str) {
    match occasion {
        Occasion::Success => (Code::TapeJobEnded, "all of it is on tape"),
        Occasion::Nothing => (Code::TapeJobEnded, "there was nothing new all day"),
        Occasion::Dropped => (Code::TapeJobEnded, "it made place for an elder set"),
        Occasion::Stopped => (Code::TapeJobEnded, "an operator stopped it"),
        Occasion::WaitingForTape => (
            Code::TapeJobWaits,
            "it waits for a cartridge that may be written, for 72 hours; put one in and take an \
             inventory",
        ),
        Occasion::Failed => (
            Code::TapeJobFailed,
            "it gave up; look with 'tape job log' and 'events'",
        ),
    }
}
