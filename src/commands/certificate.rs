//! Orders about the certificate that the node shows to clients.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};

use super::credential::Secret;

/// What can be done with the certificate.
#[derive(Clone, Debug, PartialEq, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Certificate {
    /// Show the certificate with its thumbprint
    #[command(
        after_help = "Example: holdfast --data /srv/holdfast certificate show --pem > ca.pem"
    )]
    Show(Show),
    /// Use a certificate of your own, without a restart
    #[command(
        after_help = "Example: holdfast --data /srv/holdfast certificate import \
                            chain.pem --key key.pem"
    )]
    Import(Import),
    /// Make a new self-signed certificate; the old thumbprint stays announced for a while
    #[command(after_help = "Example: holdfast --data /srv/holdfast certificate rotate")]
    Rotate,
}

/// How to show it.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Show {
    /// The certificate alone, in PEM
    #[arg(long)]
    pub pem: bool,
}

/// A certificate from files.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Import {
    /// The certificate and its chain in PEM ('-' for stdin); may hold the private key too
    #[arg(value_name = "FILE")]
    #[serde(skip)]
    pub file: PathBuf,
    /// The private key in PEM, if it is not in FILE
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub key: Option<PathBuf>,
    /// All that the files hold.
    #[arg(skip)]
    pub pem: Option<Secret>,
}
