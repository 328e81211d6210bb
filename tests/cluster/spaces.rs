//! Networks of their own for the nodes of a test: a namespace of the kernel for each, and a bridge
//! between them. All of it is gone when this is dropped.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

use crate::node::run;
use crate::nodes::Cluster;

/// Addresses of so many tests at once do not meet.
const SUBNETS: u32 = 250 * 100;

/// The network of one node.
pub(crate) struct Space {
    /// What the kernel knows it by.
    pub(crate) name: String,
    /// The node's address in it.
    pub(crate) address: String,
}

/// All of them.
pub(crate) struct Spaces {
    id: u32,
    count: usize,
}

fn ip(words: &str) -> Result<(), String> {
    let words: Vec<&str> = words.split(' ').collect();
    let said = run(10, "ip", &words, &[]);
    match said.code {
        0 => Ok(()),
        _ => Err(format!("ip {}: {}", words.join(" "), said.err)),
    }
}

impl Spaces {
    /// So many; why not, where nobody may make any.
    pub(crate) fn new(count: usize) -> Result<Self, String> {
        let id = std::process::id();
        let spaces = Self { id, count };
        let (bridge, host) = (spaces.bridge(), spaces.host(254));
        ip(&format!("link add {bridge} type bridge"))?;
        ip(&format!("addr add {host}/24 dev {bridge}"))?;
        ip(&format!("link set {bridge} up"))?;
        for at in 0..count {
            let (name, wire) = (spaces.name(at), spaces.wire(at));
            let address = spaces.address(at);
            ip(&format!("netns add {name}"))?;
            ip(&format!(
                "link add {wire} type veth peer name eth0 netns {name}"
            ))?;
            ip(&format!("link set {wire} master {bridge} up"))?;
            ip(&format!("-n {name} addr add {address}/24 dev eth0"))?;
            ip(&format!("-n {name} link set eth0 up"))?;
            ip(&format!("-n {name} link set lo up"))?;
        }
        Ok(spaces)
    }

    fn bridge(&self) -> String {
        format!("hf{}", self.id)
    }

    fn wire(&self, at: usize) -> String {
        format!("hf{}n{at}", self.id)
    }

    fn name(&self, at: usize) -> String {
        format!("holdfast-{}-{at}", self.id)
    }

    fn host(&self, last: usize) -> String {
        let subnet = self.id % SUBNETS;
        format!("10.{}.{}.{last}", 100 + subnet / 250, subnet % 250)
    }

    /// The address of a node.
    pub(crate) fn address(&self, at: usize) -> String {
        self.host(at + 1)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a door for tenants that is open as long as the test"
    )]
    /// The network of a node that tenants reach at this port of loopback, as all others.
    pub(crate) fn place(&self, at: usize, port: u16) -> Space {
        let address = self.address(at);
        let there = SocketAddr::new(address.parse().unwrap(), port);
        let door = TcpListener::bind(("127.0.0.1", port)).unwrap();
        // It ends with the test's process.
        thread::spawn(move || {
            for client in door.incoming().flatten() {
                thread::spawn(move || pass(&client, there));
            }
        });
        let name = self.name(at);
        Space { name, address }
    }

    /// Pulls a node's cable, or puts it back.
    pub(crate) fn cable(&self, at: usize, is_there: bool) {
        let way = if is_there { "up" } else { "down" };
        ip(&format!("link set {} {way}", self.wire(at))).unwrap();
    }
}

/// Passes both ways of one connection on, until one side ends it.
fn pass(client: &TcpStream, there: SocketAddr) {
    let Ok(server) = TcpStream::connect(there) else {
        return;
    };
    let one_way = |mut from: &TcpStream, mut to: &TcpStream| {
        // Whichever side ends, the other one sees it end.
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    };
    thread::scope(|scope| {
        scope.spawn(|| one_way(client, &server));
        one_way(&server, client);
    });
}

impl Cluster {
    /// So many nodes, each in a network of its own.
    pub(crate) fn apart(count: usize, spaces: Spaces) -> Self {
        let addresses: Vec<_> = (0..count).map(|at| spaces.address(at)).collect();
        let mut cluster = Self::empty(Box::new(move |at, port| {
            let address = format!("{}:{port}", addresses[at]);
            ["--address", &address].map(str::to_owned).to_vec()
        }));
        cluster.spaces = Some(spaces);
        cluster.make(count);
        cluster
    }

    /// The networks of the nodes.
    pub(crate) fn spaces(&self) -> &Spaces {
        self.spaces.as_ref().expect("the nodes have networks")
    }
}

impl Drop for Spaces {
    fn drop(&mut self) {
        for at in 0..self.count {
            // The wire goes with the network that holds its other end.
            let _ = ip(&format!("netns del {}", self.name(at)));
        }
        let _ = ip(&format!("link del {}", self.bridge()));
    }
}
