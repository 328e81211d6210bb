//! The arguments of what runs a node itself, instead of speaking to one.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use holdfast_actors::kernel::{NodeName, Size, Version};

use super::values::{Throttle, ValueError};

/// The main job on an embedded node, or a cluster of them.
#[derive(Clone, Debug, Args)]
pub struct Demo {
    /// Show a cluster of three nodes that loses one after the other
    #[arg(long, conflicts_with = "source")]
    pub cluster: bool,
    /// Show tapes: what was lost comes back, and plain tar reads them
    #[arg(long, conflicts_with_all = ["source", "cluster"])]
    pub tape: bool,
    /// Keep the node's data in this directory instead of cleaning up
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
    /// Back up this directory too
    #[arg(long, value_name = "DIR")]
    pub source: Option<PathBuf>,
    /// What the demo starts itself with: the process to die with.
    #[arg(long, hide = true, value_name = "PID")]
    pub child_of: Option<u32>,
    /// What the demo starts itself with: the arguments to go on with.
    #[arg(last = true, hide = true, requires = "child_of")]
    pub arguments: Vec<OsString>,
}

/// How the node is.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct Status {
    /// End with 1 if something needs attention, for monitoring
    #[arg(long)]
    pub check: bool,
}

/// A new node.
#[derive(Clone, Debug, Default, Args)]
pub struct Init {
    /// The node's name: a-z, 0-9 and '-' [default: the host's name]
    #[arg(long, value_name = "NODE", value_parser = node_name)]
    pub name: Option<NodeName>,
    /// Found a cluster, with this node as its first
    #[arg(long)]
    pub cluster: bool,
    /// Its place in the cluster.
    #[command(flatten)]
    pub place: Place,
    /// The passphrase under which the key of the cluster's root is kept, as the first line of a
    /// file [default: asked for]
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
}

/// A new node of a cluster that is there.
#[derive(Clone, Debug, Args)]
pub struct Join {
    /// The join token, in a file; `-` for standard input
    #[arg(long, value_name = "FILE")]
    pub token_file: PathBuf,
    /// The node's name: a-z, 0-9 and '-' [default: the host's name]
    #[arg(long, value_name = "NODE", value_parser = node_name)]
    pub name: Option<NodeName>,
    /// Its place in the cluster.
    #[command(flatten)]
    pub place: Place,
}

/// Where a node of a cluster stands.
#[derive(Clone, Debug, Default, Args)]
pub struct Place {
    /// Where the other nodes reach this one, over UDP; several, the best first
    #[arg(long = "address", value_name = "IP:PORT")]
    pub addresses: Vec<SocketAddr>,
    /// Where to listen for the other nodes, if that is not the address
    #[arg(long, value_name = "IP:PORT")]
    pub bind: Option<SocketAddr>,
    /// What the node does; several [default: gateway and storage]
    #[arg(long = "role", value_name = "ROLE", value_enum)]
    pub roles: Vec<NodeRole>,
    /// What fails together with it: a rack, a room, a site
    #[arg(long, value_name = "ZONE", value_parser = zone)]
    pub zone: Option<String>,
}

impl Place {
    /// Whether there is anything in it.
    pub const fn is_given(&self) -> bool {
        !self.addresses.is_empty()
            || self.bind.is_some()
            || !self.roles.is_empty()
            || self.zone.is_some()
    }

    /// The roles, or those that a node has if nobody says.
    pub fn roles(&self) -> BTreeSet<String> {
        let usual = [NodeRole::Gateway, NodeRole::Storage];
        let roles = if self.roles.is_empty() {
            &usual[..]
        } else {
            &self.roles
        };
        roles.iter().map(|role| role.word().to_owned()).collect()
    }
}

/// What a node of a cluster does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum NodeRole {
    /// Clients connect to it
    Gateway,
    /// It keeps data
    Storage,
    /// It has tape drives
    Tape,
    /// It runs replicas of machines
    Host,
}

impl NodeRole {
    const fn word(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Storage => "storage",
            Self::Tape => "tape",
            Self::Host => "host",
        }
    }
}

/// A node at work.
#[derive(Clone, Debug, Args)]
pub struct Serve {
    /// Where clients connect; `[::]:8443` takes IPv4 too
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8443")]
    pub listen: SocketAddr,
    /// Where agents reach this node, if that is not where it listens; several, the best first
    #[arg(long, value_name = "HOST:PORT", value_parser = reachable)]
    pub advertise: Vec<String>,
    /// Where metrics and health are served in plain HTTP
    #[arg(long, value_name = "IP:PORT")]
    pub metrics: Option<SocketAddr>,
    /// A group of this machine whose members reach the node's socket, too; each of them is the
    /// operator with their uid [default: root and the directory's owner alone]
    #[arg(long, value_name = "GROUP")]
    pub admin_group: Option<String>,
    /// What all tenants together may send, shared evenly by tenant, then by task: 100MB/s
    /// [default: none]
    #[arg(long, value_name = "RATE|none", value_parser = Throttle::parse)]
    pub bandwidth: Option<Throttle>,
    /// Speak this version with the other nodes and no newer one, to hold an upgrade of the cluster
    /// back until it has proved itself
    #[arg(long, value_name = "VERSION", default_value_t = Version::NEWEST,
          value_parser = wire_version)]
    pub wire_version: Version,
    /// How the journal is kept.
    #[command(flatten)]
    pub journal: Journal,
    /// What is logged.
    #[command(flatten)]
    pub log: Log,
}

/// How the node's journal is kept: what it takes on the disk, and what a start has to read.
#[derive(Clone, Debug, Args)]
pub struct Journal {
    /// Write the catalog down whole after so many commands, and let go of the journal before
    #[arg(long, value_name = "COMMANDS", default_value_t = 10_000,
          value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub snapshot_every: u64,
    /// The size at which the journal begins its next file, 4KiB to 1GiB
    #[arg(long = "journal-segment", value_name = "SIZE", default_value = "16MiB",
          value_parser = segment)]
    pub segment: Size,
}

/// What is logged on stderr, and how.
#[derive(Clone, Debug, Args)]
pub struct Log {
    /// What to log: error, warn, info, debug, trace, or a filter such as holdfast=debug,info; what
    /// consensus itself says is of use to its developers alone
    #[arg(
        long = "log",
        value_name = "FILTER",
        env = "HOLDFAST_LOG",
        default_value = "info,openraft=off"
    )]
    pub filter: String,
    /// How to write a line of the log
    #[arg(long = "log-format", value_enum, default_value_t = LogFormat::Text)]
    pub format: LogFormat,
}

/// The form of a line of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

pub(super) fn node_name(text: &str) -> Result<NodeName, ValueError> {
    let wanted = "a node's name: 1 to 64 of a-z, 0-9 and '-'";
    NodeName::parse(text).ok_or_else(|| ValueError::new(text, wanted))
}

fn reachable(text: &str) -> Result<String, ValueError> {
    let wanted =
        "where a node is reached: backup.example.net:8443, 192.0.2.1:8443 or [2001:db8::1]:8443";
    let port = text
        .rsplit_once(':')
        .and_then(|(_, port)| port.parse::<u16>().ok());
    let is_authority = text.parse::<hyper::http::uri::Authority>().is_ok() && !text.contains('@');
    let fits = is_authority && port.is_some_and(|port| port > 0) && text.len() <= 255;
    fits.then(|| text.to_owned())
        .ok_or_else(|| ValueError::new(text, wanted))
}

fn zone(text: &str) -> Result<String, ValueError> {
    let wanted = "a zone: 1 to 64 of letters, digits, '-', '.' and '_'";
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let fits = (1..=64).contains(&text.len()) && text.bytes().all(letters);
    fits.then(|| text.to_owned())
        .ok_or_else(|| ValueError::new(text, wanted))
}

fn wire_version(text: &str) -> Result<Version, ValueError> {
    let wanted = "a version that this program speaks between nodes: 1.0 or 1.1";
    let spoken = Version::OLDEST..=Version::NEWEST;
    let version = Version::parse(text).filter(|version| spoken.contains(version));
    version.ok_or_else(|| ValueError::new(text, wanted))
}

fn segment(text: &str) -> Result<Size, ValueError> {
    let size = Size::parse(text).ok();
    let size = size.filter(|size| (Size::bytes(4 << 10)..=Size::gib(1)).contains(size));
    size.ok_or_else(|| ValueError::new(text, "a size of 4KiB to 1GiB"))
}
