//! In which order the places of one cartridge are read.
//!
//! A tape runs to and fro: places far apart by their number may be beside each other on it, and a
//! drive goes from one way to another faster than along it. So what is read one behind the other
//! is one stretch, and of several orders of the stretches the one is taken in which a drive winds
//! least, as the [time model](time) says.

use super::plan::Reading;
use crate::format::{BLOCK, NEAR};
use crate::library::time::{self, Profile, Work};

/// Of more stretches the nearest is not looked for one by one: it takes their number squared.
const NEAREST_MAX: usize = 2_000;

/// What is read without moving the tape elsewhere, in bytes before the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stretch {
    from: u64,
    to: u64,
    /// The first of what is read, and how many.
    first: usize,
    count: usize,
}

/// Orders what is read of a tape, which comes by place. From a drive that says no addresses it is
/// left as it is: to go back there is to begin anew.
pub(super) fn order(reads: Vec<Reading>, profile: &Profile) -> Vec<Reading> {
    let Some(places) = stretches(&reads) else {
        return reads;
    };
    let along = |stretch: &Stretch| time::along(profile, profile.native, stretch.from);
    let mut sweep = places.clone();
    sweep.sort_by_key(along);
    let mut best = (wound(&places, profile), places);
    let mut others = vec![sweep];
    if best.1.len() <= NEAREST_MAX {
        others.push(nearest(best.1.clone(), profile));
    }
    for other in others {
        let cost = wound(&other, profile);
        if cost < best.0 {
            best = (cost, other);
        }
    }
    let chosen = best.1.iter();
    let chosen = chosen.flat_map(|it| &reads[it.first..it.first + it.count]);
    chosen.cloned().collect()
}

/// Puts together what is read one behind the other; none without addresses.
fn stretches(reads: &[Reading]) -> Option<Vec<Stretch>> {
    let block = BLOCK as u64;
    let mut found: Vec<Stretch> = Vec::new();
    for (index, reading) in reads.iter().enumerate() {
        let row = &reading.row;
        let from = row.position?.saturating_add(row.block.into());
        let blocks = (u64::from(row.offset) + row.stored()).div_ceil(block);
        let (from, to) = (from * block, from.saturating_add(blocks) * block);
        match found.last_mut() {
            Some(last) if from >= last.from && from <= last.to + NEAR * block => {
                last.to = last.to.max(to);
                last.count += 1;
            }
            _ => found.push(Stretch {
                from,
                to,
                first: index,
                count: 1,
            }),
        }
    }
    Some(found)
}

fn way(profile: &Profile, from: u64, to: u64) -> u128 {
    time::cost(profile, profile.native, Work::Locate { from, to }).as_micros()
}

/// Microseconds that a drive moves from stretch to stretch, from the beginning of the tape on.
fn wound(stretches: &[Stretch], profile: &Profile) -> u128 {
    let mut head = 0;
    let ways = stretches.iter().map(|stretch| {
        let way = way(profile, head, stretch.from);
        head = stretch.to;
        way
    });
    ways.sum()
}

/// Always the nearest that is left.
fn nearest(mut left: Vec<Stretch>, profile: &Profile) -> Vec<Stretch> {
    let (mut head, mut ordered) = (0, Vec::with_capacity(left.len()));
    while !left.is_empty() {
        let ways = left.iter().map(|stretch| way(profile, head, stretch.from));
        let next = ways.enumerate().min_by_key(|(_, way)| *way);
        let stretch = left.swap_remove(next.map_or(0, |(index, _)| index));
        head = stretch.to;
        ordered.push(stretch);
    }
    ordered
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::format::{Object, Place, Row, Sum};
    use crate::library::time::LTO_9;

    fn reading(block: u64, length: u64) -> Reading {
        let path = Place {
            directory: None,
            object: Object::Data(Sum::of(&block.to_le_bytes())),
        };
        let row = Row {
            path,
            sha256: Sum::of(b""),
            length,
            file: 2,
            position: Some(block),
            block: 0,
            offset: 0,
            key: None,
        };
        Reading { part: 0, row }
    }

    fn of(mut places: Vec<(u64, u64)>) -> Vec<Reading> {
        places.sort_unstable();
        let reads = places
            .iter()
            .map(|(block, length)| reading(*block, *length));
        reads.collect()
    }

    #[test]
    fn places_beside_each_other_on_the_tape_are_read_one_after_the_other() {
        let wrap = LTO_9.native / LTO_9.wraps / BLOCK as u64;
        let reads = of(vec![(1_000, 9), (wrap, 9), (2 * wrap - 2_000, 9)]);
        let ordered = order(reads.clone(), &LTO_9);
        assert_eq!(ordered, [0, 2, 1].map(|index: usize| reads[index].clone()));
    }

    #[test]
    fn neighbours_stay_in_order_and_without_addresses_so_does_all() {
        let reads = of((0..500).map(|n| (n * 65, 16 << 20)).collect());
        assert_eq!(stretches(&reads).map(|found| found.len()), Some(1));
        assert_eq!(order(reads.clone(), &LTO_9), reads);
        let mut reads = of(vec![(1, 9), (300_000, 9), (400_000, 9)]);
        reads[1].row.position = None;
        assert_eq!(order(reads.clone(), &LTO_9), reads);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_no_order_by_place_is_better(
            places in proptest::collection::vec((0u64..68_000_000, 0u64..1 << 30), 0..60),
        ) {
            let reads = of(places);
            let ordered = order(reads.clone(), &LTO_9);
            let mut sorted = ordered.clone();
            sorted.sort_by_key(|reading| (reading.row.position, reading.row.length));
            let mut all = reads.clone();
            all.sort_by_key(|reading| (reading.row.position, reading.row.length));
            prop_assert_eq!(sorted, all);
            let by_place = wound(&stretches(&reads).unwrap(), &LTO_9);
            let chosen = wound(&stretches(&ordered).unwrap(), &LTO_9);
            prop_assert!(chosen <= by_place);
        }
    }
}
