//! Orders about cloud repositories.

use clap::{Args, Subcommand};
use holdfast_actors::kernel::{RepositoryId, Size};
use holdfast_actors::names::{RepositoryName, TenantName};
use serde::{Deserialize, Serialize};

use super::values::repository_id;

/// What can be done with repositories.
#[derive(Clone, Debug, PartialEq, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Repository {
    /// Add a repository
    #[command(
        after_help = "What is not given: --hold-days 0, and --min-copies 2 where\n\
                            there are so many nodes\n\n\
                      Example: holdfast --data /srv/holdfast repository add acme main \
                      --quota 500GiB --hold-days 14"
    )]
    Add(Add),
    /// List repositories with their figures, of all or of one tenant
    #[command(after_help = "Example: holdfast --data /srv/holdfast repository list acme")]
    List(Of),
    /// Show one repository with its figures
    #[command(after_help = "Example: holdfast --data /srv/holdfast repository show acme main")]
    Show(Named),
    /// Change a repository; what is not given stays
    #[command(
        after_help = "Example: holdfast --data /srv/holdfast repository set acme main \
                            --quota 1TiB"
    )]
    Set(Set),
    /// Stop serving a repository; its data stays until it is purged
    #[command(after_help = "Example: holdfast --data /srv/holdfast repository remove acme main")]
    Remove(Named),
    /// Delete the data of a removed repository for good, once its bin and holds are over
    #[command(after_help = "Example: holdfast --data /srv/holdfast repository purge 17")]
    Purge(Removed),
}

/// A repository that has no name any more.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Removed {
    /// Its id, as 'repository list --removed' shows it
    #[arg(value_parser = repository_id)]
    pub id: RepositoryId,
}

/// Whose repositories.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Of {
    /// Only those of this tenant
    #[arg(value_parser = TenantName::parse)]
    pub tenant: Option<TenantName>,
    /// Those that were removed and are not purged yet
    #[arg(long)]
    #[serde(default)]
    pub removed: bool,
}

/// One repository by name.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Named {
    /// The tenant
    #[arg(value_parser = TenantName::parse)]
    pub tenant: TenantName,
    /// The repository: a-z, 0-9, '.', '_' and '-'
    #[arg(value_parser = RepositoryName::parse)]
    pub name: RepositoryName,
}

/// A new repository.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Add {
    /// Which.
    #[command(flatten)]
    pub which: Named,
    /// The most it may hold, for example 10GiB
    #[arg(long, value_name = "SIZE", value_parser = Size::parse)]
    pub quota: Size,
    /// Its promises.
    #[command(flatten)]
    #[serde(default)]
    pub promises: Promises,
}

/// What to change of a repository.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Set {
    /// Which.
    #[command(flatten)]
    pub which: Named,
    /// The most it may hold, for example 10GiB
    #[arg(long, value_name = "SIZE", value_parser = Size::parse)]
    pub quota: Option<Size>,
    /// Its promises.
    #[command(flatten)]
    #[serde(default)]
    pub promises: Promises,
}

/// What a repository promises about what is in it.
#[derive(Clone, Debug, Default, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Promises {
    /// Days within which every instant stays restorable, whoever asks otherwise
    #[arg(long, value_name = "N")]
    pub hold_days: Option<u32>,
    /// Copies without which nothing is acknowledged
    #[arg(long, value_name = "N")]
    pub min_copies: Option<u32>,
}
