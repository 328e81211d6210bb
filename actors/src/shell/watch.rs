//! A look over the shoulder of every actor of a node, for those who study it.

use std::fmt;

use serde_json::Value;

use super::{Directory, Path};

/// Sees each step of each actor, as it is taken. It must not speak to the actors.
pub trait Watch: Send + Sync {
    /// An actor has taken a step, or stands at its first.
    fn decided(&self, step: &Step<'_>, directory: &Directory);
}

/// One step of a machine.
pub struct Step<'a> {
    /// Whose.
    pub path: &'a Path,
    /// The type of the machine, with its module.
    pub machine: &'static str,
    /// What it was told; none when the actor has just been started.
    pub event: Option<&'a str>,
    /// What it asked for, in order.
    pub acts: &'a [String],
    /// What the machine says of itself now.
    pub state: &'a dyn Fn() -> Value,
    /// What it waits for, a sentence each.
    pub waits: &'a dyn Fn() -> Vec<String>,
}

impl fmt::Debug for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} {:?}", self.path, self.event, self.acts)
    }
}
