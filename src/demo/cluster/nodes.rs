//! The three nodes of the demonstration: made, joined, watched, killed and cut off.

use std::fs;
use std::io::sink;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::thread;

use holdfast_actors::kernel::NodeName;
use serde_json::Value;

use super::LOOK;
use crate::cli::{Failure, Screen};
use crate::commands::Order;
use crate::commands::cluster::{self, JoinToken, Life};
use crate::commands::node::{Init, Join, Place};
use crate::commands::shell::{Look, Tree};
use crate::demo::node::Node;
use crate::demo::stage::Stage;
use crate::demo::{said, told};

/// How many there are.
const COUNT: usize = 3;
/// Under which the root's key is kept; the demonstration lets nobody else in.
const PASSPHRASE: &str = "good for one demonstration";
/// How long nodes may take until all are at work, in seconds.
const PATIENCE: f64 = 60.0;

/// One node.
pub(super) struct Member {
    pub(super) name: String,
    pub(super) node: Node,
}

/// All of them.
pub(super) struct Nodes {
    pub(super) all: Vec<Member>,
}

/// Where tenants reach a node.
#[derive(Clone, Debug)]
pub(super) struct Address {
    /// The node's name.
    pub(super) name: String,
    server: String,
    thumbprint: String,
}

impl Address {
    /// The server, and the certificate that it shows.
    pub(super) fn pair(&self) -> (&str, &str) {
        (&self.server, &self.thumbprint)
    }
}

impl Nodes {
    /// Makes a cluster, and waits until all nodes are at work.
    pub(super) fn found(stage: &Stage) -> Result<Self, Failure> {
        let mut nodes = Self { all: Vec::new() };
        let passphrase = stage.at("passphrase");
        fs::write(&passphrase, PASSPHRASE).map_err(|error| told(&error))?;
        for number in 1..=COUNT {
            let name = format!("n{number}");
            let data = stage.at(&name);
            match nodes.all.first() {
                None => found(&data, &name, &passphrase)?,
                Some(first) => join(&data, &name, &first.node, &stage.at("token"))?,
            }
            let node = Node::at(data, &stage.leash)?;
            nodes.all.push(Member { name, node });
        }
        nodes.settle(stage)?;
        Ok(nodes)
    }

    /// Waits until all nodes are at work, in the eyes of each of them.
    pub(super) fn settle(&self, stage: &Stage) -> Result<(), Failure> {
        let begun = stage.seconds();
        loop {
            let sees_all = |member: &Member| {
                let listed = member.node.order(Order::Node(cluster::Node::List));
                let rows = listed.map(|(rows, _)| rows).unwrap_or_default();
                rows.iter().filter(|row| row["state"] == "active").count() == COUNT
            };
            if self.all.iter().all(sees_all) {
                return Ok(());
            }
            if stage.seconds() - begun > PATIENCE {
                return Err(said("not all nodes get to work"));
            }
            thread::sleep(LOOK);
        }
    }

    /// The node that writes most repositories.
    pub(super) fn busiest(&self) -> Result<usize, Failure> {
        self.busiest_but(COUNT)
    }

    /// The same, but for one.
    pub(super) fn busiest_but(&self, but: usize) -> Result<usize, Failure> {
        let mut busiest = None;
        for (at, member) in self.all.iter().enumerate() {
            let (rows, _) = member
                .node
                .order(Order::Shell(Look::Tree(Tree::default())))?;
            let count = rows.iter().filter(|row| is_repository(row)).count();
            if at != but && busiest.is_none_or(|(most, _)| count > most) {
                busiest = Some((count, at));
            }
        }
        busiest
            .map(|(_, at)| at)
            .ok_or_else(|| said("there is no node"))
    }

    /// Where tenants reach one.
    pub(super) fn address(&self, at: usize) -> Address {
        let Member { name, node } = &self.all[at];
        Address {
            name: name.clone(),
            server: node.server.clone(),
            thumbprint: node.thumbprint.clone(),
        }
    }

    /// Where tenants reach the others.
    pub(super) fn addresses_but(&self, but: usize) -> Vec<Address> {
        let others = (0..self.all.len()).filter(|at| *at != but);
        others.map(|at| self.address(at)).collect()
    }

    /// Kills one.
    pub(super) fn kill(&mut self, at: usize) -> Result<(), Failure> {
        self.all[at].node.kill()
    }

    /// Cuts one off: it neither hears nor says anything.
    pub(super) fn cut(&mut self, at: usize) -> Result<(), Failure> {
        self.all[at].node.freeze()
    }

    /// Lets it hear and say again.
    pub(super) fn heal(&self, at: usize) -> Result<(), Failure> {
        self.all[at].node.thaw()
    }
}

/// Whether a row of the tree is a repository at work.
fn is_repository(row: &Value) -> bool {
    let path = row["path"].as_str().unwrap_or_default();
    let name = path.strip_prefix("node/repositories/repository-");
    name.is_some_and(|name| !name.contains('/')) && row["state"] == "running"
}

fn found(data: &Path, name: &str, passphrase: &Path) -> Result<(), Failure> {
    let init = Init {
        name: NodeName::parse(name),
        cluster: true,
        place: place()?,
        passphrase_file: Some(passphrase.to_owned()),
    };
    crate::node::init(data, &init, &mut silent())
}

fn join(data: &Path, name: &str, first: &Node, token_file: &Path) -> Result<(), Failure> {
    let expires = Life::parse("10m").map_err(|error| told(&error))?;
    let (_, made) = first.order(Order::JoinToken(JoinToken {
        expires,
        tokens: None,
    }))?;
    let token = made["token"].as_str();
    let token = token.ok_or_else(|| said("the node makes no token"))?;
    fs::write(token_file, token).map_err(|error| told(&error))?;
    let join = Join {
        token_file: token_file.to_owned(),
        name: NodeName::parse(name),
        place: place()?,
    };
    crate::node::join(data, &join, &mut silent())
}

/// A place on this machine that nobody has now.
fn place() -> Result<Place, Failure> {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let free = UdpSocket::bind(any).and_then(|socket| socket.local_addr());
    let free = free.map_err(|error| told(&error))?;
    Ok(Place {
        addresses: vec![free],
        ..Place::default()
    })
}

fn silent() -> Screen {
    Screen::on(true, Box::new(sink()), Box::new(sink()))
}
