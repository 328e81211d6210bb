//! Makes a node of a cluster that is there: asks to be let in, and makes the data directory of what
//! comes back.
//!
//! The key is durable before it is first shown, and asks again in a later attempt: an answer that
//! was lost costs no number and no token. A refusal leaves nothing behind.

use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use holdfast_actors::kernel::{NodeName, Timestamp};
use holdfast_actors::ports::Clock;
use holdfast_cluster::identity::{Folder, FolderError, JoinToken, NodeKey, thumbprint};
use holdfast_cluster::join::{JoinError, Newcomer, Welcome};
use zeroize::Zeroizing;

use super::failure;
use super::making::{announced, bound, furnished, named, tell};
use crate::cli::{Exit, Failure, Screen};
use crate::clock::SystemClock;
use crate::commands::node::Join;
use crate::home::{self, CLUSTER, HomeError, Membership, Other};
use crate::secret;

/// More than a token that was pasted with all its line breaks.
const TOKEN_MAX: u64 = 4 << 10;

/// Joins a cluster with a token, and makes the node's directory.
///
/// # Errors
/// When the directory is not empty or cannot be written, the token is none, or the cluster does not
/// let the node in or does not answer.
pub fn join(data: &Path, join: &Join, screen: &mut Screen) -> Result<(), Failure> {
    let token = token(&join.token_file)?;
    let name = named(join.name.as_ref())?;
    let addresses = announced(&join.place.addresses)?;
    let site = Site::prepare(data)?;
    let (key, fresh) = site.key()?;
    let clock = Arc::new(SystemClock::new());
    let newcomer = Newcomer {
        token,
        key,
        name: name.clone(),
        addresses: addresses.clone(),
        roles: join.place.roles(),
        zone: join.place.zone.clone().unwrap_or_default(),
        clock: Arc::clone(&clock) as _,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| failure(&error))?;
    let welcome = match runtime.block_on(newcomer.join()) {
        Ok(welcome) => welcome,
        Err(error) => return Err(site.give_up(&error, fresh)),
    };
    let membership = Membership {
        node: welcome.node,
        name: name.clone(),
        bind: join.place.bind.unwrap_or_else(|| bound(&addresses)),
        addresses,
        roles: join.place.roles(),
        zone: join.place.zone.clone().unwrap_or_default(),
        others: others(&welcome),
    };
    let certificate = site.settle(&name, &membership, &welcome, clock.now().wall)?;
    let root = thumbprint(welcome.certificate.root()).to_string();
    tell(
        data,
        &name,
        &certificate,
        Some((&membership, &root)),
        screen,
    )
}

fn others(welcome: &Welcome) -> Vec<Other> {
    let others = welcome.nodes.iter().map(|(node, row)| Other {
        node: *node,
        key: row.key,
        addresses: row.addresses.clone(),
    });
    others.collect()
}

/// The token that a file holds.
fn token(file: &Path) -> Result<JoinToken, Failure> {
    let wrong =
        |told: &dyn std::fmt::Display| Failure::usage(format!("{}: {told}", file.display()));
    let mut text = Zeroizing::new(String::new());
    let read = if secret::is_stdin(file) {
        io::stdin().take(TOKEN_MAX).read_to_string(&mut text)
    } else {
        fs::File::open(file).and_then(|opened| opened.take(TOKEN_MAX).read_to_string(&mut text))
    };
    read.map_err(|error| wrong(&error))?;
    JoinToken::parse(&text).map_err(|error| wrong(&error))
}

/// The directory that is to be the node's.
struct Site<'a> {
    data: &'a Path,
    /// Whether it was there before.
    found: bool,
    folder: Folder,
}

impl<'a> Site<'a> {
    /// Makes sure that a node can be made there, before anybody is asked.
    fn prepare(data: &'a Path) -> Result<Self, Failure> {
        let found = data.exists();
        if found {
            home::vacate(data)?;
        }
        let folder = Folder::open(&data.join(CLUSTER))?;
        Ok(Self {
            data,
            found,
            folder,
        })
    }

    /// The key of the attempt before, or a new one; and whether it is new.
    fn key(&self) -> Result<(NodeKey, bool), Failure> {
        let kept = || -> Result<(NodeKey, bool), Box<dyn std::error::Error>> {
            if let Some(key) = self.folder.joining()? {
                return Ok((key, false));
            }
            let key = NodeKey::generate()?;
            self.folder.keep_joining(&key)?;
            Ok((key, true))
        };
        kept().map_err(|error| failure(error.as_ref()))
    }

    /// Makes the node of what came back. The key that asked goes last.
    fn settle(
        &self,
        name: &NodeName,
        membership: &Membership,
        welcome: &Welcome,
        now: Timestamp,
    ) -> Result<String, Failure> {
        let keep = || -> Result<(), FolderError> {
            if let Some(issuer) = &welcome.issuer {
                self.folder.keep_issuer(issuer)?;
            }
            self.folder.keep_node(&welcome.certificate)
        };
        let made = furnished(self.data, name, Some(membership), now, |path| {
            keep().map_err(|error| HomeError::Io {
                path: path.to_owned(),
                source: io::Error::other(error),
            })
        })?;
        let forgotten = self.folder.forget_joining();
        forgotten.map_err(|error| failure(&error))?;
        Ok(made)
    }

    /// Why there is no node. Where the cluster may have let it in, now or in an attempt before, the
    /// key stays.
    fn give_up(&self, error: &JoinError, fresh: bool) -> Failure {
        let failed = told(error);
        let decided = matches!(error, JoinError::Refused { .. }) || fresh;
        if failed.reason == "not-decided" || !decided {
            return failed;
        }
        let swept = self.folder.forget_joining();
        if let Err(error) = swept {
            return failure(&error);
        }
        // What is not empty is not ours to take away.
        let _ = fs::remove_dir(self.data.join(CLUSTER));
        if !self.found {
            let _ = fs::remove_dir(self.data);
        }
        failed
    }
}

/// The exit code and the word for each way in which a join fails.
fn told(error: &JoinError) -> Failure {
    let sentence = failure(error).message;
    let (exit, reason) = match error {
        JoinError::Refused { .. } | JoinError::Unreachable { .. } if error.is_doubtful() => {
            (Exit::NoAnswer, "not-decided")
        }
        JoinError::Refused { reason, .. } => {
            let exit = match reason.as_str() {
                "no-token" => Exit::NotFound,
                "token-used" | "node-name-taken" | "node-key-taken" | "address-taken" => {
                    Exit::Conflict
                }
                "malformed" => Exit::Other,
                _ => Exit::Refused,
            };
            (exit, reason.as_str())
        }
        JoinError::Unreachable { .. } => (Exit::NoAnswer, "unreachable"),
        JoinError::Stranger(_) => (Exit::Refused, "stranger"),
        JoinError::Answer(_) | JoinError::Identity(_) => (Exit::Other, "not-decided"),
        JoinError::Socket(_) => (Exit::Other, "failed"),
    };
    Failure::new(exit, reason, sentence)
}
