//! Orders about tape classes: which tenants may share media sets.

use clap::{Args, Subcommand};
use holdfast_actors::names::{TapeName, TenantName};
use serde::{Deserialize, Serialize};

/// What can be done with tape classes.
#[derive(Clone, Debug, PartialEq, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Class {
    /// Say of which class a tenant is; without a class it shares media sets with nobody
    #[command(
        after_help = "What is on tape stays where it is; later runs go to sets of the new \
                      class.\n\n\
                      Example: holdfast --data /srv/holdfast tape class set acme gold"
    )]
    Set(Set),
    /// List the tenants that are of a class
    #[command(after_help = "Example: holdfast --data /srv/holdfast tape class list")]
    List,
}

/// Of which class a tenant is.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Set {
    /// The tenant
    #[arg(value_parser = TenantName::parse)]
    pub tenant: TenantName,
    /// The class, a word of your choice: a-z, 0-9 and '-'
    #[arg(value_parser = TapeName::parse)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<TapeName>,
}
