//! Orders about what was deleted and is still kept, and about repositories as they once were.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use holdfast_actors::names::{RepositoryName, TenantName};
use serde::{Deserialize, Serialize};

use super::values::Moment;

/// What can be done with deleted objects.
#[derive(Clone, Debug, PartialEq, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Bin {
    /// List what the bins hold, of all or of one tenant or repository
    #[command(after_help = "Example: holdfast --data /srv/holdfast bin list acme main")]
    List(Of),
    /// Make a login that reads a repository as it was at an instant, and nothing else
    #[command(
        after_help = "Example: holdfast --data /srv/holdfast bin view acme main \
                            --at 2026-05-01T12:00:00Z"
    )]
    View(View),
    /// Write a repository as it was at an instant to a directory that 'restic -r DIR' reads
    #[command(
        after_help = "Example: holdfast --data /srv/holdfast bin export acme main \
                            --at 2026-05-01T12:00:00Z --to /mnt/rescue/acme"
    )]
    Export(Export),
    /// Undelete: bring back what a repository showed at an instant
    #[command(
        after_help = "Example: holdfast --data /srv/holdfast bin restore acme main \
                            --at 2026-05-01T12:00:00Z --reason 'ticket 12'"
    )]
    Restore(Back),
}

/// Whose bins.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Of {
    /// Only those of this tenant
    #[arg(value_parser = TenantName::parse)]
    pub tenant: Option<TenantName>,
    /// Only that of this repository
    #[arg(value_parser = RepositoryName::parse)]
    pub repository: Option<RepositoryName>,
}

/// A repository as of an instant.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct View {
    /// The tenant
    #[arg(value_parser = TenantName::parse)]
    pub tenant: TenantName,
    /// The repository
    #[arg(value_parser = RepositoryName::parse)]
    pub repository: RepositoryName,
    /// The instant, for example 2026-05-01T12:00:00Z
    #[arg(long, value_name = "RFC3339", value_parser = Moment::parse)]
    pub at: Moment,
}

/// A view to go back to.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Back {
    /// What.
    #[command(flatten)]
    pub view: View,
    /// Why, for the event
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// A view, and where to write it.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Export {
    /// What.
    #[command(flatten)]
    pub view: View,
    /// A directory on the node that is empty or does not exist
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
}
