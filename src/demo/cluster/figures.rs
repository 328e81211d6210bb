//! What the demonstration of a cluster proved, in figures: what `--json` prints.

use serde::Serialize;

/// All of it. Sizes are bytes, times are seconds.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::demo) struct Figures {
    /// How long the whole took.
    pub(super) seconds: f64,
    /// How long the three nodes took until all of them were at work.
    pub(super) started_in: f64,
    /// Which node was killed.
    pub(super) killed: String,
    /// Which node was cut off.
    pub(super) cut_off: String,
    /// What each tenant saw of it.
    pub(super) tenants: Vec<Worked>,
}

/// One tenant.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Worked {
    pub(super) tenant: String,
    /// From the loss to the acknowledgement of the next write that was begun behind it.
    pub(super) gap_of_kill: f64,
    pub(super) gap_of_cut: f64,
    /// Small objects that were acknowledged, and how many of them are gone.
    pub(super) writes: u64,
    pub(super) lost_writes: u64,
    /// Backups, all of them restored, with the bytes of that and the paths that differ.
    pub(super) backups: u64,
    pub(super) restored: u64,
    pub(super) differences: u64,
    /// Errors that the client found in its repository, every byte fetched.
    pub(super) check_errors: u64,
}

impl Worked {
    /// A tenant before all that.
    pub(super) fn of(tenant: &str) -> Self {
        Self {
            tenant: tenant.to_owned(),
            ..Self::default()
        }
    }
}
