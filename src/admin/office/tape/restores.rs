//! Orders about restores from tape.

use holdfast_actors::catalog::command::Command;
use holdfast_actors::catalog::rows::{self, Destination, RestoreEnd, RestorePart, Rows};
use holdfast_actors::catalog::tape::{RestoreCommand, TapeCommand, TapeRefused};
use holdfast_actors::kernel::RestoreId;
use holdfast_actors::tape::SetId;

use super::super::super::{Items, Problem, ProblemClass, answers};
use super::super::repositories::find;
use super::super::speaker::Speaker;
use super::super::{Answer, Office, value};
use super::refused;
use crate::commands::tape::restore::{One, Restore, Run, Target, Wanted};

/// Below it stand restores that are under way.
const RESTORES: &str = "node/tape/restores/";
/// So many cartridges, or objects, are named in one sentence.
const NAMED_MAX: usize = 8;

impl Office {
    pub(super) async fn tape_restore(&self, by: &Speaker, order: Restore, items: &Items) -> Answer {
        let rows = self.books.rows();
        match order {
            Restore::Plan(wanted) => {
                let (set, _, run) = meant(&rows, &wanted)?;
                let plan = self.tapes.plan(set, run.name.clone());
                value(&plan.await?)
            }
            Restore::Run(run) => self.restore_from_tape(by, &rows, run, items).await,
            Restore::List => {
                for (id, row) in &rows.tape.restores {
                    items.send(&answers::Restore::of(*id, row, &rows)).await?;
                }
                value(&())
            }
            Restore::Stop(One { id }) => {
                let stop = TapeCommand::Restore(id, RestoreCommand::Stop);
                self.submit_and_show(by, Command::Tape(stop), |rows| shown(rows, id))
                    .await
            }
        }
    }

    /// Asks for a restore and waits for its end; whoever hangs up leaves it at work.
    async fn restore_from_tape(
        &self,
        by: &Speaker,
        rows: &Rows,
        run: Run,
        items: &Items,
    ) -> Answer {
        let (set, _, found) = meant(rows, &run.wanted)?;
        let part = RestorePart {
            set,
            run: found.name.clone(),
            to: destination(rows, run.target)?,
        };
        let last = rows.tape.restores.keys().next_back();
        let id = last.copied().unwrap_or_default().next();
        let ask = RestoreCommand::Ask {
            parts: vec![part],
            past_quota: run.override_quota,
        };
        self.submit(by, Command::Tape(TapeCommand::Restore(id, ask)))
            .await?;
        let over = |rows: &Rows| {
            let row = rows.tape.restores.get(&id);
            let row = row.ok_or_else(|| refused(TapeRefused::NoRestore(id)))?;
            let Some((_, end)) = &row.end else {
                return Ok(None);
            };
            ended(id, end)?;
            shown(rows, id).map(Some)
        };
        let path = format!("{RESTORES}{id}");
        value(&self.follow((&path, "from tape"), items, over).await?)
    }
}

/// What did not bring all back is a failure.
fn ended(id: RestoreId, end: &RestoreEnd) -> Result<(), Problem> {
    let few = |texts: &[String]| {
        let named: Vec<&str> = texts.iter().take(NAMED_MAX).map(String::as_str).collect();
        let more = match texts.len().saturating_sub(named.len()) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!("{}{more}", named.join(", "))
    };
    let (class, reason, told) = match end {
        RestoreEnd::Complete => return Ok(()),
        RestoreEnd::Incomplete { lost, named } => {
            let told = format!("{id}: {lost} objects could not be read: {}", few(named));
            (ProblemClass::Failed, "restore-incomplete", told)
        }
        RestoreEnd::Offline(labels) => {
            let told = format!("{id}: put in the cartridges {}", few(labels));
            (ProblemClass::Refused, "cartridges-offline", told)
        }
        RestoreEnd::Stopped => {
            let told = format!("{id} was stopped");
            (ProblemClass::Conflict, "restore-stopped", told)
        }
        RestoreEnd::Failed(why) => {
            let told = format!("{id}: {why}");
            (ProblemClass::Failed, "restore-failed", told)
        }
    };
    Err(Problem::new(class, reason, told))
}

fn destination(rows: &Rows, target: Target) -> Result<Destination, Problem> {
    if let Some(path) = target.to {
        let path = path.into_os_string().into_string();
        let wrong = |_| Problem::new(ProblemClass::Usage, "usage", "a path has to be UTF-8");
        return path.map(Destination::Folder).map_err(wrong);
    }
    match target.into {
        Some(whole) => {
            let id = find(rows, &whole.tenant, &whole.repository)?;
            Ok(Destination::Repository(id))
        }
        None => Ok(Destination::Original),
    }
}

/// The run that is meant: by its name, or the last whose view is not after an instant.
fn meant<'a>(
    rows: &'a Rows,
    wanted: &Wanted,
) -> Result<(SetId, &'a rows::Set, &'a rows::Run), Problem> {
    let sets = rows.tape.sets.iter();
    let runs = sets.flat_map(|(id, set)| set.runs.iter().map(move |run| (*id, set, run)));
    let mine = runs.filter(|(_, _, run)| {
        let is_whole = run.done.is_some();
        is_whole && run.tenant == wanted.tenant && run.called == wanted.repository
    });
    let found = mine.filter(|(_, _, run)| match (&wanted.run, wanted.at) {
        (Some(name), _) => run.name == *name,
        (None, Some(at)) => run.view <= at.0,
        (None, None) => true,
    });
    found
        .max_by_key(|(_, _, run)| (run.view, run.done))
        .ok_or_else(|| {
            let (tenant, repository) = (&wanted.tenant, &wanted.repository);
            let which = match (&wanted.run, wanted.at) {
                (Some(name), _) => format!(" under the name '{name}'"),
                (None, Some(at)) => format!(" as of {at} or before"),
                (None, None) => String::new(),
            };
            let told = format!("nothing of {tenant}/{repository} is on tape{which}");
            Problem::new(ProblemClass::NotFound, "no-tape-run", told)
        })
}

fn shown(rows: &Rows, id: RestoreId) -> Result<answers::Restore, Problem> {
    let row = rows.tape.restores.get(&id);
    let row = row.ok_or_else(|| refused(TapeRefused::NoRestore(id)))?;
    Ok(answers::Restore::of(id, row, rows))
}
