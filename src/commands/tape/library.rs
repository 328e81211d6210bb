//! Orders about tape libraries.

use std::net::SocketAddr;

use clap::{Args, Subcommand};
use holdfast_actors::kernel::Size;
use holdfast_actors::names::TapeName;
use holdfast_actors::tape::device::{SecretFile, Serial, Target, User};
use serde::{Deserialize, Serialize};

use super::Named;
use super::named::MediumRef;
use crate::commands::cluster::NodeRef;

/// What can be done with libraries.
#[derive(Clone, Debug, PartialEq, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Library {
    /// Add a library: devices of a node, those of an iSCSI target, or a virtual one, which keeps
    /// its cartridges in directories of the node
    #[command(
        after_help = "What is not given for a virtual one: --drives 2, --slots 8, and --capacity \
                      100GiB. 'tape scan' lists the serial numbers of devices, and targets.\n\n\
                      Example: holdfast --data /srv/holdfast tape library add robot \
                      --changer CHG00001 --drive DRV00001 --drive DRV00002"
    )]
    Add(Box<Add>),
    /// List all libraries
    #[command(after_help = "Example: holdfast --data /srv/holdfast tape library list")]
    List,
    /// Show one library
    #[command(after_help = "Example: holdfast --data /srv/holdfast tape library show shelf")]
    Show(Named),
    /// Ask the arm which cartridges are where, and list them
    #[command(after_help = "Example: holdfast --data /srv/holdfast tape library inventory shelf")]
    Inventory(Named),
    /// Show what stands behind the door of a library
    #[command(after_help = "Example: holdfast --data /srv/holdfast tape library door shelf")]
    Door(Named),
    /// Carry cartridges to the places behind the door, where they can be taken out
    #[command(
        after_help = "They are off line then, and known: a restore names those that it needs.\n\n\
                      Example: holdfast --data /srv/holdfast tape library export shelf HF0001L8"
    )]
    Export(Export),
    /// Carry what stands behind the door to free slots, and list what is in the library then
    #[command(after_help = "Example: holdfast --data /srv/holdfast tape library import shelf")]
    Import(Named),
    /// Forget a library; its cartridges are off line then
    #[command(after_help = "Example: holdfast --data /srv/holdfast tape library remove shelf")]
    Remove(Named),
}

/// Cartridges that go out.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Export {
    /// The library
    #[arg(value_parser = TapeName::parse)]
    pub name: TapeName,
    /// Their barcodes such as HF0001L8, or their ids
    #[arg(value_name = "BARCODE", required = true, value_parser = MediumRef::parse)]
    pub media: Vec<MediumRef>,
}

/// A new library.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Add {
    /// Its name: a-z, 0-9 and '-'
    #[arg(value_parser = TapeName::parse)]
    pub name: TapeName,
    /// Its cartridges are directories of the node
    #[arg(long = "virtual", required_unless_present_any = ["changer", "portal"])]
    #[serde(default, rename = "virtual")]
    pub is_virtual: bool,
    /// How many drives, 1 to 64
    #[arg(long, value_name = "N", conflicts_with_all = ["changer", "portal"])]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drives: Option<u16>,
    /// How many slots, 1 to 4096, each with a cartridge
    #[arg(long, value_name = "N", conflicts_with_all = ["changer", "portal"])]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slots: Option<u16>,
    /// How much one cartridge holds, at least 16MiB
    #[arg(long, value_name = "SIZE", value_parser = Size::parse,
          conflicts_with_all = ["changer", "portal"])]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<Size>,
    /// The serial number of its changer
    #[arg(long, value_name = "SERIAL", value_parser = Serial::parse, requires = "serials",
          conflicts_with_all = ["is_virtual", "portal"])]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changer: Option<Serial>,
    /// The serial number of a drive of it; once for each
    #[arg(long = "drive", value_name = "SERIAL", value_parser = Serial::parse,
          requires = "changer")]
    #[serde(default, rename = "drive", skip_serializing_if = "Vec::is_empty")]
    pub serials: Vec<Serial>,
    /// Where the iSCSI target is reached
    #[arg(
        long,
        value_name = "IP:PORT",
        requires = "target",
        conflicts_with = "is_virtual"
    )]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub portal: Option<SocketAddr>,
    /// The name of the iSCSI target: its changer and all its drives are the library
    #[arg(long, value_name = "IQN", value_parser = Target::parse, requires = "portal")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// The name to log in there with
    #[arg(long, value_name = "NAME", value_parser = User::parse,
          requires_all = ["portal", "secret_file"])]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<User>,
    /// The file of the node with the secret for it; the secret is read whenever it is needed, and
    /// kept nowhere else
    #[arg(long, value_name = "PATH", value_parser = SecretFile::parse, requires = "user")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_file: Option<SecretFile>,
    /// The node of a cluster that it hangs on, by name or by an id such as node-2
    #[arg(long, value_name = "NODE", value_parser = NodeRef::parse)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeRef>,
}
