//! Orders about tenants, subtenants and operators, and about what two operators must agree on.

use std::collections::BTreeMap;

use holdfast_actors::catalog::Refused;
use holdfast_actors::catalog::command::{
    ApprovalCommand, Command, Contract, ContractChange, OperatorCommand, SubtenantCommand,
    TenantCommand, TermsChange,
};
use holdfast_actors::catalog::rows::{Rows, SubtenantMode};
use holdfast_actors::gateways;
use holdfast_actors::names::{OperatorName, RepositoryName, TenantName};

use super::super::{Items, Problem, ProblemClass, answers};
use super::speaker::Speaker;
use super::{Answer, Office, nothing_to_change, value};
use crate::commands::operator::{Approval, Operator};
use crate::commands::pool::Switch;
use crate::commands::subtenant::{Named, Slice, Subtenant};
use crate::commands::tenant::{Tenant, Terms};
use crate::commands::values::Until;

impl Office {
    pub(super) async fn tenant(&self, by: &Speaker, order: Tenant, items: &Items) -> Answer {
        let about = |name: &TenantName, command| Command::Tenant(name.clone(), command);
        match order {
            Tenant::Add(new) => {
                let command = about(&new.name, added(new.terms));
                let show = |rows: &Rows| tenant(rows, &new.name);
                self.submit_and_show(by, command, show).await
            }
            Tenant::Set(set) if set.terms == Terms::default() => Err(nothing_to_change()),
            Tenant::Set(set) => {
                let command = about(&set.name, changed(set.terms));
                let show = |rows: &Rows| tenant(rows, &set.name);
                self.submit_and_show(by, command, show).await
            }
            Tenant::Disable(disable) => {
                let reason = disable.reason.unwrap_or_default();
                let command = about(&disable.name, TenantCommand::Disable { reason });
                self.submit_and_settle(by, command).await
            }
            Tenant::Enable(named) => {
                let command = about(&named.name, TenantCommand::Enable);
                self.submit_and_settle(by, command).await
            }
            Tenant::Remove(named) => {
                let command = about(&named.name, TenantCommand::Remove { reason: None });
                self.submit_and_settle(by, command).await
            }
            Tenant::Purge(named) => {
                let command = about(&named.name, TenantCommand::Purge { reason: None });
                self.submit_and_settle(by, command).await
            }
            Tenant::List => {
                let rows = self.books.rows();
                for (name, row) in &rows.tenants {
                    items.send(&answers::Tenant::of(name, row, &rows)).await?;
                }
                value(&())
            }
            Tenant::Show(named) => self.tenant_figures(&named.name).await,
        }
    }

    async fn tenant_figures(&self, name: &TenantName) -> Answer {
        let rows = self.books.rows();
        let shown = tenant(&rows, name)?;
        let id = rows.tenants.get(name).map(|row| row.id);
        let mut repositories = Vec::new();
        for (repository, row) in &rows.repositories {
            if Some(row.tenant) == id && row.removed.is_none() {
                repositories.push(self.repository_figures(&rows, *repository, row).await);
            }
        }
        value(&answers::TenantFigures {
            tenant: shown,
            repositories,
        })
    }

    pub(super) async fn subtenant(&self, by: &Speaker, order: Subtenant, items: &Items) -> Answer {
        let about = |whom: &Named, command| {
            Command::Subtenant(whom.tenant.clone(), whom.name.clone(), command)
        };
        match order {
            Subtenant::Add(new) => {
                let slices = one_slice(&self.books.rows(), &new)?;
                let command = SubtenantCommand::Add {
                    description: new.description.unwrap_or_default(),
                    mode: SubtenantMode::Standalone,
                    slices,
                    disabled: false,
                };
                let command = about(&new.whom, command);
                let show = |rows: &Rows| subtenant(rows, &new.whom);
                self.submit_and_show(by, command, show).await
            }
            Subtenant::Set(set) => {
                let sliced = set.repository.is_some() || set.limit.is_some();
                let rows = self.books.rows();
                let slices = sliced.then(|| changed_slice(&rows, &set)).transpose()?;
                let command = SubtenantCommand::Set {
                    description: set.description,
                    slices,
                };
                let command = about(&set.whom, command);
                let show = |rows: &Rows| subtenant(rows, &set.whom);
                self.submit_and_show(by, command, show).await
            }
            Subtenant::Disable(disable) => {
                let reason = disable.reason.unwrap_or_default();
                let command = about(&disable.whom, SubtenantCommand::Disable { reason });
                self.submit_and_settle(by, command).await
            }
            Subtenant::Enable(whom) => {
                let command = about(&whom, SubtenantCommand::Enable);
                self.submit_and_settle(by, command).await
            }
            Subtenant::Remove(whom) => {
                let command = about(&whom, SubtenantCommand::Remove);
                self.submit_and_settle(by, command).await
            }
            Subtenant::List(of) => {
                let rows = self.books.rows();
                tenant(&rows, &of.tenant)?;
                for ((tenant, name), row) in &rows.subtenants {
                    if *tenant == of.tenant {
                        let shown = answers::Subtenant::of(tenant, name, row, &rows);
                        items.send(&shown).await?;
                    }
                }
                value(&())
            }
            Subtenant::Show(whom) => value(&subtenant(&self.books.rows(), &whom)?),
        }
    }

    pub(super) async fn operator(&self, by: &Speaker, order: Operator, items: &Items) -> Answer {
        let about = |name: &OperatorName, command| Command::Operator(name.clone(), command);
        match order {
            Operator::Add(new) => {
                let command = OperatorCommand::Add {
                    role: new.role.into(),
                    uid: new.uid,
                };
                let command = about(&new.name, command);
                let show = |rows: &Rows| operator(rows, &new.name);
                self.submit_and_show(by, command, show).await
            }
            Operator::Set(set) => {
                let command = OperatorCommand::Set {
                    role: set.role.map(Into::into),
                    uid: set.uid,
                };
                let command = about(&set.name, command);
                let show = |rows: &Rows| operator(rows, &set.name);
                self.submit_and_show(by, command, show).await
            }
            Operator::Remove(named) => {
                let command = about(&named.name, OperatorCommand::Remove);
                self.submit_and_settle(by, command).await
            }
            Operator::List => {
                let rows = self.books.rows();
                for name in rows.operators.keys() {
                    items.send(&operator(&rows, name)?).await?;
                }
                value(&())
            }
        }
    }

    pub(super) async fn approval(&self, by: &Speaker, order: Approval, items: &Items) -> Answer {
        match order {
            Approval::Grant(request) => {
                let command = Command::Approval(request.id, ApprovalCommand::Grant);
                self.submit_and_settle(by, command).await
            }
            Approval::Reject(request) => {
                let command = ApprovalCommand::Reject { reason: None };
                let command = Command::Approval(request.id, command);
                self.submit_and_settle(by, command).await
            }
            Approval::List => {
                for (id, row) in &self.books.rows().approvals {
                    let shown = answers::Approval {
                        id: *id,
                        state: row.state,
                        by: row.by.clone(),
                        at: crate::commands::values::Moment(row.at),
                        text: row.text.clone(),
                    };
                    items.send(&shown).await?;
                }
                value(&())
            }
        }
    }
}

fn tenant(rows: &Rows, name: &TenantName) -> Result<answers::Tenant, Problem> {
    let row = rows.tenants.get(name);
    let row = row.ok_or_else(|| Refused::NoTenant(name.clone()))?;
    Ok(answers::Tenant::of(name, row, rows))
}

fn subtenant(rows: &Rows, whom: &Named) -> Result<answers::Subtenant, Problem> {
    tenant(rows, &whom.tenant)?;
    let row = rows
        .subtenants
        .get(&(whom.tenant.clone(), whom.name.clone()));
    let missing = || Refused::NoSubtenant(whom.tenant.clone(), whom.name.clone());
    let row = row.ok_or_else(missing)?;
    Ok(answers::Subtenant::of(&whom.tenant, &whom.name, row, rows))
}

fn operator(rows: &Rows, name: &OperatorName) -> Result<answers::Operator, Problem> {
    let row = rows.operators.get(name);
    let row = row.ok_or_else(|| Refused::NoOperator(name.clone()))?;
    Ok(answers::Operator {
        name: name.clone(),
        role: row.role,
        uid: row.uid,
    })
}

fn added(mut terms: Terms) -> TenantCommand {
    match (terms.pools.take(), terms.fail_over.take()) {
        (None, None) => TenantCommand::Add(contract(terms)),
        (pools, fail_over) => {
            let agreed = gateways::Terms {
                pools: pools.map(|pools| pools.0).unwrap_or_default(),
                fails_over: fail_over.is_some_and(Switch::is_on),
            };
            TenantCommand::AddWith(Box::new(contract(terms)), agreed)
        }
    }
}

fn changed(mut terms: Terms) -> TenantCommand {
    match (terms.pools.take(), terms.fail_over.take()) {
        (None, None) => TenantCommand::Set(change(terms)),
        (pools, fail_over) => {
            let agreed = TermsChange {
                pools: pools.map(|pools| pools.0),
                fails_over: fail_over.map(Switch::is_on),
            };
            TenantCommand::SetWith(Box::new(change(terms)), agreed)
        }
    }
}

fn contract(terms: Terms) -> Contract {
    let usual = Contract::default();
    Contract {
        description: terms.description.unwrap_or(usual.description),
        lease: terms.lease.map_or(usual.lease, Until::day),
        restore_grace: terms.restore_grace.unwrap_or(usual.restore_grace),
        purge_hold: terms.purge_hold.unwrap_or(usual.purge_hold),
        tasks: terms.tasks.unwrap_or(usual.tasks),
        bandwidth: terms.bandwidth.map_or(usual.bandwidth, |rate| rate.0),
        bin_days: terms.bin_days.unwrap_or(usual.bin_days),
        bin_limit: terms.bin_limit.map_or(usual.bin_limit, |limit| limit.0),
    }
}

fn change(terms: Terms) -> ContractChange {
    ContractChange {
        description: terms.description,
        lease: terms.lease.map(Until::day),
        restore_grace: terms.restore_grace,
        purge_hold: terms.purge_hold,
        tasks: terms.tasks,
        bandwidth: terms.bandwidth.map(|rate| rate.0),
        bin_days: terms.bin_days,
        bin_limit: terms.bin_limit.map(|limit| limit.0),
    }
}

type Slices = BTreeMap<RepositoryName, Option<holdfast_actors::kernel::Size>>;

/// The slice of a new subtenant.
fn one_slice(rows: &Rows, new: &Slice) -> Result<Slices, Problem> {
    let repository = match &new.repository {
        Some(name) => name.clone(),
        None => only_repository(rows, &new.whom.tenant)?,
    };
    let limit = new.limit.and_then(|limit| limit.0);
    Ok(BTreeMap::from([(repository, limit)]))
}

/// The slice of a subtenant with what is given changed and the rest as it was.
fn changed_slice(rows: &Rows, set: &Slice) -> Result<Slices, Problem> {
    let shown = subtenant(rows, &set.whom)?;
    let mut held = shown
        .slices
        .into_iter()
        .filter_map(|slice| Some((slice.repository?, slice.limit)));
    let current = held.next();
    let repository = match (&set.repository, &current) {
        (Some(name), _) | (None, Some((name, _))) => name.clone(),
        (None, None) => only_repository(rows, &set.whom.tenant)?,
    };
    let limit = match set.limit {
        Some(limit) => limit.0,
        None => current.and_then(|(_, limit)| limit),
    };
    Ok(BTreeMap::from([(repository, limit)]))
}

fn only_repository(rows: &Rows, name: &TenantName) -> Result<RepositoryName, Problem> {
    let row = rows.tenants.get(name);
    let id = row.ok_or_else(|| Refused::NoTenant(name.clone()))?.id;
    let mut names = rows
        .repositories
        .values()
        .filter(|row| row.tenant == id && row.removed.is_none())
        .map(|row| row.name.clone());
    match (names.next(), names.next()) {
        (Some(only), None) => Ok(only),
        _ => {
            let message = format!("tenant '{name}' does not have one repository; name it");
            Err(Problem::new(ProblemClass::Usage, "usage", message))
        }
    }
}
