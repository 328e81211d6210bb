//! Space comes back, whenever the power fails meanwhile, and takes nothing along that counts.

use std::time::Duration;

use holdfast_actors::extent;
use holdfast_actors::kernel::ExtentId;
use holdfast_simulations::disk::Faults;

use crate::damage::run;
use crate::world::{ID, World};

/// Histories of each kind in one run.
const SEEDS: u64 = 20;
const HOUR: Duration = Duration::from_secs(3_600);
/// What may lie there for no use: a gain that is too small to be taken.
const SLACK: u64 = 256 << 10;

/// Lives of a repository without a bin: what was deleted in one is purged when the next begins, and
/// ten seconds later extents are emptied. Most lives end just then. Gives how many extents went.
fn lives(seed: u64, faults: &Faults) -> Result<usize, String> {
    let mut world = World::of_seed(seed);
    world.bin_days = 0;
    world.faults = faults.clone();
    let mut gone = 0;
    for _ in 0..8 {
        let before: Vec<ExtentId> = names(&world);
        let micros = match world.dice.one_in(3) {
            true => world.dice.below(400_000),
            false => 10_000_000 + world.dice.below(600_000),
        };
        world.live(Duration::from_micros(micros))?;
        world.crash();
        match world.dice.below(8) {
            0 => world.index.empty(),
            1 => world.index.shorten(3),
            _ => {}
        }
        let after = names(&world);
        gone += before.iter().filter(|id| !after.contains(id)).count();
    }
    world.faults = Faults::default();
    // Once to let clients work to the end, and once more to purge what they deleted.
    world.live(HOUR)?;
    world.live(HOUR)?;
    space(&world)?;
    Ok(gone)
}

fn names(world: &World) -> Vec<ExtentId> {
    world.catalog.extents().iter().map(|(id, _)| *id).collect()
}

/// Sealed extents hold at most twice what counts in them, and there are no other files.
fn space(world: &World) -> Result<(), String> {
    let extents = world.catalog.extents();
    let sealed: u64 = extents.iter().filter_map(|(_, sealed)| *sealed).sum();
    let (machine, _) = run(async { world.recover(&world.ports()).await })
        .map_err(|error| format!("not recovered: {error}"))?;
    let held = machine.state().snapshot();
    let open = extents.iter().find(|(_, sealed)| sealed.is_none());
    let open = open.map(|(id, _)| *id);
    let held = held.everything();
    let held = held.filter(|(_, object)| Some(object.place.extent) != open);
    let held: u64 = held.map(|(_, object)| object.size.as_bytes() + 512).sum();
    if sealed > 2 * held + SLACK {
        return Err(format!("{sealed} bytes for {held} that count"));
    }
    for path in world.disk.paths() {
        let name = path.rsplit('/').next().and_then(extent::named);
        if !name.is_some_and(|id| extents.iter().any(|(known, _)| *known == id)) {
            return Err(format!("{path} is left over, {ID} has {extents:?}"));
        }
    }
    Ok(())
}

fn check(seeds: std::ops::Range<u64>, least: usize, faults: impl Fn(u64) -> Faults) {
    let mut gone = 0;
    for seed in seeds {
        let told = lives(seed, &faults(seed));
        assert!(told.is_ok(), "seed {seed}: {told:?}");
        gone += told.unwrap_or(0);
    }
    assert!(gone >= least, "only {gone} extents went");
}

#[test]
fn what_was_acknowledged_survives_every_crash_while_space_comes_back() {
    check(300..300 + SEEDS, 20, |_| Faults::default());
}

#[test]
fn a_disk_that_fails_while_space_comes_back_loses_nothing_acknowledged() {
    check(400..400 + SEEDS, 20, |seed| Faults {
        failing_writes: u32::from(seed % 2 == 0),
        failing_syncs: u32::from(seed % 3 == 0),
        ..Faults::default()
    });
}

#[test]
fn a_full_disk_gets_space_back() {
    check(500..500 + SEEDS, 1, |_| Faults {
        capacity: Some(6 << 20),
        ..Faults::default()
    });
}

/// One extent of which most was given up, and three objects that count.
fn spoilt() -> World {
    let mut world = World::of_seed(7);
    (world.fill, world.script) = (2 << 20, vec![2, 3, 6]);
    world.live(Duration::from_secs(3)).unwrap();
    world.crash();
    (world.fill, world.script) = (0, vec![3]);
    world
}

#[test]
fn at_no_instant_does_a_power_cut_take_what_is_being_moved() {
    let (mut before, mut after) = (0, 0);
    for step in 0..300 {
        let mut world = spoilt();
        let first = names(&world)[0];
        // Other dice for the disk at each instant.
        world.dice = world.dice.fork(&format!("{step}"));
        world.live(Duration::from_micros(step * 150)).unwrap();
        world.crash();
        if names(&world).contains(&first) {
            before += 1;
        } else {
            after += 1;
        }
        let told = world.live(HOUR);
        assert_eq!(told, Ok(()), "cut off after {step}");
        assert_eq!(space(&world), Ok(()), "cut off after {step}");
        assert!(!names(&world).contains(&first));
    }
    assert!(before > 50 && after > 50, "{before} and {after}");
}
