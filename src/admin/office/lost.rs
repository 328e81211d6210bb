//! Orders that change something while no majority of the catalog's voters runs: nobody waits for
//! long, and whoever gave them hears what is missing and what to do.

use std::time::Duration;

use holdfast_actors::catalog::Outcome;
use holdfast_actors::kernel::NodeId;
use holdfast_actors::ports::Pending;
use tokio::time::timeout;

use super::super::{Problem, ProblemClass};
use super::Office;
use super::route::named;
use super::speaker::Speaker;
use crate::commands::Order;

/// How long nobody asks why there is no answer: longer than an election.
const PATIENCE: Duration = Duration::from_secs(2);

impl Office {
    /// What came of a command; if that takes long, and no majority of the voters answers, that.
    pub(super) async fn unless_lost(
        &self,
        by: &Speaker,
        mut decided: Pending<Result<Outcome, Problem>>,
    ) -> Result<Outcome, Problem> {
        if let Ok(answer) = timeout(PATIENCE, decided.as_mut()).await {
            return answer;
        }
        tokio::select! {
            biased;
            answer = decided.as_mut() => answer,
            problem = self.doubted(by) => match problem {
                Some(problem) => Err(problem),
                // Somebody is being elected, or slow.
                None => decided.await,
            },
        }
    }

    /// Orders come back here while voters are asked.
    fn doubted(&self, by: &Speaker) -> Pending<Option<Problem>> {
        let (office, by) = (self.clone(), by.clone());
        Box::pin(async move { office.majority(&by).await })
    }

    /// What is wrong with the majority of the voters, if something is.
    async fn majority(&self, by: &Speaker) -> Option<Problem> {
        let others = self.others.as_ref()?;
        let voters = others.standing().voters;
        if voters.is_empty() {
            return None;
        }
        let shares = self.shares(by, &Order::Status, voters.clone()).await;
        let is_silent = |node: &&NodeId| {
            let share = shares.get(*node);
            share.is_none_or(|share| share.end.is_err())
        };
        let silent: Vec<NodeId> = voters.iter().filter(is_silent).copied().collect();
        let answer = voters.len() - silent.len();
        let wanted = voters.len() / 2 + 1;
        if answer >= wanted {
            return None;
        }
        let rows = self.books.rows();
        let names: Vec<String> = silent.iter().map(|node| named(&rows, *node)).collect();
        let told = format!(
            "{answer} of {} voters of the catalog answer, which is no majority, so nothing can be \
             changed; no word from {}; start {} of them, and give the order again then: it may \
             have been taken in already. What is stored can be read, and backups are refused, \
             until then",
            voters.len(),
            names.join(", "),
            wanted - answer
        );
        Some(Problem::new(ProblemClass::Unavailable, "no-quorum", told))
    }
}
