//! The shape of restores from tape.

use holdfast_actors::catalog::rows::{self, Destination, RestoreEnd, RestorePart, Rows};
use holdfast_actors::kernel::RestoreId;
use holdfast_actors::names::TenantName;
use serde::Serialize;

use crate::commands::values::Moment;

/// A restore from tape, under way or ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Restore {
    /// Its id.
    pub id: String,
    /// How it is: `asked`, `working`, `stopping`, `complete`, `incomplete`, `offline`, `stopped` or
    /// `failed`.
    pub state: &'static str,
    /// What is brought back.
    pub what: Vec<String>,
    /// Where to.
    pub to: Vec<String>,
    /// Who asked for it.
    pub by: String,
    /// When.
    pub asked: Moment,
    /// When it began to write.
    pub begun: Option<Moment>,
    /// When it ended.
    pub ended: Option<Moment>,
    /// Whom it shut out, and lets in when it ends.
    pub shut_out: Vec<TenantName>,
    /// How many objects could not be read of any cartridge.
    pub lost: u64,
    /// The first of them, the cartridges to put in, or why it failed.
    pub told: Vec<String>,
}

impl Restore {
    /// The restore as the rows have it.
    pub fn of(id: RestoreId, row: &rows::Restore, rows: &Rows) -> Self {
        let end = row.end.as_ref().map(|(_, end)| end);
        let state = match end {
            Some(end) => ended(end),
            None if row.is_stopping => "stopping",
            None if row.begun.is_some() => "working",
            None => "asked",
        };
        let (lost, told) = match end {
            None | Some(RestoreEnd::Complete | RestoreEnd::Stopped) => (0, Vec::new()),
            Some(RestoreEnd::Incomplete { lost, named }) => (*lost, named.clone()),
            Some(RestoreEnd::Offline(labels)) => (0, labels.clone()),
            Some(RestoreEnd::Failed(why)) => (0, vec![why.clone()]),
        };
        Self {
            id: id.to_string(),
            state,
            what: row.parts.iter().map(|it| what(it, rows)).collect(),
            to: row.parts.iter().map(|it| to(it, rows)).collect(),
            by: row.by.clone(),
            asked: Moment(row.asked),
            begun: row.begun.map(Moment),
            ended: row.end.as_ref().map(|(at, _)| Moment(*at)),
            shut_out: row.shut.iter().cloned().collect(),
            lost,
            told,
        }
    }
}

const fn ended(end: &RestoreEnd) -> &'static str {
    match end {
        RestoreEnd::Complete => "complete",
        RestoreEnd::Incomplete { .. } => "incomplete",
        RestoreEnd::Offline(_) => "offline",
        RestoreEnd::Stopped => "stopped",
        RestoreEnd::Failed(_) => "failed",
    }
}

fn what(part: &RestorePart, rows: &Rows) -> String {
    let set = rows.tape.sets.get(&part.set);
    let run = set.and_then(|set| set.runs.iter().find(|run| run.name == part.run));
    match run {
        Some(run) => format!("{}/{} as of {}", run.tenant, run.called, run.view),
        None => part.run.clone(),
    }
}

fn to(part: &RestorePart, rows: &Rows) -> String {
    match &part.to {
        Destination::Original => "original".to_owned(),
        Destination::Repository(id) => super::tape::repository(*id, rows),
        Destination::Folder(path) => path.clone(),
    }
}
