//! What a tape job hears and wants.

use serde::{Deserialize, Serialize};

use super::super::key::KeyId;
use super::super::schedule::MediaSet;
use crate::kernel::{Date, Timestamp};

/// What a job hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It was made or enabled, or disabled.
    Enabled(bool),
    /// The attempt of that number came to an end.
    Ended(u64, Outcome),
    /// A source has something that was not there when the last run looked.
    Changed,
    /// A tape was put in, or a library came back.
    Tape,
    /// An operator stops the run.
    Stop,
    /// An operator wants a set written now: a whole view, which is owed until it is; in
    /// [`MediaSet::Daily`] what is new, unless a run is under way already.
    Full(MediaSet),
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All of it is on tape.
    Wrote,
    /// No source has anything new.
    Nothing,
    /// There is no tape that may be written.
    NoTape,
    /// Anything else.
    Failed,
}

/// What a run waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// That a source has something new.
    Source,
    /// A tape that may be written.
    Tape,
    /// The time to try again.
    Retry(Timestamp),
}

/// What a job wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Write what is new to a set, and tell how it ended.
    Write {
        /// Counts the attempts since the job was loaded.
        attempt: u64,
        /// To this set.
        set: MediaSet,
        /// The day that the run is for.
        day: Date,
        /// When the run began: earlier attempts of it wrote nothing before.
        since: Timestamp,
    },
    /// Leave off; nothing is told.
    Abort(u64),
    /// Tell the operator (`R10.22`).
    Notify(MediaSet, Occasion),
}

/// What an operator is told of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Occasion {
    /// It wrote all.
    Success,
    /// There was nothing new until its day was over.
    Nothing,
    /// It waits for a tape: once a run.
    WaitingForTape,
    /// It gave up.
    Failed,
    /// It made place for an elder set.
    Dropped,
    /// An operator stopped it.
    Stopped,
    /// An attempt could not write: its node does not have this key open.
    NeedsKey(KeyId),
}
