//! Orders about subtenants: persons and machines of a tenant, each with its own data.

use clap::{Args, Subcommand};
use holdfast_actors::names::{RepositoryName, SubtenantName, TenantName};
use serde::{Deserialize, Serialize};

use super::values::Ceiling;

/// What can be done with subtenants.
#[derive(Clone, Debug, PartialEq, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Subtenant {
    /// Add a subtenant; it logs in as TENANT+SUB
    #[command(
        after_help = "Example: holdfast --data /srv/holdfast subtenant add acme laptop \
                            --repository main --limit 50GiB"
    )]
    Add(Slice),
    /// List the subtenants of a tenant
    #[command(after_help = "Example: holdfast --data /srv/holdfast subtenant list acme")]
    List(Of),
    /// Show one subtenant
    #[command(after_help = "Example: holdfast --data /srv/holdfast subtenant show acme laptop")]
    Show(Named),
    /// Change a subtenant; what is not given stays
    #[command(
        after_help = "Example: holdfast --data /srv/holdfast subtenant set acme laptop \
                            --repository main --limit none"
    )]
    Set(Slice),
    /// Shut a subtenant out and end its sessions at once
    #[command(after_help = "Example: holdfast --data /srv/holdfast subtenant disable acme laptop")]
    Disable(Disable),
    /// Serve a disabled subtenant again
    #[command(after_help = "Example: holdfast --data /srv/holdfast subtenant enable acme laptop")]
    Enable(Named),
    /// Remove a subtenant with its logins; its data stays
    #[command(after_help = "Example: holdfast --data /srv/holdfast subtenant remove acme laptop")]
    Remove(Named),
}

/// Whose subtenants.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Of {
    /// The tenant
    #[arg(value_parser = TenantName::parse)]
    pub tenant: TenantName,
}

/// One subtenant by name.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Named {
    /// The tenant
    #[arg(value_parser = TenantName::parse)]
    pub tenant: TenantName,
    /// The subtenant
    #[arg(value_name = "SUB", value_parser = SubtenantName::parse)]
    pub name: SubtenantName,
}

/// Whom to shut out, and why.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Disable {
    /// Whom.
    #[command(flatten)]
    pub whom: Named,
    /// Why, as it is kept with the event
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// A subtenant with its slice of one repository.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Slice {
    /// Whose slice.
    #[command(flatten)]
    pub whom: Named,
    /// The repository it may use; may be left out where the tenant has one alone
    #[arg(long, value_name = "R", value_parser = RepositoryName::parse)]
    pub repository: Option<RepositoryName>,
    /// The most it may hold there, or 'none' for all of the tenant's quota [default: none]
    #[arg(long, value_name = "SIZE|none", value_parser = Ceiling::parse)]
    pub limit: Option<Ceiling>,
    /// Free text
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
}
