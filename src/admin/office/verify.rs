//! Orders to read stored data back, on each node what is at home there.

use std::collections::BTreeSet;

use holdfast_actors::catalog::Deed;
use holdfast_actors::catalog::command::{Command, RepositoryCommand};
use holdfast_actors::kernel::NodeId;

use super::super::protocol::Line;
use super::super::server::HungUp;
use super::super::{Items, Problem, ProblemClass, answers};
use super::speaker::Speaker;
use super::{Answer, Office, value};
use crate::commands::{Order, Verify};

/// The reason of objects that are not what they were.
const DAMAGED: &str = "damaged";

impl Office {
    pub(super) async fn verify(&self, by: &Speaker, order: Verify, items: &Items) -> Answer {
        let rows = self.books.rows();
        by.may(&rows, Deed::Verify)?;
        let mut damaged = 0;
        for (id, tenant, repository) in self.chosen(&order.tenant, &order.repository)? {
            if !self.serves(&rows, id) {
                continue;
            }
            let found = self.services.verify(id, items.clone()).await?;
            damaged += found.damaged;
            let verified = RepositoryCommand::Verified {
                repository: id,
                objects: found.objects,
                damaged: found.damaged,
            };
            self.submit(by, Command::Repository(verified)).await?;
            let row = answers::Verified {
                tenant,
                repository,
                found,
            };
            items.send(&row).await?;
        }
        sound(damaged)
    }

    /// The same where several nodes have repositories: one after the other, so that what is read
    /// back does not take all of the cluster at once.
    pub(super) async fn verify_at(
        &self,
        by: &Speaker,
        order: Verify,
        items: &Items,
        nodes: BTreeSet<NodeId>,
    ) -> Answer {
        let rows = self.books.rows();
        by.may(&rows, Deed::Verify)?;
        let mut left = Vec::new();
        for (_, tenant, repository) in self.chosen(&order.tenant, &order.repository)? {
            if rows.home(&tenant).is_none() {
                left.push(format!("{tenant}/{repository}: no node can serve it now"));
            }
        }
        let mut damaged = 0;
        for node in nodes {
            let (found, end) = self.verify_on(node, by, &order, items).await;
            damaged += found;
            match end {
                Err(problem) if problem.reason != DAMAGED => left.push(problem.message),
                Ok(_) | Err(_) => {}
            }
        }
        if left.is_empty() {
            return sound(damaged);
        }
        let message = format!("not all was read back: {}", left.join("; "));
        Err(Problem::new(ProblemClass::Failed, "not-all", message))
    }

    /// Has one node read back what it has, shows it, and counts the damage.
    async fn verify_on(
        &self,
        node: NodeId,
        by: &Speaker,
        order: &Verify,
        items: &Items,
    ) -> (u64, Answer) {
        let (own, mut lines) = Items::pipe();
        let order = Order::Verify(order.clone());
        let work = async {
            match self.here() == Some(node) {
                true => self.part(by, order, &own).await,
                false => self.ask(node, by, order, &own).await,
            }
        };
        tokio::pin!(work);
        let mut damaged = 0;
        let end = loop {
            let line = tokio::select! {
                biased;
                Some(line) = lines.recv() => line,
                end = &mut work => break end,
            };
            match relayed(line, items).await {
                Ok(found) => damaged += found,
                Err(gone) => return (damaged, Err(gone.into())),
            }
        };
        while let Ok(line) = lines.try_recv() {
            match relayed(line, items).await {
                Ok(found) => damaged += found,
                Err(gone) => return (damaged, Err(gone.into())),
            }
        }
        (damaged, end)
    }
}

/// Shows a line of a part, and how much damage it tells of.
async fn relayed(line: Line, items: &Items) -> Result<u64, HungUp> {
    match line {
        Line::Item(row) => {
            items.send(&row).await?;
            Ok(row["damaged"].as_u64().unwrap_or_default())
        }
        Line::Progress(progress) => {
            items.progress(progress);
            Ok(0)
        }
        Line::Done(_) | Line::Error(_) => Ok(0),
    }
}

fn sound(damaged: u64) -> Answer {
    if damaged > 0 {
        let message = format!("{damaged} objects are not what they were");
        return Err(Problem::new(ProblemClass::Failed, DAMAGED, message));
    }
    value(&())
}
