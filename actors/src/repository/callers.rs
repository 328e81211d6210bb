//! Who waits for an answer of a repository. One that went away is owed none: sending to it may
//! fail.

use std::collections::BTreeMap;

use tokio::sync::oneshot;

use super::denied::Denied;
use super::event::Held;
use super::report::Report;
use super::snapshot::Snapshot;
use super::uploads::UploadId;
use crate::kernel::Ticket;

/// How a caller is answered.
pub(super) type Reply<T> = oneshot::Sender<Result<T, Denied>>;

/// One who waits.
pub(super) enum Caller {
    Begin(Reply<UploadId>),
    Held(Reply<Option<Held>>),
    Done(Reply<()>),
    Look(Reply<Snapshot>),
    Report(Reply<Report>),
}

/// All who wait.
#[derive(Default)]
pub(super) struct Callers {
    waiting: BTreeMap<Ticket, Caller>,
    last: Ticket,
}

impl Callers {
    /// The ticket of one more.
    pub(super) fn ticket(&mut self, caller: Caller) -> Ticket {
        self.last = self.last.next();
        self.waiting.insert(self.last, caller);
        self.last
    }

    /// An upload was begun for somebody; whether they are still there.
    pub(super) fn begun(&mut self, ticket: Ticket, upload: UploadId) -> bool {
        match self.waiting.remove(&ticket) {
            Some(Caller::Begin(reply)) => reply.send(Ok(upload)).is_ok(),
            Some(Caller::Held(_) | Caller::Done(_) | Caller::Look(_) | Caller::Report(_))
            | None => true,
        }
    }

    /// What waits to be gone on with stays, whether its caller is still there or not.
    pub(super) fn held(&mut self, ticket: Ticket, held: Option<Held>) {
        if let Some(Caller::Held(reply)) = self.waiting.remove(&ticket) {
            let _ = reply.send(Ok(held));
        }
    }

    pub(super) fn done(&mut self, ticket: Ticket) {
        if let Some(Caller::Done(reply)) = self.waiting.remove(&ticket) {
            let _ = reply.send(Ok(()));
        }
    }

    pub(super) fn show(&mut self, ticket: Ticket, snapshot: Snapshot) {
        if let Some(Caller::Look(reply)) = self.waiting.remove(&ticket) {
            let _ = reply.send(Ok(snapshot));
        }
    }

    pub(super) fn tell(&mut self, ticket: Ticket, report: Report) {
        if let Some(Caller::Report(reply)) = self.waiting.remove(&ticket) {
            let _ = reply.send(Ok(report));
        }
    }

    pub(super) fn deny(&mut self, ticket: Ticket, denied: Denied) {
        let _ = match self.waiting.remove(&ticket) {
            Some(Caller::Begin(reply)) => reply.send(Err(denied)).is_ok(),
            Some(Caller::Held(reply)) => reply.send(Err(denied)).is_ok(),
            Some(Caller::Done(reply)) => reply.send(Err(denied)).is_ok(),
            Some(Caller::Look(reply)) => reply.send(Err(denied)).is_ok(),
            Some(Caller::Report(reply)) => reply.send(Err(denied)).is_ok(),
            None => false,
        };
    }
}
