//! Orders about media pools.

use clap::{Args, Subcommand, ValueEnum};
use holdfast_actors::names::TapeName;
use serde::{Deserialize, Serialize};

use super::Named;
use super::key::Choice;
use super::words::{self, InVault, SetRule};
use crate::commands::pool::Switch;

/// What can be done with media pools.
#[derive(Clone, Debug, PartialEq, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Pool {
    /// Add a media pool
    #[command(
        after_help = "What is not given: --set daily:14d:append --set weekly:28d \
                      --set monthly:366d --set quarterly:366d --set yearly:forever\n\n\
                      Example: holdfast --data /srv/holdfast tape pool add gfs \
                      --set daily:14d:append --set monthly:366d"
    )]
    Add(Add),
    /// List all media pools
    #[command(after_help = "Example: holdfast --data /srv/holdfast tape pool list")]
    List,
    /// Change a media pool, for what is written from now on; what is not given stays
    #[command(
        after_help = "Example: holdfast --data /srv/holdfast tape pool set gfs \
                      --set daily:7d --set weekly:28d\n\
                      Example: holdfast --data /srv/holdfast tape pool set gfs \
                      --vault daily=bank --mix classes"
    )]
    Set(Set),
    /// Remove a media pool that has no cartridges and no jobs
    #[command(after_help = "Example: holdfast --data /srv/holdfast tape pool remove gfs")]
    Remove(Named),
}

/// A new media pool.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Add {
    /// Its name: a-z, 0-9 and '-'
    #[arg(value_parser = TapeName::parse)]
    pub name: TapeName,
    /// A media set, how long it is kept ('14d', 'forever', or 'cyclic'), and ':append' if it goes
    /// on behind what is on its last cartridge
    #[arg(long = "set", value_name = "SET:KEPT[:append]", value_parser = SetRule::parse)]
    #[serde(rename = "set", default, skip_serializing_if = "Vec::is_empty")]
    pub sets: Vec<SetRule>,
    /// Tenants may share cartridges; without it, each has media sets of its own
    #[arg(long)]
    #[serde(default)]
    pub mix: bool,
    /// Tenants of one tape class may share cartridges, see 'tape class'; others never
    #[arg(long, conflicts_with = "mix")]
    #[serde(default)]
    pub mix_classes: bool,
    /// For cartridges that can be written once, and no others
    #[arg(long)]
    #[serde(default)]
    pub worm: bool,
    /// Take no free cartridges; only those that are moved here are used
    #[arg(long)]
    #[serde(default)]
    pub no_free: bool,
    /// Free text for operators
    #[arg(long, value_name = "TEXT")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// What to change of a media pool.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Set {
    /// Its name: a-z, 0-9 and '-'
    #[arg(value_parser = TapeName::parse)]
    pub name: TapeName,
    /// The media sets that are on from now on, all of them, as for 'tape pool add'
    #[arg(long = "set", value_name = "SET:KEPT[:append]", value_parser = SetRule::parse)]
    #[serde(rename = "set", default, skip_serializing_if = "Vec::is_empty")]
    pub sets: Vec<SetRule>,
    /// Whether tenants may share cartridges: all, those of one tape class, or none
    #[arg(long, value_name = "on|classes|off")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mix: Option<Mix>,
    /// The vault that the cartridges of a media set go into when they are exported
    #[arg(long = "vault", value_name = "SET=VAULT", value_parser = InVault::parse)]
    #[serde(rename = "vault", default, skip_serializing_if = "Vec::is_empty")]
    pub vaults: Vec<InVault>,
    /// A media set whose cartridges go into no vault any more
    #[arg(long = "no-vault", value_name = "SET", value_parser = words::Set::parse)]
    #[serde(rename = "no-vault", default, skip_serializing_if = "Vec::is_empty")]
    pub no_vaults: Vec<words::Set>,
    /// Whether it takes free cartridges
    #[arg(long, value_name = "on|off")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free: Option<Switch>,
    /// Encrypt what it begins from now on with this key, or with none
    #[arg(long, value_name = "ID|none", value_parser = Choice::parse)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Choice>,
    /// Free text for operators
    #[arg(long, value_name = "TEXT")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// Which tenants may share cartridges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mix {
    /// All
    On,
    /// Those of one tape class
    Classes,
    /// None
    Off,
}
