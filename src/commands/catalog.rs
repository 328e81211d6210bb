//! Orders about the catalog as a whole.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// What can be done with the catalog.
#[derive(Clone, Debug, PartialEq, Subcommand)]
pub enum Catalog {
    /// Write the whole catalog, encrypted, to a file to keep elsewhere
    #[command(
        after_help = "Example: holdfast --data /srv/holdfast catalog export catalog.backup \
                      --passphrase-file passphrase"
    )]
    Export(Export),
    /// Bring a catalog back on a new node that never ran, with the extents in its directory
    #[command(
        after_help = "Example: holdfast --data /srv/new catalog import catalog.backup \
                      --passphrase-file passphrase"
    )]
    Import(Import),
}

/// Where the catalog goes.
#[derive(Clone, Debug, PartialEq, Args)]
pub struct Export {
    /// The file, which must not be there yet; `-` for standard output
    pub file: PathBuf,
    /// The passphrase that will open it, as the first line of a file [default: asked for]
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
}

/// Where the catalog comes from.
#[derive(Clone, Debug, PartialEq, Args)]
pub struct Import {
    /// The file that 'catalog export' wrote
    pub file: PathBuf,
    /// The passphrase that opens it, as the first line of a file [default: asked for]
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// Go on though extents are missing in the node's directory: what is in them is lost
    #[arg(long)]
    pub partial: bool,
}

/// A catalog to be begun anew from one surviving node.
#[derive(Clone, Debug, PartialEq, Args)]
pub struct Recover {
    /// Say that you know that what the lost nodes alone knew is lost
    #[arg(long = "unsafe", required = true)]
    pub is_unsafe: bool,
    /// The words that are asked for otherwise: 'recover NODE'
    #[arg(long, value_name = "TEXT")]
    pub confirm: Option<String>,
}
