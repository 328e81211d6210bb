//! What an operator can order: the words of the command line and of the admin socket alike.
//!
//! Each order is defined once, as an argument of the command line and as a message to the node; a
//! name of a field is the name of its flag. Values are parsed here. Nothing is decided here.

pub mod bin;
pub mod catalog;
pub mod certificate;
pub mod cluster;
pub mod credential;
pub mod node;
pub mod operator;
pub mod pool;
pub mod repository;
pub mod service;
pub mod shell;
pub mod subtenant;
pub mod tape;
pub mod tenant;
pub mod values;

use serde::{Deserialize, Serialize};

use holdfast_actors::names::{RepositoryName, TenantName};

use values::{Login, Month};

/// One order to a node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Order {
    /// Tenants and their contracts.
    Tenant(tenant::Tenant),
    /// Persons and machines of a tenant.
    Subtenant(subtenant::Subtenant),
    /// A new login.
    Password(credential::Password),
    /// The logins there are.
    Credential(credential::Credential),
    /// Who operates the service.
    Operator(operator::Operator),
    /// Requests that wait for a second operator.
    Approval(operator::Approval),
    /// Cloud repositories.
    Repository(repository::Repository),
    /// What was deleted and is still kept.
    Bin(bin::Bin),
    /// How much was held for how long.
    Usage(Usage),
    /// What happened.
    Events(Events),
    /// The notice that shuts tenants out for a while.
    Maintenance(service::Maintenance),
    /// The day by which leases end.
    Clock(service::Clock),
    /// What the node shows to clients.
    Certificate(certificate::Certificate),
    /// Reads stored data back and compares.
    Verify(Verify),
    /// A token that lets a node in.
    JoinToken(cluster::JoinToken),
    /// The nodes of the cluster.
    Node(cluster::Node),
    /// Pools of gateways.
    Pool(pool::Pool),
    /// Tape: libraries, media pools, cartridges, jobs, restores.
    Tape(tape::Tape),
    /// The whole catalog, in pieces.
    Catalog,
    /// Whether the node answers, and how it is.
    Status,
    /// A look into the actors.
    Shell(shell::Look),
}

/// How much each tenant held, in byte-seconds.
#[derive(Clone, Debug, PartialEq, clap::Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Usage {
    /// The month to count, for example 2026-11; without it, the one that runs
    #[arg(long, value_name = "YYYY-MM", value_parser = Month::parse)]
    pub month: Option<Month>,
}

/// The events, oldest first.
#[derive(Clone, Debug, PartialEq, clap::Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Events {
    /// Go on with new events as they happen
    #[arg(long)]
    pub follow: bool,
    /// Only events of this tenant
    #[arg(long, value_name = "TENANT", value_parser = TenantName::parse)]
    pub tenant: Option<TenantName>,
}

/// What to read back.
#[derive(Clone, Debug, PartialEq, clap::Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Verify {
    /// Only repositories of this tenant
    #[arg(value_name = "TENANT", value_parser = TenantName::parse)]
    pub tenant: Option<TenantName>,
    /// Only this repository
    #[arg(value_name = "REPOSITORY", value_parser = RepositoryName::parse)]
    pub repository: Option<RepositoryName>,
}

/// Whose things to show.
#[derive(Clone, Debug, PartialEq, clap::Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Whose {
    /// Only those of this login
    #[arg(value_name = "TENANT[+SUB]", value_parser = Login::parse)]
    pub login: Option<Login>,
}
