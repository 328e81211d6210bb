//! Which node carries an order out. Nothing is asked here; it follows from the rows.
//!
//! What only changes or reads the catalog is done wherever it is ordered. What visits a repository
//! is for the node where its tenant is at home, and what is about several is for each such node.

use std::collections::BTreeSet;

use holdfast_actors::catalog::Refused;
use holdfast_actors::catalog::rows::{NodeState, Rows};
use holdfast_actors::kernel::NodeId;
use holdfast_actors::names::TenantName;

use super::super::{Problem, ProblemClass};
use super::cluster::found;
use super::tape::{node_of, tape_node};
use crate::commands::bin::Bin;
use crate::commands::repository::Repository;
use crate::commands::shell::{Look, Place, Tree};
use crate::commands::tape::job::Job;
use crate::commands::tape::key::{Import, Key, Open};
use crate::commands::tape::library::Library;
use crate::commands::tape::media::Media;
use crate::commands::tape::restore::Restore;
use crate::commands::tape::{Drive, Tape};
use crate::commands::tenant::Tenant;
use crate::commands::{Order, Verify};

/// Where an order goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// It is carried out here.
    Here,
    /// It is passed to that node as it is.
    At(NodeId),
    /// Each of these nodes does its part, this one maybe among them.
    Each(BTreeSet<NodeId>),
}

/// The route of an order that is given to the node `here`, or to one that stands alone.
pub(super) fn route(order: &Order, rows: &Rows, here: Option<NodeId>) -> Result<Route, Problem> {
    let Some(here) = here else {
        return alone(order);
    };
    // Of a tenant that nobody knows, any node says so.
    let at_home = |tenant: &TenantName| match rows.tenants.contains_key(tenant) {
        true => at(rows.home(tenant), here),
        false => Ok(Route::Here),
    };
    let homes = |only: Option<&TenantName>| match only {
        Some(tenant) if !rows.tenants.contains_key(tenant) => Ok(Route::Here),
        only => Ok(Route::Each(homes(rows, only))),
    };
    match order {
        Order::Tenant(Tenant::Show(which)) => at_home(&which.name),
        Order::Repository(Repository::Show(which)) => at_home(&which.tenant),
        Order::Repository(Repository::List(of)) if !of.removed => homes(of.tenant.as_ref()),
        Order::Bin(Bin::List(of)) => homes(of.tenant.as_ref()),
        Order::Bin(Bin::View(view)) => at_home(&view.tenant),
        Order::Bin(Bin::Restore(back)) => at_home(&back.view.tenant),
        Order::Bin(Bin::Export(export)) => match at_home(&export.view.tenant)? {
            Route::At(node) => Err(export_elsewhere(rows, node)),
            route @ (Route::Here | Route::Each(_)) => Ok(route),
        },
        Order::Verify(Verify { tenant, .. }) => homes(tenant.as_ref()),
        Order::Usage(_) => homes(None),
        Order::Status | Order::Shell(Look::Sessions | Look::Tree(Tree { cluster: true })) => {
            Ok(Route::Each(all(rows)))
        }
        Order::Shell(
            Look::Show(look) | Look::Watch(look) | Look::Trace(look) | Look::Why(look),
        ) => placed(&look.path, rows, here),
        Order::Shell(Look::Stop(end) | Look::Restart(end)) => placed(&end.path, rows, here),
        Order::Tape(order) => match tape_at(order, rows) {
            Some(node) => at(Some(node), here),
            None => Ok(Route::Here),
        },
        Order::Tenant(_)
        | Order::Subtenant(_)
        | Order::Password(_)
        | Order::Credential(_)
        | Order::Operator(_)
        | Order::Approval(_)
        | Order::Repository(_)
        | Order::Events(_)
        | Order::Maintenance(_)
        | Order::Clock(_)
        | Order::Certificate(_)
        | Order::JoinToken(_)
        | Order::Node(_)
        | Order::Pool(_)
        | Order::Catalog
        | Order::Shell(Look::Tree(_)) => Ok(Route::Here),
    }
}

/// Where devices are that an order needs; none if it needs none.
fn tape_at(order: &Tape, rows: &Rows) -> Option<NodeId> {
    match order {
        Tape::Library(Library::Inventory(it) | Library::Door(it) | Library::Import(it)) => {
            rows.tape.libraries.get(&it.name)?.node
        }
        Tape::RecoverCatalog(it) => rows.tape.libraries.get(&it.name)?.node,
        Tape::Scan(scan) => found(&rows.cluster, scan.node.as_ref()?).ok(),
        Tape::Job(Job::Run(_) | Job::Stop(_)) | Tape::Restore(Restore::Plan(_)) => tape_node(rows),
        Tape::Library(Library::Export(it)) => rows.tape.libraries.get(&it.name)?.node,
        Tape::Media(Media::Verify(which)) => node_of(rows, which.media.first()?),
        Tape::Media(Media::Erase(erase)) => node_of(rows, &erase.medium),
        Tape::Media(Media::Copy(copy)) => node_of(rows, &copy.medium),
        Tape::Key(Key::Open(Open { with, .. }) | Key::Import(Import { with, .. })) => {
            match &with.node {
                Some(node) => found(&rows.cluster, node).ok(),
                None => tape_node(rows),
            }
        }
        Tape::Key(_) => tape_node(rows),
        Tape::Drive(
            Drive::Show(at) | Drive::Unload(at) | Drive::Enable(at) | Drive::Disable(at),
        ) => rows.tape.libraries.get(&at.library)?.node,
        Tape::Media(Media::Eject(which)) => node_of(rows, &which.medium),
        Tape::Library(_)
        | Tape::Vault(_)
        | Tape::Class(_)
        | Tape::Pool(_)
        | Tape::Media(_)
        | Tape::Job(_)
        | Tape::Restore(_)
        | Tape::Drive(Drive::List) => None,
    }
}

/// On a node that stands alone there is no other to name.
fn alone(order: &Order) -> Result<Route, Problem> {
    let Order::Shell(look) = order else {
        return Ok(Route::Here);
    };
    let names_another = match look {
        Look::Tree(tree) => tree.cluster,
        Look::Show(at) | Look::Watch(at) | Look::Trace(at) | Look::Why(at) => {
            at.path.node().is_some()
        }
        Look::Stop(end) | Look::Restart(end) => end.path.node().is_some(),
        Look::Sessions => false,
    };
    match names_another {
        true => Err(Refused::Alone.into()),
        false => Ok(Route::Here),
    }
}

fn at(home: Option<NodeId>, here: NodeId) -> Result<Route, Problem> {
    match home {
        Some(home) if home == here => Ok(Route::Here),
        Some(home) => Ok(Route::At(home)),
        None => {
            let told = "no node can serve the tenant now; look with 'node list'";
            Err(Problem::new(ProblemClass::Failed, "unavailable", told))
        }
    }
}

/// Where tenants with repositories are at home: all, or one.
fn homes(rows: &Rows, only: Option<&TenantName>) -> BTreeSet<NodeId> {
    match only {
        Some(tenant) => rows.home(tenant).into_iter().collect(),
        None => {
            let tenants = rows.tenants.keys();
            tenants.filter_map(|tenant| rows.home(tenant)).collect()
        }
    }
}

/// All nodes of the cluster.
fn all(rows: &Rows) -> BTreeSet<NodeId> {
    let nodes = rows.cluster.nodes.iter();
    let there = nodes.filter(|(_, row)| row.state != NodeState::Removed);
    there.map(|(id, _)| *id).collect()
}

fn placed(place: &Place, rows: &Rows, here: NodeId) -> Result<Route, Problem> {
    let Some(node) = place.node() else {
        return Ok(Route::Here);
    };
    let id = found(&rows.cluster, node)?;
    let row = rows.cluster.nodes.get(&id);
    if row.is_none_or(|row| row.state == NodeState::Removed) {
        let told = format!("{node} has been removed from the cluster");
        return Err(Problem::new(ProblemClass::NotFound, "no-node", told));
    }
    Ok(if id == here {
        Route::Here
    } else {
        Route::At(id)
    })
}

/// The directory is one of the node that writes it.
fn export_elsewhere(rows: &Rows, node: NodeId) -> Problem {
    let named = named(rows, node);
    let told = format!(
        "an export is written to a directory of the node where the tenant is at home; order it on \
         {named}"
    );
    Problem::new(ProblemClass::Refused, "other-node", told)
}

/// A node as a sentence names it: `node-2 (berlin-2)`.
pub(super) fn named(rows: &Rows, node: NodeId) -> String {
    match rows.cluster.nodes.get(&node) {
        Some(row) => format!("{node} ({})", row.name),
        None => node.to_string(),
    }
}

#[cfg(test)]
pub(super) mod tests;
