//! What goes wrong with the disk while clients are at work.

use super::pass;
use crate::dice::Dice;
use crate::disk::{Disk, Faults};
use crate::ledger::Ledger;
use crate::mutation::Mutation;
use crate::plan::{self, Rot};

/// How long a disk stays full.
const FULL: u64 = 60_000;

/// The smallest disk whose reserve is worth the name, in bytes.
const SMALLEST: u64 = 8 << 20;

/// Lets the disk fail as the plan says.
pub(super) async fn break_disk(disk: Disk, plan: plan::Faults, mutation: Option<Mutation>) {
    pass(plan.after).await;
    let faults = Faults {
        capacity: plan.full_kib.map(|kib| kib << 10),
        failing_syncs: plan.syncs,
        failing_writes: plan.writes,
        ..planted(mutation)
    };
    disk.set_faults(faults.clone());
    pass(FULL).await;
    disk.set_faults(Faults {
        capacity: None,
        failing_syncs: 0,
        failing_writes: 0,
        ..faults
    });
}

/// The folder of all that repositories hold.
const EXTENTS: &str = "extents";

/// Lets something of what repositories hold rot.
pub(super) fn rot(disk: &Disk, ledger: &Ledger, rot: Rot, dice: &mut Dice) {
    let mut book = ledger.book();
    disk.decay(EXTENTS, rot, dice, &mut book.rotten);
    if !rot.is_none() {
        let (now, rotten) = (book.now(), book.rotten.clone());
        book.trace.say(now, format_args!("rotten: {rotten:?}"));
    }
}

/// Leaves the disk with its reserve and so many bytes, before anybody has begun anything.
pub(super) async fn fill(disk: Disk, left: u64, ledger: Ledger, mutation: Option<Mutation>) {
    let faults = planted(mutation);
    // A sixteenth of the whole is kept back.
    let capacity = Some((disk.used() + left) / 15 * 16);
    disk.set_faults(Faults {
        capacity,
        boasts: mutation == Some(Mutation::BoastingDisk),
        ..faults.clone()
    });
    // The reserve of a disk that is smaller has no room for an extent's head and a journal's file.
    ledger.book().fills_up(capacity >= Some(SMALLEST));
    pass(FULL).await;
    ledger.book().fills_up(false);
    disk.set_faults(faults);
}

/// What a planted bug makes of the disk.
pub(super) fn planted(mutation: Option<Mutation>) -> Faults {
    Faults {
        lying_syncs: mutation == Some(Mutation::LyingSync),
        kept_extents: mutation == Some(Mutation::KeptExtents),
        greedy_removals: mutation == Some(Mutation::GreedyRemoval),
        ..Faults::default()
    }
}
