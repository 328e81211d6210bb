//! A caller's stay in a repository: while it lasts, the repository is not put away.

use std::fmt;
use std::sync::Arc;

use super::hands::Message;
use super::reader::Reader;
use super::register::{Register, Tenure};
use crate::kernel::Epoch;
use crate::shell::Handle;

/// Held by whoever works with a repository.
pub struct Visit {
    /// The repository.
    pub repository: Handle<Message>,
    /// Reads its objects.
    pub reader: Reader,
    pub(super) epoch: Epoch,
    pub(super) register: Arc<dyn Register>,
}

impl Visit {
    /// Whether what the repository said up to now is what it is: nobody else may have written to it
    /// meanwhile.
    pub fn counts(&self) -> bool {
        self.register.tenure(self.epoch) == Tenure::Held
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        // A repository that ended has no visitors to count.
        let _ = self.repository.tell(Message::Leave);
    }
}

impl fmt::Debug for Visit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Visit")
    }
}
