//! Reads a repository back, step by step. When, and how fast, is not decided here.

use sha2::{Digest, Sha256};

use super::scrub::Step;
use crate::kernel::{RepositoryId, Size};
use crate::object::Key;
use crate::repository::{self, Cursor, Object, Snapshot, Unsound, Visit};
use crate::shell::Fault;

/// Bytes read in one step; the last object of it may go beyond.
const STEP: Size = Size::mib(4);
/// What an object costs beside its bytes: its entry is read too.
const ENTRY: Size = Size::bytes(4096);

/// A repository that is read back.
pub struct Reading {
    pub(super) id: RepositoryId,
    visit: Visit,
    cursor: Cursor,
    pub(super) found: Found,
}

/// What was found so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Objects read.
    pub(super) objects: u64,
    /// How many of them are not what they were.
    pub(super) damaged: u64,
    /// Objects that could not be read, because the nodes that hold them do not answer.
    pub(super) unread: u64,
    /// Which, in whatever order.
    pub(super) finding: u64,
}

impl std::fmt::Debug for Reading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reading({}, {:?})", self.id, self.found)
    }
}

impl Found {
    fn damaged(&mut self, key: &Key) {
        self.damaged += 1;
        let named = Sha256::new()
            .chain_update(key.space.raw().to_le_bytes())
            .chain_update(key.kind.as_str())
            .chain_update(key.name.as_bytes())
            .finalize();
        let mut first = [0; 8];
        first.copy_from_slice(&named[..8]);
        self.finding = self.finding.wrapping_add(u64::from_le_bytes(first));
    }
}

impl Reading {
    /// A reading that begins.
    pub(super) fn begin(id: RepositoryId, visit: Visit) -> Self {
        Self {
            id,
            visit,
            cursor: Cursor::default(),
            found: Found::default(),
        }
    }

    /// Reads on for a step.
    pub(super) async fn step(&mut self) -> Step {
        self.read().await.unwrap_or(Step::Missed)
    }

    /// `None` when the repository is not there to be asked.
    async fn read(&mut self) -> Option<Step> {
        let (held, mut read) = (self.held().await?, Size::ZERO);
        while read < STEP {
            let Some((at, key, object)) = held.behind(&self.cursor) else {
                return Some(Step::All);
            };
            self.cursor = at;
            read += object.size + ENTRY;
            self.check(&key, object).await?;
        }
        let report = self.visit.repository.ask(repository::Message::Report);
        let uploading = report.await.ok()?.ok()?.reserved > Size::ZERO;
        Some(Step::More { uploading })
    }

    async fn check(&mut self, key: &Key, object: Object) -> Option<()> {
        let Some(error) = self.fault(key, object).await? else {
            self.found.objects += 1;
            return Some(());
        };
        let (repository, is_silent, error) = (self.id, error.is_silent(), Fault::of(&error));
        if is_silent {
            tracing::warn!(%repository, ?key, %error, "object on silent nodes");
            self.found.unread += 1;
        } else {
            tracing::error!(%repository, ?key, %error, "object damaged");
            self.found.objects += 1;
            self.found.damaged(key);
        }
        Some(())
    }

    /// What is wrong with an object that is still there.
    async fn fault(&self, key: &Key, object: Object) -> Option<Option<Unsound>> {
        let Err(error) = self.visit.reader.check(key, object).await else {
            return Some(None);
        };
        // What was rewritten or purged since the step began is not where it was.
        Some(match self.held().await?.at(&self.cursor) {
            None => None,
            Some(moved) if moved.place != object.place => {
                self.visit.reader.check(key, moved).await.err()
            }
            Some(_) => Some(error),
        })
    }

    async fn held(&self) -> Option<Snapshot> {
        let held = self.visit.repository.ask(repository::Message::Look);
        held.await.ok()?.ok()
    }
}
