//! What the demonstration of tape proved, in figures: what `--json` prints.

use serde::Serialize;

/// All of it. Sizes are bytes, times are seconds.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::demo) struct Figures {
    /// How long the whole took.
    pub(super) seconds: f64,
    /// What was written, run by run.
    pub(super) archived: Vec<Archived>,
    /// Objects that the tenant lost.
    pub(super) lost: u64,
    /// Snapshots that were there again.
    pub(super) snapshots: u64,
    /// Bytes restored, and paths that differ.
    pub(super) restored: u64,
    pub(super) differences: u64,
    /// Bytes that the next backup had to send.
    pub(super) sent_behind: u64,
    /// Files that plain tar took from the cartridges.
    pub(super) untarred: u64,
    /// Errors that the agent found in what tar brought back, every byte read.
    pub(super) check_errors: u64,
}

/// One repository on tape.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Archived {
    pub(super) set: String,
    pub(super) tenant: String,
    pub(super) objects: u64,
    pub(super) bytes: u64,
    pub(super) cartridges: Vec<String>,
    pub(super) seconds: f64,
}
