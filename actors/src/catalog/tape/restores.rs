//! Restores from tape, as far as everybody has to agree on them.
//!
//! Invariant: whom a restore shut out is let in again when it ends, however it ends; one that a
//! crash cut off has no end yet and is found by whoever starts next.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::super::Refused;
use super::super::draft::{Draft, TEXT_MAX, short};
use super::super::events::Code;
use super::super::rows::{Destination, Restore, RestoreEnd, RestorePart, Set};
use super::TapeRefused;
use crate::kernel::{RepositoryId, RestoreId};
use crate::names::TenantName;

/// So many restores are remembered; the eldest that have ended go first.
const RESTORES_MAX: usize = 256;
/// Restores that are not at their end.
const RUNNING_MAX: usize = 16;
/// The most parts of one.
const PARTS_MAX: usize = 256;
/// So many lost objects, or cartridges to put in, are named.
pub const NAMED_MAX: usize = 100;

/// What is done with a restore.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RestoreCommand {
    /// Asks for it; its number is the next that nobody has. Whoever the library hangs on does it.
    Ask {
        /// At least one, each to another place.
        parts: Vec<RestorePart>,
        /// More than the quota may be stored (`R10.35`).
        past_quota: bool,
    },
    /// Wants it to end.
    Stop,
    /// It begins to write, or goes on after a crash: the tenants whose repositories will be as they
    /// were are shut out from here on. The system's.
    Begin,
    /// It is over: whom it shut out is let in. The system's.
    End(RestoreEnd),
}

impl RestoreCommand {
    pub(super) const fn is_systems(&self) -> bool {
        matches!(self, Self::Begin | Self::End(_))
    }
}

/// Why a tenant is shut out. Tenants see it, and nothing in it says tape.
fn reason(id: RestoreId) -> String {
    format!("its data is being restored ({id})")
}

impl Draft<'_> {
    pub(super) fn restore(
        &mut self,
        id: RestoreId,
        command: &RestoreCommand,
    ) -> Result<(), Refused> {
        match command {
            RestoreCommand::Ask { parts, past_quota } => self.ask_restore(id, parts, *past_quota),
            RestoreCommand::Stop => {
                let mut row = self.restoring(id)?.clone();
                row.is_stopping = true;
                self.rows.tape.restores.insert(id, row);
                Ok(())
            }
            RestoreCommand::Begin => self.begin_restore(id),
            RestoreCommand::End(end) => self.end_restore(id, end),
        }
    }

    fn restoring(&self, id: RestoreId) -> Result<&Restore, Refused> {
        let row = self.rows.tape.restores.get(&id);
        match row.ok_or(TapeRefused::NoRestore(id))? {
            row if row.end.is_none() => Ok(row),
            _ => Err(TapeRefused::RestoreEnded(id).into()),
        }
    }

    fn ask_restore(
        &mut self,
        id: RestoreId,
        parts: &[RestorePart],
        past_quota: bool,
    ) -> Result<(), Refused> {
        if parts.is_empty() {
            return Err(TapeRefused::NoParts.into());
        }
        if parts.len() > PARTS_MAX {
            let (what, most) = ("parts of a restore", PARTS_MAX);
            return Err(Refused::TooMany { what, most });
        }
        let running = self.rows.tape.restores.values();
        let running: Vec<_> = running.filter(|row| row.end.is_none()).collect();
        if running.len() >= RUNNING_MAX {
            let (what, most) = ("restores at once", RUNNING_MAX);
            return Err(Refused::TooMany { what, most });
        }
        let mut places = BTreeSet::new();
        for row in running {
            places.extend(row.parts.iter().filter_map(|part| self.target(part).ok()));
        }
        for part in parts {
            if let Destination::Folder(path) = &part.to {
                short("a path", path, TEXT_MAX)?;
            }
            if !places.insert(self.target(part)?) {
                return Err(TapeRefused::SamePlace.into());
            }
        }
        let last = self.rows.tape.restores.keys().next_back();
        if id != last.copied().unwrap_or_default().next() {
            return Err(TapeRefused::RestoreTaken(id).into());
        }
        let row = Restore {
            by: self.by.to_string(),
            asked: self.at,
            parts: parts.to_vec(),
            past_quota,
            is_stopping: false,
            begun: None,
            shut: BTreeSet::new(),
            end: None,
        };
        self.rows.tape.restores.insert(id, row);
        self.forget_restores();
        let past = if past_quota { ", past quotas" } else { "" };
        let text = format!("{id} was asked for: {} from tape{past}", count(parts.len()));
        self.event(Code::TapeRestoreAsked, None, text, None);
        Ok(())
    }

    /// Where a part goes to; refused if what it needs is not there.
    fn target(&self, part: &RestorePart) -> Result<Destination, Refused> {
        let set: &Set = self.known_set(part.set)?;
        let run = set.runs.iter().find(|run| run.name == part.run);
        let run = run.filter(|run| run.done.is_some());
        let run = run.ok_or_else(|| TapeRefused::NoRun(part.set, part.run.clone()))?;
        let id = match &part.to {
            Destination::Original => run.repository,
            Destination::Repository(id) => *id,
            Destination::Folder(_) => return Ok(part.to.clone()),
        };
        self.owner(id)?;
        Ok(Destination::Repository(id))
    }

    /// The tenant of a repository that is served.
    fn owner(&self, id: RepositoryId) -> Result<TenantName, Refused> {
        let row = self.known_repository(id)?;
        let owner = self.rows.tenant_name(row.tenant);
        let owner = owner.filter(|_| row.removed.is_none());
        owner.cloned().ok_or(Refused::NoRepositoryId(id))
    }

    fn begin_restore(&mut self, id: RestoreId) -> Result<(), Refused> {
        let mut row = self.restoring(id)?.clone();
        let originals = row
            .parts
            .iter()
            .filter(|part| part.to == Destination::Original);
        let mut tenants = BTreeSet::new();
        for part in originals {
            if let Destination::Repository(id) = self.target(part)? {
                tenants.insert(self.owner(id)?);
            }
        }
        for name in tenants {
            if self.known_tenant(&name)?.disabled.is_none() {
                self.disable_tenant(&name, &reason(id))?;
                row.shut.insert(name);
            }
        }
        row.begun = row.begun.or(Some(self.at));
        self.rows.tape.restores.insert(id, row);
        Ok(())
    }

    fn end_restore(&mut self, id: RestoreId, end: &RestoreEnd) -> Result<(), Refused> {
        let mut row = self.restoring(id)?.clone();
        for name in &row.shut {
            let tenant = self.rows.tenants.get(name);
            let is_ours = tenant.is_some_and(|row| row.disabled == Some(reason(id)));
            let other = self.rows.tape.restores.iter().find(|(other, row)| {
                **other != id && row.end.is_none() && row.begun.is_some() && self.shuts(row, name)
            });
            match other.map(|(other, _)| *other) {
                _ if !is_ours => {}
                // It found the tenant shut out: the tenant is its own from now on.
                Some(other) => {
                    self.disable_tenant(name, &reason(other))?;
                    if let Some(row) = self.rows.tape.restores.get_mut(&other) {
                        row.shut.insert(name.clone());
                    }
                }
                None => self.enable_tenant(name)?,
            }
        }
        let mut end = end.clone();
        match &mut end {
            RestoreEnd::Incomplete { named, .. } => named.truncate(NAMED_MAX),
            RestoreEnd::Offline(named) => {
                named.truncate(NAMED_MAX);
                let media = &self.rows.tape.media;
                for label in named {
                    let found = media.iter().find(|(id, row)| row.label(**id) == *label);
                    if let Some((id, _)) = found {
                        *label = self.rows.tape.place(*id);
                    }
                }
            }
            RestoreEnd::Failed(why) => *why = why.chars().take(TEXT_MAX).collect(),
            RestoreEnd::Complete | RestoreEnd::Stopped => {}
        }
        let (code, text) = told(id, &end);
        row.end = Some((self.at, end));
        self.rows.tape.restores.insert(id, row);
        self.event(code, None, text, None);
        Ok(())
    }

    /// Whether a restore brings a repository of this tenant back to what it was.
    fn shuts(&self, row: &Restore, name: &TenantName) -> bool {
        let mut originals = row.parts.iter();
        originals.any(|part| {
            let place = match part.to {
                Destination::Original => self.target(part).ok(),
                Destination::Repository(_) | Destination::Folder(_) => None,
            };
            matches!(place, Some(Destination::Repository(id))
                if self.owner(id).is_ok_and(|owner| owner == *name))
        })
    }

    fn forget_restores(&mut self) {
        while self.rows.tape.restores.len() > RESTORES_MAX {
            let mut ended = self.rows.tape.restores.iter();
            let Some(eldest) = ended.find(|(_, row)| row.end.is_some()).map(|(id, _)| *id) else {
                return;
            };
            self.rows.tape.restores.remove(&eldest);
        }
    }
}

fn count(parts: usize) -> String {
    match parts {
        1 => "one repository".to_owned(),
        parts => format!("{parts} repositories"),
    }
}

/// What operators hear of the end.
fn told(id: RestoreId, end: &RestoreEnd) -> (Code, String) {
    match end {
        RestoreEnd::Complete => {
            let text = format!("{id} is complete: all is back from tape");
            (Code::TapeRestored, text)
        }
        RestoreEnd::Incomplete { lost, .. } => {
            let text = format!("{id} is incomplete: {lost} objects could not be read from tape");
            (Code::TapeRestoreFailed, text)
        }
        RestoreEnd::Offline(labels) => {
            let text = format!("{id} needs cartridges: put in {}", labels.join(", "));
            (
                Code::TapeRestoreFailed,
                text.chars().take(TEXT_MAX).collect(),
            )
        }
        RestoreEnd::Stopped => {
            let text = format!("{id} was stopped");
            (Code::TapeRestoreFailed, text)
        }
        RestoreEnd::Failed(why) => (Code::TapeRestoreFailed, format!("{id} failed: {why}")),
    }
}
