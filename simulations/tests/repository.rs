//! Repositories on a disk that forgets: what was acknowledged is there to the byte after every
//! crash, what was refused is not, and damage is told apart from a torn tail.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

#[path = "repository/clients.rs"]
mod clients;
#[path = "repository/damage.rs"]
mod damage;
#[path = "repository/emptying.rs"]
mod emptying;
#[path = "repository/index.rs"]
mod index;
#[path = "repository/silence.rs"]
mod silence;
#[path = "repository/standing_by.rs"]
mod standing_by;
#[path = "repository/world.rs"]
mod world;

use std::time::Duration;

use holdfast_simulations::disk::Faults;
use world::World;

/// Histories of each kind in one run.
const SEEDS: u64 = 40;

/// Several lives of one repository, each cut off at some moment.
fn lives(seed: u64, count: u64, faults: &Faults) -> Result<(), String> {
    let mut world = World::of_seed(seed);
    world.faults = faults.clone();
    for _ in 0..count {
        // Some lives are long enough for the index to be told.
        let longest = if world.dice.one_in(3) {
            60_000_000
        } else {
            400_000
        };
        let micros = world.dice.below(longest);
        world.live(Duration::from_micros(micros))?;
        world.crash();
        match world.dice.below(8) {
            0 => world.index.empty(),
            1 => world.index.shorten(3),
            _ => {}
        }
    }
    world.faults = Faults::default();
    world.live(Duration::from_secs(3_600))
}

#[test]
fn what_was_acknowledged_survives_every_crash() {
    for seed in 0..SEEDS {
        let told = lives(seed, 6, &Faults::default());
        assert_eq!(told, Ok(()), "seed {seed}");
    }
}

#[test]
fn a_disk_that_fails_now_and_then_loses_nothing_acknowledged() {
    for seed in 100..100 + SEEDS {
        let faults = Faults {
            failing_writes: u32::from(seed % 2 == 0),
            failing_syncs: u32::from(seed % 3 == 0),
            ..Faults::default()
        };
        let told = lives(seed, 6, &faults);
        assert_eq!(told, Ok(()), "seed {seed}");
    }
}

#[test]
fn a_full_disk_loses_nothing_acknowledged() {
    for seed in 200..200 + SEEDS {
        let faults = Faults {
            capacity: Some(3 << 20),
            // Every other one fills up under an upload, as by another program.
            boasts: seed % 2 == 0,
            ..Faults::default()
        };
        let told = lives(seed, 4, &faults);
        assert_eq!(told, Ok(()), "seed {seed}");
    }
}

#[test]
fn a_disk_without_any_space_adds_no_extents_to_the_catalog() {
    let mut world = World::of_seed(1);
    world.faults.capacity = Some(0);
    world.live(Duration::from_secs(60)).unwrap();
    assert_eq!(world.catalog.extents(), []);
    world.faults.capacity = None;
    world.live(Duration::from_secs(60)).unwrap();
    assert!(!world.catalog.extents().is_empty());
}

#[test]
fn a_disk_that_acknowledges_before_it_syncs_is_caught() {
    let faults = Faults {
        lying_syncs: true,
        ..Faults::default()
    };
    let caught = (0..SEEDS).find(|seed| lives(*seed, 6, &faults).is_err());
    assert!(caught.is_some());
}

#[test]
fn the_change_from_one_extent_to_the_next_loses_nothing() {
    let mut changed = false;
    for seed in 0..3 {
        let mut world = World::of_seed(seed);
        world.fill = (255 << 20) - (1 << 18);
        let micros = world.dice.below(80_000);
        world.live(Duration::from_micros(micros)).unwrap();
        changed |= world.catalog.extents()[0].1.is_some();
        world.crash();
        world.fill = 0;
        let told = world.live(Duration::from_secs(3_600));
        assert_eq!(told, Ok(()), "seed {seed}");
    }
    assert!(changed);
}
