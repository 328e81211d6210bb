//! Orders that change something while no majority of the catalog's voters runs: nobody waits for
//! long, and whoever gave them hears what is missing and what to do.

use holdfast_actors::catalog::Outcome;
use holdfast_actors::ports::Pending;
use tokio::time::timeout;

use super::super::{Problem, ProblemClass};
use super::Office;
use super::doubt::{Doubt, Event, Missing, Next};
use super::route::named;
use super::speaker::Speaker;
use crate::commands::Order;

impl Office {
    /// What came of a command; if that takes long, and no majority of the voters answers, that.
    pub(super) async fn unless_lost(
        &self,
        by: &Speaker,
        mut decided: Pending<Result<Outcome, Problem>>,
    ) -> Result<Outcome, Problem> {
        let (mut doubt, mut event) = (Doubt::default(), Event::Waited);
        loop {
            match doubt.step(&event) {
                Next::Wait(patience) => {
                    if let Ok(answer) = timeout(patience, decided.as_mut()).await {
                        return answer;
                    }
                }
                Next::Ask => tokio::select! {
                    biased;
                    answer = decided.as_mut() => return answer,
                    heard = self.heard(by) => event = heard,
                },
                Next::Insist => return decided.await,
                Next::Refuse(missing) => return Err(self.told(&missing)),
            }
        }
    }

    /// Orders come back here while voters are asked.
    fn heard(&self, by: &Speaker) -> Pending<Event> {
        let (office, by) = (self.clone(), by.clone());
        Box::pin(async move {
            let voters = office
                .others
                .as_ref()
                .map(|others| others.standing().voters);
            let voters = voters.unwrap_or_default();
            let shares = office.shares(&by, &Order::Status, voters.clone()).await;
            let spoke = shares.iter().filter(|(_, share)| share.end.is_ok());
            let answered = spoke.map(|(node, _)| *node).collect();
            Event::Heard { voters, answered }
        })
    }

    fn told(&self, missing: &Missing) -> Problem {
        let rows = self.books.rows();
        let names: Vec<String> = missing
            .silent
            .iter()
            .map(|node| named(&rows, *node))
            .collect();
        let told = format!(
            "{} of {} voters of the catalog answer, which is no majority, so nothing can be \
             changed; no word from {}; start {} of them, and give the order again then: it may \
             have been taken in already. Until then backups are refused, and only logins that may \
             only read restore",
            missing.answer,
            missing.voters,
            names.join(", "),
            missing.wanted
        );
        Problem::new(ProblemClass::Unavailable, "no-quorum", told)
    }
}
