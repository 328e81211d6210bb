//! That a node is one of a cluster: its number, where it is reached, and whom it knew at first.
//!
//! The file `cluster/member.json` is written when the node founds its cluster or joins one, and
//! changes no more: who else is in the cluster later, and where, the catalog says. It lies beside
//! the node's identity, which is in the same folder.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::path::Path;

use holdfast_actors::catalog::command::NewNode;
use holdfast_actors::kernel::{NodeId, NodeName};
use holdfast_cluster::identity::KeyHash;
use holdfast_cluster::nodes::{Node, Nodes};
use serde::{Deserialize, Serialize};

use crate::whole;

/// The folder in the node's data directory: the identity, and this file.
pub const FOLDER: &str = "cluster";
const FILE: &str = "member.json";
/// The version that this program writes and reads.
const VERSION: u32 = 1;
/// More than a table of all the nodes that a cluster has.
const FILE_MAX: u64 = 16 << 20;

/// A node's membership in its cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// Its number, for good.
    pub node: NodeId,
    /// What people call it.
    pub name: NodeName,
    /// Where its UDP socket is bound.
    pub bind: SocketAddr,
    /// Where the other nodes reach it, best first; 1 to 8.
    pub addresses: Vec<SocketAddr>,
    /// What it does: of `gateway`, `storage`, `tape` and `host`.
    pub roles: BTreeSet<String>,
    /// What fails together with it; empty if nobody said.
    pub zone: String,
    /// The other nodes when it joined; none if it founded the cluster.
    pub others: Vec<Other>,
}

/// Another node, as it was when this one joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Other {
    /// Its number.
    pub node: NodeId,
    /// Its key.
    pub key: KeyHash,
    /// Where it was reached, best first.
    pub addresses: Vec<SocketAddr>,
}

impl Membership {
    /// Whether this node founded the cluster: it begins the catalog's log, and once only.
    pub fn is_founder(&self) -> bool {
        self.others.is_empty()
    }

    /// The node's own row in the catalog, for a key.
    pub fn row(&self, key: &KeyHash) -> NewNode {
        NewNode {
            name: self.name.clone(),
            addresses: self.addresses.iter().map(SocketAddr::to_string).collect(),
            key: *key.bytes(),
            roles: self.roles.clone(),
            zone: self.zone.clone(),
        }
    }

    /// The nodes to speak with while the catalog's own rows are empty: itself with this key, and
    /// the others.
    pub fn table(&self, key: &KeyHash) -> Nodes {
        let own = Node {
            key: *key,
            addresses: self.addresses.clone(),
        };
        let others = self.others.iter().map(|other| {
            let node = Node {
                key: other.key,
                addresses: other.addresses.clone(),
            };
            (other.node, node)
        });
        let nodes: Nodes = others.chain([(self.node, own)]).collect();
        nodes.of_joining()
    }

    /// Writes it into a folder, beside and then over what was there.
    ///
    /// # Errors
    /// When the file system says no.
    pub fn keep(&self, folder: &Path) -> io::Result<()> {
        whole::keep(
            &folder.join(FILE),
            &serde_json::to_vec_pretty(&Written::from(self))?,
        )
    }

    /// Reads it from a folder.
    ///
    /// # Errors
    /// When there is none, or it is not of a version that this program reads.
    pub fn read(folder: &Path) -> io::Result<Self> {
        let mut text = String::new();
        let opened = File::open(folder.join(FILE))?;
        opened.take(FILE_MAX).read_to_string(&mut text)?;
        let version: Version = serde_json::from_str(&text)?;
        if version.version != VERSION {
            let told = format!(
                "version {} of {FILE}, and this program reads {VERSION}; update holdfast",
                version.version
            );
            return Err(io::Error::new(io::ErrorKind::InvalidData, told));
        }
        let written: Written = serde_json::from_str(&text)?;
        let content = || io::Error::new(io::ErrorKind::InvalidData, "it makes no sense");
        written.parsed().ok_or_else(content)
    }
}

#[derive(Deserialize)]
struct Version {
    version: u32,
}

/// As it is in the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    version: u32,
    node: u64,
    name: String,
    bind: SocketAddr,
    addresses: Vec<SocketAddr>,
    roles: BTreeSet<String>,
    zone: String,
    others: Vec<WrittenOther>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenOther {
    node: u64,
    key: String,
    addresses: Vec<SocketAddr>,
}

impl From<&Membership> for Written {
    fn from(of: &Membership) -> Self {
        let others = of.others.iter().map(|other| WrittenOther {
            node: other.node.raw(),
            key: other.key.to_string(),
            addresses: other.addresses.clone(),
        });
        Self {
            version: VERSION,
            node: of.node.raw(),
            name: of.name.to_string(),
            bind: of.bind,
            addresses: of.addresses.clone(),
            roles: of.roles.clone(),
            zone: of.zone.clone(),
            others: others.collect(),
        }
    }
}

impl Written {
    fn parsed(self) -> Option<Membership> {
        let others = self.others.into_iter().map(|other| {
            Some(Other {
                node: NodeId::new(other.node),
                key: KeyHash::parse(&other.key)?,
                addresses: other.addresses,
            })
        });
        Some(Membership {
            node: NodeId::new(self.node),
            name: NodeName::parse(&self.name)?,
            bind: self.bind,
            addresses: self.addresses,
            roles: self.roles,
            zone: self.zone,
            others: others.collect::<Option<_>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use std::fs;

    use super::*;

    fn membership() -> Membership {
        let other = Other {
            node: NodeId::new(1),
            key: KeyHash::new([7; 32]),
            addresses: vec![([192, 0, 2, 7], 7_443).into()],
        };
        Membership {
            node: NodeId::new(2),
            name: NodeName::parse("berlin-2").unwrap(),
            bind: "[::]:7443".parse().unwrap(),
            addresses: vec!["[2001:db8::2]:7443".parse().unwrap()],
            roles: ["gateway", "storage"].map(str::to_owned).into(),
            zone: "rack-1".to_owned(),
            others: vec![other],
        }
    }

    #[test]
    fn the_file_of_this_version_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        membership().keep(folder.path()).unwrap();
        let text = fs::read_to_string(folder.path().join(FILE)).unwrap();
        expect![[r#"
            {
              "version": 1,
              "node": 2,
              "name": "berlin-2",
              "bind": "[::]:7443",
              "addresses": [
                "[2001:db8::2]:7443"
              ],
              "roles": [
                "gateway",
                "storage"
              ],
              "zone": "rack-1",
              "others": [
                {
                  "node": 1,
                  "key": "0707070707070707070707070707070707070707070707070707070707070707",
                  "addresses": [
                    "192.0.2.7:7443"
                  ]
                }
              ]
            }"#]]
        .assert_eq(&text);
        assert_eq!(Membership::read(folder.path()).unwrap(), membership());
    }

    #[test]
    fn another_version_and_nonsense_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let told = |text: &str| {
            fs::write(folder.path().join(FILE), text).unwrap();
            Membership::read(folder.path()).unwrap_err().to_string()
        };
        let newer = told(r#"{"version":2,"more":1}"#);
        assert!(newer.contains("update holdfast"), "{newer}");
        let fine = serde_json::to_string(&Written::from(&membership())).unwrap();
        let odd = told(&fine.replace("0707", "07x7"));
        assert_eq!(odd, "it makes no sense");
    }

    #[test]
    fn it_knows_at_first_itself_and_those_who_were_there() {
        let table = membership().table(&KeyHash::new([9; 32]));
        assert!(table.admits(NodeId::new(2), &KeyHash::new([9; 32])));
        assert!(table.admits(NodeId::new(1), &KeyHash::new([7; 32])));
        assert!(!membership().is_founder());
    }
}
