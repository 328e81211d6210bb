//! Two nodes and the connection between them, as each of them sees it.

use std::collections::VecDeque;

use bytes::Bytes;

use super::schedule::Place;
use crate::trace::Micros;

/// Which of the two nodes of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Low,
    High,
}

impl End {
    pub(super) const fn other(self) -> Self {
        match self {
            Self::Low => Self::High,
            Self::High => Self::Low,
        }
    }

    const fn index(self) -> usize {
        self as usize
    }
}

/// What is between two nodes.
#[derive(Debug, Default)]
pub(super) struct Pair {
    /// The number of the last connection.
    pub(super) number: u64,
    /// Both have heard of it.
    pub(super) established: bool,
    /// Nothing more passes on it.
    pub(super) dead: bool,
    /// How many times as slow as the plan says; 0 for just so.
    pub(super) slowness: u64,
    /// How many times as far apart as the nearest; 0 as long as nobody asked.
    pub(super) distance: u64,
    views: [View; 2],
    lanes: [Lane; 2],
}

/// The connection as one end sees it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct View {
    /// The one that this end believes in.
    pub(super) open: Option<u64>,
    /// The last one that has ended for it.
    pub(super) ended: u64,
}

/// One direction.
#[derive(Debug, Default)]
pub(super) struct Lane {
    /// Frames that hold a permit.
    pub(super) under_way: usize,
    /// A send was refused.
    pub(super) is_refused: bool,
    /// Until when the wire is busy with what was sent.
    pub(super) busy: Micros,
    /// When the last frame arrives.
    pub(super) last: Micros,
    /// Where its frames are in the schedule, in order.
    pub(super) flying: VecDeque<Place>,
    /// Frames that wait for the end of a cut.
    pub(super) held: VecDeque<(u64, Bytes)>,
}

impl Pair {
    pub(super) const fn view(&mut self, end: End) -> &mut View {
        &mut self.views[end.index()]
    }

    /// The lane on which an end sends.
    pub(super) const fn lane(&mut self, end: End) -> &mut Lane {
        &mut self.lanes[end.index()]
    }

    /// Whether an end believes in the connection with this number.
    pub(super) fn believes(&self, end: End, number: u64) -> bool {
        self.views[end.index()].open == Some(number)
    }

    /// Whether the connection has ended for an end, or never began in its present life.
    pub(super) const fn has_ended(&self, end: End, number: u64) -> bool {
        self.views[end.index()].ended >= number
    }

    /// The connection on which an end sends now; a new one if it has none. True if it is new to the
    /// end.
    pub(super) fn open(&mut self, end: End) -> (u64, bool) {
        if let Some(number) = self.views[end.index()].open {
            return (number, false);
        }
        let has_ended = |view: &View| view.ended >= self.number;
        if self.dead || self.number == 0 || self.views.iter().any(has_ended) {
            self.number += 1;
            self.dead = false;
            self.established = false;
        }
        self.begin(end, self.number);
        (self.number, true)
    }

    /// An end believes in a connection from now on.
    pub(super) fn begin(&mut self, end: End, number: u64) {
        self.views[end.index()].open = Some(number);
        self.free(end);
    }

    /// A connection has ended for one end; false if it did not believe in it.
    pub(super) fn end(&mut self, end: End, number: u64) -> bool {
        if !self.believes(end, number) {
            return false;
        }
        let view = self.view(end);
        (view.open, view.ended) = (None, number);
        if number == self.number {
            self.dead = true;
        }
        self.free(end);
        true
    }

    /// An end knows of no connection so far any more.
    pub(super) fn forget(&mut self, end: End) {
        self.begin(end, self.number);
        self.end(end, self.number);
    }

    /// No frame of an end holds a permit any more.
    fn free(&mut self, end: End) {
        let lane = self.lane(end);
        (lane.under_way, lane.is_refused) = (0, false);
        lane.held.clear();
    }
}
