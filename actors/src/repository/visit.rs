//! A caller's stay in a repository: while it lasts, the repository is not put away.

use std::fmt;

use super::hands::Message;
use super::reader::Reader;
use crate::shell::Handle;

/// Held by whoever works with a repository.
pub struct Visit {
    /// The repository.
    pub repository: Handle<Message>,
    /// Reads its objects.
    pub reader: Reader,
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
