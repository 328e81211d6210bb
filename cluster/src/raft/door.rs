//! How the catalog is spoken to on any node of a cluster.
//!
//! A command goes to the leader, wherever that is, and its answer comes from this node's own
//! replica when it applies the command: each replica comes to the same answer, and by then this
//! node's rows show it. Whoever does not answer soon is not waited for: the same command is sent
//! again under its number, to whoever leads then, until its caller's time is over. So a leader that
//! died costs a moment, and what it may have done is found out by asking again.

use std::sync::Arc;
use std::time::Duration;

use holdfast_actors::catalog::command::Submission;
use holdfast_actors::catalog::rows::Rows;
use holdfast_actors::catalog::{Door, Outcome, SubmitError};
use holdfast_actors::kernel::Sequence;
use holdfast_actors::ports::{Entropy, Pending};
use holdfast_actors::shell::Gone;
use openraft::async_runtime::{AsyncRuntime, WatchReceiver};
use tokio::sync::watch;

use super::guess::Guess;
use super::service::{PAUSE, Replication, catch_up, propose};
use super::state::Waiting;
use super::tasks::Tasks;
use super::types::Proposal;
use super::wire::{NoAnswer, Request, Response, ask};
use crate::calls::{CallError, Calls};

/// The door of one node.
#[derive(Clone)]
pub(super) struct Entrance {
    pub(super) raft: Replication,
    pub(super) calls: Arc<dyn Calls>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) rows: watch::Receiver<Rows>,
    pub(super) waiting: Waiting,
    /// Whom to ask while this node knows nobody.
    pub(super) known: Arc<[u64]>,
    /// How long a caller waits at most.
    pub(super) patience: Duration,
}

impl Door for Entrance {
    fn submit(
        &self,
        mut submission: Submission,
    ) -> Pending<Result<(Outcome, Sequence), SubmitError>> {
        if submission.client == 0 {
            // Whoever would not ask again is asked for here, so the command needs a number.
            submission.client = self.number();
            submission.sequence = 1;
        }
        // What one of the others cannot read is not even shown to it.
        if let Err(refused) = self.rows.borrow().takes(&submission.command) {
            return Box::pin(async { Err(refused.into()) });
        }
        let door = self.clone();
        Box::pin(async move {
            let told = door.waiting.wait(&submission);
            let request = Request::Propose(Proposal(submission.clone()));
            let decided = async {
                tokio::select! {
                    biased;
                    answer = told => answer.map_err(|_| Gone),
                    () = door.insist(&request) => Err(Gone),
                }
            };
            let answer = Tasks::timeout(door.patience, decided).await;
            door.waiting.forget(&submission);
            Ok(answer.map_err(|_| Gone)???)
        })
    }

    fn catch_up(&self) -> Pending<Result<(), Gone>> {
        let door = self.clone();
        Box::pin(async move {
            let caught_up = async {
                let place = door.place().await;
                let mut rows = door.rows.clone();
                let reached = rows.wait_for(|rows| rows.index.raw() >= place).await;
                reached.map(|_| ()).map_err(|_| Gone)
            };
            let caught_up = Tasks::timeout(door.patience, caught_up).await;
            caught_up.unwrap_or(Err(Gone))
        })
    }
}

impl Entrance {
    /// Has a command proposed again and again.
    async fn insist(&self, request: &Request) {
        let mut guess = Guess::default();
        loop {
            match self.ask(&mut guess, request).await {
                // The answer is on its way here, unless this replica is cut off.
                Some(Response::Proposed) => Tasks::sleep(guess.within()).await,
                Some(_) | None => Tasks::sleep(PAUSE).await,
            }
        }
    }

    /// Up to where rows must have been applied that show all that was decided by now.
    async fn place(&self) -> u64 {
        let mut guess = Guess::default();
        loop {
            match self.ask(&mut guess, &Request::CatchUp).await {
                Some(Response::ReadFrom(place)) => return place,
                Some(_) | None => Tasks::sleep(PAUSE).await,
            }
        }
    }

    /// Asks the leader, or whoever may be it.
    async fn ask(&self, guess: &mut Guess, request: &Request) -> Option<Response> {
        let to = {
            let metrics = self.raft.server_metrics();
            let metrics = metrics.borrow_watched();
            let voters = metrics.membership_config.membership().voter_ids();
            guess.whom(metrics.current_leader, voters, &self.known)?
        };
        let within = guess.within();
        let answer = if to == self.calls.node().raw() {
            let here = async {
                let answered = if let Request::Propose(proposal) = request {
                    propose(&self.raft, &self.rows, proposal.clone()).await
                } else {
                    catch_up(&self.raft).await
                };
                answered.ok()
            };
            Tasks::timeout(within, here).await.map_err(|_| ())
        } else {
            match ask(self.calls.as_ref(), to, request, within).await {
                Ok(answer) => Ok(Some(answer)),
                Err(NoAnswer::Call(CallError::Unknown(_))) => Err(()),
                Err(_) => Ok(None),
            }
        };
        match &answer {
            Ok(Some(Response::Elsewhere(leader))) => guess.elsewhere(*leader),
            Ok(Some(_)) => guess.taken(to),
            Ok(None) => {}
            Err(()) => guess.silent(),
        }
        answer.ok().flatten()
    }

    fn number(&self) -> u64 {
        let mut bytes = [0; 8];
        self.entropy.fill(&mut bytes);
        // 0 is nobody's.
        u64::from_le_bytes(bytes).max(1)
    }
}
