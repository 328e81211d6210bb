//! Orders about tape jobs.

use holdfast_actors::catalog::Deed;
use holdfast_actors::catalog::command::Command;
use holdfast_actors::catalog::rows::{self, Rows, Source};
use holdfast_actors::catalog::tape::{JobCommand, TapeCommand, TapeRefused};
use holdfast_actors::names::TapeName;
use holdfast_actors::tape::job::{Occasion, State, Waiting};
use holdfast_actors::tape::{MediaSet, Schedule, Weekday};

use tokio::sync::oneshot::error::TryRecvError;

use super::super::super::{Items, Problem, ProblemClass, answers};
use super::super::repositories::find;
use super::super::speaker::Speaker;
use super::super::{Answer, Office, RunEnd, nothing_to_change, value};
use super::refused;
use crate::commands::shell::Place;
use crate::commands::tape::Named;
use crate::commands::tape::job::{Add, Job, Run, Set, Sources, When};

/// Below it stand tape jobs.
const JOBS: &str = "node/tape/jobs/";

impl Office {
    pub(super) async fn tape_job(&self, by: &Speaker, order: Job, items: &Items) -> Answer {
        let rows = self.books.rows();
        let (name, command) = match order {
            Job::Add(add) => (add.name.clone(), added(&rows, add)?),
            Job::Set(set) => (set.name.clone(), changed(&rows, set)?),
            Job::Enable(Named { name }) => (name, JobCommand::Enable(true)),
            Job::Disable(Named { name }) => (name, JobCommand::Enable(false)),
            Job::List => {
                for name in rows.tape.jobs.keys() {
                    let feed = self.feed(&rows, name).await;
                    let shown = shown(&rows, name)?;
                    items.send(&answers::TapeJob { feed, ..shown }).await?;
                }
                return value(&());
            }
            Job::Show(Named { name }) => {
                let shown = shown(&rows, &name)?;
                let feed = self.feed(&rows, &name).await;
                return value(&answers::TapeJob { feed, ..shown });
            }
            Job::Run(run) => return self.run_tape_job(by, run, items).await,
            Job::Stop(Named { name }) => {
                by.may(&rows, Deed::Tape)?;
                job(&rows, &name)?;
                self.tapes.stop(&name).await?;
                return value(&shown(&self.books.rows(), &name)?);
            }
            Job::Remove(Named { name }) => {
                let remove = TapeCommand::Job(name, JobCommand::Remove);
                return self.submit_and_settle(by, Command::Tape(remove)).await;
            }
            Job::Log(Named { name }) => return self.tape_log(&rows, &name, items).await,
        };
        let command = Command::Tape(TapeCommand::Job(name.clone(), command));
        self.submit_and_show(by, command, |rows| shown(rows, &name))
            .await
    }

    async fn run_tape_job(&self, by: &Speaker, run: Run, items: &Items) -> Answer {
        let rows = self.books.rows();
        by.may(&rows, Deed::Tape)?;
        let row = job(&rows, &run.name)?;
        if !row.is_enabled {
            let told = format!("tape job '{}' is disabled", run.name);
            return Err(Problem::new(
                ProblemClass::Refused,
                "tape-job-disabled",
                told,
            ));
        }
        let set = match run.set {
            Some(set) => set.0,
            None => youngest(&rows, row)?,
        };
        let pool = rows.tape.pools.get(&row.pool);
        if !pool.is_some_and(|pool| pool.rules.sets.contains_key(&set)) {
            return Err(refused(TapeRefused::SetOff(row.pool.clone(), set)));
        }
        let before = row.state.clone();
        let mut end = self.tapes.run(&run.name, set).await?;
        if run.wait {
            let path = format!("{JOBS}{}/run", run.name);
            let over = |rows: &Rows| over(job(rows, &run.name)?, &before, &mut end);
            self.follow((&path, "to tape"), items, over).await?;
        }
        value(&shown(&self.books.rows(), &run.name)?)
    }

    /// What a job archived, the oldest first.
    async fn tape_log(&self, rows: &Rows, name: &TapeName, items: &Items) -> Answer {
        let sets = rows.tape.sets.iter();
        let runs = sets.flat_map(|(id, set)| set.runs.iter().map(move |run| ((*id, set), run)));
        let mut runs: Vec<_> = runs.filter(|(_, run)| run.job == *name).collect();
        // Of a job that was removed there may still be something on tape.
        if runs.is_empty() {
            job(rows, name)?;
        }
        runs.sort_by_key(|(_, run)| (run.view, run.name.clone()));
        let feed = self.feed(rows, name).await;
        for (set, run) in runs {
            let shown = answers::TapeRun::of(set, run, rows);
            let is_written = run.done.is_none() && set.1.closed.is_none();
            let feed = if is_written { feed } else { shown.feed };
            items.send(&answers::TapeRun { feed, ..shown }).await?;
        }
        value(&())
    }

    /// How the run of a job writes that is under way on this node.
    async fn feed(&self, rows: &Rows, name: &TapeName) -> answers::Feed {
        let row = rows.tape.jobs.get(name);
        let is_at_work =
            row.is_some_and(|row| row.state.running().is_some() && row.state.waits().is_none());
        let place = Place::parse(&format!("{JOBS}{name}/run")).ok();
        let Some(place) = place.filter(|_| is_at_work) else {
            return answers::Feed::default();
        };
        // It may have ended meanwhile.
        let seen = self.inspect(&place).await;
        seen.map_or_else(
            |_| answers::Feed::default(),
            |seen| answers::Feed::of(&seen.state),
        )
    }
}

/// Whether the run that was asked for is over; a problem if it did not write all, or waits for
/// something. That there is nothing new is none.
fn over(row: &rows::TapeJob, before: &State, end: &mut RunEnd) -> Result<Option<()>, Problem> {
    let failed = |reason, told: String| Err(Problem::new(ProblemClass::Failed, reason, told));
    match end.try_recv() {
        Ok(Occasion::Success | Occasion::Nothing) => return Ok(Some(())),
        Ok(Occasion::Failed) => return failed("tape-job-failed", "the run gave up".to_owned()),
        Ok(Occasion::Dropped) => {
            return failed(
                "tape-job-failed",
                "the run made place for an elder set".to_owned(),
            );
        }
        Ok(Occasion::Stopped) => {
            return failed("tape-job-failed", "an operator stopped the run".to_owned());
        }
        Ok(Occasion::WaitingForTape | Occasion::NeedsKey(_)) | Err(TryRecvError::Empty) => {}
        Err(TryRecvError::Closed) => {
            return failed(
                "unavailable",
                "the job is being started again; look later".to_owned(),
            );
        }
    }
    let waiting = row.state.waits();
    // It may not have heard yet that something new is wanted.
    let is_news = row.state != *before || !matches!(waiting, None | Some(Waiting::Source));
    match waiting.filter(|_| is_news) {
        None => Ok(None),
        Some(Waiting::Source) => Ok(Some(())),
        Some(waiting) => {
            let told = format!("the run waits {}", answers::waits(waiting));
            failed("tape-job-waits", told)
        }
    }
}

/// The youngest set that the pool of the job has.
fn youngest(rows: &Rows, row: &rows::TapeJob) -> Result<MediaSet, Problem> {
    let pool = rows.tape.pools.get(&row.pool);
    let set = pool.and_then(|pool| pool.rules.sets.keys().next().copied());
    let off = || TapeRefused::SetOff(row.pool.clone(), MediaSet::Daily);
    set.ok_or_else(|| refused(off()))
}

fn added(rows: &Rows, add: Add) -> Result<JobCommand, Problem> {
    let pool = rows.tape.pools.get(&add.pool);
    let has_daily = pool.is_some_and(|pool| pool.rules.sets.contains_key(&MediaSet::Daily));
    let mut usual = Schedule::default();
    if has_daily {
        usual.daily = Weekday::ALL.into();
    }
    Ok(JobCommand::Add {
        description: add.description.unwrap_or_default(),
        sources: sources(rows, &add.sources)?,
        pool: add.pool,
        schedule: scheduled(usual, &add.when),
    })
}

fn changed(rows: &Rows, set: Set) -> Result<JobCommand, Problem> {
    let is_timed = set.when != When::default();
    if !is_timed && !set.sources.is_given() && set.description.is_none() {
        return Err(nothing_to_change());
    }
    let now = job(rows, &set.name)?.schedule.clone();
    let given = set.sources.is_given();
    let sources = given.then(|| sources(rows, &set.sources)).transpose()?;
    Ok(JobCommand::Set {
        description: set.description,
        sources,
        schedule: is_timed.then(|| scheduled(now, &set.when)),
    })
}

/// Tenants before repositories, each in the order in which they were given (`R10.11`).
fn sources(rows: &Rows, given: &Sources) -> Result<Vec<Source>, Problem> {
    if given.all {
        return Ok(vec![Source::All]);
    }
    let mut sources = Vec::new();
    for tenant in &given.tenants {
        let row = rows.tenants.get(tenant);
        let none = || holdfast_actors::catalog::Refused::NoTenant(tenant.clone());
        sources.push(Source::Tenant(row.ok_or_else(none)?.id));
    }
    for whole in &given.repositories {
        let id = find(rows, &whole.tenant, &whole.repository)?;
        sources.push(Source::Repository(id));
    }
    Ok(sources)
}

/// What is not given stays.
fn scheduled(now: Schedule, when: &When) -> Schedule {
    let daily = match &when.daily {
        _ if when.no_daily => Default::default(),
        Some(daily) => daily.0.clone(),
        None => now.daily,
    };
    Schedule {
        at_minutes: when.at.map_or(now.at_minutes, |at| at.0),
        daily,
        weekly: when.weekly.map_or(now.weekly, |it| it.0),
        monthly: when.monthly.map_or(now.monthly, |it| it.0),
        quarterly: when.quarterly.map_or(now.quarterly, |it| it.0),
        yearly: when.yearly.map_or(now.yearly, |it| it.0),
    }
}

fn job<'a>(rows: &'a Rows, name: &TapeName) -> Result<&'a rows::TapeJob, Problem> {
    let row = rows.tape.jobs.get(name);
    row.ok_or_else(|| refused(TapeRefused::NoJob(name.clone())))
}

fn shown(rows: &Rows, name: &TapeName) -> Result<answers::TapeJob, Problem> {
    Ok(answers::TapeJob::of(name, job(rows, name)?, rows))
}

#[cfg(test)]
mod tests {
    use crate::commands::tape::words::{Daily, Monthly, TimeOfDay};

    use super::*;

    #[test]
    fn of_a_schedule_stays_what_is_not_given() {
        let now = Schedule {
            at_minutes: 60,
            daily: Weekday::ALL.into(),
            weekly: Some(Weekday::Saturday),
            ..Schedule::default()
        };
        assert_eq!(scheduled(now.clone(), &When::default()), now);
        let when = When {
            at: Some(TimeOfDay(90)),
            daily: Some(Daily::parse("mon").unwrap()),
            monthly: Some(Monthly::parse("last").unwrap()),
            weekly: Some(crate::commands::tape::words::Weekly(None)),
            ..When::default()
        };
        let set = scheduled(now.clone(), &when);
        assert_eq!(
            crate::commands::tape::words::told(&set),
            ["at 01:30", "daily mon", "monthly last"]
        );
        let off = When {
            no_daily: true,
            ..When::default()
        };
        assert!(scheduled(now, &off).daily.is_empty());
    }
}
