//! What a replica does first: it asks the others whether it has forgotten what it acknowledged.
//!
//! Until enough of them have answered it votes for nobody and is no candidate, and it takes nothing
//! from one that has not answered: what that one remembers is then of earlier runs. Others that
//! have just begun remember nothing and say so, so a cluster that begins at once elects at once.
//! One that does not know the question says that it cannot read it, and that is an answer.
//!
//! Invariant: who has forgotten something that one of those remembers who answered votes no more.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use holdfast_actors::kernel::NodeId;
use openraft::RaftLogReader;
use openraft::async_runtime::{AsyncRuntime, Instant as _, WatchReceiver};
use openraft::storage::RaftLogStorage;
use tokio::sync::watch;

use super::log::Log;
use super::memory::{Memory, Shown};
use super::service::Replication;
use super::tasks::Tasks;
use super::types::LogId;
use super::wire::{NoAnswer, Request, Response, ask};
use crate::calls::{CallError, Calls};

/// So long all others are waited for; from then on so many voters are enough as make a majority
/// with this one.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long an answer may take.
const WITHIN: Duration = Duration::from_millis(500);
/// How long nobody is asked after one was silent: until this one votes, and from then on.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// Whether a replica takes part in votes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Not yet.
    Asks,
    Votes,
    /// Never again: it had acknowledged up to there and has forgotten it.
    Forgot(LogId),
}

/// The other nodes, as far as a replica knows. One that was set back may not know of all that vote
/// now, so all are asked.
#[derive(Debug, Default)]
struct Others {
    voters: BTreeSet<u64>,
    all: BTreeSet<u64>,
}

/// What the others said.
#[derive(Debug)]
struct Recall {
    answered: BTreeSet<u64>,
    part: Part,
}

impl Recall {
    const fn new() -> Self {
        Self {
            answered: BTreeSet::new(),
            part: Part::Asks,
        }
    }

    /// One answered with what this replica has forgotten, if that is anything.
    fn answered(&mut self, by: u64, forgotten: Option<LogId>) {
        self.answered.insert(by);
        if let Some(forgotten) = forgotten {
            self.part = Part::Forgot(forgotten);
        }
    }

    /// So much time after the start, with these others.
    fn proceed(&mut self, passed: Duration, others: &Others) {
        let heard = others.voters.intersection(&self.answered).count();
        let is_majority = (heard + 1) * 2 > others.voters.len() + 1;
        let is_all = others.all.is_subset(&self.answered);
        let is_enough = is_all || is_majority && passed >= PATIENCE;
        if self.part == Part::Asks && is_enough {
            self.part = Part::Votes;
        }
    }

    /// Who is still to be asked.
    fn missing(&self, others: &Others) -> Vec<u64> {
        match self.part {
            Part::Asks | Part::Votes => others.all.difference(&self.answered).copied().collect(),
            Part::Forgot(_) => Vec::new(),
        }
    }
}

/// What asks, and who remembers: of one run of a replica. Clones are the same.
#[derive(Clone)]
pub(super) struct Recalls(Arc<Inner>);

struct Inner {
    calls: Arc<dyn Calls>,
    known: Vec<u64>,
    run: u64,
    shown: Shown,
    recall: Mutex<Recall>,
    part: watch::Sender<Part>,
    memory: Mutex<Memory>,
    forgetful: watch::Sender<BTreeSet<NodeId>>,
}

impl fmt::Debug for Recalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recalls({:?})", *self.0.part.borrow())
    }
}

impl Recalls {
    /// Of a replica that begins with this log; while it is a member of nothing it asks those it was
    /// told of.
    pub(super) fn new(calls: Arc<dyn Calls>, known: Vec<u64>, run: u64, shown: Shown) -> Self {
        Self(Arc::new(Inner {
            calls,
            known,
            run,
            shown,
            recall: Mutex::new(Recall::new()),
            part: watch::Sender::new(Part::Asks),
            memory: Mutex::default(),
            forgetful: watch::Sender::default(),
        }))
    }

    /// What this node remembers of others.
    pub(super) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that another has forgotten what it acknowledged.
    pub(super) fn tell(&self, node: u64) {
        let node = NodeId::new(node);
        self.0.forgetful.send_if_modified(|told| {
            let is_new = told.insert(node);
            if is_new {
                tracing::warn!(%node, "a replica has forgotten what it acknowledged");
            }
            is_new
        });
    }

    /// Who has forgotten what he acknowledged.
    pub(super) fn forgetful(&self) -> watch::Receiver<BTreeSet<NodeId>> {
        self.0.forgetful.subscribe()
    }

    /// Whether this replica takes part in votes.
    pub(super) fn part(&self) -> watch::Receiver<Part> {
        self.0.part.subscribe()
    }

    pub(super) fn votes(&self) -> bool {
        *self.0.part.borrow() == Part::Votes
    }

    fn recall(&self) -> MutexGuard<'_, Recall> {
        self.0.recall.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this replica may take something from another: that one has answered, and nobody
    /// remembers more than there is. Asks it, if nobody has.
    pub(super) async fn hears(&self, from: u64) -> bool {
        if !self.recall().answered.contains(&from) {
            self.ask(from).await;
        }
        let recall = self.recall();
        let is_forgetful = matches!(recall.part, Part::Forgot(_));
        recall.answered.contains(&from) && !is_forgetful
    }

    async fn ask(&self, other: u64) {
        let Inner { run, shown, .. } = *self.0;
        let question = Request::Recall { run, shown };
        let answer = ask(self.0.calls.as_ref(), other, &question, WITHIN).await;
        let forgotten = match answer {
            Ok(Response::Recalled(forgotten)) => forgotten,
            // One of an earlier version.
            Err(NoAnswer::Call(CallError::Rejected(_))) => None,
            Ok(_) | Err(_) => return,
        };
        let mut recall = self.recall();
        recall.answered(other, forgotten);
        self.0.part.send_if_modified(|told| {
            let is_new = *told != recall.part && recall.part != Part::Asks;
            *told = recall.part;
            is_new
        });
    }

    /// Asks until all have answered; lets consensus elect once enough have.
    pub(super) async fn run(self, raft: Replication) {
        let begun = <Tasks as AsyncRuntime>::Instant::now();
        loop {
            let others = self.others(&raft);
            let missing = {
                let mut recall = self.recall();
                recall.proceed(begun.elapsed(), &others);
                let part = recall.part;
                self.0.part.send_replace(part);
                raft.runtime_config().elect(part == Part::Votes);
                match recall.missing(&others) {
                    missing if missing.is_empty() && part != Part::Asks => return,
                    missing => missing,
                }
            };
            let asked = missing.into_iter().map(|other| self.ask(other));
            futures_util::future::join_all(asked).await;
            if self.recall().missing(&others).is_empty() {
                continue;
            }
            let pause = if self.votes() { PAUSE.1 } else { PAUSE.0 };
            Tasks::sleep(pause).await;
        }
    }

    fn others(&self, raft: &Replication) -> Others {
        let metrics = raft.server_metrics();
        let metrics = metrics.borrow_watched();
        let membership = metrics.membership_config.membership();
        let mut others = Others {
            voters: membership.voter_ids().collect(),
            all: membership.nodes().map(|(id, _)| *id).collect(),
        };
        if others.all.is_empty() {
            others.all.extend(&self.0.known);
        }
        others.voters.remove(&metrics.id);
        others.all.remove(&metrics.id);
        others
    }
}

/// What a replica that begins shows of its log.
///
/// # Errors
/// When its log cannot be read.
pub(super) async fn shown(log: &Log, applied: Option<LogId>) -> io::Result<Shown> {
    let mut log = log.clone();
    let kept = log.get_log_state().await?;
    let vote = log.read_vote().await?;
    Ok(Shown {
        term: vote.map_or(0, |vote| vote.leader_id.term),
        last: kept.last_log_id.max(applied),
    })
}

#[cfg(test)]
mod tests {
    use openraft::vote::RaftLeaderId;

    use super::super::types::Kind;
    use super::*;

    type LeaderId = <Kind as openraft::RaftTypeConfig>::LeaderId;

    /// What becomes of a replica with so many other voters, of which these answered, the last with
    /// what is forgotten, after so many milliseconds.
    #[track_caller]
    fn check(voters: u64, answered: &[u64], forgotten: bool, millis: u64, expected: Part) {
        let others = others(voters, 0);
        let mut recall = Recall::new();
        for by in answered {
            let is_told = forgotten && answered.last() == Some(by);
            recall.answered(*by, is_told.then_some(lost()));
        }
        recall.proceed(Duration::from_millis(millis), &others);
        assert_eq!(recall.part, expected);
    }

    /// So many that vote, and so many that do not.
    fn others(voters: u64, more: u64) -> Others {
        Others {
            voters: (2..2 + voters).collect(),
            all: (2..2 + voters + more).collect(),
        }
    }

    fn lost() -> LogId {
        LogId::new(LeaderId::new(3, 2).to_committed(), 9)
    }

    #[test]
    fn who_is_alone_votes_at_once_and_who_is_not_when_all_have_answered() {
        check(0, &[], false, 0, Part::Votes);
        check(2, &[], false, 0, Part::Asks);
        check(2, &[2], false, 1_999, Part::Asks);
        check(2, &[2, 7], false, 1_999, Part::Asks);
        check(2, &[2, 3], false, 1, Part::Votes);
    }

    #[test]
    fn a_majority_with_this_one_is_enough_once_the_others_were_waited_for() {
        check(2, &[2], false, 2_000, Part::Votes);
        check(2, &[], false, 9_000, Part::Asks);
        check(4, &[2], false, 9_000, Part::Asks);
        check(4, &[2, 5], false, 2_000, Part::Votes);
        check(3, &[2], false, 9_000, Part::Asks);
    }

    #[test]
    fn those_who_do_not_vote_are_asked_and_only_waited_for() {
        let (mut recall, others) = (Recall::new(), others(0, 2));
        recall.proceed(Duration::ZERO, &others);
        assert_eq!(
            (recall.part, recall.missing(&others)),
            (Part::Asks, vec![2, 3])
        );
        recall.answered(2, None);
        recall.proceed(PATIENCE, &others);
        assert_eq!(
            (recall.part, recall.missing(&others)),
            (Part::Votes, vec![3])
        );
        recall.answered(3, Some(lost()));
        assert_eq!(recall.part, Part::Forgot(lost()));
    }

    #[test]
    fn who_forgot_never_votes_again_whoever_says_so_and_whenever() {
        check(2, &[2, 3], true, 0, Part::Forgot(lost()));
        check(4, &[2], true, 9_000, Part::Forgot(lost()));
        let (mut recall, others) = (Recall::new(), others(2, 0));
        recall.answered(2, None);
        recall.proceed(PATIENCE, &others);
        assert_eq!(
            (recall.part, recall.missing(&others)),
            (Part::Votes, vec![3])
        );
        recall.answered(3, Some(lost()));
        recall.answered(2, None);
        recall.proceed(PATIENCE, &others);
        assert_eq!(recall.part, Part::Forgot(lost()));
        assert!(recall.missing(&others).is_empty());
    }
}
