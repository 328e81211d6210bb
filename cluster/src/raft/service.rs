//! What a replica does for others that call it.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use holdfast_actors::catalog::rows::Rows;
use holdfast_actors::kernel::{NodeId, Sequence};
use holdfast_actors::ports::{Disk, File, Pending};
use holdfast_actors::schema;
use openraft::errors::{ClientWriteError, LinearizableReadError, RaftError};
use openraft::{Raft, ReadPolicy, Snapshot};
use tokio::sync::{Mutex, watch};

use super::recall::Recalls;
use super::state::{FOLDER, Image, State, read};
use super::types::{Kind, Proposal, SnapshotMeta, Vote};
use super::wire::{PIECE, Piece, Request, Response};
use crate::calls::{Answers, Rejected};

/// Consensus, as this node takes part in it.
pub(super) type Replication = Raft<Kind, State>;

/// The largest snapshot that is taken, in bytes.
const SNAPSHOT_MAX: u64 = 4 << 30;

/// Answers for one replica.
pub(super) struct Service(Arc<Inner>);

struct Inner {
    raft: Replication,
    rows: watch::Receiver<Rows>,
    disk: Arc<dyn Disk>,
    recalls: Recalls,
    /// The snapshot that is on its way here.
    incoming: Mutex<Option<Incoming>>,
}

struct Incoming {
    meta: SnapshotMeta,
    length: u64,
    path: String,
    file: Arc<dyn File>,
    /// So much of it is there.
    at: u64,
}

fn rejected(error: impl fmt::Display) -> Rejected {
    Rejected(error.to_string())
}

impl Service {
    pub(super) fn new(
        raft: Replication,
        rows: watch::Receiver<Rows>,
        disk: Arc<dyn Disk>,
        recalls: Recalls,
    ) -> Self {
        Self(Arc::new(Inner {
            raft,
            rows,
            disk,
            recalls,
            incoming: Mutex::default(),
        }))
    }
}

impl Answers for Service {
    fn answer(&self, from: NodeId, body: Bytes) -> Pending<Result<Bytes, Rejected>> {
        let inner = Arc::clone(&self.0);
        Box::pin(async move {
            let response = inner.answer(from.raw(), schema::decode(&body)?).await?;
            Ok(schema::encode(&response).into())
        })
    }
}

impl Inner {
    async fn answer(&self, from: u64, request: Request) -> Result<Response, Rejected> {
        let raft = &self.raft;
        if let Some(why) = self.refuses(from, &request).await {
            return Err(rejected(why));
        }
        Ok(match request {
            Request::Append(request) => {
                Response::Append(raft.append_entries(request).await.map_err(rejected)?)
            }
            Request::Vote(request) => Response::Vote(raft.vote(request).await.map_err(rejected)?),
            Request::PreVote(request) => {
                Response::Vote(raft.pre_vote(request).await.map_err(rejected)?)
            }
            Request::Transfer(request) => {
                let transferred = raft.handle_transfer_leader(request).await;
                Response::Transfer(transferred.map_err(rejected)?)
            }
            Request::Piece(piece) => Response::Wants(self.take(piece).await.map_err(rejected)?),
            Request::Install(vote, meta, length) => self.install(vote, meta, length).await?,
            Request::Propose(proposal) => {
                let proposed = propose(raft, &self.rows, proposal).await;
                proposed.map_err(rejected)?
            }
            Request::CatchUp => catch_up(raft).await.map_err(rejected)?,
            Request::Recall { run, shown } => {
                let forgotten = self.recalls.memory().recall(from, run, &shown);
                if forgotten.is_some() {
                    self.recalls.tell(from);
                }
                Response::Recalled(forgotten)
            }
        })
    }

    /// Why this replica has no part in something yet, or never again.
    async fn refuses(&self, from: u64, request: &Request) -> Option<&'static str> {
        match request {
            Request::Vote(_) | Request::PreVote(_) | Request::Transfer(_) => {
                (!self.recalls.votes()).then_some("it does not know yet whether it may vote")
            }
            Request::Append(_) | Request::Piece(_) | Request::Install(..) => {
                let hears = self.recalls.hears(from).await;
                (!hears).then_some("it does not know yet whether it may follow")
            }
            Request::Propose(_) | Request::CatchUp | Request::Recall { .. } => None,
        }
    }

    /// Takes a piece, and says where the next one begins. One that does not follow on what is there
    /// is not taken: whoever sends goes on from what it is told, so nothing is sent twice because
    /// an answer got lost.
    async fn take(&self, piece: Piece) -> io::Result<u64> {
        let end = piece.at.saturating_add(piece.bytes.len() as u64);
        if piece.length > SNAPSHOT_MAX || end > piece.length || piece.bytes.len() > PIECE {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut incoming = self.incoming.lock().await;
        let same = |it: &Incoming| it.meta == piece.meta && it.length == piece.length;
        if !incoming.as_ref().is_some_and(same) {
            *incoming = None;
            let path = format!("{FOLDER}/incoming.part");
            self.disk.remove(&path).await?;
            let file = self.disk.create(&path).await?;
            *incoming = Some(Incoming {
                meta: piece.meta,
                length: piece.length,
                path,
                file,
                at: 0,
            });
        }
        let Some(incoming) = incoming.as_mut() else {
            return Err(io::ErrorKind::NotFound.into());
        };
        if piece.at == incoming.at {
            let bytes = Bytes::from(piece.bytes);
            incoming.file.write(piece.at, vec![bytes]).await?;
            incoming.at = end;
        }
        Ok(incoming.at)
    }

    /// Goes on from a snapshot that has arrived. It is checked before consensus hears of it: what
    /// it is given it must be able to use.
    async fn install(
        &self,
        vote: Vote,
        meta: SnapshotMeta,
        length: u64,
    ) -> Result<Response, Rejected> {
        let mut incoming = self.incoming.lock().await;
        let arrived = incoming.take();
        let arrived =
            arrived.filter(|it| it.meta == meta && it.length == length && it.at == length);
        let arrived = arrived.ok_or_else(|| rejected("that snapshot is not here"))?;
        let through = Sequence::new(meta.last_log_id.map_or(0, |id| id.index));
        let snapshot = Image {
            path: arrived.path,
            through,
            file: arrived.file,
            length,
        };
        read(&snapshot).await.map_err(rejected)?;
        let snapshot = Snapshot { meta, snapshot };
        let installed = self.raft.install_full_snapshot(vote, snapshot).await;
        Ok(Response::Installed(installed.map_err(rejected)?))
    }
}

type Broken = openraft::errors::Fatal<Kind>;

/// Takes a command into the log of the leader, if this is it. One that not all nodes can read has
/// no place there: whoever submits it knows more than this node by a moment, and asks again.
///
/// # Errors
/// When consensus has ended here, or the command was dropped with the leadership: it may have its
/// place, or get it yet.
pub(super) async fn propose(
    raft: &Replication,
    rows: &watch::Receiver<Rows>,
    proposal: Proposal,
) -> Result<Response, NotKnown> {
    if rows.borrow().takes(&proposal.0.command).is_err() {
        return Ok(Response::NotYet);
    }
    match raft.client_write(proposal).await {
        Ok(_) => Ok(Response::Proposed),
        Err(RaftError::APIError(ClientWriteError::ForwardToLeader(to))) => {
            Ok(Response::Elsewhere(to.leader_id))
        }
        Err(RaftError::APIError(_)) => Err(NotKnown::Dropped),
        Err(RaftError::Fatal(broken)) => Err(NotKnown::Ended(broken)),
    }
}

/// Up to where a reader must have read, if this is the leader and a majority still says so.
///
/// # Errors
/// When consensus has ended here.
pub(super) async fn catch_up(raft: &Replication) -> Result<Response, NotKnown> {
    match raft.get_read_log_id(ReadPolicy::ReadIndex).await {
        Ok((id, _)) => Ok(Response::ReadFrom(id.log_id().index)),
        Err(RaftError::APIError(LinearizableReadError::ForwardToLeader(to))) => {
            Ok(Response::Elsewhere(to.leader_id))
        }
        Err(RaftError::APIError(LinearizableReadError::QuorumNotEnough(_))) => {
            Ok(Response::Elsewhere(None))
        }
        Err(RaftError::Fatal(broken)) => Err(NotKnown::Ended(broken)),
    }
}

/// Why a replica cannot say what became of a command.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotKnown {
    #[error("the leader changed")]
    Dropped,
    #[error(transparent)]
    Ended(#[from] Broken),
}

/// How long nobody is asked anew after nobody could say anything.
pub(super) const PAUSE: Duration = Duration::from_millis(20);
