//! Who is started when somebody wants them, how often they may fail, and when to give up.
//!
//! One machine for every supervisor of parts that live only while used (tenants, repositories); a
//! supervisor differs by its [`Policy`] and by how its hands start a part. It never looks into what
//! it passes on.

mod machine;

use std::time::Duration;

pub use machine::{Effect, Event, Outcome, Supervisor};

/// How often a part may fail, and what then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Failures that are answered by starting the part again.
    pub restarts: u32,
    /// Failures longer ago than this are forgotten.
    pub within: Duration,
    /// What happens at one failure more.
    pub exhausted: OutOfService,
}

/// How long a part that failed too often stays out of service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutOfService {
    /// Until this much time has passed; then whoever wants it starts it again.
    For(Duration),
    /// Until an operator restarts it.
    UntilRestarted,
}
