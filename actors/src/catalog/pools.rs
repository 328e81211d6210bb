//! Pools of gateways, and what is agreed with tenants about them (domain, 3.4).
//!
//! Invariants: a node is in one pool at most (R3.40), and is a gateway while it is in one; what is
//! named is there, so a pool that a tenant was given stays.

mod refused;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::draft::{Draft, TEXT_MAX, short, within};
use super::events::Code;
use super::rows::Pool;
use super::{Outcome, Refused};
use crate::gateways::{GATEWAY, PoolName, Terms};
use crate::kernel::NodeId;

pub use refused::PoolRefused;

/// The most pools of a cluster, and of a tenant.
const POOLS_MAX: usize = 1_024;
/// The most gateways that are named at once.
const NAMED_MAX: u32 = 4_096;

/// What an operator does with a pool of gateways. Part of the journal's format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PoolCommand {
    /// Makes it, of gateways that are in none.
    Create {
        /// Free text, at most 1 KiB.
        description: String,
        /// At least one.
        nodes: BTreeSet<NodeId>,
    },
    /// Puts gateways into it that are in none.
    Add {
        /// At least one.
        nodes: BTreeSet<NodeId>,
    },
    /// Takes a gateway out of it, which is then in none. Refused for the last one.
    Take {
        /// Which.
        node: NodeId,
    },
    /// Takes it away; its gateways are then in none. Refused while a tenant was given it.
    Remove,
}

/// Changes of what is agreed about gateways: what is none stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TermsChange {
    /// All its pools from now on; none of them for gateways in no pool.
    pub pools: Option<BTreeSet<PoolName>>,
    /// See [`Terms::fails_over`].
    pub fails_over: Option<bool>,
}

impl Draft<'_> {
    pub(super) fn pool(
        &mut self,
        name: &PoolName,
        command: &PoolCommand,
    ) -> Result<Outcome, Refused> {
        if self.rows.cluster.nodes.is_empty() {
            return Err(Refused::Alone);
        }
        let was_pooled = self.rows.is_all_pooled();
        match command {
            PoolCommand::Create { description, nodes } => {
                self.create_pool(name, description, nodes)?;
            }
            PoolCommand::Add { nodes } => {
                self.known_pool(name)?;
                self.join_pool(name, nodes)?;
                let text = format!("pool {name} has {} too", self.named(nodes));
                self.event(Code::PoolChanged, None, text, None);
            }
            PoolCommand::Take { node } => self.take_from_pool(name, *node)?,
            PoolCommand::Remove => self.remove_pool(name)?,
        }
        self.warn_of_pools(was_pooled);
        Ok(Outcome::Done)
    }

    fn known_pool(&self, name: &PoolName) -> Result<(), Refused> {
        match self.rows.gateways.pools.contains_key(name) {
            true => Ok(()),
            false => Err(PoolRefused::NoPool(name.clone()).into()),
        }
    }

    fn create_pool(
        &mut self,
        name: &PoolName,
        description: &str,
        nodes: &BTreeSet<NodeId>,
    ) -> Result<(), Refused> {
        short("a description", description, TEXT_MAX)?;
        let pools = &mut self.rows.gateways.pools;
        if pools.contains_key(name) {
            return Err(PoolRefused::Exists(name.clone()).into());
        }
        if pools.len() >= POOLS_MAX {
            let (what, most) = ("pools", POOLS_MAX);
            return Err(Refused::TooMany { what, most });
        }
        let pool = Pool {
            description: description.to_owned(),
            made: self.at,
        };
        pools.insert(name.clone(), pool);
        self.join_pool(name, nodes)?;
        let text = format!("pool {name} made of {}", self.named(nodes));
        self.event(Code::PoolAdded, None, text, None);
        Ok(())
    }

    fn join_pool(&mut self, name: &PoolName, nodes: &BTreeSet<NodeId>) -> Result<(), Refused> {
        let count = u32::try_from(nodes.len()).unwrap_or(u32::MAX);
        within("the gateways that are named", count, 1, NAMED_MAX)?;
        for id in nodes {
            let row = self.live_node(*id)?;
            if !row.roles.contains(GATEWAY) {
                return Err(PoolRefused::NoGateway(*id).into());
            }
            if let Some(pool) = self.rows.gateways.members.get(id) {
                return Err(PoolRefused::Taken(*id, pool.clone()).into());
            }
            self.rows.gateways.members.insert(*id, name.clone());
        }
        Ok(())
    }

    fn take_from_pool(&mut self, name: &PoolName, node: NodeId) -> Result<(), Refused> {
        self.known_pool(name)?;
        let gateways = &mut self.rows.gateways;
        if gateways.members.get(&node) != Some(name) {
            return Err(PoolRefused::NotIn(node, name.clone()).into());
        }
        if gateways.of(name).count() == 1 {
            return Err(PoolRefused::Last(node, name.clone()).into());
        }
        gateways.members.remove(&node);
        let text = format!("pool {name} has {} no more", self.named(&[node].into()));
        self.event(Code::PoolChanged, None, text, None);
        Ok(())
    }

    fn remove_pool(&mut self, name: &PoolName) -> Result<(), Refused> {
        self.known_pool(name)?;
        let count = self.rows.tenants_of_pool(name).count();
        let first = self.rows.tenants_of_pool(name).next().cloned();
        if let Some(tenant) = first {
            let pool = name.clone();
            let used = PoolRefused::Used {
                pool,
                tenant,
                count,
            };
            return Err(used.into());
        }
        let nodes: Vec<NodeId> = self.rows.gateways.of(name).collect();
        for node in nodes {
            self.rows.gateways.members.remove(&node);
        }
        self.rows.gateways.pools.remove(name);
        let text = format!("pool {name} removed; its gateways are in none");
        self.event(Code::PoolRemoved, None, text, None);
        Ok(())
    }

    /// Nodes as people know them.
    fn named(&self, nodes: &BTreeSet<NodeId>) -> String {
        let named = nodes.iter().map(|id| {
            let row = self.rows.cluster.nodes.get(id);
            row.map_or_else(|| id.to_string(), |row| format!("{id} '{}'", row.name))
        });
        named.collect::<Vec<_>>().join(", ")
    }

    /// A node that is gone, or a gateway no more, is in no pool. The pool may be left without any.
    pub(super) fn leave_pool(&mut self, node: NodeId) {
        let Some(pool) = self.rows.gateways.members.remove(&node) else {
            return;
        };
        let left = self.rows.gateways.of(&pool).count();
        let named = self.named(&[node].into());
        let text = match left {
            0 => format!("pool {pool} has {named} no more, and so no gateway at all"),
            _ => format!("pool {pool} has {named} no more"),
        };
        self.event(Code::PoolChanged, None, text, None);
    }

    /// Whoever takes the place of a gateway has it in its pool, too.
    pub(super) fn inherit_pool(&mut self, old: NodeId, heir: NodeId) {
        let Some(pool) = self.rows.gateways.members.remove(&old) else {
            return;
        };
        let named = self.named(&[heir].into());
        self.rows.gateways.members.insert(heir, pool.clone());
        let text = format!("pool {pool} has {named} in the place of {old}");
        self.event(Code::PoolChanged, None, text, None);
    }

    /// Says that no gateway is left for tenants without a pool, if there was one until now.
    pub(super) fn warn_of_pools(&mut self, was_pooled: bool) {
        if !was_pooled && self.rows.is_all_pooled() {
            let tenants = self.rows.unpooled_tenants().count();
            let text = format!(
                "every gateway is in a pool: none serves tenants without a pool, who are \
                 {tenants} now, and no other can be added"
            );
            self.event(Code::EveryGatewayPooled, None, text, None);
        }
    }

    /// Refuses terms of a tenant that it could not be served by, or that name what is not there.
    pub(super) fn fit_terms(&self, terms: &Terms) -> Result<(), Refused> {
        if terms.pools.len() > POOLS_MAX {
            let (what, most) = ("pools of a tenant", POOLS_MAX);
            return Err(Refused::TooMany { what, most });
        }
        terms.pools.iter().try_for_each(|it| self.known_pool(it))?;
        if terms.pools.is_empty() && self.rows.is_all_pooled() {
            return Err(PoolRefused::NoneFree.into());
        }
        Ok(())
    }

    /// Keeps what was agreed with a tenant.
    pub(super) fn agree(&mut self, tenant: u64, terms: Terms) {
        let all = &mut self.rows.gateways.terms;
        match terms == Terms::default() {
            true => all.remove(&tenant),
            false => all.insert(tenant, terms),
        };
    }

    /// Changes what was agreed with a tenant; what of it was changed.
    pub(super) fn change_terms(
        &mut self,
        tenant: u64,
        change: &TermsChange,
    ) -> Result<Vec<&'static str>, Refused> {
        let mut terms = self.rows.gateways.terms(tenant);
        let mut changed = Vec::new();
        if let Some(pools) = &change.pools {
            terms.pools.clone_from(pools);
            self.fit_terms(&terms)?;
            changed.push("pools");
        }
        if let Some(fails_over) = change.fails_over {
            terms.fails_over = fails_over;
            changed.push("fail over");
        }
        self.agree(tenant, terms);
        Ok(changed)
    }
}

#[cfg(test)]
mod tests;
