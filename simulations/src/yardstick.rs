//! How far a fleet comes: what a benchmark divides by the time that it measured.
//!
//! It measures nothing itself: no clock of the host is read here.

use std::sync::Arc;
use std::time::Duration;

use crate::plan::{Fleet, Habits, Life, Members, Operators, Plan, Tenant, Wire};
use crate::register::{self, Shape};
use crate::witness::Witness;
use crate::world::many;

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

/// What a fleet has to do.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// How many nodes there are.
    pub nodes: u32,
    /// Microseconds of one turn.
    pub quantum: u64,
    /// Milliseconds of theirs in which they run.
    pub millis: u64,
    /// Milliseconds between two requests of a client at most.
    pub pause: u64,
}

/// Lets nodes run without any trouble: replicas of the register, and its clients. A witness, if
/// there is one, takes time.
pub fn register(load: Load, witness: Option<Arc<dyn Witness>>) -> Distance {
    let replicas = (load.nodes * 3 / 5).clamp(1, REPLICAS_MAX);
    let shape = Shape {
        replicas,
        clients: load.nodes - replicas,
        pause: load.pause,
        writes: 2,
    };
    let members = Members::Register {
        replicas,
        clients: shape.clients,
        pause: shape.pause,
        writes: shape.writes,
    };
    let (plan, fleet) = (plan(&[]), fleet(load, members));
    register::travel(witness, &plan, &fleet, shape)
}

/// The same with nodes as in production, each with a client of its own tenant at work.
pub fn production(load: Load, witness: Option<Arc<dyn Witness>>) -> Distance {
    let tenants = vec![Plan::single(0).tenants[0].clone(); 1];
    let mut plan = plan(&tenants);
    plan.habits = Habits {
        // A backup has no end, so that nobody rests.
        packs: 1 << 40,
        pause: load.pause,
        ..Habits::default()
    };
    for tenant in &mut plan.tenants {
        (tenant.lease_days, tenant.quota_kib) = (None, 1 << 20);
        (tenant.clients, tenant.subtenant_clients) = (load.nodes, 0);
    }
    // Rounds follow one another, and there are more than anybody comes to.
    let life = Life {
        rounds: vec![0; 1_000],
        ..crate::world::peace()
    };
    let lives = vec![vec![life]; load.nodes as usize];
    let fleet = fleet(load, Members::Holdfast { lives: Vec::new() });
    many::travel(witness, &plan, &fleet, &lives)
}

fn fleet(load: Load, members: Members) -> Fleet {
    Fleet {
        quantum: load.quantum,
        wire: Wire {
            least: load.quantum,
            ..Wire::default()
        },
        members,
        drifts: Vec::new(),
        millis: load.millis,
        mishaps: Vec::new(),
    }
}

fn plan(tenants: &[Tenant]) -> Plan {
    let mut plan = Plan::single(0);
    plan.lives.clear();
    plan.operators = Operators::default();
    plan.tenants = tenants.to_vec();
    plan.disk_micros = 200;
    plan.node = crate::plan::Node::default();
    plan
}
