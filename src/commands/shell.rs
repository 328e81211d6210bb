//! The words of the debug shell: looks into running actors, and two ways to end one.

use std::fmt;

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};

/// What can be asked of the actors.
#[derive(Clone, Debug, PartialEq, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Look {
    /// All actors with their state, restarts and mailbox depth
    Tree,
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

/// Which actor to end.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct End {
    /// Its path, as 'tree' shows it
    #[arg(value_parser = Place::parse)]
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
    /// Its path, as 'tree' shows it, for example node/tenants/acme
    #[arg(value_parser = Place::parse)]
    pub path: Place,
}

/// A path as somebody typed it; whether an actor stands there is another matter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Place(String);

impl Place {
    /// Takes a path; a slash at either end is dropped, and `node/` may be left out.
    ///
    /// # Errors
    /// When nothing is left.
    pub fn parse(text: &str) -> Result<Self, super::values::ValueError> {
        let trimmed = text.trim_matches('/');
        if trimmed.is_empty() {
            let wanted = "the path of an actor";
            return Err(super::values::ValueError::new(text, wanted));
        }
        let rooted = trimmed == "node" || trimmed.starts_with("node/");
        Ok(Self(if rooted {
            trimmed.to_owned()
        } else {
            format!("node/{trimmed}")
        }))
    }

    /// The path as the directory knows it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
