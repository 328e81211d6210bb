//! Orders about the keys that cartridges are encrypted with.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use holdfast_actors::tape::KeyId;
use serde::{Deserialize, Serialize};

use crate::commands::cluster::NodeRef;
use crate::commands::credential::Secret;
use crate::commands::values::ValueError;

/// What can be done with keys.
#[derive(Clone, Debug, PartialEq, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Key {
    /// Draw a key, wrap it for a passphrase or for recipients, and keep it open on the tape node
    #[command(
        after_help = "Whoever has neither passphrase nor identity never reads the cartridges \
                      again: keep one where the cluster is not. 'tape pool set POOL --key ID' \
                      has a pool use it.\n\n\
                      Example: holdfast --data /srv/holdfast tape key add \
                      --passphrase-file /root/tape.pass"
    )]
    Add(Add),
    /// Take in a key from the KEYS of a cartridge of another cluster, or of one that was lost
    #[command(after_help = "Example: holdfast --data /srv/holdfast tape key import \
                      KEYS/5d0c8f5e-8d0c-4d43-8f3e-0c6f5f1f6b7a.passphrase.age \
                      --passphrase-file /root/tape.pass")]
    Import(Import),
    /// Open a key on a tape node that does not have it open
    #[command(after_help = "Example: holdfast --data /srv/holdfast tape key open \
                      5d0c8f5e-8d0c-4d43-8f3e-0c6f5f1f6b7a --passphrase-file /root/tape.pass")]
    Open(Open),
    /// List all keys, and who needs them
    #[command(after_help = "Example: holdfast --data /srv/holdfast tape key list")]
    List,
    /// Forget a key that no pool and no cartridge needs
    #[command(after_help = "Example: holdfast --data /srv/holdfast tape key remove \
                      5d0c8f5e-8d0c-4d43-8f3e-0c6f5f1f6b7a")]
    Remove(Which),
}

/// A new key.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Add {
    /// Wrap it for the passphrase in this file ('-' for stdin); asked for if nothing is given
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub passphrase_file: Option<PathBuf>,
    /// Wrap it for an age recipient; may be given several times
    #[arg(long = "recipient", value_name = "age1...")]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recipients: Vec<String>,
    /// Free text for operators
    #[arg(long, value_name = "TEXT")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The passphrase that was chosen.
    #[arg(skip)]
    pub passphrase: Option<Secret>,
}

/// A key that lies in files.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Import {
    /// Wrapped copies of one key, as they lie in KEYS of a cartridge's first tape file
    #[arg(value_name = "FILE", required = true)]
    #[serde(skip)]
    pub files: Vec<PathBuf>,
    /// With what it is opened.
    #[command(flatten)]
    #[serde(flatten)]
    pub with: Opening,
    /// What is in the files.
    #[arg(skip)]
    #[serde(default)]
    pub texts: Vec<String>,
}

/// A key that is to be opened.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Open {
    /// Its id, as 'tape key list' has it
    #[arg(value_name = "ID", value_parser = key_id)]
    #[serde(with = "text")]
    pub key: KeyId,
    /// With what it is opened.
    #[command(flatten)]
    #[serde(flatten)]
    pub with: Opening,
}

/// With what a key is opened, and where.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Opening {
    /// Open it with the passphrase in this file ('-' for stdin); asked for if nothing is given
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub passphrase_file: Option<PathBuf>,
    /// Open it with the identities in this file of age ('-' for stdin)
    #[arg(long, value_name = "FILE", conflicts_with = "passphrase_file")]
    #[serde(skip)]
    pub identity_file: Option<PathBuf>,
    /// The node of a cluster where it is opened, by name or id; else that of the first library
    #[arg(long, value_name = "NODE", value_parser = NodeRef::parse)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeRef>,
    /// What is in the first file.
    #[arg(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passphrase: Option<Secret>,
    /// What is in the second.
    #[arg(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Secret>,
}

/// One key.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Which {
    /// Its id, as 'tape key list' has it
    #[arg(value_name = "ID", value_parser = key_id)]
    #[serde(with = "text")]
    pub key: KeyId,
}

/// The key of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Choice(pub Option<KeyId>);

impl Choice {
    /// Parses the id of a key, or `none`.
    ///
    /// # Errors
    /// When the text is neither.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        match text {
            "none" => Ok(Self(None)),
            _ => key_id(text).map(|id| Self(Some(id))),
        }
    }
}

impl std::fmt::Display for Choice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(id) => id.fmt(f),
            None => f.write_str("none"),
        }
    }
}

crate::commands::values::as_text!(Choice);

fn key_id(text: &str) -> Result<KeyId, ValueError> {
    let wanted = "the id of a key, as 'tape key list' has it";
    KeyId::parse(text).ok_or_else(|| ValueError::new(text, wanted))
}

/// A key's id in orders.
mod text {
    use super::{Deserialize as _, KeyId, key_id};
    use serde::{Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(id: &KeyId, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(id)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<KeyId, D::Error> {
        key_id(&String::deserialize(from)?).map_err(de::Error::custom)
    }
}
