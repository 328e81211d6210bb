//! The demonstration's operator: the orders that it gives to the node, and what of the answers it
//! looks at.

use holdfast_actors::kernel::{Date, Rate, Size};
use holdfast_actors::names::{RepositoryName, TenantName};
use serde_json::Value;

use super::node::Node;
use super::tenant::Tenant;
use super::{said, told};
use crate::cli::Failure;
use crate::commands::bin::{Back, Bin, View};
use crate::commands::credential::{Password, Scope};
use crate::commands::repository::{Add, Named, Of, Promises, Repository};
use crate::commands::shell::Look;
use crate::commands::tenant::{self, Contract, Terms};
use crate::commands::values::{Login, Moment, Throttle, Until};
use crate::commands::{Events, Order, Verify};

/// What a repository holds, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Held {
    /// What the tenant sees.
    pub(super) used: u64,
    /// What is on disk, acknowledged or not.
    pub(super) stored: u64,
}

/// Adds a tenant with one repository, and makes its password.
pub(super) fn add(
    node: &Node,
    name: &str,
    lease: Date,
    quota: Size,
) -> Result<(TenantName, RepositoryName, Tenant), Failure> {
    let name = TenantName::parse(name).map_err(|error| told(&error))?;
    let repository = RepositoryName::parse("main").map_err(|error| told(&error))?;
    let terms = Terms {
        lease: Some(Until::Day(lease)),
        ..Terms::default()
    };
    node.order(Order::Tenant(tenant::Tenant::Add(Contract {
        name: name.clone(),
        terms,
    })))?;
    let which = Named {
        tenant: name.clone(),
        name: repository.clone(),
    };
    let promises = Promises::default();
    node.order(Order::Repository(Repository::Add(Add {
        which,
        quota,
        promises,
    })))?;
    let (_, made) = node.order(Order::Password(Password {
        login: Login::parse(name.as_str()).map_err(|error| told(&error))?,
        scope: Scope::Full,
        expires: Until::Never,
        label: "demo".to_owned(),
        password_file: None,
        password: None,
    }))?;
    let password = made["password"]
        .as_str()
        .ok_or_else(|| said("the node makes no password"))?;
    let there = (node.server.as_str(), node.thumbprint.as_str());
    let tenant = Tenant::new(&name, &repository, there, password)?;
    Ok((name, repository, tenant))
}

/// Changes the terms of a tenant.
pub(super) fn set(node: &Node, name: &TenantName, terms: Terms) -> Result<(), Failure> {
    let contract = Contract {
        name: name.clone(),
        terms,
    };
    node.order(Order::Tenant(tenant::Tenant::Set(contract)))
        .map(|_| ())
}

/// The terms that change the lease alone.
pub(super) fn leased(lease: Date) -> Terms {
    Terms {
        lease: Some(Until::Day(lease)),
        ..Terms::default()
    }
}

/// The terms that change the bandwidth alone.
pub(super) fn throttled(rate: Option<Rate>) -> Terms {
    Terms {
        bandwidth: Some(Throttle(rate)),
        ..Terms::default()
    }
}

/// What a tenant's repositories hold.
pub(super) fn held(node: &Node, tenant: &TenantName) -> Result<Held, Failure> {
    let of = Of {
        tenant: Some(tenant.clone()),
        removed: false,
    };
    let (rows, _) = node.order(Order::Repository(Repository::List(of)))?;
    Ok(Held {
        used: sum(&rows, "used"),
        stored: sum(&rows, "stored"),
    })
}

/// How many requests of clients are being served.
pub(super) fn running(node: &Node) -> Result<u64, Failure> {
    let (rows, _) = node.order(Order::Shell(Look::Sessions))?;
    Ok(rows
        .iter()
        .map(|row| row["session"]["running"].as_u64().unwrap_or_default())
        .sum())
}

/// Objects and bytes in the bin of a tenant.
pub(super) fn in_bin(node: &Node, tenant: &TenantName) -> Result<(u64, u64), Failure> {
    let of = crate::commands::bin::Of {
        tenant: Some(tenant.clone()),
        repository: None,
    };
    let (rows, _) = node.order(Order::Bin(Bin::List(of)))?;
    Ok((sum(&rows, "objects"), sum(&rows, "bin")))
}

/// Brings back what a repository showed at an instant: objects and bytes.
pub(super) fn undelete(
    node: &Node,
    tenant: &TenantName,
    repository: &RepositoryName,
    at: Moment,
) -> Result<(u64, u64), Failure> {
    let view = View {
        tenant: tenant.clone(),
        repository: repository.clone(),
        at,
    };
    let back = Back { view, reason: None };
    let (_, moved) = node.order(Order::Bin(Bin::Restore(back)))?;
    Ok((number(&moved, "objects"), number(&moved, "bytes")))
}

/// Has everything read back and compared: objects, bytes, and how many are damaged.
pub(super) fn verify(node: &Node) -> Result<(u64, u64, u64), Failure> {
    let (rows, _) = node.order(Order::Verify(Verify {
        tenant: None,
        repository: None,
    }))?;
    Ok((
        sum(&rows, "objects"),
        sum(&rows, "bytes"),
        sum(&rows, "damaged"),
    ))
}

/// How many events the node has written down.
pub(super) fn events(node: &Node) -> Result<u64, Failure> {
    let (rows, _) = node.order(Order::Events(Events {
        follow: false,
        tenant: None,
    }))?;
    Ok(rows.len() as u64)
}

fn sum(rows: &[Value], key: &str) -> u64 {
    rows.iter().map(|row| number(row, key)).sum()
}

/// A number of an answer; zero if there is none.
pub(super) fn number(row: &Value, key: &str) -> u64 {
    row[key].as_u64().unwrap_or_default()
}
