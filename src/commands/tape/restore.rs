//! Orders about restores from tape.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use holdfast_actors::kernel::RestoreId;
use holdfast_actors::names::{RepositoryName, TenantName};
use serde::{Deserialize, Serialize};

use super::named::{Whole, restore_id};
use crate::commands::values::Moment;

/// What can be done to bring back what was archived.
#[derive(Clone, Debug, PartialEq, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Restore {
    /// Show which cartridges a restore would read, and which have to be put in first
    #[command(
        after_help = "Example: holdfast --data /srv/holdfast tape restore plan acme main \
                      --at 2026-05-01T12:00:00Z"
    )]
    Plan(Wanted),
    /// Bring a repository back from tape: to a folder, into another repository, or as it was
    #[command(
        after_help = "The tenant is shut out while a repository is brought back with \
                      --original.\n\n\
                      Example: holdfast --data /srv/holdfast tape restore run acme main \
                      --to /mnt/rescue/acme"
    )]
    Run(Run),
    /// List restores, under way and ended
    #[command(after_help = "Example: holdfast --data /srv/holdfast tape restore list")]
    List,
    /// Stop a restore; what it brought back stays
    #[command(after_help = "Example: holdfast --data /srv/holdfast tape restore stop 3")]
    Stop(One),
}

/// One restore.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct One {
    /// Its id, as 'tape restore list' shows it
    #[arg(value_parser = restore_id)]
    pub id: RestoreId,
}

/// What is wanted back.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Wanted {
    /// The tenant; of one that was removed, the name that it had
    #[arg(value_parser = TenantName::parse)]
    pub tenant: TenantName,
    /// The repository
    #[arg(value_parser = RepositoryName::parse)]
    pub repository: RepositoryName,
    /// The last that was archived as of this instant or before it; without it, the last of all
    #[arg(long, value_name = "RFC3339", value_parser = Moment::parse, conflicts_with = "run")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Moment>,
    /// What was archived under this name, as 'tape job log' shows it
    #[arg(long, value_name = "NAME")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
}

/// What is wanted back, and where.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Run {
    /// What.
    #[command(flatten)]
    pub wanted: Wanted,
    /// Where to.
    #[command(flatten)]
    pub target: Target,
    /// Go beyond the quota of the repository if need be
    #[arg(long)]
    #[serde(default)]
    pub override_quota: bool,
}

/// Where to.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[group(required = true, multiple = false)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Target {
    /// A directory that is empty or does not exist, on the node that the library hangs on
    #[arg(long, value_name = "DIR")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<PathBuf>,
    /// A repository that gets what it lacks
    #[arg(long, value_name = "TENANT/REPOSITORY", value_parser = Whole::parse)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub into: Option<Whole>,
    /// The repository itself: it shows exactly what was archived then
    #[arg(long)]
    #[serde(default)]
    pub original: bool,
}
