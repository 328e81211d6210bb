//! All that will happen in a run, before it happens.
//!
//! A run is a function of its plan, and a plan one of its seed: which faults there are at all, how
//! hard they strike, who is there and how they behave. Each seed draws some of each and leaves
//! others out, because a run with everything in it hides what needs peace to show (swarm testing).

mod cluster;
mod draw;
mod fleet;
mod single;
mod tape;
mod told;
mod wire;

use serde::{Deserialize, Serialize};

pub use fleet::{Fleet, Members, Mishap, Order, Timed, Ways};
pub use tape::Tape;
pub use wire::Wire;

/// Milliseconds of a day.
pub(crate) const DAY: u64 = 86_400_000;

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
    /// How the node is started.
    #[serde(default)]
    pub node: Node,
    /// The lives of the node, one after the other.
    pub lives: Vec<Life>,
    /// What rots on the disk at rest, before the last start.
    #[serde(default)]
    pub rot: Rot,
    /// Many nodes instead of the one; the lives above are not lived then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fleet: Option<Fleet>,
    /// A node with a tape library instead; tenants and operators are of its own kind then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tape: Option<Tape>,
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
    /// Days behind the end of the lease in which nobody may purge.
    #[serde(default)]
    pub purge_hold_days: u32,
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
    /// An upload has another length than was announced.
    #[serde(default)]
    pub misstate: u64,
    /// Something is asked for that is too large, or that a `config` be deleted.
    #[serde(default)]
    pub oversize: u64,
    /// So many locks are left that no more are taken.
    #[serde(default)]
    pub heap: u64,
    /// The client goes away while a large upload waits for its turn.
    #[serde(default)]
    pub hasty: u64,
    /// Passwords are guessed.
    #[serde(default)]
    pub guess: u64,
    /// A large upload takes longer than others wait for a task.
    #[serde(default)]
    pub hog: u64,
}

/// How the node is started; what is none is as in production unless somebody says otherwise there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// What all tenants together send at most, in KiB per second.
    #[serde(default)]
    pub bandwidth_kib: Option<u64>,
    /// Commands between two snapshots of the catalog.
    #[serde(default)]
    pub snapshot_every: Option<u64>,
    /// The size of the journal's files.
    #[serde(default)]
    pub segment_kib: Option<u64>,
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
    /// Once in so many commands one comes behind it that must be refused; 0 for never.
    #[serde(default)]
    pub wrong: u64,
    /// There are two admins who can log in: what cannot be taken back needs both.
    #[serde(default)]
    pub eyes: bool,
    /// Repositories and tenants are removed and made again, and what they held is purged.
    #[serde(default)]
    pub remove: bool,
    /// Repositories show again what they showed at an instant.
    #[serde(default)]
    pub undelete: bool,
    /// Passwords are chosen, and so take time to check.
    #[serde(default)]
    pub chosen: bool,
    /// Subtenants are managed: the system makes them, and their tenant their logins.
    #[serde(default)]
    pub managed: bool,
    /// Actors are stopped, and put back in service.
    #[serde(default)]
    pub restart: bool,
    /// Requests that wait for a second operator are filed without end, once.
    #[serde(default)]
    pub flood: bool,
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
    /// What rots meanwhile.
    #[serde(default)]
    pub rot: Rot,
}

/// What rots on a disk.
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

impl Rot {
    /// Whether there is none.
    pub(crate) const fn is_none(self) -> bool {
        self.bits == 0 && self.sectors == 0
    }
}

impl Habits {
    /// The same without what takes time, or does no good.
    pub(crate) fn in_peace(&self) -> Self {
        Self {
            pause: 0,
            dawdle: 0,
            absent: 0,
            misstate: 0,
            oversize: 0,
            heap: 0,
            hasty: 0,
            guess: 0,
            hog: 0,
            ..self.clone()
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
