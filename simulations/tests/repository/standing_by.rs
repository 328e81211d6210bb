//! Somebody who follows the log of a repository while it is written, on an index of its own, and
//! steps in when its writer is gone: it never knows better than the log.

use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use holdfast_actors::ports::Ports;
use holdfast_actors::repository::{Source, Standby, Unfollowed};
use holdfast_simulations::dice::Dice;
use holdfast_simulations::disk::Faults;
use holdfast_simulations::index::Index;

use crate::clients::pause;
use crate::damage::run;
use crate::world::{Catalog, ID, World};

/// Histories of each kind in one run.
const SEEDS: u64 = 30;

/// Who follows.
#[derive(Default)]
pub(crate) struct Follower {
    pub(crate) index: Index,
    standby: Mutex<Option<Standby>>,
    /// How often it stepped in, from what, and how often it had missed something.
    pub(crate) log: Mutex<Log>,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Log {
    pub(crate) stood: u64,
    pub(crate) other: u64,
    missed: u64,
    entries: u64,
}

impl Follower {
    /// What it knows, once.
    pub(crate) fn take(&self) -> Option<Standby> {
        self.standby.lock().unwrap().take()
    }

    pub(crate) fn stepped_in(&self, source: Source) {
        let mut log = self.log.lock().unwrap();
        match source {
            Source::Standby => log.stood += 1,
            Source::Index | Source::Log => log.other += 1,
        }
    }

    /// Follows for ever, in a life that lasts so long at most.
    pub(crate) async fn follow(
        &self,
        ports: Ports,
        catalog: Arc<Catalog>,
        mut dice: Dice,
        life: Duration,
    ) {
        let ports = Ports {
            index: self.index.port(),
            ..ports
        };
        // In short lives some read what was written a moment ago and is not durable yet.
        let parts = [1, 20, 400][dice.below(3) as usize];
        let longest = (life.as_micros() as u64 / parts).clamp(500, 30_000_000);
        loop {
            pause(Duration::from_micros(dice.below(longest))).await;
            let (extents, known) = (catalog.extents(), self.take());
            let followed = async {
                let mut standby = match known {
                    Some(standby) => standby,
                    None if dice.one_in(4) => Standby::anew(&ports, ID, &extents).await?,
                    None => Standby::begin(&ports, ID, &extents).await?,
                };
                let found = standby.catch_up(&ports.disk, &extents).await?;
                Ok::<_, Unfollowed>((standby, found))
            };
            let mut standby = match followed.await {
                Ok((standby, found)) => {
                    self.log.lock().unwrap().entries += found.entries;
                    standby
                }
                Err(error) => {
                    let missed = matches!(error, Unfollowed::Missed(_));
                    self.log.lock().unwrap().missed += u64::from(missed);
                    continue;
                }
            };
            if dice.one_in(3)
                && let Some(checkpoint) = standby.checkpoint()
            {
                let told = Standby::write(&ports.index, ID, checkpoint).await;
                standby.told(told.ok());
            }
            *self.standby.lock().unwrap() = Some(standby);
        }
    }
}

/// Lives of a repository that is followed; gives what came of that.
fn lives(seed: u64, bin_days: u32, faults: &Faults) -> Result<Log, String> {
    let mut world = World::of_seed(seed);
    (world.bin_days, world.is_followed) = (bin_days, true);
    world.faults = faults.clone();
    for _ in 0..8 {
        let longest = [400_000, 12_000_000, 60_000_000][world.dice.below(3) as usize];
        let micros = world.dice.below(longest);
        world.live(Duration::from_micros(micros))?;
        world.crash();
        // An index forgets only while its node is off.
        let restarts = world.dice.below(4);
        if restarts < 2 {
            drop(world.follower.take());
        }
        match restarts {
            0 => world.follower.index.empty(),
            1 => world.follower.index.shorten(3),
            _ => {}
        }
    }
    world.faults = Faults::default();
    world.live(Duration::from_secs(3_600))?;
    world.live(Duration::from_secs(3_600))?;
    let log = *world.follower.log.lock().unwrap();
    Ok(log)
}

fn check(seeds: Range<u64>, bin_days: u32, faults: impl Fn(u64) -> Faults) {
    let mut all = Log::default();
    for seed in seeds {
        match lives(seed, bin_days, &faults(seed)) {
            Ok(log) => {
                all.stood += log.stood;
                all.other += log.other;
                all.missed += log.missed;
                all.entries += log.entries;
            }
            Err(told) => panic!("seed {seed}: {told}"),
        }
    }
    assert!(all.stood > 4 * all.other, "{all:?}");
    assert!(all.entries > 0, "{all:?}");
}

#[test]
fn who_follows_a_log_knows_what_it_says_after_every_crash() {
    check(600..600 + SEEDS, 7, |_| Faults::default());
}

#[test]
fn who_follows_a_log_on_a_disk_that_fails_knows_what_it_says() {
    check(700..700 + SEEDS, 7, |seed| Faults {
        failing_writes: u32::from(seed % 2 == 0),
        failing_syncs: u32::from(seed % 3 == 0),
        ..Faults::default()
    });
}

#[test]
fn who_follows_a_log_that_is_emptied_meanwhile_knows_what_is_left() {
    check(800..800 + SEEDS, 0, |_| Faults::default());
}

#[test]
fn what_nothing_behind_it_says_to_be_durable_is_left_to_who_takes_over() {
    let mut world = World::of_seed(7);
    world.script = vec![2, 3, 6];
    world.live(Duration::from_secs(3)).unwrap();
    world.crash();
    let extents = world.catalog.extents();
    assert!(extents.iter().any(|(_, sealed)| sealed.is_none()));
    let found = run(async {
        let ports = Ports {
            index: world.follower.index.port(),
            ..world.ports()
        };
        let mut standby = Standby::begin(&ports, ID, &extents).await.unwrap();
        standby.catch_up(&ports.disk, &extents).await.unwrap()
    });
    assert_eq!(found.entries, 2, "three are there: {found:?}");
}
