//! What a request holds while it is inside: its way to ask for more, and to hear that it is over.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

use super::hands::Answer;
use super::{Grant, Message, PermitId};
use crate::kernel::Size;
use crate::ports::Pending;
use crate::refusal::{Reason, Refusal};
use crate::session::{Direction, Outcome};
use crate::shell::Handle;

/// A request that was let in. Dropping it unfinished ends it as [`Outcome::Broken`].
pub struct Permit {
    id: PermitId,
    grant: Grant,
    tenant: Handle<Message>,
    revoked: watch::Receiver<Option<Refusal>>,
    finished: Arc<AtomicBool>,
}

impl Permit {
    pub(super) fn new(
        id: PermitId,
        grant: Grant,
        tenant: Handle<Message>,
        revoked: watch::Receiver<Option<Refusal>>,
    ) -> Self {
        Self {
            id,
            grant,
            tenant,
            revoked,
            finished: Arc::default(),
        }
    }

    /// What it may work on.
    pub const fn grant(&self) -> Grant {
        self.grant
    }

    /// Takes one of the tenant's tasks for a body of `size` bytes; small bodies take none. The task
    /// is given back when the permit ends.
    ///
    /// # Errors
    /// [`Reason::Busy`] after [`TASK_WAIT`](super::TASK_WAIT); or why the request was cut.
    pub fn task(&self, direction: Direction, size: Size) -> Pending<Result<(), Refusal>> {
        self.ask(move |id, reply| Message::Task(id, direction, size, reply))
    }

    /// Waits until `size` bytes may move. To be asked piece by piece, one at a time.
    ///
    /// # Errors
    /// Why the request was cut.
    pub fn charge(&self, direction: Direction, size: Size) -> Pending<Result<(), Refusal>> {
        self.ask(move |id, reply| Message::Charge(id, direction, size, reply))
    }

    /// Resolves when the request is cut from outside, and else never; not after it was finished
    /// either, though its answer may still be on the way.
    pub fn ended(&self) -> Pending<Refusal> {
        let mut revoked = self.revoked.clone();
        let finished = Arc::clone(&self.finished);
        Box::pin(async move {
            let told = revoked.wait_for(Option::is_some).await;
            let refusal = told
                .map(|refusal| refusal.clone().unwrap_or_else(unavailable))
                .ok();
            match refusal {
                Some(refusal) => refusal,
                None if finished.load(Ordering::Relaxed) => std::future::pending().await,
                None => unavailable(),
            }
        })
    }

    /// Whether the request may go on: asked before each step that others would see, because not
    /// every caller listens to [`Permit::ended`].
    ///
    /// # Errors
    /// Why the request was cut.
    pub fn standing(&self) -> Result<(), Refusal> {
        if let Some(refusal) = self.revoked.borrow().clone() {
            return Err(refusal);
        }
        let is_alone = self.revoked.has_changed().is_err();
        if is_alone && !self.finished.load(Ordering::Relaxed) {
            return Err(unavailable());
        }
        Ok(())
    }

    /// Ends the request; only the first call counts.
    pub fn finish(&self, outcome: Outcome) {
        if !self.finished.swap(true, Ordering::Relaxed) {
            // A tenant that is gone has nothing to free.
            let _ = self.tenant.tell(Message::Leave(self.id, outcome));
        }
    }

    fn ask(
        &self,
        message: impl FnOnce(PermitId, Answer) -> Message,
    ) -> Pending<Result<(), Refusal>> {
        let id = self.id;
        let answer = self.tenant.ask(move |reply| message(id, reply));
        Box::pin(async move { answer.await.unwrap_or_else(|_| Err(unavailable())) })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.finish(Outcome::Broken);
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.id, f)
    }
}

/// The answer when the tenant's actor has failed and will be started again.
pub(crate) fn unavailable() -> Refusal {
    let pause = std::time::Duration::from_secs(1);
    Refusal::retry(
        Reason::Unavailable,
        "the service does not answer; try again",
        pause,
    )
}
