//! What replicas say to each other. Part of the format between nodes: new ones go to the end.

use std::time::Duration;

use bytes::Bytes;
use holdfast_actors::kernel::NodeId;
use holdfast_actors::schema::{self, SchemaError, Stored};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest,
    TransferLeaderResponse, VoteRequest, VoteResponse,
};
use serde::{Deserialize, Serialize};

use super::memory::Shown;
use super::types::{Kind, LogId, Proposal, SnapshotMeta, Vote};
use crate::calls::{CallError, Calls, Rejected};

/// The service's name.
pub(super) const SERVICE: &str = "catalog";
/// No piece of a snapshot is larger, in bytes; and no batch of entries, unless one alone is.
pub(super) const PIECE: usize = 512 << 10;

/// What one replica asks of another.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request {
    /// Follow, and take these entries.
    Append(AppendEntriesRequest<Kind>),
    /// Vote.
    Vote(VoteRequest<Kind>),
    /// Say whether you would vote.
    PreVote(VoteRequest<Kind>),
    /// Become the leader.
    Transfer(TransferLeaderRequest<Kind>),
    /// Take a piece of a snapshot.
    Piece(Piece),
    /// Go on from this snapshot, all of whose pieces are there.
    Install(Vote, SnapshotMeta, u64),
    /// Take a command into the log.
    Propose(Proposal),
    /// Say up to where a reader must have read who may read nothing old.
    CatchUp,
    /// Say what this run of a replica has forgotten, which shows this and has acknowledged nothing
    /// to you yet. Not before version 1.1: earlier ones say that they cannot read it.
    Recall { run: u64, shown: Shown },
}

/// A piece of a snapshot's file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Piece {
    /// Which snapshot: two of the same place in the log have the same bytes.
    pub(super) meta: SnapshotMeta,
    /// Of the whole file, in bytes.
    pub(super) length: u64,
    /// Of the first byte.
    pub(super) at: u64,
    pub(super) bytes: Vec<u8>,
}

/// What it answers.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Response {
    Append(AppendEntriesResponse<Kind>),
    Vote(VoteResponse<Kind>),
    Transfer(TransferLeaderResponse<Kind>),
    /// The piece that is wanted next begins there.
    Wants(u64),
    Installed(SnapshotResponse<Kind>),
    /// The command has its place and will be applied everywhere.
    Proposed,
    /// Read no earlier than when this was applied.
    ReadFrom(u64),
    /// Ask this one, if anybody is known.
    Elsewhere(Option<u64>),
    /// As far as this one knows, not all nodes can read the command.
    NotYet,
    /// Up to where a replica had acknowledged what it does not have any more; nothing, if it has
    /// all that is remembered of it.
    Recalled(Option<LogId>),
}

impl Stored for Request {
    const VERSION: u8 = 1;
}

impl Stored for Response {
    const VERSION: u8 = 1;
}

/// Why a replica has no answer from another.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoAnswer {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("an answer that cannot be read")]
    Form(#[from] SchemaError),
    #[error("an answer to another question")]
    Other,
    #[error("this replica does not know yet whether it may vote")]
    NotYet,
    #[error("it has forgotten what it acknowledged")]
    Forgot,
}

impl From<SchemaError> for Rejected {
    fn from(error: SchemaError) -> Self {
        Self(format!("a question that cannot be read: {error}"))
    }
}

/// Asks a replica.
pub(super) async fn ask(
    calls: &dyn Calls,
    to: u64,
    request: &Request,
    within: Duration,
) -> Result<Response, NoAnswer> {
    let body = Bytes::from(schema::encode(request));
    let answer = calls.call(NodeId::new(to), SERVICE, body, within).await?;
    Ok(schema::decode(&answer)?)
}
