//! What checks see of a node that runs: everything through the ways that operators have.

use std::sync::Arc;

use holdfast_actors::catalog::Catalog;
use holdfast_actors::front::Front;
use holdfast_actors::kernel::RepositoryId;
use holdfast_actors::repositories;
use holdfast_actors::repository::{Message, Report, Visit};
use holdfast_actors::service::Service;
use holdfast_actors::shell::Directory;

use super::pass;
use crate::invariants::Seen;
use crate::ledger::Ledger;
use crate::mutation::Mutation;
use crate::office::Office;

/// How often a repository is asked for that is out of service: for longer than it stays so.
const VISITS: u32 = 130;

/// A node that runs, and everybody's way to it.
#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) ledger: Ledger,
    pub(crate) front: Front,
    pub(crate) service: Arc<dyn Service>,
    pub(crate) catalog: Catalog,
    pub(crate) office: Office,
    pub(crate) directory: Arc<Directory>,
    pub(crate) mutation: Option<Mutation>,
}

impl Scene {
    /// A repository's figures and objects; none if it stays out of service.
    pub(crate) async fn see(&self, tenant: usize, id: RepositoryId) -> Option<Seen> {
        for _ in 0..VISITS {
            if let Some(seen) = self.look(tenant, id).await {
                return Some(seen);
            }
            pass(1_000).await;
        }
        None
    }

    /// A repository's figures; none if it is out of service now.
    pub(crate) async fn report(&self, id: RepositoryId) -> Option<Report> {
        let visit = self.visit(id).await?;
        let report = visit.repository.ask(Message::Report).await.ok()?.ok()?;
        Some(
            self.mutation
                .map_or(report.clone(), |mutation| mutation.report(report)),
        )
    }

    /// All repositories that are known, each with the number of its tenant.
    pub(crate) fn repositories(&self) -> Vec<(usize, RepositoryId)> {
        let book = self.ledger.book();
        let all = book.accounts.iter().enumerate();
        all.filter_map(|(tenant, account)| Some((tenant, account.served()?)))
            .collect()
    }

    /// A stay in every repository: none of them is put away meanwhile.
    pub(crate) async fn visits(&self) -> Vec<Visit> {
        let mut visits = Vec::new();
        for (_, id) in self.repositories() {
            visits.extend(self.visit(id).await);
        }
        visits
    }

    async fn look(&self, tenant: usize, id: RepositoryId) -> Option<Seen> {
        let visit = self.visit(id).await?;
        let snapshot = visit.repository.ask(Message::Look).await.ok()?.ok()?;
        let report = self.report(id).await?;
        Some(Seen {
            tenant,
            report,
            snapshot,
            reader: visit.reader.clone(),
        })
    }

    pub(crate) async fn visit(&self, id: RepositoryId) -> Option<Visit> {
        let visit = |door| repositories::Message::Visit(id, door);
        self.front.repositories.ask(visit).await.ok()
    }
}
