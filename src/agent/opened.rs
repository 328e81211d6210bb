//! An open repository at the server, and the lock held while it is used.

use std::io::BufRead;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use rustic_core::{
    ConfigOptions, Credentials, KeyOptions, OpenStatus, Repository, RepositoryBackends,
    RepositoryOptions, RusticResult,
};

use super::arguments::RepositoryArguments;
use super::backend::{Remote, Shared};
use super::failure::Failure;
use super::progress::Bars;
use super::{Output, client_of, lock, secret};

/// The largest pack the agent makes: as restic's.
const PACK_MAX: &str = "128MiB";

/// What goes with an open repository.
pub(super) struct Opened {
    pub(super) remote: Arc<Remote>,
    began: Timestamp,
}

impl Opened {
    /// Connects, asks for the passwords, and opens the repository, or prepares it if `init`.
    pub(super) fn new(
        arguments: &RepositoryArguments,
        init: bool,
        input: &mut dyn BufRead,
        output: &Output<'_>,
    ) -> Result<(Self, Repository<OpenStatus>), Failure> {
        let began = Timestamp::now();
        let client = Arc::new(client_of(&arguments.server, input)?);
        let remote = Arc::new(Remote::new(client, arguments.repository.clone()));
        let prepared = remote.config_size()?.is_some();
        let name = &arguments.repository;
        if !prepared && !init {
            return Err(Failure::Missing(format!(
                "repository {name} holds no backups yet, or there is none of that name for this \
                 account; 'backup --init' prepares it"
            )));
        }
        let file = arguments.repository_password_file.as_deref();
        let password = secret::read("the repository's password", file, input)?;
        let bars = Bars::new(!output.json);
        bars.show_warnings();
        let backend = Shared(Arc::clone(&remote));
        let backends = RepositoryBackends::new(Arc::new(backend), None);
        let credentials = Credentials::password(password.as_str());
        let opening = || {
            let closed = Repository::new_with_progress(&options(arguments), &backends, bars)?;
            if prepared {
                return closed.open(&credentials);
            }
            let key = KeyOptions::default().with_created(true);
            let mut config = ConfigOptions::default();
            config.set_datapack_size_limit = PACK_MAX.parse().ok();
            config.set_treepack_size_limit = PACK_MAX.parse().ok();
            closed.init(&credentials, &key, &config)
        };
        let repository =
            opening().map_err(|error| Failure::from_rustic(&error, remote.failed()))?;
        Ok((Self { remote, began }, repository))
    }

    /// Does the work on the repository, while a lock keeps prunes away.
    pub(super) fn locked<T>(
        &self,
        repository: Repository<OpenStatus>,
        work: impl FnOnce(Repository<OpenStatus>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let key = repository.key();
        lock::shared(&self.remote, &key, || work(repository))
    }

    /// What the library's result means to the tenant.
    pub(super) fn told<T>(&self, result: RusticResult<T>) -> Result<T, Failure> {
        result.map_err(|error| Failure::from_rustic(&error, self.remote.failed()))
    }

    /// The seconds since the command began.
    pub(super) fn seconds(&self) -> f64 {
        Timestamp::now()
            .duration_since(self.began)
            .as_secs_f64()
            .max(0.0)
    }
}

fn options(arguments: &RepositoryArguments) -> RepositoryOptions {
    let mut options = RepositoryOptions::default();
    options.cache_dir = arguments.cache_dir.clone().or_else(cache_directory);
    options.no_cache = arguments.no_cache || options.cache_dir.is_none();
    options
}

fn cache_directory() -> Option<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache"));
    cache
        .filter(|directory| directory.is_absolute())
        .or_else(home)
        .map(|directory| directory.join("holdfast"))
}
