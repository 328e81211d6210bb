//! Orders about vaults: where cartridges are that are in no library.

use clap::{Args, Subcommand};
use holdfast_actors::names::TapeName;
use serde::{Deserialize, Serialize};

use super::Named;

/// What can be done with vaults.
#[derive(Clone, Debug, PartialEq, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Vault {
    /// Add a vault
    #[command(
        after_help = "Example: holdfast --data /srv/holdfast tape vault add bank \
                      --description 'box 12, key with Ann'"
    )]
    Add(Add),
    /// List all vaults
    #[command(after_help = "Example: holdfast --data /srv/holdfast tape vault list")]
    List,
    /// Remove a vault that has no cartridges and that no media pool names
    #[command(after_help = "Example: holdfast --data /srv/holdfast tape vault remove bank")]
    Remove(Named),
}

/// A new vault.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Add {
    /// Its name: a-z, 0-9 and '-'
    #[arg(value_parser = TapeName::parse)]
    pub name: TapeName,
    /// Free text for operators
    #[arg(long, value_name = "TEXT")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}
