//! The replicated catalog of a node that does not run: what it knows, and how it is made to go on
//! from other rows, with this node as its one voter.
//!
//! Nothing is running while this is done, so it is a matter of files: a snapshot of the state, and
//! behind it one of the log that says that all before it is in the first. The second names a vote
//! of a higher term; until it is there, the log goes on as it was.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use holdfast_actors::catalog;
use holdfast_actors::catalog::rows::Rows;
use holdfast_actors::frame::BODY_MAX;
use holdfast_actors::journal::{self, Snapshot as Parts, snapshot};
use holdfast_actors::kernel::{NodeId, Sequence};
use holdfast_actors::ports::Disk;
use holdfast_actors::schema;
use openraft::EntryPayload;
use openraft::impls::EmptyNode;

use super::StartError;
use super::log::{self, LogError, Record, Window};
use super::state::{self, FOLDER, Head, State};
use super::types::{LogId, Membership, SnapshotMeta, Vote};
use crate::folder::Folder;

/// So many terms are left out: what the others voted for meanwhile is not known.
const TERMS: u64 = 1_000;

/// What a node knows of the catalog.
#[derive(Clone, Debug)]
pub struct Known {
    /// With all that is in its log, agreed on or not: what others were told of may be among it.
    pub rows: Rows,
    /// Up to where it knows that it was agreed on.
    pub agreed: u64,
    /// The last term that it voted in.
    pub term: u64,
    /// Who voted.
    pub voters: BTreeSet<NodeId>,
    last: Option<LogId>,
}

/// What a node knows; none if it never took part.
///
/// # Errors
/// When what had been durable is damaged or missing.
pub async fn known(disk: &Arc<dyn Disk>) -> Result<Option<Known>, StartError> {
    let (window, _) = window(disk).await?;
    let state = State::open(Arc::clone(disk)).await;
    let (mut rows, mut last, mut membership) = state.map_err(StartError::State)?.parts();
    if window.vote.is_none() && last.is_none() {
        return Ok(None);
    }
    for entry in window.entries.values() {
        if last.is_some_and(|last| entry.log_id <= last) {
            continue;
        }
        last = Some(entry.log_id);
        match &entry.payload {
            EntryPayload::Membership(of) => {
                membership = Membership::new(last, of.clone());
                rows.index = Sequence::new(entry.log_id.index);
            }
            EntryPayload::Blank | EntryPayload::Normal(_) => {
                rows = state::behind(&rows, entry);
            }
        }
    }
    let voters = membership.membership().voter_ids();
    Ok(Some(Known {
        agreed: window.committed.map_or(0, |id| id.index),
        term: window.vote.map_or(0, |vote| vote.leader_id.term),
        voters: voters.map(NodeId::new).collect(),
        rows,
        last,
    }))
}

/// Has the catalog go on from these rows, whose index is behind all that is in the log, with this
/// node alone; `before` is what it knew, if it took part.
///
/// # Errors
/// When the disk says no: then it goes on as before, and this can be done again.
pub async fn begin(
    disk: &Arc<dyn Disk>,
    node: NodeId,
    rows: &Rows,
    before: Option<&Known>,
) -> Result<(), StartError> {
    let (_, through) = window(disk).await?;
    let seen = before.map_or(0, |known| {
        let last = known.last.map_or(0, |last| last.leader_id.term);
        known.term.max(last)
    });
    let term = seen + TERMS;
    let last = LogId::new_term_index(term, rows.index.raw());
    let members = openraft::Membership::<u64, EmptyNode>::new_with_defaults(
        vec![[node.raw()].into()],
        [node.raw()],
    );
    let meta = SnapshotMeta {
        last_log_id: Some(last),
        last_membership: Membership::new(Some(last), members),
    };
    let whole = catalog::snapshot(rows);
    let head = Bytes::from(schema::encode(&Head(meta)));
    let pieces = (0..whole.len()).step_by(BODY_MAX);
    let pieces = pieces.map(|at| whole.slice(at..whole.len().min(at + BODY_MAX)));
    let state = Parts {
        through: rows.index,
        parts: [head].into_iter().chain(pieces).collect(),
    };
    let written = snapshot::write(disk.as_ref(), FOLDER, state).await;
    written.map_err(StartError::State)?;
    let log = Parts {
        through,
        parts: [
            Record::Vote(Vote::new(term, node.raw())),
            Record::Purged(last),
            Record::Committed(Some(last)),
        ]
        .map(|record| record.encode())
        .to_vec(),
    };
    let folder = Folder::new(Arc::clone(disk), log::FOLDER);
    let written = snapshot::write(&folder, journal::FOLDER, log).await;
    written.map_err(|error: io::Error| StartError::State(error))
}

/// The log, and the number of its last record.
async fn window(disk: &Arc<dyn Disk>) -> Result<(Window, Sequence), StartError> {
    let folder = Folder::new(Arc::clone(disk), log::FOLDER);
    let recovered = journal::recover(&folder).await.map_err(LogError::from)?;
    let through = Sequence::new(recovered.position.next().raw().saturating_sub(1));
    Ok((log::window(recovered)?, through))
}
