//! The fleets that seeds draw.

use super::single::{decay, life};
use super::{DAY, End, Fleet, Life, Members, Mishap, Plan, Timed, Ways, Wire};
use crate::dice::Dice;

/// How many replicas seeds draw.
const REPLICAS: [u32; 4] = [3, 5, 5, 6];

/// Crashes of a storm.
const STORM: u64 = 60;

/// What may go wrong at all in a run.
struct Kinds {
    crashes: bool,
    partitions: bool,
    connections: bool,
    slowness: bool,
    sleep: bool,
    disks: bool,
}

impl Plan {
    /// The plan of a seed: for one node most of the time, for several now and then.
    pub fn from_seed(seed: u64) -> Self {
        match Dice::of_seed(seed).fork("kind").below(12) {
            0 => Self::register(seed),
            1 => Self::several(seed),
            _ => Self::single(seed),
        }
    }

    /// The plan of a seed for several nodes as in production, each on its own.
    pub fn several(seed: u64) -> Self {
        let dice = Dice::of_seed(seed).fork("several");
        let mut shape = dice.fork("shape");
        let nodes = 2 + shape.below(3) as u32;
        let mut plan = Self::single(seed);
        plan.lives.clear();
        let lives = (0..nodes).map(|node| {
            let lives = 1 + shape.below(2);
            let part = |life| dice.fork(&format!("node {node} life {life}"));
            let (steps, faults) = (shape.one_in(3), shape.one_in(3));
            let mut lives: Vec<Life> = (0..lives)
                .map(|number| life(&mut part(number), steps, faults))
                .collect();
            let mut at_work = dice.fork(&format!("rot at work on {node}"));
            if at_work.one_in(8) {
                decay(&mut at_work, &mut lives);
            }
            lives
        });
        let members = Members::Holdfast {
            lives: lives.collect(),
        };
        let mut fleet = fleet(&dice, nodes, 0, members);
        // Nothing passes between them, so that only the times of starts need to be near.
        fleet.quantum = [1_000_000, 20_000_000, 60_000_000][shape.below(3) as usize];
        fleet.wire.least = fleet.quantum;
        set_clocks(&mut fleet, &dice, nodes);
        plan.fleet = Some(fleet);
        plan
    }

    /// The plan of a seed for a busy register whose replicas crash one after the other: what shows
    /// only while a write has reached some of them shows here.
    pub fn storm(seed: u64) -> Self {
        let mut plan = Self::register(seed);
        plan.disk_micros = 300;
        let mut dice = Dice::of_seed(seed).fork("storm");
        let crashes = (1..STORM).map(|number| {
            let node = dice.below(5) as u32;
            let mishap = crash_once(node, End::Power, 60);
            let at = number * 150 + dice.below(100);
            Timed { at, mishap }
        });
        plan.fleet = Some(Fleet {
            quantum: 5_000,
            wire: Wire {
                least: 5_000,
                more: 20_000,
                ..Wire::default()
            },
            members: Members::Register {
                replicas: 5,
                clients: 8,
                pause: 2,
                writes: 10,
            },
            drifts: Vec::new(),
            millis: (STORM + 2) * 150,
            mishaps: crashes.collect(),
        });
        plan
    }

    /// The plan of a seed for nodes that call each other.
    pub fn calls(seed: u64) -> Self {
        let dice = Dice::of_seed(seed).fork("calls");
        let mut shape = dice.fork("shape");
        let nodes = 2 + shape.below(4) as u32;
        let members = Members::Calls {
            nodes,
            callers: 1 + shape.below(4) as u32,
            pause: [5, 50, 400][shape.below(3) as usize],
            window: [1, 3, 8][shape.below(3) as usize],
        };
        let mut plan = Self::single(seed);
        plan.tenants.clear();
        plan.lives.clear();
        plan.fleet = Some(fleet(&dice, nodes, 0, members));
        plan
    }

    /// The plan of a seed for nodes that call each other over the link of production. Never drawn
    /// unless it is asked for: it costs several times as much as the others, and what it shows
    /// beyond them is in the link alone.
    pub fn wire(seed: u64) -> Self {
        let dice = Dice::of_seed(seed).fork("wire");
        let mut shape = dice.fork("shape");
        let nodes = [2, 2, 3, 4][shape.below(4) as usize];
        let members = Members::Wire {
            nodes,
            callers: 1 + shape.below(2) as u32,
            pause: [50, 200, 800][shape.below(3) as usize],
            window: [1, 3, 8][shape.below(3) as usize],
            lost: [0, 5, 20, 200][shape.below(4) as usize],
            twice: [0, 3, 30][shape.below(3) as usize],
        };
        let mut plan = Self::single(seed);
        plan.tenants.clear();
        plan.lives.clear();
        plan.fleet = Some(bearable(fleet(&dice, nodes, 0, members)));
        plan
    }

    /// The plan of a seed for a replicated register on nodes that a network joins.
    pub fn register(seed: u64) -> Self {
        let dice = Dice::of_seed(seed).fork("register");
        let mut shape = dice.fork("shape");
        let replicas = REPLICAS[shape.below(4) as usize];
        let clients = 3 + shape.below(6) as u32;
        let members = Members::Register {
            replicas,
            clients,
            pause: [2, 20, 200][shape.below(3) as usize],
            writes: [2, 6, 20][shape.below(3) as usize],
        };
        let mut plan = Self::single(seed);
        plan.tenants.clear();
        plan.lives.clear();
        plan.disk_micros = 50 << shape.below(8);
        plan.fleet = Some(fleet(&dice, replicas, clients, members));
        plan
    }

    /// The plan of a seed for the replicated catalog on nodes that a network joins. Its clocks are
    /// no worse than leases bear, and its network carries what consensus needs.
    pub fn catalog(seed: u64) -> Self {
        let dice = Dice::of_seed(seed).fork("catalog");
        let mut shape = dice.fork("shape");
        let nodes = [3, 3, 5][shape.below(3) as usize];
        let members = Members::Catalog {
            nodes,
            clients: 1 + shape.below(2) as u32,
            pause: [20, 100, 400][shape.below(3) as usize],
        };
        let mut plan = Self::single(seed);
        plan.tenants.clear();
        plan.lives.clear();
        plan.disk_micros = 50 << shape.below(5);
        let mut fleet = bearable(fleet(&dice, nodes, 0, members));
        set_clocks(&mut fleet, &dice, nodes);
        plan.fleet = Some(fleet);
        plan
    }
}

/// With clocks no worse than leases bear, and a network that carries what consensus needs.
pub(super) fn bearable(mut fleet: Fleet) -> Fleet {
    fleet.wire.kib_per_second = None;
    fleet.wire.is_uneven &= fleet.wire.least <= 1_000;
    for drift in &mut fleet.drifts {
        *drift = (*drift).clamp(-9_000, 9_000);
    }
    fleet
}

/// Steps of nodes' wall clocks, in some runs: of one node's or of several, forward and back. Nobody
/// is told; a minute is nothing, hours move midnight, and weeks are doubted.
pub(super) fn set_clocks(fleet: &mut Fleet, dice: &Dice, nodes: u32) {
    let mut dice = dice.fork("wall clocks");
    if !dice.one_in(3) {
        return;
    }
    for _ in 0..1 + dice.below(4) {
        let far = [60_000, DAY / 24, DAY, 40 * DAY][dice.below(4) as usize];
        let by = 1 + dice.below(far) as i64;
        let mishap = Mishap::Step {
            node: dice.below(u64::from(nodes)) as u32,
            by: if dice.one_in(2) { by } else { -by },
        };
        let at = dice.below(fleet.millis);
        fleet.mishaps.push(Timed { at, mishap });
    }
    fleet.mishaps.sort_by_key(|timed| timed.at);
}

pub(super) fn fleet(dice: &Dice, nodes: u32, clients: u32, members: Members) -> Fleet {
    let mut shape = dice.fork("fleet");
    let quantum = [1_000, 2_000, 5_000][shape.below(3) as usize];
    let wire = Wire {
        least: quantum,
        more: [0, 2_000, 20_000][shape.below(3) as usize],
        has_tail: shape.one_in(2),
        is_uneven: shape.one_in(2),
        kib_per_second: shape.one_in(4).then(|| 16 + shape.below(1_000)),
        silence: [200, 500, 5_000][shape.below(3) as usize],
    };
    let drift = [0, 0, 500, 100_000][shape.below(4) as usize];
    let drifts = (0..nodes).map(|_| shape.below(2 * drift + 1) as i64 - drift as i64);
    let drifts = drifts.collect();
    let millis = 5_000 + shape.below(10_000);
    let kinds = Kinds {
        crashes: !shape.one_in(3),
        partitions: shape.one_in(2),
        connections: shape.one_in(2),
        slowness: shape.one_in(2),
        sleep: shape.one_in(4),
        disks: shape.one_in(4),
    };
    let mut pause = dice.fork("pauses");
    let most = [400, 1_500, 5_000][shape.below(3) as usize];
    let mut mishaps = dice.fork("mishaps");
    let (mut at, mut timed) = (0, Vec::new());
    loop {
        at += 1 + pause.below(most);
        if at >= millis {
            break;
        }
        if kinds.crashes && mishaps.one_in(6) {
            // The power of all fails at once.
            let off = mishaps.below(1_000);
            let blackout = (0..nodes).map(|node| crash_once(node, End::Power, off));
            timed.extend(blackout.map(|mishap| Timed { at, mishap }));
        } else if let Some(mishap) = mishap(&mut mishaps, &kinds, nodes, nodes + clients) {
            timed.push(Timed { at, mishap });
        }
    }
    Fleet {
        quantum,
        wire,
        members,
        drifts,
        millis,
        mishaps: timed,
    }
}

fn mishap(dice: &mut Dice, kinds: &Kinds, nodes: u32, all: u32) -> Option<Mishap> {
    let node = dice.below(u64::from(nodes)) as u32;
    let one = dice.below(u64::from(all)) as u32;
    let other = dice.below(u64::from(all)) as u32;
    match dice.below(9) {
        0 | 1 if kinds.crashes => Some(crash(dice, node)),
        2 | 8 if kinds.partitions => Some(Mishap::Part {
            side: if dice.one_in(2) {
                vec![node]
            } else {
                (0..all).filter(|_| dice.one_in(2)).collect()
            },
            ways: [Ways::Both, Ways::Both, Ways::Out, Ways::In][dice.below(4) as usize],
        }),
        3 if kinds.partitions || kinds.slowness => Some(Mishap::Heal),
        4 if kinds.connections && dice.one_in(2) => Some(Mishap::Forget {
            node: one,
            peer: other,
        }),
        4 if kinds.connections => Some(Mishap::Kill { one, other }),
        5 if kinds.slowness => Some(Mishap::Slow {
            one,
            other,
            times: 2 + dice.below(100),
        }),
        6 if kinds.sleep => Some(Mishap::Sleep {
            node,
            millis: 1 << dice.below(18),
        }),
        7 if kinds.disks && dice.one_in(3) => Some(Mishap::Hang {
            node,
            millis: 1 << dice.below(14),
        }),
        7 if kinds.disks && dice.one_in(2) => Some(Mishap::Drag {
            node,
            times: 2 + dice.below(50),
        }),
        7 if kinds.disks => Some(Mishap::Disk {
            node,
            syncs: 1,
            writes: 0,
            full_kib: None,
        }),
        _ => None,
    }
}

pub(super) const fn crash_once(node: u32, end: End, off: u64) -> Mishap {
    Mishap::Crash {
        node,
        end,
        off,
        again: 0,
        after: 0,
    }
}

fn crash(dice: &mut Dice, node: u32) -> Mishap {
    let off = 1 << dice.below(11);
    let loops = dice.one_in(4);
    Mishap::Crash {
        node,
        end: if dice.one_in(3) {
            End::Kill
        } else {
            End::Power
        },
        off: dice.below(off),
        again: if loops { 1 + dice.below(3) as u32 } else { 0 },
        after: dice.below(40),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fleets_plan_comes_back_from_its_text() {
        let plans = [
            Plan::register,
            Plan::several,
            Plan::catalog,
            Plan::calls,
            Plan::wire,
            Plan::tape,
        ];
        for (seed, of) in (0..50).flat_map(|seed| plans.map(|of| (seed, of))) {
            let plan = of(seed);
            let text = serde_json::to_string(&plan).unwrap();
            assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
        }
    }

    #[test]
    fn a_plan_from_before_there_were_fleets_has_none() {
        let plan = Plan::from_seed(5);
        let mut text = serde_json::to_value(&plan).unwrap();
        text.as_object_mut().unwrap().remove("fleet");
        assert_eq!(serde_json::from_value::<Plan>(text).unwrap(), plan);
    }
}
