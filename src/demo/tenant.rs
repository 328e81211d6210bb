//! A tenant of the demonstration: the agent's own code, run in this process, and for the attack the
//! bare protocol below it.

use std::collections::BTreeSet;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use holdfast_actors::names::{RepositoryName, TenantName};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{said, told};
use crate::agent::arguments::{
    BackupArguments, CheckArguments, RepositoryArguments, RestoreArguments, ServerArguments,
    SnapshotsArguments, Transport,
};
use crate::agent::{self, AgentCommand, Thumbprint};
use crate::cli::Failure;
use crate::commands::values::Login;

/// What encrypts the repositories; the node never sees it.
const REPOSITORY_PASSWORD: &str = "known to the tenant alone";
/// How long a client goes on trying while its server is away, in seconds.
const PATIENCE: u32 = 60;
/// The folders of a repository that hold what a backup is made of.
const FOLDERS: [&str; 4] = ["snapshots", "index", "data", "keys"];

/// Who logs in, where.
#[derive(Clone, Debug)]
pub(super) struct Tenant {
    user: Login,
    repository: RepositoryName,
    server: String,
    thumbprint: Thumbprint,
    password: String,
}

/// What a backup came to.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Backup {
    /// The snapshot's id.
    pub(super) snapshot: String,
    /// Files in it.
    pub(super) files: u64,
    /// Those that were not in the one before.
    pub(super) files_new: u64,
    /// Those that had changed.
    pub(super) files_changed: u64,
    /// Bytes in it.
    pub(super) bytes: u64,
    /// Bytes that went over the wire for it.
    pub(super) bytes_stored: u64,
    /// How long it took.
    pub(super) seconds: f64,
}

/// What a restore came to.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Restored {
    /// How long it took.
    pub(super) seconds: f64,
}

/// One snapshot of a list.
#[derive(Clone, Debug, Deserialize)]
struct Line {
    snapshot: String,
}

/// What a check came to.
#[derive(Clone, Debug, Deserialize)]
struct Checked {
    errors: Vec<String>,
}

/// A refusal, as the tenant reads it.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    /// The word.
    pub(super) reason: String,
    /// The sentence.
    pub(super) sentence: String,
}

impl Tenant {
    /// A tenant with the password that the node gave it.
    pub(super) fn new(
        name: &TenantName,
        repository: &RepositoryName,
        (server, thumbprint): (&str, &str),
        password: &str,
    ) -> Result<Self, Failure> {
        Ok(Self {
            user: Login {
                tenant: name.clone(),
                subtenant: None,
            },
            repository: repository.clone(),
            server: server.to_owned(),
            thumbprint: Thumbprint::parse(thumbprint).map_err(|error| told(&error))?,
            password: password.to_owned(),
        })
    }

    /// The same, at another server.
    pub(super) fn through(&self, (server, thumbprint): (&str, &str)) -> Result<Self, Failure> {
        Ok(Self {
            server: server.to_owned(),
            thumbprint: Thumbprint::parse(thumbprint).map_err(|error| told(&error))?,
            ..self.clone()
        })
    }

    /// The same, for another repository.
    pub(super) fn on(&self, repository: &RepositoryName) -> Self {
        Self {
            repository: repository.clone(),
            ..self.clone()
        }
    }

    /// Backs a directory up.
    pub(super) fn back_up(&self, path: &Path) -> Result<Backup, agent::Failure> {
        self.agent(&AgentCommand::Backup(BackupArguments {
            repository: self.repository(),
            init: true,
            exclude: Vec::new(),
            one_file_system: false,
            tag: Vec::new(),
            host: Some("demo".to_owned()),
            paths: vec![path.to_owned()],
        }))
    }

    /// The ids of all snapshots.
    pub(super) fn snapshots(&self) -> Result<Vec<String>, agent::Failure> {
        let lines: Vec<Line> = self.agent(&AgentCommand::Snapshots(SnapshotsArguments {
            repository: self.repository(),
            host: None,
            tag: None,
        }))?;
        Ok(lines.into_iter().map(|line| line.snapshot).collect())
    }

    /// Restores what a snapshot has of a directory.
    pub(super) fn restore(
        &self,
        snapshot: &str,
        path: &Path,
        to: PathBuf,
    ) -> Result<Restored, agent::Failure> {
        self.agent(&AgentCommand::Restore(RestoreArguments {
            repository: self.repository(),
            snapshot: format!("{snapshot}:{}", path.display()),
            to,
            verify: false,
        }))
    }

    /// Fetches and checks every byte; how many errors there are.
    pub(super) fn check(&self) -> Result<u64, agent::Failure> {
        let found: Checked = self.agent(&AgentCommand::Check(CheckArguments {
            repository: self.repository(),
            read_data: true,
        }))?;
        Ok(found.errors.len() as u64)
    }

    /// The names of all objects that the server has acknowledged, locks apart.
    pub(super) fn objects(&self) -> Result<BTreeSet<String>, agent::Failure> {
        let remote = self.remote()?;
        let mut objects = BTreeSet::new();
        for folder in FOLDERS {
            let listed = remote.list_folder(folder)?;
            objects.extend(
                listed
                    .iter()
                    .map(|(id, _)| format!("{folder}/{}", id.to_hex().as_str())),
            );
        }
        Ok(objects)
    }

    /// Deletes every object, as whoever has the password can.
    pub(super) fn destroy(&self) -> Result<u64, agent::Failure> {
        let remote = self.remote()?;
        let objects = self.objects()?;
        objects
            .iter()
            .try_for_each(|object| remote.delete(object))?;
        Ok(objects.len() as u64)
    }

    /// Stores the bytes of one object, as a copy of files does.
    pub(super) fn put(&self, path: &str, bytes: Bytes) -> Result<(), agent::Failure> {
        self.remote()?.store(path, &[bytes])
    }

    fn remote(&self) -> Result<agent::Remote, agent::Failure> {
        agent::remote(&self.repository(), &mut self.secrets())
    }

    /// The bare protocol, with one try at everything.
    pub(super) fn impatient(&self) -> Result<agent::Remote, agent::Failure> {
        let mut repository = self.repository();
        repository.server.patience = 0;
        agent::remote(&repository, &mut self.secrets())
    }

    fn agent<T: DeserializeOwned>(&self, command: &AgentCommand) -> Result<T, agent::Failure> {
        let mut output = Vec::new();
        agent::run(command, true, &mut self.secrets(), &mut output)?;
        serde_json::from_slice(&output)
            .map_err(|error| agent::Failure::Nonsense(format!("the agent's answer: {error}")))
    }

    fn secrets(&self) -> Cursor<String> {
        Cursor::new(format!("{}\n{REPOSITORY_PASSWORD}\n", self.password))
    }

    fn repository(&self) -> RepositoryArguments {
        let stdin = || Some(PathBuf::from("-"));
        RepositoryArguments {
            server: ServerArguments {
                server: self.server.clone(),
                user: self.user.clone(),
                password_file: stdin(),
                cacert: None,
                thumbprint: Some(self.thumbprint),
                patience: PATIENCE,
                transport: Transport::default(),
            },
            repository: self.repository.clone(),
            repository_password_file: stdin(),
            cache_dir: None,
            no_cache: true,
        }
    }
}

/// That something was refused for a reason.
pub(super) fn refused<T>(
    result: Result<T, agent::Failure>,
    reason: &str,
) -> Result<Refusal, Failure> {
    match result {
        Ok(_) => Err(said(&format!(
            "nothing was refused, and {reason} was expected"
        ))),
        Err(failure) if failure.reason() == reason => Ok(Refusal {
            reason: reason.to_owned(),
            sentence: failure.to_string(),
        }),
        Err(failure) => Err(said(&format!(
            "{reason} was expected, and it was: {failure}"
        ))),
    }
}
