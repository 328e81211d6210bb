//! What the tenant may type: the arguments of `holdfast agent`.
//!
//! No secret is ever an argument: a password comes from a file, from standard input or a prompt.

use std::path::PathBuf;

use holdfast_actors::kernel::Size;
use holdfast_actors::names::{RepositoryName, SubtenantName};

use super::thumbprint::Thumbprint;
use crate::commands::values::Login;

/// The commands of the tenant's own client.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum AgentCommand {
    /// Back files up into a new snapshot
    Backup(BackupArguments),
    /// List the snapshots
    Snapshots(SnapshotsArguments),
    /// Bring a snapshot, or a part of one, back into a directory
    Restore(RestoreArguments),
    /// Check that the repository is whole
    Check(CheckArguments),
    /// Show the account: its state, lease, quotas and what is used of them
    Account(AccountArguments),
    /// Change one's own password
    Password(PasswordArguments),
    /// Manage one's own subtenants
    Subtenant {
        /// What to do.
        #[command(subcommand)]
        command: SubtenantCommand,
    },
}

/// Where the server is, who asks, and how the server is recognised.
#[derive(Clone, Debug, clap::Args)]
pub struct ServerArguments {
    /// The server's address
    #[arg(long, value_name = "https://HOST:PORT", env = "HOLDFAST_SERVER")]
    pub server: String,
    /// Who asks
    #[arg(long, value_name = "TENANT[+SUB]", env = "HOLDFAST_USER", value_parser = Login::parse)]
    pub user: Login,
    /// A file with the account's password in its first line, '-' for standard input (else a prompt
    /// asks)
    #[arg(long, value_name = "FILE", env = "HOLDFAST_PASSWORD_FILE")]
    pub password_file: Option<PathBuf>,
    /// A file of PEM certificates to trust, in place of the system's
    #[arg(
        long,
        value_name = "FILE",
        env = "HOLDFAST_CACERT",
        conflicts_with = "thumbprint"
    )]
    pub cacert: Option<PathBuf>,
    /// The SHA-256 of the server's certificate, as the provider told it
    #[arg(long, value_name = "SHA256", env = "HOLDFAST_THUMBPRINT",
          value_parser = Thumbprint::parse)]
    pub thumbprint: Option<Thumbprint>,
    /// How many seconds to go on trying when the server stops answering
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    pub patience: u32,
    /// How to reach the server
    #[arg(long, value_enum, default_value_t, env = "HOLDFAST_TRANSPORT")]
    pub transport: Transport,
}

/// By which way the agent reaches the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Transport {
    /// QUIC, and HTTPS where no UDP gets through
    #[default]
    Auto,
    /// QUIC alone: the same port, over UDP
    Quic,
    /// HTTPS alone, as restic does
    Https,
}

/// Which repository, and the password that encrypts it.
#[derive(Clone, Debug, clap::Args)]
pub struct RepositoryArguments {
    /// The server and the account.
    #[command(flatten)]
    pub server: ServerArguments,
    /// The repository's name at the provider
    #[arg(long, value_name = "NAME", env = "HOLDFAST_REPOSITORY",
          value_parser = RepositoryName::parse)]
    pub repository: RepositoryName,
    /// A file with the password that encrypts the repository, '-' for standard input (else a prompt
    /// asks). The provider never learns it, and nobody can replace it
    #[arg(long, value_name = "FILE", env = "HOLDFAST_REPOSITORY_PASSWORD_FILE")]
    pub repository_password_file: Option<PathBuf>,
    /// Where to keep a copy of indexes and snapshots
    #[arg(
        long,
        value_name = "DIR",
        env = "HOLDFAST_CACHE_DIR",
        conflicts_with = "no_cache"
    )]
    pub cache_dir: Option<PathBuf>,
    /// Keep no copy of indexes and snapshots
    #[arg(long)]
    pub no_cache: bool,
}

/// `agent backup`.
#[derive(Clone, Debug, clap::Args)]
pub struct BackupArguments {
    /// The repository.
    #[command(flatten)]
    pub repository: RepositoryArguments,
    /// Prepare the repository if it is still empty
    #[arg(long)]
    pub init: bool,
    /// Leave out what matches (.gitignore's syntax); may be given several times
    #[arg(long, value_name = "PATTERN")]
    pub exclude: Vec<String>,
    /// Stay on the file system of each path
    #[arg(long)]
    pub one_file_system: bool,
    /// A word to find the snapshot by; may be given several times
    #[arg(long, value_name = "TAG")]
    pub tag: Vec<String>,
    /// The host's name in the snapshot, if not this machine's
    #[arg(long, value_name = "NAME")]
    pub host: Option<String>,
    /// Files and directories to back up
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
}

/// `agent snapshots`.
#[derive(Clone, Debug, clap::Args)]
pub struct SnapshotsArguments {
    /// The repository.
    #[command(flatten)]
    pub repository: RepositoryArguments,
    /// Only those of this host
    #[arg(long, value_name = "NAME")]
    pub host: Option<String>,
    /// Only those with this tag
    #[arg(long, value_name = "TAG")]
    pub tag: Option<String>,
}

/// `agent restore`.
#[derive(Clone, Debug, clap::Args)]
pub struct RestoreArguments {
    /// The repository.
    #[command(flatten)]
    pub repository: RepositoryArguments,
    /// The snapshot's id or its beginning, or 'latest'; after a colon a path inside it
    #[arg(value_name = "SNAPSHOT[:PATH]")]
    pub snapshot: String,
    /// The directory to restore into; it is made if need be
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
    /// Read and compare files that are there already, instead of trusting size and time
    #[arg(long)]
    pub verify: bool,
}

/// `agent check`.
#[derive(Clone, Debug, clap::Args)]
pub struct CheckArguments {
    /// The repository.
    #[command(flatten)]
    pub repository: RepositoryArguments,
    /// Fetch and verify every byte too
    #[arg(long)]
    pub read_data: bool,
}

/// `agent account`.
#[derive(Clone, Debug, clap::Args)]
pub struct AccountArguments {
    /// The server and the account.
    #[command(flatten)]
    pub server: ServerArguments,
}

/// `agent password`.
#[derive(Clone, Debug, clap::Args)]
pub struct PasswordArguments {
    /// The server and the account.
    #[command(flatten)]
    pub server: ServerArguments,
    /// A file with the new password, '-' for standard input (else a prompt asks for it twice)
    #[arg(long, value_name = "FILE")]
    pub new_password_file: Option<PathBuf>,
}

/// `agent subtenant`.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum SubtenantCommand {
    /// Add a standalone subtenant and print its password, once
    Add {
        /// The server and the account.
        #[command(flatten)]
        server: ServerArguments,
        /// The subtenant's name
        #[arg(value_name = "SUB", value_parser = SubtenantName::parse)]
        subtenant: SubtenantName,
        /// The repository it gets a slice of; may be left out where there is only one
        #[arg(long, value_name = "NAME", value_parser = RepositoryName::parse)]
        repository: Option<RepositoryName>,
        /// How much of the quota it may use; all of it if left out
        #[arg(long, value_name = "SIZE", value_parser = Size::parse)]
        limit: Option<Size>,
    },
    /// List the subtenants
    List {
        /// The server and the account.
        #[command(flatten)]
        server: ServerArguments,
    },
    /// Remove a standalone subtenant; what it stored stays
    Remove {
        /// The server and the account.
        #[command(flatten)]
        server: ServerArguments,
        /// The subtenant's name
        #[arg(value_name = "SUB", value_parser = SubtenantName::parse)]
        subtenant: SubtenantName,
    },
}
