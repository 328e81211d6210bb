//! All that will happen in a run, before it happens.
//!
//! A run is a function of its plan, and a plan one of its seed: which faults there are at all, how
//! hard they strike, who is there and how they behave. Each seed draws some of each and leaves
//! others out, because a run with everything in it hides what needs peace to show (swarm testing).

mod draw;
mod fleet;
mod told;
mod wire;

use serde::{Deserialize, Serialize};

use crate::dice::Dice;

pub use fleet::{Fleet, Members, Mishap, Timed, Ways};
pub use wire::Wire;

/// Milliseconds of a day.
pub(crate) const DAY: u64 = 86_400_000;
const HOUR: u64 = 3_600_000;

/// All that will happen in a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// From which it was drawn; the run's own chance comes from it too.
    pub seed: u64,
    /// What the wall clock shows at the start, in milliseconds since 1970.
    pub wall: u64,
    /// Microseconds that each access to the disk takes.
    pub disk_micros: u64,
    /// Who is served.
    pub tenants: Vec<Tenant>,
    /// How clients behave.
    pub habits: Habits,
    /// What operators do.
    pub operators: Operators,
    /// The lives of the node, one after the other.
    pub lives: Vec<Life>,
    /// What rots on the disk before the last start.
    #[serde(default)]
    pub rot: Rot,
    /// Many nodes instead of the one; the lives above are not lived then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fleet: Option<Fleet>,
}

/// One tenant as it is first made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// Its name; `tenant-` and its number if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Days from the start until the last day of the lease; none for ever.
    pub lease_days: Option<u32>,
    /// Days of reading after it.
    pub grace_days: u32,
    /// Most uploads at once.
    pub tasks: u32,
    /// Of its repository, in KiB.
    pub quota_kib: u64,
    /// Days that what was deleted stays.
    pub bin_days: u32,
    /// KiB in the bin that are not charged; none for as much as the quota.
    pub bin_limit_kib: Option<u64>,
    /// Days within which every instant stays restorable.
    pub hold_days: u32,
    /// Bytes per second; none for no limit.
    pub bandwidth_kib: Option<u64>,
    /// Clients that work for the tenant itself.
    pub clients: u32,
    /// Clients that work for its subtenant; without any there is no subtenant.
    pub subtenant_clients: u32,
}

/// How clients behave: each number `n` stands for once in `n` chances, 0 for never.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Habits {
    /// Packs in one backup at most.
    pub packs: u64,
    /// A pack is large enough to take a task.
    pub large: u64,
    /// An upload is dropped in the middle.
    pub cut: u64,
    /// An upload's bytes do not have the hash of its name.
    pub wrong: u64,
    /// An upload is sent again once it was acknowledged.
    pub replay: u64,
    /// A backup is followed by one that deletes snapshots and packs.
    pub prune: u64,
    /// A backup is preceded by a look into what is another tenant's.
    pub trespass: u64,
    /// Of the clients, one that does not hear when its session is ended.
    pub deaf: u64,
    /// An upload waits before it is finished, for up to two minutes.
    pub dawdle: u64,
    /// A snapshot is read back at once.
    pub restore: u64,
    /// Milliseconds between two requests at most.
    pub pause: u64,
    /// An upload that failed is deleted before it is tried again, as restic does.
    #[serde(default)]
    pub undo: u64,
    /// An upload waits for three days before it is finished: a laptop whose lid was shut.
    #[serde(default)]
    pub absent: u64,
}

/// What operators do beside making tenants: the pause between two commands, and which there are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operators {
    /// Milliseconds between two commands at most; 0 for none at all.
    pub pause: u64,
    /// Leases are changed.
    pub lease: bool,
    /// Quotas are changed.
    pub quota: bool,
    /// Bin days, bin limits and holds are changed.
    pub bin: bool,
    /// Tasks are changed.
    pub tasks: bool,
    /// Tenants are disabled and enabled.
    pub disable: bool,
    /// Maintenance comes and goes.
    pub maintenance: bool,
    /// Credentials are revoked and made anew.
    pub revoke: bool,
}

/// One life of the node: rounds of work, and how it ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Life {
    /// Each round: every client makes a backup; then, after all is quiet, so many milliseconds
    /// pass.
    pub rounds: Vec<u64>,
    /// Milliseconds after which the power fails; none if the rounds may end.
    pub cut: Option<u64>,
    /// How the life ends.
    pub end: End,
    /// Milliseconds until the next start.
    pub off: u64,
    /// What else becomes of the index.
    pub index: Loss,
    /// Of this life's syncs and writes, which fail.
    pub faults: Faults,
    /// Steps of the wall clock.
    pub steps: Vec<Step>,
}

/// How a life ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum End {
    /// The power fails: the disk judges what was not synced.
    Power,
    /// The process is killed: the disk keeps all that was written.
    Kill,
}

/// What becomes of an index beside what a crash takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Loss {
    /// Nothing.
    None,
    /// So many of its last batches are gone, flushed or not.
    Last(usize),
    /// All of it is gone.
    All,
}

/// What the disk does wrong, once clients are at work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Faults {
    /// Milliseconds after which it begins.
    pub after: u64,
    /// Syncs that fail.
    pub syncs: u32,
    /// Writes that fail.
    pub writes: u32,
    /// KiB after which the disk is full, for a minute.
    pub full_kib: Option<u64>,
    /// KiB beside the reserve that are left on the disk for a minute, from the start; then nothing
    /// else goes wrong.
    #[serde(default)]
    pub left_kib: Option<u64>,
}

/// What rots on a disk at rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rot {
    /// Bits that flip.
    pub bits: u32,
    /// Sectors that hold what belongs elsewhere.
    pub sectors: u32,
}

/// A step of the wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Milliseconds into the life.
    pub at: u64,
    /// By how many milliseconds, forward or back.
    pub by: i64,
}

impl Plan {
    /// The plan of a seed for one node.
    pub fn single(seed: u64) -> Self {
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
        Self {
            seed,
            wall: 20_500 * DAY + time,
            disk_micros: 50 + dice.below(2_000),
            tenants: (0..tenants)
                .map(|number| tenant(&mut part(&format!("tenant {number}"))))
                .collect(),
            habits: Habits {
                undo: some(&mut part("undo"), 2),
                absent: absent(&mut part("absent")),
                ..habits(&mut part("habits"))
            },
            operators: operators(&mut part("operators")),
            lives: (0..lives)
                .map(|number| life(&mut part(&format!("life {number}")), steps, faults))
                .collect(),
            rot: rot(&mut part("rot")),
            fleet: None,
        }
    }
}

impl Tenant {
    /// Its name, as the tenant with this number.
    pub(crate) fn called(&self, number: usize) -> String {
        let name = self.name.clone();
        name.unwrap_or_else(|| format!("tenant-{number}"))
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
        undo: 0,
        absent: 0,
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
    }
}

fn life(dice: &mut Dice, steps: bool, faults: bool) -> Life {
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
        left_kib: None,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_comes_back_from_its_text() {
        for seed in 0..50 {
            let plan = Plan::from_seed(seed);
            let text = serde_json::to_string(&plan).unwrap();
            assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
        }
    }

    #[test]
    fn two_seeds_have_two_plans() {
        assert_eq!(Plan::single(3), Plan::single(3));
        assert_ne!(Plan::single(3).lives, Plan::single(4).lives);
    }
}
