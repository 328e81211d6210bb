//! Orders about the nodes of the cluster.

use std::fmt;
use std::time::Duration;

use clap::{Args, Subcommand};
use holdfast_actors::kernel::{NodeId, NodeName};
use serde::{Deserialize, Serialize};

use super::node::node_name;
use super::values::ValueError;

/// A join token to be made, unless something else is to be done with those there are.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[command(args_conflicts_with_subcommands = true)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct JoinToken {
    /// For how long it lets a node in: 30m, 1h, 7d at most
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = Life::parse)]
    pub expires: Life,
    /// What is to be done instead.
    #[command(subcommand)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<Tokens>,
}

/// What can be done with join tokens.
#[derive(Clone, Debug, PartialEq, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Tokens {
    /// List the tokens that were made and have not expired; no secret is among them
    #[command(after_help = "Example: holdfast --data /srv/holdfast join-token list")]
    List,
    /// Have a token let nobody in any more
    #[command(after_help = "Example: holdfast --data /srv/holdfast join-token revoke 3f9a01c27be4")]
    Revoke(WhichToken),
}

/// One join token.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WhichToken {
    /// Its id, as 'join-token list' shows it
    pub id: String,
}

/// For how long a token lets a node in, in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Life(pub Duration);

/// The units in which a life is written, the largest first, with their seconds.
const UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];

impl Life {
    /// Parses a number with `s`, `m`, `h` or `d` behind it.
    ///
    /// # Errors
    /// When the text is of another form, or a time that no clock counts. How long is allowed, the
    /// catalog knows.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let read = UNITS.iter().find_map(|(unit, seconds)| {
            let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
            number.checked_mul(*seconds)
        });
        read.map(|seconds| Self(Duration::from_secs(seconds)))
            .ok_or_else(|| ValueError::new(text, "a time such as 30m, 1h or 2d"))
    }
}

impl fmt::Display for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let whole = |(_, unit): &&(&str, u64)| seconds.is_multiple_of(*unit);
        let (unit, each) = UNITS.iter().find(whole).unwrap_or(&("s", 1));
        write!(f, "{}{unit}", seconds / each)
    }
}

impl TryFrom<String> for Life {
    type Error = ValueError;

    fn try_from(text: String) -> Result<Self, ValueError> {
        Self::parse(&text)
    }
}

impl From<Life> for String {
    fn from(life: Life) -> Self {
        life.to_string()
    }
}

/// What can be done with nodes.
#[derive(Clone, Debug, PartialEq, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Node {
    /// List the nodes of the cluster
    #[command(after_help = "Example: holdfast --data /srv/holdfast node list")]
    List,
    /// Show one node
    #[command(after_help = "Example: holdfast --data /srv/holdfast node show berlin-2")]
    Show(Which),
    /// Give a node nothing new, and move away what it has
    #[command(after_help = "Example: holdfast --data /srv/holdfast node drain berlin-2")]
    Drain(Which),
    /// Give a node work again
    #[command(after_help = "Example: holdfast --data /srv/holdfast node undrain berlin-2")]
    Undrain(Which),
    /// End a node's membership for good; drain it first, until it holds nothing
    #[command(
        after_help = "Examples:\n  holdfast --data /srv/holdfast node remove berlin-2\n  \
                      holdfast --data /srv/holdfast node remove berlin-2 --force"
    )]
    Remove(Removal),
    /// Have a node that joined take the place of one that is dead: its roles and its zone
    #[command(
        after_help = "Example: holdfast --data /srv/holdfast node replace berlin-2 --with berlin-4 \
                      --confirm 'replace berlin-2'"
    )]
    Replace(Replacement),
    /// Give a node another name; refused while a node of the cluster is too old to know
    #[command(
        after_help = "Example: holdfast --data /srv/holdfast node rename berlin-2 --to potsdam-1"
    )]
    Rename(Rename),
}

/// A node that is to go.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Removal {
    /// The node, by its name or its id such as node-2
    #[arg(value_parser = NodeRef::parse)]
    pub node: NodeRef,
    /// Remove it with what it holds: for a node that is dead for good
    #[arg(long)]
    #[serde(default)]
    pub force: bool,
    /// The words that are asked for otherwise: 'remove NODE'
    #[arg(long, value_name = "TEXT", requires = "force")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
}

impl Removal {
    /// What has to be typed.
    pub fn phrase(&self) -> String {
        format!("remove {}", self.node)
    }
}

/// A node that takes the place of another.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Replacement {
    /// The dead node, by its name or its id such as node-2
    #[arg(value_parser = NodeRef::parse)]
    pub node: NodeRef,
    /// The node that takes its place
    #[arg(long, value_name = "NODE", value_parser = NodeRef::parse)]
    pub with: NodeRef,
    /// The words that are asked for otherwise: 'replace NODE'
    #[arg(long, value_name = "TEXT")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
}

impl Replacement {
    /// What has to be typed.
    pub fn phrase(&self) -> String {
        format!("replace {}", self.node)
    }
}

/// A node that is called something else from now on.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Rename {
    /// The node, by its name or its id such as node-2
    #[arg(value_parser = NodeRef::parse)]
    pub node: NodeRef,
    /// Its new name: a-z, 0-9 and '-'
    #[arg(long, value_name = "NAME", value_parser = node_name)]
    pub to: NodeName,
}

/// One node.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Which {
    /// The node, by its name or its id such as node-2
    #[arg(value_parser = NodeRef::parse)]
    pub node: NodeRef,
}

/// How an operator names a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum NodeRef {
    /// By its id, which stays the same and is never used again.
    Id(NodeId),
    /// By its name.
    Name(NodeName),
}

impl NodeRef {
    /// Parses an id such as `node-2`, or a name.
    ///
    /// # Errors
    /// When the text is neither.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let id = text.strip_prefix("node-").and_then(|id| id.parse().ok());
        if let Some(id) = id.map(NodeId::new).filter(|id| id.to_string() == text) {
            return Ok(Self::Id(id));
        }
        let name = NodeName::parse(text).map(Self::Name);
        name.ok_or_else(|| ValueError::new(text, "a node's name or id such as node-2"))
    }
}

impl fmt::Display for NodeRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

impl TryFrom<String> for NodeRef {
    type Error = ValueError;

    fn try_from(text: String) -> Result<Self, ValueError> {
        Self::parse(&text)
    }
}

impl From<NodeRef> for String {
    fn from(node: NodeRef) -> Self {
        node.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_is_shown_as_it_would_be_written() {
        for text in ["1s", "90s", "30m", "1h", "36h", "7d"] {
            assert_eq!(Life::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Life::parse("3600s").unwrap().to_string(), "1h");
        for odd in ["", "1", "h", "-1h", "1.5h", "1w", "213503982334602d"] {
            assert!(Life::parse(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn a_node_is_named_by_its_id_or_its_name() {
        let id = NodeRef::Id(NodeId::new(2));
        assert_eq!(NodeRef::parse("node-2").unwrap(), id);
        for name in ["berlin-2", "2", "node-02", "node-x"] {
            let read = NodeRef::parse(name).unwrap();
            assert!(matches!(read, NodeRef::Name(_)), "{name}");
            assert_eq!(read.to_string(), name);
        }
        assert!(NodeRef::parse("Berlin").is_err());
    }
}
