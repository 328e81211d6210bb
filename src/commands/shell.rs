//! The words of the debug shell: looks into running actors, and two ways to end one.

use std::fmt;

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};

use super::cluster::NodeRef;
use super::values::ValueError;

/// What can be asked of the actors.
#[derive(Clone, Debug, PartialEq, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Look {
    /// All actors with their state, restarts and mailbox depth
    Tree(Tree),
    /// What an actor says of itself
    Show(At),
    /// The same, each time it changes, until you press Ctrl-C
    Watch(At),
    /// Its last decisions: time, event, effects
    Trace(At),
    /// What it waits for
    Why(At),
    /// The sessions of all tenants
    Sessions,
    /// Stop an actor; its supervisor decides what comes next
    Stop(End),
    /// End an actor with a fault, so that its supervisor starts it again from what is durable
    Restart(End),
}

/// Whose actors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Tree {
    /// Of all nodes of the cluster, each under its name
    #[arg(long)]
    pub cluster: bool,
}

/// Which actor to end.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct End {
    /// Its path, as 'tree' shows it; of another node with NODE: before it
    #[arg(value_name = "[NODE:]PATH", value_parser = Place::parse)]
    pub path: Place,
    /// Do not ask first
    #[arg(long)]
    #[serde(skip)]
    pub yes: bool,
}

/// One actor.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct At {
    /// Its path, as 'tree' shows it, for example node/tenants/acme; of another node with its name
    /// or id before it, for example berlin-2:node/catalog
    #[arg(value_name = "[NODE:]PATH", value_parser = Place::parse)]
    pub path: Place,
}

/// A path as somebody typed it; whether an actor stands there is another matter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Place {
    node: Option<NodeRef>,
    path: String,
}

impl Place {
    /// Takes a path; a slash at either end is dropped, and `node/` may be left out. A node with a
    /// colon may stand before it.
    ///
    /// # Errors
    /// When nothing is left of the path, or what stands before the colon is no node.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let (node, path) = match text.split_once(':') {
            Some((node, path)) => (Some(NodeRef::parse(node)?), path),
            None => (None, text),
        };
        let trimmed = path.trim_matches('/');
        if trimmed.is_empty() {
            return Err(ValueError::new(text, "the path of an actor"));
        }
        let rooted = trimmed == "node" || trimmed.starts_with("node/");
        let path = if rooted {
            trimmed.to_owned()
        } else {
            format!("node/{trimmed}")
        };
        Ok(Self { node, path })
    }

    /// The path as the directory knows it.
    pub fn as_str(&self) -> &str {
        &self.path
    }

    /// On which node, if that was said.
    pub const fn node(&self) -> Option<&NodeRef> {
        self.node.as_ref()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(node) = &self.node {
            write!(f, "{node}:")?;
        }
        f.write_str(&self.path)
    }
}

impl TryFrom<String> for Place {
    type Error = ValueError;

    fn try_from(text: String) -> Result<Self, ValueError> {
        Self::parse(&text)
    }
}

impl From<Place> for String {
    fn from(place: Place) -> Self {
        place.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_may_be_on_another_node() {
        let read = |text: &str| {
            let place = Place::parse(text).unwrap();
            let node = place.node().map(ToString::to_string);
            (node, place.as_str().to_owned(), place.to_string())
        };
        let all = |node: Option<&str>, path: &str, text: &str| {
            (node.map(str::to_owned), path.to_owned(), text.to_owned())
        };
        let here = all(None, "node/catalog", "node/catalog");
        assert_eq!(read("/catalog/"), here);
        let there = all(Some("node-2"), "node/catalog", "node-2:node/catalog");
        assert_eq!(read("node-2:catalog"), there);
        assert_eq!(read("berlin-2:node").0.as_deref(), Some("berlin-2"));
        for odd in ["", "/", ":catalog", "berlin-2:", "Berlin:catalog", "a:b:"] {
            let read = Place::parse(odd);
            let odd_path = odd == "a:b:";
            assert_eq!(read.is_ok(), odd_path, "{odd}");
        }
    }
}
