//! Events as they stand in the rows.

use serde::{Deserialize, Serialize};

use crate::kernel::Timestamp;
use crate::names::TenantName;

/// Something that happened and that people want to know (19.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When, by the wall clock of the node that proposed it.
    pub at: Timestamp,
    /// The number of 19.4, or one of ours from 30000 on.
    pub code: u32,
    /// Information, warning or error.
    pub severity: Severity,
    /// Who did it: an operator, a tenant, or the system.
    pub actor: String,
    /// To which tenant.
    pub tenant: Option<TenantName>,
    /// What happened, as a sentence.
    pub text: String,
    /// Why, if somebody said.
    pub reason: Option<String>,
}

/// How much an event matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Good to know.
    Information,
    /// Look at it.
    Warning,
    /// Act on it.
    Error,
}
