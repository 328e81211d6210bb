//! Orders about tenants.

use clap::{Args, Subcommand};
use holdfast_actors::names::TenantName;
use serde::{Deserialize, Serialize};

use super::pool::{Pools, Switch};
use super::values::{Ceiling, Throttle, Until};

/// What can be done with tenants.
#[derive(Clone, Debug, PartialEq, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Tenant {
    /// Add a tenant
    #[command(
        after_help = "What is not given: --lease never --tasks 16 --bandwidth none --bin-days 7\n\
                      --bin-limit quota --restore-grace 0 --purge-hold 0\n\
                      --pools none --fail-over off\n\n\
                      Example: holdfast --data /srv/holdfast tenant add acme \
                      --lease 2027-12-31 --bandwidth 50MB/s"
    )]
    Add(Contract),
    /// List all tenants
    #[command(after_help = "Example: holdfast --data /srv/holdfast tenant list --json")]
    List,
    /// Show one tenant with its figures
    #[command(after_help = "Example: holdfast --data /srv/holdfast tenant show acme")]
    Show(Named),
    /// Change a tenant's contract; what is not given stays
    #[command(
        after_help = "Examples:\n  holdfast --data /srv/holdfast tenant set acme \
                      --lease never --bandwidth none\n  \
                      holdfast --data /srv/holdfast tenant set acme --pools west --fail-over on"
    )]
    Set(Contract),
    /// Shut a tenant out and end its sessions at once
    #[command(
        after_help = "Example: holdfast --data /srv/holdfast tenant disable acme \
                            --reason 'invoice 17 is open'"
    )]
    Disable(Disable),
    /// Serve a disabled tenant again
    #[command(after_help = "Example: holdfast --data /srv/holdfast tenant enable acme")]
    Enable(Named),
    /// Remove a tenant with its logins; its data stays until it is purged
    #[command(after_help = "Example: holdfast --data /srv/holdfast tenant remove acme")]
    Remove(Named),
    /// Delete the data of a removed tenant, or of one whose lease and hold have ended, for good
    #[command(after_help = "Example: holdfast --data /srv/holdfast tenant purge acme")]
    Purge(Named),
}

/// One tenant by name.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Named {
    /// The tenant
    #[arg(value_parser = TenantName::parse)]
    pub name: TenantName,
}

/// Whom to shut out, and why.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Disable {
    /// The tenant
    #[arg(value_parser = TenantName::parse)]
    pub name: TenantName,
    /// Why, as it is kept with the event
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// A tenant with what its contract says of it.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Contract {
    /// The tenant: letters, digits, space, '-', '_' and '.'
    #[arg(value_parser = TenantName::parse)]
    pub name: TenantName,
    /// Its terms.
    #[command(flatten)]
    #[serde(default)]
    pub terms: Terms,
}

/// The terms of a contract; for a new tenant, what is not given has its default.
#[derive(Clone, Debug, Default, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Terms {
    /// The last day of the lease, UTC, or 'never'
    #[arg(long, value_name = "YYYY-MM-DD|never", value_parser = Until::parse)]
    pub lease: Option<Until>,
    /// Most uploads at once, and most downloads at once
    #[arg(long, value_name = "N")]
    pub tasks: Option<u32>,
    /// Most bytes per second, for example 50MB/s, or 'none'
    #[arg(long, value_name = "RATE|none", value_parser = Throttle::parse)]
    pub bandwidth: Option<Throttle>,
    /// Days that deleted objects are kept, 0 to 99
    #[arg(long, value_name = "N")]
    pub bin_days: Option<u32>,
    /// Bytes of deleted objects that are not charged, or 'quota' for as many as the quota
    #[arg(long, value_name = "SIZE|quota", value_parser = Ceiling::parse_or_quota)]
    pub bin_limit: Option<Ceiling>,
    /// Days behind the lease's end on which reading is still allowed
    #[arg(long, value_name = "N")]
    pub restore_grace: Option<u32>,
    /// Days behind the lease's end before which nobody may purge
    #[arg(long, value_name = "N")]
    pub purge_hold: Option<u32>,
    /// The pools of gateways that serve it, or 'none' for gateways in no pool
    #[arg(long, value_name = "POOL,...|none", value_parser = Pools::parse)]
    pub pools: Option<Pools>,
    /// Whether gateways in no pool serve it while all of its pools are down
    #[arg(long, value_enum, value_name = "on|off")]
    pub fail_over: Option<Switch>,
    /// Free text for operators
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
}
