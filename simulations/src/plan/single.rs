//! What seeds draw for one node: the world, who is served, how they behave, and each life.

use super::{DAY, End, Faults, Habits, Life, Loss, Node, Operators, Plan, Rot, Step, Tenant};
use crate::dice::Dice;

const HOUR: u64 = 3_600_000;

impl Plan {
    /// The plan of a seed for one node.
    pub fn single(seed: u64) -> Self {
        let mut plan = Self::sound(seed);
        let dice = Dice::of_seed(seed).fork("plan");
        let mut at_work = dice.fork("rot at work");
        if at_work.one_in(8) {
            decay(&mut at_work, &mut plan.lives);
            if at_work.one_in(2) {
                // What is deleted goes at once, and what lies beside it is moved.
                plan.habits.prune = 1;
                for tenant in &mut plan.tenants {
                    (tenant.bin_days, tenant.hold_days) = (0, 0);
                }
            }
        }
        let mut cramped = dice.fork("cramped");
        if cramped.one_in(16) {
            cramp(&mut cramped, &mut plan);
        }
        plan
    }

    /// The same, if nothing rots on the disk of a node at work, and no journal has little room.
    pub fn sound(seed: u64) -> Self {
        let plan = Dice::of_seed(seed).fork("plan");
        // Dice of their own, so that one more draw in one part does not change the others.
        let part = |label: &str| plan.fork(label);
        let mut dice = part("world");
        // A day in winter, at any time of it, often shortly before midnight.
        let late = dice.one_in(2);
        let time = if late {
            23 * HOUR + dice.below(HOUR)
        } else {
            dice.below(DAY)
        };
        let tenants = 1 + dice.below(3);
        let (steps, faults) = (dice.one_in(3), dice.one_in(3));
        let lives = 1 + dice.below(4);
        let odd = odd(&mut part("odd"));
        let mut tenants: Vec<Tenant> = (0..tenants)
            .map(|number| tenant(&mut part(&format!("tenant {number}"))))
            .collect();
        let mut more = part("more of tenants");
        for tenant in &mut tenants {
            tenant.purge_hold_days = some(&mut more, 3) as u32;
        }
        if odd.hog > 0
            && let Some(first) = tenants.first_mut()
        {
            (first.tasks, first.clients) = (1, 3);
        }
        Self {
            seed,
            wall: 20_500 * DAY + time,
            disk_micros: 50 + dice.below(2_000),
            tenants,
            habits: Habits {
                undo: some(&mut part("undo"), 2),
                absent: absent(&mut part("absent")),
                misstate: odd.misstate,
                oversize: odd.oversize,
                heap: odd.heap,
                hasty: odd.hasty,
                guess: odd.guess,
                hog: odd.hog,
                ..habits(&mut part("habits"))
            },
            operators: affairs(
                &mut part("affairs"),
                Operators {
                    wrong: some(&mut part("wrong"), 3),
                    ..operators(&mut part("operators"))
                },
            ),
            node: node(&mut part("node")),
            lives: (0..lives)
                .map(|number| life(&mut part(&format!("life {number}")), steps, faults))
                .collect(),
            rot: rot(&mut part("rot")),
            fleet: None,
            tape: None,
        }
    }
}

impl Plan {
    /// The plan of a seed for one node on whose disk much rots, and which is off for long enough
    /// that all is to be read back.
    pub fn rotting(seed: u64) -> Self {
        let mut plan = Self::single(seed);
        let mut dice = Dice::of_seed(seed).fork("rotting");
        decay(&mut dice, &mut plan.lives);
        if let Some(last) = plan.lives.last_mut() {
            last.cut = None;
            last.faults.rot.bits = 4 + dice.below(8) as u32;
            last.off = 31 * DAY;
        }
        plan
    }

    /// The plan of a seed for one node whose operators do all that they else do seldom.
    pub fn affairs(seed: u64) -> Self {
        let mut plan = Self::single(seed);
        let mut dice = Dice::of_seed(seed).fork("affairs");
        plan.operators = Operators {
            pause: [50, 2_000][dice.below(2) as usize],
            lease: true,
            bin: dice.one_in(2),
            eyes: dice.one_in(2),
            remove: true,
            undelete: true,
            ..plan.operators
        };
        plan
    }
}

fn tenant(dice: &mut Dice) -> Tenant {
    let small = dice.one_in(3);
    let quota_kib = if small {
        1_024 + dice.below(1_024)
    } else {
        65_536
    };
    let subtenant = dice.one_in(3);
    Tenant {
        name: None,
        lease_days: dice.one_in(2).then(|| dice.below(3) as u32),
        grace_days: some(dice, 3) as u32,
        tasks: 1 + dice.below(3) as u32,
        quota_kib,
        bin_days: some(dice, 8) as u32,
        bin_limit_kib: dice.one_in(4).then(|| dice.below(1_024)),
        hold_days: some(dice, 6) as u32,
        purge_hold_days: 0,
        bandwidth_kib: dice.one_in(4).then(|| 64 + dice.below(1_000)),
        clients: 1 + dice.below(3) as u32,
        subtenant_clients: if subtenant {
            1 + dice.below(2) as u32
        } else {
            0
        },
    }
}

fn habits(dice: &mut Dice) -> Habits {
    Habits {
        packs: 1 + dice.below(5),
        large: some(dice, 6),
        cut: some(dice, 8),
        wrong: some(dice, 12),
        replay: some(dice, 8),
        prune: some(dice, 4),
        trespass: some(dice, 4),
        deaf: some(dice, 3),
        dawdle: some(dice, 10),
        restore: some(dice, 3),
        pause: [0, 5, 200, 20_000][dice.below(4) as usize],
        ..Habits::default()
    }
}

/// What no honest client does; most seeds have none of it, or one kind.
fn odd(dice: &mut Dice) -> Habits {
    let mut once = |seeds, least, more| {
        let is_there = dice.one_in(seeds);
        let once_in = least + dice.below(more);
        if is_there { once_in } else { 0 }
    };
    Habits {
        misstate: once(5, 2, 8),
        oversize: once(6, 1, 4),
        heap: once(24, 4, 4),
        hasty: once(6, 1, 3),
        guess: once(8, 2, 4),
        hog: once(12, 1, 3),
        ..Habits::default()
    }
}

/// What operators do seldom.
fn affairs(dice: &mut Dice, drawn: Operators) -> Operators {
    let is_at_work = drawn.pause > 0;
    let eyes = dice.one_in(5);
    Operators {
        eyes,
        remove: dice.one_in(5) && is_at_work,
        undelete: dice.one_in(6),
        chosen: dice.one_in(8),
        managed: dice.one_in(6),
        restart: dice.one_in(6),
        flood: dice.one_in(8) && eyes && is_at_work,
        ..drawn
    }
}

fn node(dice: &mut Dice) -> Node {
    let (bandwidth, snapshots) = (dice.one_in(8), dice.one_in(4));
    let every = 5 + dice.below(60);
    Node {
        bandwidth_kib: bandwidth.then(|| 256 + dice.below(4_096)),
        snapshot_every: snapshots.then_some(every),
        segment_kib: snapshots.then(|| 4 << dice.below(3)),
    }
}

/// Seldom: three days of a node cost more than all the rest of a run.
fn absent(dice: &mut Dice) -> u64 {
    if dice.one_in(12) {
        20 + dice.below(40)
    } else {
        0
    }
}

fn operators(dice: &mut Dice) -> Operators {
    let is_idle = dice.one_in(3);
    Operators {
        pause: if is_idle {
            0
        } else {
            [50, 2_000, 600_000][dice.below(3) as usize]
        },
        lease: dice.one_in(2),
        quota: dice.one_in(2),
        bin: dice.one_in(2),
        tasks: dice.one_in(2),
        disable: dice.one_in(3),
        maintenance: dice.one_in(4),
        revoke: dice.one_in(4),
        ..Operators::default()
    }
}

pub(super) fn life(dice: &mut Dice, steps: bool, faults: bool) -> Life {
    let rounds = 1 + dice.below(2);
    let lingers = (0..rounds).map(|_| {
        if dice.one_in(3) {
            dice.below(8 * HOUR)
        } else {
            0
        }
    });
    let lingers = lingers.collect();
    // From the first access to the disk on up to long after the last.
    let cut = 1_u64 << dice.below(16);
    let far = dice.one_in(3);
    Life {
        rounds: lingers,
        cut: (!dice.one_in(3)).then(|| cut + dice.below(cut)),
        end: if dice.one_in(4) {
            End::Kill
        } else {
            End::Power
        },
        off: if far {
            dice.below(5 * DAY)
        } else {
            dice.below(20_000)
        },
        index: match dice.below(6) {
            0 => Loss::All,
            1 => Loss::Last(dice.below(20) as usize),
            _ => Loss::None,
        },
        faults: if faults {
            faults_of(dice)
        } else {
            scarcity(&mut dice.fork("room"))
        },
        steps: if steps {
            (0..dice.below(3)).map(|_| step(dice)).collect()
        } else {
            Vec::new()
        },
    }
}

fn faults_of(dice: &mut Dice) -> Faults {
    Faults {
        after: dice.below(2_000),
        syncs: u32::from(dice.one_in(3)),
        writes: some(dice, 3) as u32,
        full_kib: dice.one_in(3).then(|| dice.below(4_096)),
        ..Faults::default()
    }
}

/// Lets what a running node holds rot; half of the time all is read back before the node is at
/// peace, because that was due while it was off.
pub(super) fn decay(dice: &mut Dice, lives: &mut [Life]) {
    for life in &mut *lives {
        if dice.one_in(2) {
            life.faults.after = life.faults.after.max(dice.below(4_000));
            life.faults.rot = Rot {
                bits: some(dice, 4) as u32,
                sectors: some(dice, 3) as u32,
            };
        }
    }
    if let Some(last) = lives.last_mut().filter(|_| dice.one_in(2)) {
        last.off = 31 * DAY + dice.below(DAY);
    }
}

/// A disk that is full while a journal of small files, with a snapshot now and then, has much to
/// write.
fn cramp(dice: &mut Dice, plan: &mut Plan) {
    let operators = &mut plan.operators;
    (operators.pause, operators.lease, operators.quota) = (50, true, true);
    plan.node.snapshot_every = Some(3 + dice.below(8));
    plan.node.segment_kib = Some(4);
    for life in &mut plan.lives {
        life.cut = life.cut.map(|cut| cut.max(5_000));
        let full = dice.one_in(2);
        life.faults = Faults {
            after: 100 + dice.below(1_000),
            full_kib: full.then(|| dice.below(64)),
            writes: if full { 0 } else { some(dice, 2) as u32 },
            ..Faults::default()
        };
    }
}

/// A disk that fills up while nothing else is wrong with it.
fn scarcity(dice: &mut Dice) -> Faults {
    Faults {
        left_kib: dice.one_in(4).then(|| dice.below(512)),
        ..Faults::default()
    }
}

fn rot(dice: &mut Dice) -> Rot {
    let rots = dice.one_in(4);
    let count = |dice: &mut Dice| if rots { some(dice, 6) as u32 } else { 0 };
    Rot {
        bits: count(dice),
        sectors: count(dice),
    }
}

fn step(dice: &mut Dice) -> Step {
    let far = [1_000, HOUR, 20 * HOUR, 40 * DAY][dice.below(4) as usize];
    let by = dice.below(far) as i64;
    Step {
        at: dice.below(20_000),
        by: if dice.one_in(2) { by } else { -by },
    }
}

/// 0 half of the time, else 1 to `most`.
fn some(dice: &mut Dice, most: u64) -> u64 {
    if dice.one_in(2) {
        0
    } else {
        1 + dice.below(most)
    }
}
