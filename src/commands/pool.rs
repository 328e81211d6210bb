//! Orders about pools of gateways, and what of them a tenant is given.

use std::collections::BTreeSet;
use std::fmt;

use clap::{Args, Subcommand};
use holdfast_actors::gateways::{NONE, PoolName};
use serde::{Deserialize, Serialize};

use super::cluster::NodeRef;
use super::values::ValueError;

/// What has to be typed before no gateway is left outside of pools.
pub const PHRASE: &str = "pool every gateway";

/// What can be done with pools of gateways.
#[derive(Clone, Debug, PartialEq, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Pool {
    /// List all pools
    #[command(after_help = "Example: holdfast --data /srv/holdfast pool list --json")]
    List,
    /// Show one pool, with the tenants that were given it
    #[command(after_help = "Example: holdfast --data /srv/holdfast pool show west")]
    Show(Named),
    /// Make a pool of gateways; from then on they serve only tenants that are given the pool
    #[command(
        after_help = "Example: holdfast --data /srv/holdfast pool create west berlin-1 berlin-2"
    )]
    Create(New),
    /// Remove a pool that no tenant was given; its gateways are then in none
    #[command(after_help = "Example: holdfast --data /srv/holdfast pool remove west")]
    Remove(Named),
    /// Put gateways into a pool
    #[command(after_help = "Example: holdfast --data /srv/holdfast pool add west berlin-3")]
    Add(More),
    /// Take a gateway out of a pool; it is then in none
    #[command(after_help = "Example: holdfast --data /srv/holdfast pool take west berlin-3")]
    Take(Part),
}

/// One pool by name.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Named {
    /// The pool: a-z, 0-9 and '-'
    #[arg(value_name = "POOL", value_parser = name)]
    pub name: PoolName,
}

/// A new pool.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct New {
    /// The pool: a-z, 0-9 and '-'
    #[arg(value_name = "POOL", value_parser = name)]
    pub name: PoolName,
    /// Its gateways, by their names or their ids such as node-2
    #[arg(value_name = "NODE", required = true, value_parser = NodeRef::parse)]
    pub nodes: Vec<NodeRef>,
    /// The words that are asked for where no gateway is left outside of pools: 'pool every gateway'
    #[arg(long, value_name = "TEXT")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
    /// Free text for operators
    #[arg(long, value_name = "TEXT")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// Gateways for a pool.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct More {
    /// The pool: a-z, 0-9 and '-'
    #[arg(value_name = "POOL", value_parser = name)]
    pub name: PoolName,
    /// Its gateways, by their names or their ids such as node-2
    #[arg(value_name = "NODE", required = true, value_parser = NodeRef::parse)]
    pub nodes: Vec<NodeRef>,
    /// The words that are asked for where no gateway is left outside of pools: 'pool every gateway'
    #[arg(long, value_name = "TEXT")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
}

/// One gateway of a pool.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Part {
    /// The pool: a-z, 0-9 and '-'
    #[arg(value_name = "POOL", value_parser = name)]
    pub name: PoolName,
    /// The gateway, by its name or its id such as node-2
    #[arg(value_parser = NodeRef::parse)]
    pub node: NodeRef,
}

fn name(text: &str) -> Result<PoolName, ValueError> {
    let wanted = "a pool's name: 1 to 48 of a-z, 0-9 and '-', and not 'none'";
    PoolName::parse(text).ok_or_else(|| ValueError::new(text, wanted))
}

/// The pools of a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pools(pub BTreeSet<PoolName>);

impl Pools {
    /// Parses names with commas between them, or `none`.
    ///
    /// # Errors
    /// When a name is none.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        if text == NONE {
            return Ok(Self(BTreeSet::new()));
        }
        let names = text.split(',').map(PoolName::parse);
        let names: Option<BTreeSet<PoolName>> = names.collect();
        let wanted = "pools by their names, with commas between them, or 'none'";
        names.map(Self).ok_or_else(|| ValueError::new(text, wanted))
    }
}

impl fmt::Display for Pools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str(NONE);
        }
        for (at, name) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(f, "{comma}{name}")?;
        }
        Ok(())
    }
}

impl TryFrom<String> for Pools {
    type Error = ValueError;

    fn try_from(text: String) -> Result<Self, ValueError> {
        Self::parse(&text)
    }
}

impl From<Pools> for String {
    fn from(pools: Pools) -> Self {
        pools.to_string()
    }
}

/// Something that is on or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Switch {
    /// It is done
    On,
    /// It is not done
    Off,
}

impl Switch {
    /// Whether it is on.
    pub fn is_on(self) -> bool {
        self == Self::On
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pools_are_shown_as_they_would_be_written() {
        for text in ["none", "west", "east,west"] {
            assert_eq!(Pools::parse(text).unwrap().to_string(), text);
        }
        for odd in ["", "West", "a,,b", "a, b", "none,a"] {
            assert!(Pools::parse(odd).is_err(), "{odd}");
        }
    }
}
