//! What the demonstration proved, in figures: what `--json` prints.

use serde::Serialize;

use super::tenant::{Backup, Refusal};

/// All of it. Sizes are bytes, times are seconds.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Figures {
    /// How long the whole took.
    pub(super) seconds: f64,
    /// How long the node took to serve for the first time.
    pub(super) started_in: f64,
    /// Each backup, in order.
    pub(super) backups: Vec<Saved>,
    /// What was refused, in order.
    pub(super) refusals: Vec<Refused>,
    /// The theft.
    pub(super) theft: Theft,
    /// The kill.
    pub(super) kill: Kill,
    /// What the node read back of its own.
    pub(super) verified: Verified,
    /// Errors that the client found in its repository, every byte fetched.
    pub(super) check_errors: u64,
    /// Each restore, in order.
    pub(super) restores: Vec<Compared>,
    /// Events that the node wrote down.
    pub(super) events: u64,
}

/// A backup.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Saved {
    pub(super) what: String,
    pub(super) files: u64,
    pub(super) bytes: u64,
    pub(super) files_new: u64,
    pub(super) files_changed: u64,
    pub(super) sent: u64,
    pub(super) seconds: f64,
}

/// A refusal, as the tenant read it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Refused {
    pub(super) what: String,
    pub(super) reason: String,
    pub(super) sentence: String,
}

/// What a thief with the tenant's password could do, and what came back.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Theft {
    pub(super) deleted: u64,
    pub(super) left: u64,
    pub(super) bin_bytes: u64,
    pub(super) recovered: u64,
}

/// What a kill in the middle of an upload left.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Kill {
    pub(super) uploads_running: u64,
    /// Bytes on disk of which nobody had been told that they are safe.
    pub(super) unacknowledged: u64,
    pub(super) acknowledged_objects: u64,
    pub(super) lost_objects: u64,
    pub(super) restarted_in: f64,
}

/// What was read back and compared with what was received.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Verified {
    pub(super) objects: u64,
    pub(super) bytes: u64,
    pub(super) damaged: u64,
}

/// A restored tree beside its source.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Compared {
    pub(super) what: String,
    pub(super) files: u64,
    pub(super) bytes: u64,
    pub(super) differences: u64,
    pub(super) seconds: f64,
}

impl Saved {
    /// What a backup came to.
    pub(super) fn of(what: &str, backup: &Backup) -> Self {
        Self {
            what: what.to_owned(),
            files: backup.files,
            bytes: backup.bytes,
            files_new: backup.files_new,
            files_changed: backup.files_changed,
            sent: backup.bytes_stored,
            seconds: backup.seconds,
        }
    }
}

impl Refused {
    /// What a refusal said.
    pub(super) fn of(what: &str, refusal: Refusal) -> Self {
        let Refusal { reason, sentence } = refusal;
        Self {
            what: what.to_owned(),
            reason,
            sentence,
        }
    }
}
