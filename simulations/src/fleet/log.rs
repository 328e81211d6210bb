//! The trace of a fleet, shared by all who write to it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::trace::{Micros, Trace};

/// One trace for the world and everybody in it. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Log(Arc<Mutex<Trace>>);

impl Log {
    /// Goes on with this trace.
    pub(super) fn new(trace: Trace) -> Self {
        Self(Arc::new(Mutex::new(trace)))
    }

    /// Adds a line.
    pub(crate) fn say(&self, at: Micros, what: fmt::Arguments<'_>) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .say(at, what);
    }

    /// The trace so far.
    pub(crate) fn trace(&self) -> Trace {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
