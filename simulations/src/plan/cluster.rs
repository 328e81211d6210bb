//! The clusters that seeds draw: what befalls them, and what operators order meanwhile.

use super::draw::{bearable, crash_once, fleet, set_clocks};
use super::{End, Fleet, Members, Mishap, Order, Plan, Timed, Ways, Wire};
use crate::dice::Dice;

impl Plan {
    /// The plan of a seed for whole nodes that are one cluster, with the clocks and the network
    /// that the catalog bears.
    pub fn cluster(seed: u64) -> Self {
        let dice = Dice::of_seed(seed).fork("cluster");
        let mut shape = dice.fork("shape");
        let nodes = [3, 3, 4, 5][shape.below(4) as usize];
        let mut orders = dice.fork("orders");
        let joins = u32::from(orders.one_in(3));
        let members = Members::Cluster {
            nodes,
            joins,
            tenants: 1 + shape.below(4) as u32,
            pause: [50, 200, 1_000][shape.below(3) as usize],
        };
        let mut plan = Self::single(seed);
        plan.tenants.clear();
        plan.lives.clear();
        plan.disk_micros = 50 << shape.below(5);
        let mut fleet = bearable(fleet(&dice, nodes, 0, members));
        set_clocks(&mut fleet, &dice, nodes);
        give_orders(&mut fleet, &mut orders, nodes, joins);
        lose_quorum(&mut fleet, &mut dice.fork("quorum"), nodes);
        spoil_disks(&mut fleet, &mut dice.fork("disks"), nodes);
        set_terms(&mut fleet, &mut dice.fork("terms"));
        fleet.mishaps.sort_by_key(|timed| timed.at);
        plan.fleet = Some(fleet);
        plan
    }

    /// The plan of a seed for a busy cluster of three in which two nodes are cut off for a while,
    /// one after the other: what shows only where two believe to own the same shows here.
    pub fn deposed(seed: u64) -> Self {
        let mut plan = Self::cluster(seed);
        let mut dice = Dice::of_seed(seed).fork("deposed");
        let mut mishaps = Vec::new();
        for node in 0..2 {
            let at = 3_000 + u64::from(node) * 11_000 + dice.below(500);
            let (side, ways) = (vec![node], Ways::Both);
            let mishap = Mishap::Part { side, ways };
            mishaps.push(Timed { at, mishap });
            let (at, mishap) = (at + 9_000, Mishap::Heal);
            mishaps.push(Timed { at, mishap });
        }
        plan.fleet = Some(busy(25_000, mishaps));
        plan
    }

    /// The plan of a seed for a busy cluster of three of which two lose power for a while: the
    /// third is no majority.
    pub fn headless(seed: u64) -> Self {
        let mut plan = Self::cluster(seed);
        let mut dice = Dice::of_seed(seed).fork("headless");
        let at = 4_000 + dice.below(2_000);
        let first = dice.below(3) as u32;
        let mishaps = [first, (first + 1) % 3].map(|node| Timed {
            at,
            mishap: crash_once(node, End::Power, 9_000),
        });
        plan.fleet = Some(busy(16_000, mishaps.to_vec()));
        plan
    }

    /// The plan of a seed for a busy cluster of three whose tenants' leases end.
    pub fn ending(seed: u64) -> Self {
        let mut plan = Self::cluster(seed);
        let mut dice = Dice::of_seed(seed).fork("ending");
        let mishaps = (0..3).map(|tenant| {
            let at = 3_000 + dice.below(2_000);
            let days = Some(-1);
            let mishap = Mishap::Term { tenant, days };
            Timed { at, mishap }
        });
        let mut mishaps: Vec<Timed> = mishaps.collect();
        mishaps.sort_by_key(|timed| timed.at);
        plan.fleet = Some(busy(9_000, mishaps));
        plan
    }

    /// The plan of a seed for a cluster of three in which one node's disk rots again and again, and
    /// the node loses power now and then.
    pub fn decaying(seed: u64) -> Self {
        let mut plan = Self::cluster(seed);
        let mut dice = Dice::of_seed(seed).fork("decaying");
        let node = dice.below(3) as u32;
        let mishaps = (2..12).map(|second| {
            let at = second * 1_000 + dice.below(900);
            let mishap = match dice.below(4) {
                0 => crash_once(node, End::Power, 200 + dice.below(2_000)),
                1 => crash_once((node + 1) % 3, End::Power, 200 + dice.below(2_000)),
                _ => Mishap::Rot {
                    node,
                    bits: 1 + dice.below(6) as u32,
                    sectors: dice.below(3) as u32,
                },
            };
            Timed { at, mishap }
        });
        let mishaps = mishaps.collect();
        let mut fleet = busy(14_000, mishaps);
        if let Members::Cluster { tenants, pause, .. } = &mut fleet.members {
            (*tenants, *pause) = (2, 200);
        }
        plan.fleet = Some(fleet);
        plan
    }

    /// The plan of a seed for a cluster of four or five of whose nodes operators drain one, or
    /// remove it: empty or at once.
    pub fn ordered(seed: u64) -> Self {
        let mut plan = Self::cluster(seed);
        let mut dice = Dice::of_seed(seed).fork("ordered");
        if let Some(Fleet {
            members: Members::Cluster { nodes, joins, .. },
            mishaps,
            millis,
            ..
        }) = &mut plan.fleet
        {
            (*nodes, *joins) = (4, 0);
            *millis = 12_000;
            let node = dice.below(4) as u32;
            let at = 4_000 + dice.below(2_000);
            let order = [Order::Drain, Order::Expel][dice.below(2) as usize];
            *mishaps = vec![Timed {
                at,
                mishap: Mishap::Order { node, order },
            }];
        }
        plan
    }
}

/// In some runs one node's disk loses what it holds, and in some one is full or fails.
///
/// Of an extent's replicas those on one node rot, and no other: each object has a sound copy. Where
/// a node goes at once, whatever it holds, nothing rots: the copy that is left could be its.
fn spoil_disks(fleet: &mut Fleet, dice: &mut Dice, nodes: u32) {
    let expels = |timed: &Timed| {
        let order = Order::Expel;
        matches!(timed.mishap, Mishap::Order { order: it, .. } if it == order)
    };
    let is_safe = !fleet.mishaps.iter().any(expels);
    let node = dice.below(u64::from(nodes)) as u32;
    let later = |dice: &mut Dice| 2_000 + dice.below(fleet.millis.saturating_sub(2_000).max(1));
    let mut mishaps = Vec::new();
    if dice.one_in(3) && is_safe {
        for _ in 0..1 + dice.below(3) {
            let at = later(dice);
            let (bits, sectors) = (1 + dice.below(4) as u32, dice.below(3) as u32);
            let mishap = Mishap::Rot {
                node,
                bits,
                sectors,
            };
            mishaps.push(Timed { at, mishap });
        }
    }
    if dice.one_in(4) {
        let node = dice.below(u64::from(nodes)) as u32;
        let at = later(dice);
        let fails = |syncs, writes, full_kib| Mishap::Disk {
            node,
            syncs,
            writes,
            full_kib,
        };
        let some = 1 + dice.below(3) as u32;
        let (mishap, until) = match dice.below(3) {
            0 => (fails(some, 0, None), None),
            1 => (fails(0, some, None), None),
            _ => {
                let room = 64 << dice.below(6);
                (fails(0, 0, Some(room)), Some(at + 500 + dice.below(8_000)))
            }
        };
        mishaps.push(Timed { at, mishap });
        mishaps.extend(until.map(|at| Timed {
            at,
            mishap: fails(0, 0, None),
        }));
    }
    fleet.mishaps.extend(mishaps);
}

/// In some runs operators change tenants' leases: to days that are over, that end soon or never.
fn set_terms(fleet: &mut Fleet, dice: &mut Dice) {
    let Members::Cluster { tenants, .. } = fleet.members else {
        return;
    };
    if !dice.one_in(3) {
        return;
    }
    for _ in 0..1 + dice.below(4) {
        let tenant = dice.below(u64::from(tenants)) as u32;
        let days = [Some(-1), Some(-1), Some(0), Some(1), Some(400), None];
        let days = days[dice.below(6) as usize];
        let at = 2_000 + dice.below(fleet.millis);
        let mishap = Mishap::Term { tenant, days };
        fleet.mishaps.push(Timed { at, mishap });
    }
}

/// Three nodes at which clients are busy.
fn busy(millis: u64, mishaps: Vec<Timed>) -> Fleet {
    Fleet {
        quantum: 2_000,
        wire: Wire {
            least: 2_000,
            ..Wire::default()
        },
        members: Members::Cluster {
            nodes: 3,
            joins: 0,
            tenants: 3,
            pause: 50,
        },
        drifts: Vec::new(),
        millis,
        mishaps,
    }
}

/// What operators order, in most runs: a node joins, another is drained and comes back or goes, or
/// is removed at once.
fn give_orders(fleet: &mut Fleet, dice: &mut Dice, nodes: u32, joins: u32) {
    let quarter = fleet.millis / 4;
    let order = |at, node, order| Timed {
        at,
        mishap: Mishap::Order { node, order },
    };
    for node in nodes..nodes + joins {
        let at = quarter + dice.below(2 * quarter);
        fleet.mishaps.push(order(at, node, Order::Join));
    }
    let (node, at) = (
        dice.below(u64::from(nodes)) as u32,
        quarter + dice.below(quarter),
    );
    let then = at + dice.below(2 * quarter);
    // Whoever removes one of three has no third one for copies.
    let may_go = nodes > 3;
    match dice.below(6) {
        0 | 1 => {
            fleet.mishaps.push(order(at, node, Order::Drain));
            fleet.mishaps.push(order(then, node, Order::Undrain));
        }
        2 if may_go => {
            fleet.mishaps.push(order(at, node, Order::Drain));
            fleet.mishaps.push(order(then, node, Order::Remove));
        }
        3 if may_go => fleet.mishaps.push(order(at, node, Order::Expel)),
        2 => fleet.mishaps.push(order(at, node, Order::Drain)),
        _ => {}
    }
}

/// In some runs so many nodes lose power for a while that the others are no majority.
fn lose_quorum(fleet: &mut Fleet, dice: &mut Dice, nodes: u32) {
    if !dice.one_in(4) {
        return;
    }
    let at = 3_000 + dice.below(fleet.millis / 2);
    let off = 4_000 + dice.below(8_000);
    let first = dice.below(u64::from(nodes)) as u32;
    for number in 0..nodes.div_ceil(2) {
        let node = (first + number) % nodes;
        let mishap = crash_once(node, End::Power, off);
        fleet.mishaps.push(Timed { at, mishap });
    }
    fleet.millis = fleet.millis.max(at + off + 3_000);
}
