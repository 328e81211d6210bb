//! Orders about repositories, their bins and their past.

use holdfast_actors::catalog::command::{Command, RepositoryCommand};
use holdfast_actors::catalog::rows::{self, Rows};
use holdfast_actors::catalog::{Deed, Refused};
use holdfast_actors::kernel::RepositoryId;
use holdfast_actors::names::{RepositoryName, TenantName};

use super::super::{Items, Problem, ProblemClass, answers};
use super::route::named;
use super::speaker::Speaker;
use super::{Answer, Office, nothing_to_change, value};
use crate::commands::bin::{Back, Bin};
use crate::commands::repository::{Add, Named, Of, Promises, Repository, Set};
use crate::commands::values::{Moment, Month};
use crate::commands::{Order, Usage};

impl Office {
    pub(super) async fn repository(
        &self,
        by: &Speaker,
        order: Repository,
        items: &Items,
    ) -> Answer {
        match order {
            Repository::Add(new) => self.add_repository(by, new).await,
            Repository::Set(set) => self.set_repository(by, set, items).await,
            Repository::Remove(which) => {
                let command = RepositoryCommand::Remove {
                    tenant: which.tenant,
                    name: which.name,
                    reason: None,
                };
                self.submit_and_settle(by, Command::Repository(command))
                    .await
            }
            Repository::Purge(removed) => {
                let command = RepositoryCommand::Purge {
                    repository: removed.id,
                    reason: None,
                };
                self.submit_and_settle(by, Command::Repository(command))
                    .await
            }
            Repository::List(of) => self.list_repositories(of, items).await,
            Repository::Show(which) => {
                let id = self.repository_id(&which.tenant, &which.name)?;
                self.show_repository(id).await
            }
        }
    }

    async fn add_repository(&self, by: &Speaker, new: Add) -> Answer {
        let usual = self.books.rows().cluster.usual_copies();
        let min_copies = new.promises.min_copies.unwrap_or(usual);
        self.enough_nodes(Some(min_copies))?;
        let command = RepositoryCommand::Add {
            tenant: new.which.tenant.clone(),
            name: new.which.name.clone(),
            quota: new.quota,
            hold_days: new.promises.hold_days.unwrap_or(0),
            min_copies,
        };
        self.submit(by, Command::Repository(command)).await?;
        let rows = self.books.rows();
        let id = find(&rows, &new.which.tenant, &new.which.name)?;
        // A new repository is empty; nobody need be woken to say so.
        let row = rows.repositories.get(&id);
        let row = row.ok_or(Refused::NoRepositoryId(id))?;
        value(&shown(&rows, id, row, Some(answers::Figures::default())))
    }

    async fn set_repository(&self, by: &Speaker, set: Set, items: &Items) -> Answer {
        if set.quota.is_none() && set.promises == Promises::default() {
            return Err(nothing_to_change());
        }
        self.enough_nodes(set.promises.min_copies)?;
        let Named { tenant, name } = set.which;
        let command = RepositoryCommand::Set {
            tenant: tenant.clone(),
            name: name.clone(),
            quota: set.quota,
            hold_days: set.promises.hold_days,
            min_copies: set.promises.min_copies,
        };
        self.submit(by, Command::Repository(command)).await?;
        let show = Order::Repository(Repository::Show(Named { tenant, name }));
        // It may be at home on another node.
        self.delivered(by, show, items).await
    }

    /// Nobody is promised more copies than there are nodes. The catalog cannot say so: what it took
    /// in once, it takes in again on every start.
    fn enough_nodes(&self, copies: Option<u32>) -> Result<(), Problem> {
        let nodes = self.books.rows().cluster.stores();
        let Some(copies) = copies.filter(|copies| *copies > nodes) else {
            return Ok(());
        };
        let are = if nodes == 1 { "is" } else { "are" };
        let message = format!("{copies} copies need as many nodes, and there {are} {nodes}");
        Err(Problem::new(
            ProblemClass::Refused,
            "too-few-nodes",
            message,
        ))
    }

    async fn show_repository(&self, id: RepositoryId) -> Answer {
        let rows = self.books.rows();
        let row = rows.repositories.get(&id);
        let row = row.ok_or(Refused::NoRepositoryId(id))?;
        value(&self.repository_figures(&rows, id, row).await)
    }

    async fn list_repositories(&self, of: Of, items: &Items) -> Answer {
        let rows = self.books.rows();
        let only = of.tenant.as_ref().map(|name| tenant_id(&rows, name));
        let only = only.transpose()?;
        for (id, row) in &rows.repositories {
            let listed = only.is_none_or(|tenant| row.tenant == tenant)
                && row.removed.is_some() == of.removed;
            // Others list what is at home there.
            if listed && (of.removed || self.serves(&rows, *id)) {
                let shown = self.repository_figures(&rows, *id, row).await;
                items.send(&shown).await?;
            }
        }
        value(&())
    }

    /// A repository with its figures, or without them if they cannot be had now.
    pub(super) async fn repository_figures(
        &self,
        rows: &Rows,
        id: RepositoryId,
        row: &rows::Repository,
    ) -> answers::Repository {
        if row.removed.is_some() {
            return shown(rows, id, row, None);
        }
        if !self.serves(rows, id) {
            let home = owner(rows, row).and_then(|tenant| rows.home(&tenant));
            let home = home.map_or_else(|| "no node".to_owned(), |home| named(rows, home));
            let missing = Some(format!("{home} has the figures, and does not answer"));
            let bare = shown(rows, id, row, None);
            return answers::Repository { missing, ..bare };
        }
        match self.services.figures(id).await {
            Ok(figures) => shown(rows, id, row, Some(figures)),
            Err(problem) => {
                tracing::warn!(%id, %problem, "no figures");
                let missing = Some(problem.message);
                let bare = shown(rows, id, row, None);
                answers::Repository { missing, ..bare }
            }
        }
    }

    /// Whether a repository is at home on this node.
    pub(super) fn serves(&self, rows: &Rows, id: RepositoryId) -> bool {
        rows.serves(self.here(), id)
    }

    /// The id of a repository that is served.
    pub(super) fn repository_id(
        &self,
        tenant: &TenantName,
        name: &RepositoryName,
    ) -> Result<RepositoryId, Problem> {
        find(&self.books.rows(), tenant, name)
    }

    pub(super) async fn bin(&self, by: &Speaker, order: Bin, items: &Items) -> Answer {
        match order {
            Bin::List(of) => {
                let rows = self.books.rows();
                for (repository, tenant, name) in self.chosen(&of.tenant, &of.repository)? {
                    if !self.serves(&rows, repository) {
                        continue;
                    }
                    let content = self.services.bin(repository).await?;
                    let row = answers::Bin {
                        tenant,
                        repository: name,
                        content,
                    };
                    items.send(&row).await?;
                }
                value(&())
            }
            Bin::View(order) => self.view(by, order).await,
            Bin::Export(order) => {
                by.may(&self.books.rows(), Deed::Export)?;
                let view = order.view;
                let id = self.repository_id(&view.tenant, &view.repository)?;
                let moved = self
                    .services
                    .export(id, view.at.0, order.to, items.clone())
                    .await?;
                value(&moved)
            }
            Bin::Restore(order) => self.restore(by, order).await,
        }
    }

    /// The order is in the catalog, with its event, before anything comes back.
    async fn restore(&self, by: &Speaker, order: Back) -> Answer {
        let (view, reason) = (order.view, order.reason);
        let id = self.repository_id(&view.tenant, &view.repository)?;
        self.services.viewable(id, view.at.0).await?;
        let command = RepositoryCommand::Restore {
            tenant: view.tenant,
            name: view.repository,
            to: view.at.0,
            reason,
        };
        self.submit(by, Command::Repository(command)).await?;
        value(&self.services.restore(id, view.at.0).await?)
    }

    pub(super) async fn usage(&self, order: Usage, items: &Items) -> Answer {
        let rows = self.books.rows();
        let here = self.here();
        for row in self.services.usage(self.month(&order)).await? {
            if here.is_none() || rows.home(&row.tenant) == here {
                items.send(&row).await?;
            }
        }
        value(&())
    }

    /// The month that is meant.
    pub(super) fn month(&self, order: &Usage) -> Month {
        let today = self.books.rows().clock.today;
        order.month.unwrap_or_else(|| Month::of(today))
    }

    /// The served repositories of a tenant, or of all, or one of them.
    pub(super) fn chosen(
        &self,
        tenant: &Option<TenantName>,
        repository: &Option<RepositoryName>,
    ) -> Result<Vec<(RepositoryId, TenantName, RepositoryName)>, Problem> {
        let rows = self.books.rows();
        if let (Some(tenant), Some(name)) = (tenant, repository) {
            let id = find(&rows, tenant, name)?;
            return Ok(vec![(id, tenant.clone(), name.clone())]);
        }
        let only = tenant.as_ref().map(|name| tenant_id(&rows, name));
        let only = only.transpose()?;
        let mut chosen = Vec::new();
        for (id, row) in &rows.repositories {
            let wanted = row.removed.is_none() && only.is_none_or(|only| row.tenant == only);
            if let (true, Some(owner)) = (wanted, owner(&rows, row)) {
                chosen.push((*id, owner, row.name.clone()));
            }
        }
        Ok(chosen)
    }
}

pub(super) fn find(
    rows: &Rows,
    tenant: &TenantName,
    name: &RepositoryName,
) -> Result<RepositoryId, Problem> {
    let found = rows.repository(tenant_id(rows, tenant)?, name);
    let missing = || Refused::NoRepository(tenant.clone(), name.clone());
    Ok(found.ok_or_else(missing)?)
}

pub(super) fn tenant_id(rows: &Rows, name: &TenantName) -> Result<u64, Problem> {
    let row = rows.tenants.get(name);
    let row = row.ok_or_else(|| Refused::NoTenant(name.clone()))?;
    Ok(row.id)
}

pub(super) fn owner(rows: &Rows, row: &rows::Repository) -> Option<TenantName> {
    let removed = row.removed.as_ref().map(|removal| removal.tenant.clone());
    removed.or_else(|| rows.tenant_name(row.tenant).cloned())
}

pub(super) fn shown(
    rows: &Rows,
    id: RepositoryId,
    row: &rows::Repository,
    figures: Option<answers::Figures>,
) -> answers::Repository {
    answers::Repository {
        id: id.raw(),
        tenant: owner(rows, row),
        name: row.name.clone(),
        quota: row.quota,
        hold_days: row.hold_days,
        min_copies: row.min_copies,
        made: Moment(row.made),
        removed: row.removed.as_ref().map(|removal| Moment(removal.at)),
        verified: row.verified.map(Moment),
        damaged: rows.scrubs.get(&id).map(|scrub| scrub.damaged),
        figures,
        missing: None,
    }
}
