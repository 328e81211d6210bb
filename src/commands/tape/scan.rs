//! Which tape devices there are.

use std::net::SocketAddr;

use clap::Args;
use holdfast_actors::tape::device::{SecretFile, User};
use serde::{Deserialize, Serialize};

use crate::commands::cluster::NodeRef;

/// Where is looked for devices.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Scan {
    /// Look behind this iSCSI portal too
    #[arg(long, value_name = "IP:PORT")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub portal: Option<SocketAddr>,
    /// The name to log in there with
    #[arg(long, value_name = "NAME", value_parser = User::parse,
          requires_all = ["portal", "secret_file"])]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<User>,
    /// The file of the node with the secret for it
    #[arg(long, value_name = "PATH", value_parser = SecretFile::parse, requires = "user")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_file: Option<SecretFile>,
    /// The node of a cluster that looks, by name or by an id such as node-2; else the one asked
    #[arg(long, value_name = "NODE", value_parser = NodeRef::parse)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeRef>,
}
