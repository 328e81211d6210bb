//! Orders about those who operate the service, and about what two of them must agree on.

use std::fmt;

use clap::{Args, Subcommand, ValueEnum};
use holdfast_actors::catalog::rows;
use holdfast_actors::names::OperatorName;
use serde::{Deserialize, Serialize};

/// What can be done with operators.
#[derive(Clone, Debug, PartialEq, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Operator {
    /// Add an operator; from the second on, what cannot be undone needs the approval of another
    #[command(
        after_help = "Example: holdfast --data /srv/holdfast operator add mara \
                            --role admin --uid 1004"
    )]
    Add(Add),
    /// List all operators
    #[command(after_help = "Example: holdfast --data /srv/holdfast operator list")]
    List,
    /// Change an operator; what is not given stays
    #[command(
        after_help = "Example: holdfast --data /srv/holdfast operator set mara \
                            --role viewer"
    )]
    Set(Set),
    /// Remove an operator
    #[command(after_help = "Example: holdfast --data /srv/holdfast operator remove mara")]
    Remove(Named),
}

/// One operator by name.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Named {
    /// The operator
    #[arg(value_parser = OperatorName::parse)]
    pub name: OperatorName,
}

/// A new operator.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Add {
    /// The operator
    #[arg(value_parser = OperatorName::parse)]
    pub name: OperatorName,
    /// What they may do
    #[arg(long, value_enum)]
    pub role: Role,
    /// Which local user they are; an admin without one does not count as another pair of eyes
    #[arg(long, value_name = "UID")]
    pub uid: Option<u32>,
}

/// What to change of an operator.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Set {
    /// The operator
    #[arg(value_parser = OperatorName::parse)]
    pub name: OperatorName,
    /// What they may do
    #[arg(long, value_enum)]
    pub role: Option<Role>,
    /// Which local user they are
    #[arg(long, value_name = "UID")]
    pub uid: Option<u32>,
}

/// What an operator may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Everything
    Admin,
    /// Handle tapes, and look
    TapeOperator,
    /// Look
    Viewer,
}

impl From<Role> for rows::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::Admin => Self::Admin,
            Role::TapeOperator => Self::TapeOperator,
            Role::Viewer => Self::Viewer,
        }
    }
}

impl From<rows::Role> for Role {
    fn from(role: rows::Role) -> Self {
        match role {
            rows::Role::Admin => Self::Admin,
            rows::Role::TapeOperator => Self::TapeOperator,
            rows::Role::Viewer => Self::Viewer,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Admin => "admin",
            Self::TapeOperator => "tape-operator",
            Self::Viewer => "viewer",
        })
    }
}

/// What can be done with requests for approval.
#[derive(Clone, Debug, PartialEq, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Approval {
    /// List requests
    #[command(after_help = "Example: holdfast --data /srv/holdfast approval list")]
    List,
    /// Agree to another operator's request; it is done at once
    #[command(after_help = "Example: holdfast --data /srv/holdfast --as mara approval grant 3")]
    Grant(Numbered),
    /// Turn a request down, or take back one's own
    #[command(after_help = "Example: holdfast --data /srv/holdfast --as mara approval reject 3")]
    Reject(Numbered),
}

/// One request by number.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Numbered {
    /// Its number, as 'approval list' shows it
    pub id: u64,
}
