//! The way of consensus to other replicas: calls with a deadline each.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use holdfast_actors::schema;
use openraft::alias::SnapshotOf;
use openraft::errors::{NetworkError, RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft::impls::EmptyNode;
use openraft::network::{RPCOption, v2::RaftNetworkV2};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest,
    TransferLeaderResponse, VoteRequest, VoteResponse,
};
use openraft::{OptionalSend, RaftNetworkFactory};

use super::memory::{Acknowledged, Shown};
use super::recall::Recalls;
use super::state::Image;
use super::types::{Kind, LogId, Vote};
use super::wire::{NoAnswer, PIECE, Piece, Request, Response, ask};
use crate::calls::{CallError, Calls};

/// How long one piece of a snapshot may take, and its installation.
const PIECE_WITHIN: Duration = Duration::from_secs(5);
const INSTALL_WITHIN: Duration = Duration::from_secs(60);
/// How long an append with entries may take: it waits for the other's disk, which a heartbeat does
/// not, and one that is given up too early is sent again and again.
const APPEND_WITHIN: Duration = Duration::from_secs(1);
/// So many times a snapshot is sent on after a piece got lost, before it is given up for now.
const TRIES: u32 = 5;

/// The way to all of them.
#[derive(Clone)]
pub(super) struct Ways {
    pub(super) calls: Arc<dyn Calls>,
    pub(super) recalls: Recalls,
}

/// The way to one.
pub(super) struct Peer {
    calls: Arc<dyn Calls>,
    recalls: Recalls,
    to: u64,
}

impl RaftNetworkFactory<Kind> for Ways {
    type Network = Peer;

    async fn new_client(&mut self, to: u64, _: &EmptyNode) -> Peer {
        let Self { calls, recalls } = self.clone();
        Peer { calls, recalls, to }
    }
}

impl Peer {
    async fn ask(&self, request: &Request, within: Duration) -> Result<Response, NoAnswer> {
        ask(self.calls.as_ref(), self.to, request, within).await
    }

    /// Sends a file piece by piece, from where the other wants it.
    async fn send(
        &self,
        vote: Vote,
        snapshot: SnapshotOf<Kind, Image>,
    ) -> Result<SnapshotResponse<Kind>, NoAnswer> {
        let SnapshotOf::<Kind, Image> { meta, snapshot } = snapshot;
        let (mut at, mut tries) = (0, 0);
        while at < snapshot.length {
            let piece = snapshot.file.read(at, PIECE).await;
            let bytes = piece.map_err(|_| NoAnswer::Other)?.to_vec();
            let request = Request::Piece(Piece {
                meta: meta.clone(),
                length: snapshot.length,
                at,
                bytes,
            });
            match self.ask(&request, PIECE_WITHIN).await {
                Ok(Response::Wants(next)) => (at, tries) = (next, 0),
                Ok(_) => return Err(NoAnswer::Other),
                Err(error) if tries == TRIES => return Err(error),
                Err(_) => tries += 1,
            }
        }
        let request = Request::Install(vote, meta.clone(), snapshot.length);
        let answer = self.ask(&request, INSTALL_WITHIN).await?;
        if let Response::Installed(response) = answer {
            if response.vote <= vote {
                let (term, last) = (vote.leader_id.term, meta.last_log_id);
                self.recalls.memory().acknowledge(self.to, term, last);
            }
            Ok(response)
        } else {
            Err(NoAnswer::Other)
        }
    }

    /// Asks for a vote, if this replica may vote itself. The answer of one that has forgotten what
    /// it acknowledged is none.
    async fn poll(
        &self,
        request: Request,
        option: RPCOption,
    ) -> Result<VoteResponse<Kind>, RPCError<Kind>> {
        if !self.recalls.votes() {
            return Err(failed(&NoAnswer::NotYet));
        }
        let known = self.recalls.memory().of(self.to);
        let answer = self.ask(&request, option.hard_ttl()).await;
        let answer = answer.map_err(|error| failed(&error))?;
        let Response::Vote(response) = answer else {
            return Err(failed(&NoAnswer::Other));
        };
        let shown = Shown {
            term: response.vote.leader_id.term,
            last: response.last_log_id,
        };
        if known.is_some_and(|known| known.is_forgotten(&shown)) {
            return Err(self.forgot());
        }
        Ok(response)
    }

    /// It forgot: consensus does not hear its answer, and it is told when it asks.
    fn forgot(&self) -> RPCError<Kind> {
        self.recalls.tell(self.to);
        failed(&NoAnswer::Forgot)
    }

    /// What an answer says that the other has of the log of this leader.
    fn note(
        &self,
        known: Option<Acknowledged>,
        (term, previous, agreed): (u64, Option<LogId>, Option<LogId>),
        (last, response): (Option<LogId>, &AppendEntriesResponse<Kind>),
    ) -> Result<(), RPCError<Kind>> {
        let acknowledged = match response {
            AppendEntriesResponse::Success => last.or(previous),
            AppendEntriesResponse::PartialSuccess(last) => *last,
            AppendEntriesResponse::HigherVote(_) => return Ok(()),
            AppendEntriesResponse::Conflict => {
                return match known.is_some_and(|known| known.is_lacking(term, previous)) {
                    true => Err(self.forgot()),
                    false => Ok(()),
                };
            }
        };
        let mut memory = self.recalls.memory();
        memory.acknowledge(self.to, term, acknowledged);
        memory.agree(self.to, term, agreed);
        Ok(())
    }
}

/// Whether it makes sense to ask again soon.
fn failed(error: &NoAnswer) -> RPCError<Kind> {
    match error {
        NoAnswer::Call(CallError::Unknown(_)) => RPCError::Network(NetworkError::new(error)),
        NoAnswer::Call(
            CallError::Unreachable(_)
            | CallError::NoService(..)
            | CallError::Rejected(_)
            | CallError::TooLarge(_),
        )
        | NoAnswer::Form(_)
        | NoAnswer::Other
        | NoAnswer::NotYet
        | NoAnswer::Forgot => RPCError::Unreachable(Unreachable::new(error)),
    }
}

/// As much from the front of a batch as one call may carry; whether that is all of it.
fn fitting(mut request: AppendEntriesRequest<Kind>) -> (AppendEntriesRequest<Kind>, bool) {
    let mut whole = true;
    while request.entries.len() > 1 {
        let length = schema::encode(&Request::Append(request.clone())).len();
        if length <= PIECE {
            break;
        }
        request.entries.truncate(request.entries.len() / 2);
        whole = false;
    }
    (request, whole)
}

impl RaftNetworkV2<Kind> for Peer {
    type SnapshotData = Image;

    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<Kind>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<Kind>, RPCError<Kind>> {
        let (request, whole) = fitting(request);
        let last = request.entries.last().map(|entry| entry.log_id);
        let within = match last {
            Some(_) => option.hard_ttl().max(APPEND_WITHIN),
            None => option.hard_ttl(),
        };
        let term = request.vote.leader_id.term;
        let place = (term, request.prev_log_id, request.leader_commit);
        // What it said before it is asked: another answer may overtake this one.
        let known = {
            let mut memory = self.recalls.memory();
            memory.agree(self.to, term, request.leader_commit);
            memory.of(self.to)
        };
        let answer = self.ask(&Request::Append(request), within).await;
        let answer = answer.map_err(|error| failed(&error))?;
        let Response::Append(response) = answer else {
            return Err(failed(&NoAnswer::Other));
        };
        self.note(known, place, (last, &response))?;
        if response == AppendEntriesResponse::Success && !whole {
            return Ok(AppendEntriesResponse::PartialSuccess(last));
        }
        Ok(response)
    }

    async fn vote(
        &mut self,
        request: VoteRequest<Kind>,
        option: RPCOption,
    ) -> Result<VoteResponse<Kind>, RPCError<Kind>> {
        self.poll(Request::Vote(request), option).await
    }

    async fn pre_vote(
        &mut self,
        request: VoteRequest<Kind>,
        option: RPCOption,
    ) -> Result<VoteResponse<Kind>, RPCError<Kind>> {
        self.poll(Request::PreVote(request), option).await
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: SnapshotOf<Kind, Image>,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _: RPCOption,
    ) -> Result<SnapshotResponse<Kind>, StreamingError<Kind>> {
        tokio::select! {
            biased;
            closed = cancel => Err(closed.into()),
            sent = self.send(vote, snapshot) => {
                sent.map_err(|error| StreamingError::Unreachable(Unreachable::new(&error)))
            }
        }
    }

    async fn transfer_leader(
        &mut self,
        request: TransferLeaderRequest<Kind>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<Kind>, RPCError<Kind>> {
        let request = Request::Transfer(request);
        let answer = self.ask(&request, option.hard_ttl()).await;
        let answer = answer.map_err(|error| failed(&error))?;
        if let Response::Transfer(response) = answer {
            Ok(response)
        } else {
            Err(failed(&NoAnswer::Other))
        }
    }
}
