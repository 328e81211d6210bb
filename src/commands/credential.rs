//! Orders about logins: made, listed, revoked; never shown again.

use std::fmt;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use holdfast_actors::catalog::rows;
use holdfast_actors::kernel::CredentialId;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::Whose;
use super::values::{Login, Until, credential_id};

/// A new login for a tenant or subtenant.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Password {
    /// Whose
    #[arg(value_name = "TENANT[+SUB]", value_parser = Login::parse)]
    pub login: Login,
    /// What it allows
    #[arg(long, value_enum, default_value_t = Scope::Full)]
    pub scope: Scope,
    /// The last day on which it is good, or 'never'
    #[arg(long, value_name = "YYYY-MM-DD|never", default_value = "never",
          value_parser = Until::parse)]
    pub expires: Until,
    /// Which machine it is for; free text
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub label: String,
    /// Take the password from a file ('-' for stdin) instead of drawing one
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub password_file: Option<PathBuf>,
    /// The password that was chosen; none to draw one.
    #[arg(skip)]
    pub password: Option<Secret>,
}

/// What a login allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Read, add and delete
    Full,
    /// Read and add; delete locks only
    Append,
    /// Read; add and delete locks only
    Read,
}

impl From<Scope> for rows::Scope {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Full => Self::Full,
            Scope::Append => Self::Append,
            Scope::Read => Self::Read,
        }
    }
}

impl From<rows::Scope> for Scope {
    fn from(scope: rows::Scope) -> Self {
        match scope {
            rows::Scope::Full => Self::Full,
            rows::Scope::Append => Self::Append,
            rows::Scope::Read => Self::Read,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "full",
            Self::Append => "append",
            Self::Read => "read",
        })
    }
}

/// A text that is never shown by accident, and wiped when it is dropped.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl From<Secret> for String {
    fn from(secret: Secret) -> Self {
        secret.0.as_str().to_owned()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// What can be done with logins.
#[derive(Clone, Debug, PartialEq, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Credential {
    /// List logins, of all or of one tenant or subtenant
    #[command(after_help = "Example: holdfast --data /srv/holdfast credential list acme")]
    List(Whose),
    /// Revoke a login; it is refused at once
    #[command(after_help = "Example: holdfast --data /srv/holdfast credential revoke 17")]
    Revoke(Revoke),
}

/// Which login to revoke.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Revoke {
    /// Its id, as 'credential list' shows it
    #[arg(value_parser = credential_id)]
    pub id: CredentialId,
}
