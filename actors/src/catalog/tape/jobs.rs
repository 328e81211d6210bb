//! Tape jobs (10.5).

use std::borrow::Cow;

use super::super::Refused;
use super::super::draft::{Draft, TEXT_MAX, short, within};
use super::super::events::Code;
use super::super::rows::{Source, TapeJob};
use super::{IMPORTED, JobCommand, TapeRefused, in_use};
use crate::names::TapeName;
use crate::tape::Schedule;
use crate::tape::job::{Occasion, State};

const JOBS_MAX: usize = 1_024;
const SOURCES_MAX: usize = 4_096;
const MINUTES_MAX: u32 = 24 * 60 - 1;

impl Draft<'_> {
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
                    is_enabled: true,
                    state: State::default(),
                    made: self.at,
                };
                self.add_job(name, job)
            }
            JobCommand::Set {
                description,
                sources,
                schedule,
            } => {
                let mut job = self.known_job(name)?.clone();
                if let Some(description) = description {
                    short("a description", description, TEXT_MAX)?;
                    job.description.clone_from(description);
                }
                if let Some(sources) = sources {
                    self.fit_sources(sources)?;
                    job.sources.clone_from(sources);
                }
                if let Some(schedule) = schedule {
                    self.fit_schedule(&job.pool, schedule)?;
                    job.schedule.clone_from(schedule);
                }
                self.put_job(name, job, "changed");
                Ok(())
            }
            JobCommand::Enable(is_enabled) => {
                let mut job = self.known_job(name)?.clone();
                job.is_enabled = *is_enabled;
                let what = if *is_enabled { "enabled" } else { "disabled" };
                self.put_job(name, job, what);
                Ok(())
            }
            JobCommand::Remove => self.remove_job(name),
            JobCommand::Keep(state) => self.keep_state(name, state),
            JobCommand::Notify(set, occasion) => {
                self.known_job(name)?;
                let (code, what) = told(*occasion);
                let text = format!("tape job {name}, {set} set: {what}");
                self.event(code, None, text, None);
                Ok(())
            }
        }
    }

    fn add_job(&mut self, name: &TapeName, job: TapeJob) -> Result<(), Refused> {
        short("a description", &job.description, TEXT_MAX)?;
        self.fit_schedule(&job.pool, &job.schedule)?;
        self.fit_sources(&job.sources)?;
        let jobs = &self.rows.tape.jobs;
        if jobs.contains_key(name) {
            return Err(TapeRefused::Exists("tape job", name.clone()).into());
        }
        if jobs.len() >= JOBS_MAX {
            let (what, most) = ("tape jobs", JOBS_MAX);
            return Err(Refused::TooMany { what, most });
        }
        self.put_job(name, job, "made");
        Ok(())
    }

    fn put_job(&mut self, name: &TapeName, job: TapeJob, what: &str) {
        self.rows.tape.jobs.insert(name.clone(), job);
        let text = format!("tape job {name} {what}");
        self.event(Code::TapeChanged, None, text, None);
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

    fn keep_state(&mut self, name: &TapeName, state: &State) -> Result<(), Refused> {
        let mut job = self.known_job(name)?.clone();
        let before = job.state.running();
        job.state = state.clone();
        self.rows.tape.jobs.insert(name.clone(), job);
        if state.running().is_none() {
            // Whatever it did not come to read, it reads no more.
            self.rows.tape.unpin(name, |_| true);
        }
        if let Some((set, _)) = state.running().filter(|run| before != Some(*run)) {
            let text = format!("tape job {name}, {set} set: a run begins");
            self.event(Code::TapeJobBegun, None, text, None);
        }
        Ok(())
    }

    fn known_job(&self, name: &TapeName) -> Result<&TapeJob, Refused> {
        let row = self.rows.tape.jobs.get(name);
        row.ok_or_else(|| TapeRefused::NoJob(name.clone()).into())
    }

    fn fit_schedule(&self, pool: &TapeName, schedule: &Schedule) -> Result<(), Refused> {
        let minutes = u32::from(schedule.at_minutes);
        within("the minute of the day", minutes, 0, MINUTES_MAX)?;
        if pool.as_str() == IMPORTED {
            return Err(TapeRefused::Service(pool.clone()).into());
        }
        let rules = &self.known_media_pool(pool)?.rules;
        if schedule.sets().next().is_none() {
            return Err(TapeRefused::NoDays.into());
        }
        match schedule.sets().find(|set| !rules.sets.contains_key(set)) {
            Some(set) => Err(TapeRefused::SetOff(pool.clone(), set).into()),
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
                Source::Tenant(id) if self.rows.tenant_name(*id).is_some() => {}
                Source::Tenant(id) => return Err(TapeRefused::NoTenant(*id).into()),
                Source::Repository(id) => {
                    let row = self.rows.repositories.get(id);
                    row.filter(|row| row.removed.is_none())
                        .ok_or(Refused::NoRepositoryId(*id))?;
                }
            }
        }
        Ok(())
    }
}

fn told(occasion: Occasion) -> (Code, Cow<'static, str>) {
    let (code, text) = match occasion {
        Occasion::Success => (Code::TapeJobEnded, "all of it is on tape"),
        Occasion::Nothing => (Code::TapeJobEnded, "there was nothing new all day"),
        Occasion::Dropped => (Code::TapeJobEnded, "it made place for an elder set"),
        Occasion::Stopped => (Code::TapeJobEnded, "an operator stopped it"),
        Occasion::WaitingForTape => (
            Code::TapeJobWaits,
            "it waits for a cartridge that may be written, for 72 hours; put one in and take an \
             inventory",
        ),
        Occasion::NeedsKey(key) => {
            let told = format!("its node does not have key {key} open: 'tape key open {key}'");
            return (Code::TapeJobWaits, Cow::Owned(told));
        }
        Occasion::Failed => (
            Code::TapeJobFailed,
            "it gave up; the log of the node says why",
        ),
    };
    (code, Cow::Borrowed(text))
}
