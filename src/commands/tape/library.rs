//! Orders about tape libraries.

use clap::{Args, Subcommand};
use holdfast_actors::kernel::Size;
use holdfast_actors::names::TapeName;
use serde::{Deserialize, Serialize};

use super::Named;
use crate::commands::cluster::NodeRef;

/// What can be done with libraries.
#[derive(Clone, Debug, PartialEq, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Library {
    /// Add a library; a virtual one keeps its cartridges in directories of the node
    #[command(
        after_help = "What is not given: --drives 2, --slots 8, and --capacity 100GiB\n\n\
                      Example: holdfast --data /srv/holdfast tape library add shelf --virtual \
                      --slots 16 --capacity 1TiB"
    )]
    Add(Add),
    /// List all libraries
    #[command(after_help = "Example: holdfast --data /srv/holdfast tape library list")]
    List,
    /// Show one library
    #[command(after_help = "Example: holdfast --data /srv/holdfast tape library show shelf")]
    Show(Named),
    /// Ask the arm which cartridges are where, and list them
    #[command(after_help = "Example: holdfast --data /srv/holdfast tape library inventory shelf")]
    Inventory(Named),
    /// Forget a library; its cartridges are off line then
    #[command(after_help = "Example: holdfast --data /srv/holdfast tape library remove shelf")]
    Remove(Named),
}

/// A new library.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Add {
    /// Its name: a-z, 0-9 and '-'
    #[arg(value_parser = TapeName::parse)]
    pub name: TapeName,
    /// Its cartridges are directories of the node
    #[arg(long = "virtual", required = true)]
    #[serde(rename = "virtual")]
    pub is_virtual: bool,
    /// How many drives, 1 to 64
    #[arg(long, value_name = "N")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drives: Option<u16>,
    /// How many slots, 1 to 4096, each with a cartridge
    #[arg(long, value_name = "N")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slots: Option<u16>,
    /// How much one cartridge holds, at least 16MiB
    #[arg(long, value_name = "SIZE", value_parser = Size::parse)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<Size>,
    /// The node of a cluster that it hangs on, by name or by an id such as node-2
    #[arg(long, value_name = "NODE", value_parser = NodeRef::parse)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeRef>,
}
