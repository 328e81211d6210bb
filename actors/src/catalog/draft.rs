//! How a command is decided: on a draft of the rows, which replaces them if all rules agree and is
//! dropped at the first that does not. Rows are cheap to clone, so a draft costs what it changes.

use imbl::OrdMap;

use super::command::{Actor, Command, Submission};
use super::rows::{Answered, Rows};
use super::{Outcome, Refused};
use crate::kernel::Timestamp;
use crate::names::OperatorName;

/// The most answers remembered.
const ANSWERS_MAX: usize = 4096;

/// The rows as they will be, and what the rules need to know beside them.
#[derive(Clone)]
pub(super) struct Draft<'a> {
    pub(super) rows: Rows,
    pub(super) by: &'a Actor,
    pub(super) at: Timestamp,
    /// Who agreed, when this is a request that was granted.
    pub(super) agreed: Option<&'a OperatorName>,
}

/// Decides one command: the rows behind it and what its caller is told. The same rows and the same
/// command always come to the same end.
///
/// # Errors
/// When a rule says no; then nothing changes.
pub fn decide(rows: &Rows, submission: &Submission) -> Result<(Rows, Outcome), Refused> {
    let mut draft = Draft {
        rows: rows.clone(),
        by: &submission.by,
        at: submission.at,
        agreed: None,
    };
    draft.rows.index = rows.index.next();
    draft.rows.takes(&submission.command)?;
    draft.admit(&submission.command)?;
    let outcome = if draft.wants_second(&submission.command) {
        draft.request(&submission.command)?
    } else {
        draft.execute(&submission.command)?
    };
    draft.remember(submission, outcome);
    Ok((draft.rows, outcome))
}

/// The answer given to this very command before, if it was.
///
/// # Errors
/// When the client was answered a later one since.
pub(super) fn repeated(rows: &Rows, submission: &Submission) -> Result<Option<Answered>, Refused> {
    let Some(last) = rows.answers.get(&submission.client) else {
        return Ok(None);
    };
    let (given, last_given) = (submission.sequence, last.sequence);
    if given < last_given {
        return Err(Refused::Stale {
            given,
            last: last_given,
        });
    }
    Ok((given == last_given).then_some(*last))
}

impl Draft<'_> {
    /// Does what a command says, without asking whether its caller may.
    pub(super) fn execute(&mut self, command: &Command) -> Result<Outcome, Refused> {
        match command {
            Command::Clock(command) => self.clock(command),
            Command::Tenant(name, command) => self.tenant(name, command),
            Command::Subtenant(tenant, name, command) => self.subtenant(tenant, name, command),
            Command::Credential(command) => self.credential(command),
            Command::Operator(name, command) => self.operator(name, command),
            Command::Approval(id, command) => self.approval(*id, command),
            Command::Repository(command) => self.repository(command),
            Command::Extent(command) => self.extent(command),
            Command::Service(command) => self.service(command),
            Command::Cluster(command) => self.cluster(command),
            Command::Pool(name, command) => self.pool(name, command),
            Command::Tape(command) => self.tape(command),
        }
    }

    /// An id that was never given out before.
    pub(super) fn fresh(&mut self) -> u64 {
        self.rows.last_id += 1;
        self.rows.last_id
    }

    fn remember(&mut self, submission: &Submission, outcome: Outcome) {
        if submission.client == 0 {
            return;
        }
        let answered = Answered {
            sequence: submission.sequence,
            index: self.rows.index,
            outcome,
        };
        let answers = &mut self.rows.answers;
        answers.insert(submission.client, answered);
        if answers.len() > ANSWERS_MAX {
            // A quarter at a time, so that the search pays.
            let mut oldest: Vec<_> = answers.iter().map(|(id, row)| (row.index, *id)).collect();
            oldest.sort_unstable();
            for (_, client) in oldest.into_iter().take(ANSWERS_MAX / 4) {
                answers.remove(&client);
            }
        }
    }
}

/// Takes the rows away that `which` picks.
pub(super) fn forget<K: Ord + Clone, V: Clone>(
    rows: &mut OrdMap<K, V>,
    which: impl Fn(&K, &V) -> bool,
) {
    let picked = rows.iter().filter(|(key, row)| which(key, row));
    let keys: Vec<K> = picked.map(|(key, _)| key.clone()).collect();
    for key in keys {
        rows.remove(&key);
    }
}

/// Refuses a number outside `least..=most`.
pub(super) fn within(what: &'static str, given: u32, least: u32, most: u32) -> Result<(), Refused> {
    if (least..=most).contains(&given) {
        return Ok(());
    }
    Err(Refused::Range {
        what,
        given: u64::from(given),
        least: u64::from(least),
        most: u64::from(most),
    })
}

/// Refuses a text of more than `most` bytes.
pub(super) fn short(what: &'static str, text: &str, most: usize) -> Result<(), Refused> {
    if text.len() <= most {
        return Ok(());
    }
    Err(Refused::TooLong { what, most })
}

/// The most bytes in a description or a reason.
pub(super) const TEXT_MAX: usize = 1024;
