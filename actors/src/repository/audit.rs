//! What the oldest extents hold, asked of the log itself, before any of it is given up.
//!
//! A record is dropped only if the log holds its deletion, whatever the index said when the
//! repository was loaded: the whole log is read again, entries only, as far as it speaks of objects
//! in those extents. What it says of a set of objects follows from their own entries and from the
//! deletions, purges and restores of all, so that nothing else need be kept in mind meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::entry::{Entry, Place};
use super::recovery::{RecoveryError, is_whole};
use super::scan::Scan;
use super::snapshot::{Object, Snapshot};
use super::state::State;
use crate::extent;
use crate::kernel::{ExtentId, RepositoryId};
use crate::object::Key;
use crate::ports::Disk;

/// What is to be asked.
#[derive(Clone)]
pub struct Audit {
    /// The last extent that is asked about.
    pub(super) until: ExtentId,
    /// All sealed extents, with their lengths.
    pub(super) extents: BTreeMap<ExtentId, u64>,
    /// The last of them whose entries do not count any more.
    pub(super) emptied: ExtentId,
    /// Where the last entry lies that the snapshot knows of.
    pub(super) end: Place,
    /// What the repository believes to hold.
    pub(super) snapshot: Snapshot,
}

impl fmt::Debug for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (until, extents) = (self.until, self.extents.len());
        write!(f, "Audit up to {until} of {extents} extents")
    }
}

/// An object that is held in the extents that were asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holding {
    /// The oldest extent that has anything of it.
    pub(super) first: ExtentId,
    /// Where its entry lies.
    pub(super) place: Place,
    /// Its name.
    pub(super) key: Key,
}

/// Why nothing is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The log cannot be read now.
    Unread,
    /// The log holds an object that the repository does not know: what it was told by the index is
    /// wrong.
    Unknown,
}

/// Why the log does not agree.
#[derive(Debug, thiserror::Error)]
pub(super) enum AuditError {
    /// It cannot be read.
    #[error("the log cannot be read")]
    Log(#[from] RecoveryError),
    /// It holds what nobody knows of.
    #[error("the log holds {key:?} in {}, and the index did not", place.extent)]
    Unknown {
        /// What.
        key: Key,
        /// Where.
        place: Place,
    },
}

impl AuditError {
    /// What it means to the repository.
    pub(super) const fn verdict(&self) -> Verdict {
        match self {
            Self::Log(_) => Verdict::Unread,
            Self::Unknown { .. } => Verdict::Unknown,
        }
    }
}

/// What is held in the oldest extents, the oldest first.
///
/// # Errors
/// When the log cannot be read, or holds there what the snapshot does not.
pub(super) async fn audit(
    disk: &Arc<dyn Disk>,
    id: RepositoryId,
    audit: Audit,
) -> Result<Vec<Holding>, AuditError> {
    let Audit {
        until,
        extents,
        emptied,
        end,
        snapshot,
    } = audit;
    let by_log = replay(disk, id, emptied..=until, extents, end).await?;
    for (key, object) in by_log.held().everything() {
        if object.first <= until && !knows(&snapshot, &key, &object) {
            let place = object.place;
            return Err(AuditError::Unknown { key, place });
        }
    }
    Ok(holdings(&snapshot, until))
}

/// What a snapshot holds in the extents up to `until`, the oldest first; each object once, however
/// many lives it has.
pub(super) fn holdings(snapshot: &Snapshot, until: ExtentId) -> Vec<Holding> {
    let held = snapshot.everything();
    let held = held.filter(|(_, object)| object.first <= until);
    let held: BTreeSet<(ExtentId, Place, Key)> = held
        .map(|(key, object)| (object.first, object.place, key))
        .collect();
    let held = held.into_iter();
    held.map(|(first, place, key)| Holding { first, place, key })
        .collect()
}

/// Whether a snapshot has this very life of an object.
fn knows(snapshot: &Snapshot, key: &Key, object: &Object) -> bool {
    let live = snapshot.live.get(key);
    let binned = snapshot.bin.get(&(*key, object.added));
    let lives = live.into_iter().chain(binned.map(|binned| &binned.object));
    lives
        .filter(|life| life.added == object.added)
        .any(|life| life.place == object.place)
}

/// What the log says of objects in the extents up to the end of `asked`, up to the entry at `end`.
/// Entries up to the beginning of `asked` do not count any more.
async fn replay(
    disk: &Arc<dyn Disk>,
    id: RepositoryId,
    asked: RangeInclusive<ExtentId>,
    mut lengths: BTreeMap<ExtentId, u64>,
    end: Place,
) -> Result<State, RecoveryError> {
    // An extent that is still written to is read up to the last entry only, all of which is there.
    let open = (!lengths.contains_key(&end.extent)).then_some(end.extent);
    lengths.extend(open.map(|extent| (extent, u64::MAX)));
    let (emptied, until) = asked.into_inner();
    let mut state = State::default();
    for (extent, length) in &lengths {
        let (extent, length) = (*extent, *length);
        if length == 0 || extent <= emptied || extent > end.extent {
            continue;
        }
        let file = disk.open(&extent::path(id, extent)).await;
        let file = file.map_err(|source| RecoveryError::Disk { extent, source })?;
        let mut scan = Scan::new(extent, file, length, false).await?;
        while let Some(frame) = scan.next().await? {
            let (sequence, place) = (frame.header.sequence, frame.place);
            if let Some((entry, _)) = frame.entry
                && concerns(&entry, place, until)
                && is_whole(&entry, &lengths)
            {
                state.apply(&entry, sequence, place);
            }
            if place == end {
                break;
            }
        }
    }
    Ok(state)
}

/// Whether an entry says anything of objects in the extents up to `until`.
fn concerns(entry: &Entry, place: Place, until: ExtentId) -> bool {
    match entry {
        Entry::Stored(stored) => stored.first(place) <= until,
        Entry::Deleted { .. } | Entry::Purged { .. } | Entry::Restored { .. } => true,
        // What has left them, too.
        Entry::Moved(_) | Entry::Stranded(_) => true,
        Entry::Emptied { .. } => false,
    }
}
