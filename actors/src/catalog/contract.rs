//! What a tenant was promised, as commands say it. Part of the journal's format, like they are.

use serde::{Deserialize, Serialize};

use crate::kernel::{Date, Rate, Size};

/// A tenant's contract as it is first made. Its default is the contract of a tenant of whom nothing
/// is said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contract {
    /// Free text, at most 1 KiB.
    pub description: String,
    /// The last day on which it is served; none for ever (R6.30).
    pub lease: Option<Date>,
    /// Days after the lease's end on which reading is still allowed, at most 9999.
    pub restore_grace: u32,
    /// Days after the lease's end before which nobody may order a purge, at most 9999.
    pub purge_hold: u32,
    /// Most uploads at once, and most downloads at once, 1 to 1024 (R15.30).
    pub tasks: u32,
    /// Bytes per second; none for no limit (R15.21).
    pub bandwidth: Option<Rate>,
    /// Days that a deleted object is kept, 0 to 99 (9.2).
    pub bin_days: u32,
    /// Bytes in the bin that are not charged; none for as much as the quota.
    pub bin_limit: Option<Size>,
}

impl Default for Contract {
    fn default() -> Self {
        Self {
            description: String::new(),
            lease: None,
            restore_grace: 0,
            purge_hold: 0,
            tasks: 16,
            bandwidth: None,
            bin_days: 7,
            bin_limit: None,
        }
    }
}

/// Changes of a contract: what is none stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContractChange {
    /// See [`Contract::description`].
    pub description: Option<String>,
    /// See [`Contract::lease`]. An earlier end needs a second operator.
    pub lease: Option<Option<Date>>,
    /// See [`Contract::restore_grace`]. Fewer days need a second operator.
    pub restore_grace: Option<u32>,
    /// See [`Contract::purge_hold`]. Fewer days need a second operator.
    pub purge_hold: Option<u32>,
    /// See [`Contract::tasks`].
    pub tasks: Option<u32>,
    /// See [`Contract::bandwidth`].
    pub bandwidth: Option<Option<Rate>>,
    /// See [`Contract::bin_days`]. Fewer days need a second operator.
    pub bin_days: Option<u32>,
    /// See [`Contract::bin_limit`].
    pub bin_limit: Option<Option<Size>>,
}
