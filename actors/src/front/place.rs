//! Where a request works that was let in: on the repository, or on what this node recalls of it.

use std::fmt;
use std::sync::Arc;

use super::Front;
use crate::kernel::Timestamp;
use crate::recall::{self, CutOff, Recalled};
use crate::refusal::Refusal;
use crate::repositories;
use crate::repository::{Register, Visit};
use crate::shell::Handle;
use crate::tenant::{Grant, unavailable};

/// The way to what a node knows that is cut off.
#[derive(Clone)]
pub struct Recalling {
    /// Says whether it is.
    pub register: Arc<dyn Register>,
    /// What it knows.
    pub recall: Handle<recall::Message>,
}

impl fmt::Debug for Recalling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.recall, f)
    }
}

/// Where it works.
pub(super) enum Place {
    Visited(Visit),
    /// On what this node recalls, as of then.
    Recalled(Recalled, Timestamp),
}

impl Front {
    /// Whether this node hears no majority of its cluster.
    pub fn cut_off(&self) -> Option<CutOff> {
        self.recall.as_ref()?.register.cut_off()
    }

    /// Where a request works that was let in.
    pub(super) async fn place(&self, grant: &Grant) -> Result<Place, Refusal> {
        let id = grant.repository;
        if let (Some(cut_off), Some(recalling)) = (grant.recalled, &self.recall) {
            let read = |door| recall::Message::Read(id, cut_off.since, door);
            let recalled = recalling.recall.ask(read).await;
            let recalled = recalled.unwrap_or_else(|_| Err(unavailable()))?;
            return Ok(Place::Recalled(recalled, cut_off.as_of));
        }
        let visit = self
            .repositories
            .ask(|door| repositories::Message::Visit(id, door));
        Ok(Place::Visited(visit.await.map_err(|_| unavailable())?))
    }
}
