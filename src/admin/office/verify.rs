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

/// What was not as it should be, in objects.
#[derive(Clone, Copy, Debug, Default)]
struct Trouble {
    /// They are not what they were.
    damaged: u64,
    /// Nobody could read them, because nodes do not answer.
    unread: u64,
}

impl Trouble {
    const fn add(&mut self, other: Self) {
        self.damaged += other.damaged;
        self.unread += other.unread;
    }

    fn answer(self) -> Answer {
        let damaged = format!("{} objects are not what they were", self.damaged);
        let unread = format!(
            "{} objects lie on nodes that do not answer now: whether they are what they were is \
             not known",
            self.unread
        );
        Err(match (self.damaged, self.unread) {
            (0, 0) => return value(&()),
            (0, _) => Problem::unread(unread),
            (_, 0) => Problem::new(ProblemClass::Failed, DAMAGED, damaged),
            (_, _) => {
                let message = format!("{damaged}; {unread}");
                Problem::new(ProblemClass::Failed, DAMAGED, message)
            }
        })
    }
}

impl Office {
    pub(super) async fn verify(&self, by: &Speaker, order: Verify, items: &Items) -> Answer {
        let rows = self.books.rows();
        by.may(&rows, Deed::Verify)?;
        let mut trouble = Trouble::default();
        for (id, tenant, repository) in self.chosen(&order.tenant, &order.repository)? {
            if !self.serves(&rows, id) {
                continue;
            }
            let found = self.services.verify(id, items.clone()).await?;
            trouble.add(Trouble {
                damaged: found.damaged,
                unread: found.unread,
            });
            // Damage is told of; that all is as it was is not known before all was read.
            if found.unread == 0 || found.damaged > 0 {
                let verified = RepositoryCommand::Verified {
                    repository: id,
                    objects: found.objects,
                    damaged: found.damaged,
                };
                self.submit(by, Command::Repository(verified)).await?;
            }
            let row = answers::Verified {
                tenant,
                repository,
                found,
            };
            items.send(&row).await?;
        }
        trouble.answer()
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
        let mut trouble = Trouble::default();
        for node in nodes {
            let (found, end) = self.verify_on(node, by, &order, items).await;
            trouble.add(found);
            match end {
                Err(problem) if ![DAMAGED, Problem::UNREAD].contains(&&*problem.reason) => {
                    left.push(problem.message);
                }
                Ok(_) | Err(_) => {}
            }
        }
        if left.is_empty() {
            return trouble.answer();
        }
        let message = format!("not all was read back: {}", left.join("; "));
        Err(Problem::new(ProblemClass::Failed, "not-all", message))
    }

    /// Has one node read back what it has, shows it, and counts what is wrong with it.
    async fn verify_on(
        &self,
        node: NodeId,
        by: &Speaker,
        order: &Verify,
        items: &Items,
    ) -> (Trouble, Answer) {
        let (own, mut lines) = Items::pipe();
        let order = Order::Verify(order.clone());
        let work = async {
            match self.here() == Some(node) {
                true => self.part(by, order, &own).await,
                false => self.ask(node, by, order, &own).await,
            }
        };
        tokio::pin!(work);
        let mut trouble = Trouble::default();
        let end = loop {
            let line = tokio::select! {
                biased;
                Some(line) = lines.recv() => line,
                end = &mut work => break end,
            };
            match relayed(line, items).await {
                Ok(found) => trouble.add(found),
                Err(gone) => return (trouble, Err(gone.into())),
            }
        };
        while let Ok(line) = lines.try_recv() {
            match relayed(line, items).await {
                Ok(found) => trouble.add(found),
                Err(gone) => return (trouble, Err(gone.into())),
            }
        }
        (trouble, end)
    }
}

/// Shows a line of a part, and what is wrong by it.
async fn relayed(line: Line, items: &Items) -> Result<Trouble, HungUp> {
    match line {
        Line::Item(row) => {
            items.send(&row).await?;
            let count = |field: &str| row[field].as_u64().unwrap_or_default();
            return Ok(Trouble {
                damaged: count("damaged"),
                unread: count("unread"),
            });
        }
        Line::Progress(progress) => items.progress(progress),
        Line::Done(_) | Line::Error(_) => {}
    }
    Ok(Trouble::default())
}
