//! How far a fleet comes: what a benchmark divides by the time that it measured.
//!
//! It measures nothing itself: no clock of the host is read here.

use std::time::Duration;

use crate::plan::{Fleet, Members, Plan, Wire};
use crate::register::{self, Shape};

/// The most replicas; all other nodes are clients.
const REPLICAS_MAX: u32 = 5;

/// What a fleet has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Distance {
    /// The time that passed in it.
    pub simulated: Duration,
    /// Turns that nodes have had.
    pub turns: u64,
    /// Frames that arrived.
    pub frames: u64,
    /// Requests that were answered.
    pub requests: u64,
    /// Lines of the trace.
    pub lines: u64,
}

/// Lets so many nodes run without any trouble, replicas of the register and its clients, for so
/// many milliseconds of theirs. The quantum is in microseconds; a client asks again after `pause`
/// milliseconds at most.
pub fn run(nodes: u32, quantum: u64, millis: u64, pause: u64) -> Distance {
    let replicas = (nodes * 3 / 5).clamp(1, REPLICAS_MAX);
    let shape = Shape {
        replicas,
        clients: nodes - replicas,
        pause,
        writes: 2,
    };
    let fleet = Fleet {
        quantum,
        wire: Wire {
            least: quantum,
            ..Wire::default()
        },
        members: Members::Register {
            replicas,
            clients: shape.clients,
            pause,
            writes: shape.writes,
        },
        drifts: Vec::new(),
        millis,
        mishaps: Vec::new(),
    };
    let mut plan = Plan::single(0);
    plan.lives.clear();
    plan.disk_micros = 200;
    register::travel(&plan, &fleet, shape)
}
