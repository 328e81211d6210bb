//! What of a job's state is shown.

use super::{Stage, State, Waiting};
use crate::kernel::Timestamp;
use crate::tape::MediaSet;

impl State {
    /// What a run writes that is under way or waits, and since when.
    pub fn running(&self) -> Option<(MediaSet, Timestamp)> {
        self.run.map(|run| (run.set, run.since))
    }

    /// What that run waits for; none while it writes.
    pub fn waits(&self) -> Option<Waiting> {
        match self.run?.stage {
            Stage::Working => None,
            Stage::WaitsForSource => Some(Waiting::Source),
            Stage::WaitsForTape => Some(Waiting::Tape),
            Stage::WaitsToTryAgain(at) => Some(Waiting::Retry(at)),
        }
    }
}
