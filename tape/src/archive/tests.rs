//! Attempts without devices: reels, repositories that are lists, and the real catalog.

mod check;
mod cloud;
mod keys;
mod lost;
mod shop;
mod world;

use holdfast_actors::catalog::rows::Mixing;
use holdfast_actors::kernel::RepositoryId;
use holdfast_actors::object::Kind;
use holdfast_actors::tape::job::Outcome;
use holdfast_actors::tape::media::Content;
use holdfast_actors::tape::{MediaSet, MediumId};
use proptest::prelude::*;

use super::TROUBLES_MAX;
use crate::format::{Medium as _, Reel};
use world::{KIB, Plan, World};

const DAY: u64 = 86_400_000;

fn acme(plan: &Plan, objects: usize) -> (World, RepositoryId) {
    let mut world = World::new(plan);
    let id = world.repository("Acme Ltd", "main");
    world.fill(id, objects, 180 * KIB);
    (world, id)
}

/// Tapes that no test fills.
fn roomy() -> Plan {
    Plan {
        near_end: 400,
        hard_end: 500,
        ..Plan::default()
    }
}

fn done(world: &World) -> usize {
    let rows = world.office.rows();
    let runs = rows.tape.sets.values().flat_map(|set| &set.runs);
    runs.filter(|run| run.done.is_some()).count()
}

#[test]
fn a_whole_set_goes_over_three_tapes_and_is_closed() {
    let (mut world, _) = acme(&Plan::default(), 16);
    let order = world.order(MediaSet::Weekly);
    assert_eq!(world.attempt(&order, None), Some(Outcome::Wrote));
    world.check();
    let rows = world.office.rows();
    let set = rows.tape.sets.values().next().unwrap();
    assert_eq!((set.media.len(), done(&world)), (3, 1));
    assert!(set.closed.is_some());
    let only = set.runs[0].repository;
    assert_eq!(set.one, Some(only), "the tapes are not the repository");
    let next = world.order(MediaSet::Weekly);
    assert_eq!(world.attempt(&next, None), Some(Outcome::Wrote));
    world.check();
    assert_eq!(world.office.rows().tape.sets.len(), 2);
}

#[test]
fn a_daily_set_takes_what_is_new_and_keeps_what_was_pruned() {
    let (mut world, id) = acme(&roomy(), 6);
    for day in 0..3 {
        let order = world.order(MediaSet::Daily);
        assert_eq!(world.attempt(&order, None), Some(Outcome::Wrote));
        assert_eq!(done(&world), day + 1);
        world.pass(DAY);
        world.prune(id, 2);
        world.pass(1);
        world.store(id, Kind::Data, 200 * KIB);
        world.check();
    }
    let rows = world.office.rows();
    assert_eq!(rows.tape.sets.len(), 1);
    let set = rows.tape.sets.values().next().unwrap();
    assert_eq!(set.media.len(), 1);
    let objects: u64 = rows.tape.media.values().map(|row| row.head.objects).sum();
    assert_eq!(objects, 6 + 2 + 2 + 3);
}

#[test]
fn nothing_new_touches_no_tape() {
    let (mut world, id) = acme(&Plan::default(), 2);
    let order = world.order(MediaSet::Daily);
    assert_eq!(world.attempt(&order, None), Some(Outcome::Wrote));
    let mounts = *world.shop.mounts.lock().unwrap();
    world.pass(DAY);
    world.prune(id, 1);
    let order = world.order(MediaSet::Daily);
    assert_eq!(world.attempt(&order, None), Some(Outcome::Nothing));
    assert_eq!(*world.shop.mounts.lock().unwrap(), mounts);
    world.check();
}

#[test]
fn without_a_tape_it_waits_and_goes_on_with_the_rest_later() {
    let plan = Plan {
        tapes: 2,
        ..Plan::default()
    };
    let (mut world, _) = acme(&plan, 36);
    let order = world.order(MediaSet::Weekly);
    assert_eq!(world.attempt(&order, None), Some(Outcome::NoTape));
    let mounts = *world.shop.mounts.lock().unwrap();
    assert_eq!(world.attempt(&order, None), Some(Outcome::NoTape));
    assert_eq!(*world.shop.mounts.lock().unwrap(), mounts);
    world.check();
    assert_eq!(done(&world), 0);
}

#[test]
fn tenants_that_never_mix_have_a_set_each() {
    for (mixing, sets) in [(Mixing::Never, 2), (Mixing::All, 1)] {
        let plan = Plan {
            mixing,
            ..Plan::default()
        };
        let (mut world, _) = acme(&plan, 2);
        let other = world.repository("Zeta", "main");
        world.fill(other, 2, KIB);
        let order = world.order(MediaSet::Daily);
        assert_eq!(world.attempt(&order, None), Some(Outcome::Wrote));
        world.check();
        assert_eq!(
            (world.office.rows().tape.sets.len(), done(&world)),
            (sets, 2)
        );
    }
}

#[test]
fn tenants_of_one_class_share_a_set_and_what_comes_later_goes_to_the_set_of_the_new_class() {
    let plan = Plan {
        mixing: Mixing::Class,
        ..roomy()
    };
    let (mut world, _) = acme(&plan, 2);
    for (tenant, class) in [("Zeta", "gold"), ("Beta", "gold"), ("Corp", "silver")] {
        let id = world.repository(tenant, "main");
        world.fill(id, 2, KIB);
        world.class(tenant, Some(class));
    }
    let attempt = |world: &mut World| {
        let order = world.order(MediaSet::Daily);
        assert_eq!(world.attempt(&order, None), Some(Outcome::Wrote));
        world.check();
        let rows = world.office.rows();
        let mut runs: Vec<usize> = rows.tape.sets.values().map(|it| it.runs.len()).collect();
        runs.sort_unstable();
        runs
    };
    // Acme has no class.
    assert_eq!(attempt(&mut world), [1, 1, 2]);
    world.class("Beta", Some("silver"));
    world.fill_more(2);
    assert_eq!(attempt(&mut world), [2, 3, 4], "Beta is with Corp now");
    world.class("Corp", None);
    world.fill_more(2);
    assert_eq!(attempt(&mut world), [1, 3, 4, 7], "Corp is alone now");
}

#[test]
fn a_source_that_cannot_be_read_fails_alone() {
    let (mut world, first) = acme(&Plan::default(), 3);
    let other = world.repository("Acme Ltd", "second");
    world.fill(other, 3, KIB);
    world.cloud.broken.lock().unwrap().insert(first);
    let order = world.order(MediaSet::Weekly);
    assert_eq!(world.attempt(&order, None), Some(Outcome::Failed));
    world.check();
    assert_eq!(done(&world), 1);
    world.cloud.broken.lock().unwrap().clear();
    assert_eq!(world.attempt(&order, None), Some(Outcome::Wrote));
    world.check();
    let rows = world.office.rows();
    assert_eq!((rows.tape.sets.len(), done(&world)), (1, 2));
    assert!(rows.tape.sets.values().all(|set| set.closed.is_some()));
}

#[test]
fn an_attempt_after_a_crash_anywhere_goes_on_where_it_was() {
    for set in [MediaSet::Daily, MediaSet::Weekly] {
        for at in 0..10_000 {
            let (mut world, id) = acme(&Plan::default(), 20);
            let order = world.order(set);
            let over = world.attempt(&order, Some(at));
            world.lose(at % 4);
            world.check();
            if over.is_some() {
                assert!(at > 30, "{at} effects are all");
                break;
            }
            world.pass(3_600_000);
            world.prune(id, 1);
            let ended = world.attempt(&order, None);
            let is_done = done(&world) == 1;
            assert!(is_done, "{set} {at}: {ended:?}");
            world.check();
            let rows = world.office.rows();
            assert_eq!(rows.tape.sets.len(), 1, "{set} {at}");
            let closed = rows.tape.sets.values().all(|row| row.closed.is_some());
            assert_eq!(closed, set.is_whole(), "{set} {at}");
        }
    }
}

#[test]
fn what_is_not_what_the_catalog_says_is_reported_and_never_written() {
    let (mut world, _) = acme(&roomy(), 2);
    let mut foreign = Reel::default();
    foreign.write(&[1; 256 * KIB]).unwrap();
    foreign.filemark().unwrap();
    world.with(1, |slot| slot.reel = foreign);
    let order = world.order(MediaSet::Daily);
    assert_eq!(world.attempt(&order, None), Some(Outcome::Wrote));
    assert_eq!(world.with(1, |slot| slot.writes), 0);
    let content = |world: &World, id| world.office.rows().tape.media[&MediumId::new(id)].clone();
    assert_eq!(content(&world, 1).medium.content, Content::Foreign(None));
    // Somebody puts a blank one in the place of the one that is written.
    let ours = world.with(2, |slot| std::mem::take(&mut slot.reel));
    world.pass(DAY);
    let id = *world.office.rows().repositories.keys().next().unwrap();
    world.store(id, Kind::Data, KIB);
    let order = world.order(MediaSet::Daily);
    let writes = world.with(2, |slot| slot.writes);
    assert_eq!(world.attempt(&order, None), Some(Outcome::Wrote));
    assert_eq!(world.with(2, |slot| slot.writes), writes);
    assert!(!content(&world, 2).medium.is_online);
    world.with(2, |slot| slot.reel = ours);
    world.check();
}

#[test]
fn an_older_copy_of_a_tape_is_not_gone_on_with() {
    let (mut world, id) = acme(&roomy(), 2);
    let order = world.order(MediaSet::Daily);
    world.attempt(&order, None);
    let old = world.with(1, |slot| slot.reel.clone());
    world.pass(DAY);
    world.store(id, Kind::Data, KIB);
    let order = world.order(MediaSet::Daily);
    assert_eq!(world.attempt(&order, None), Some(Outcome::Wrote));
    let content = |world: &World| world.office.rows().tape.media[&MediumId::new(1)].clone();
    assert!(content(&world).medium.may_append().is_ok());
    let (new, writes) = world.with(1, |slot| {
        (std::mem::replace(&mut slot.reel, old), slot.writes)
    });
    world.pass(DAY);
    world.store(id, Kind::Data, KIB);
    let order = world.order(MediaSet::Daily);
    assert_eq!(world.attempt(&order, None), Some(Outcome::Wrote));
    assert_eq!(world.with(1, |slot| slot.writes), writes);
    assert!(!content(&world).medium.is_online);
    world.with(1, |slot| slot.reel = new);
    world.check();
    assert_eq!(done(&world), 3);
}

#[test]
fn a_tape_that_fails_makes_place_for_the_next_until_too_many_did() {
    for after in [0, 3, 9, 17] {
        let (mut world, _) = acme(&Plan::default(), 12);
        world.with(1, |slot| slot.fails_after = Some(after));
        let order = world.order(MediaSet::Weekly);
        assert_eq!(world.attempt(&order, None), Some(Outcome::Wrote));
        let errors = world.office.rows().tape.media[&MediumId::new(1)]
            .medium
            .write_errors;
        assert_eq!(errors, 1);
        world.check();
    }
    let (mut world, _) = acme(&Plan::default(), 12);
    for slot in 1..=6 {
        world.with(slot, |slot| slot.fails_after = Some(4));
    }
    let order = world.order(MediaSet::Weekly);
    assert_eq!(world.attempt(&order, None), Some(Outcome::Failed));
    let mounts = *world.shop.mounts.lock().unwrap();
    assert_eq!(mounts, TROUBLES_MAX as usize + 1);
    world.check();
}

#[test]
fn a_tape_may_end_without_warning() {
    let plan = Plan {
        near_end: usize::MAX,
        hard_end: 26,
        ..Plan::default()
    };
    let (mut world, _) = acme(&plan, 20);
    let order = world.order(MediaSet::Daily);
    assert_eq!(world.attempt(&order, None), Some(Outcome::Wrote));
    world.check();
    assert!(
        world
            .office
            .rows()
            .tape
            .sets
            .values()
            .all(|set| set.media.len() > 1)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Days, repositories, crashes, worn tapes and sets in any order: what is done is on tape.
    #[test]
    fn whatever_happens_what_is_done_is_on_tape_and_stays_there(
        steps in proptest::collection::vec((0u8..9, 0usize..70, 0usize..4), 1..8),
        near_end in 12usize..40,
        mixing in prop_oneof![Just(Mixing::Never), Just(Mixing::All), Just(Mixing::Class)],
        appends in any::<bool>(),
    ) {
        let hard_end = near_end + 8;
        let plan = Plan { tapes: 10, near_end, hard_end, mixing, appends };
        let (mut world, id) = acme(&plan, 4);
        let other = world.repository("Zeta", "main");
        world.fill(other, 2, KIB);
        let mut last = world.order(MediaSet::Daily);
        for (what, number, rest) in steps {
            match what {
                0 => world.prune(id, rest),
                1 => world.fill_more(number % 9),
                2 => world.with(1 + (number % 10) as u16, |slot| {
                    slot.fails_after = (rest > 0).then_some(number);
                }),
                8 => {
                    let of = ["Acme Ltd", "Zeta"][rest % 2];
                    world.class(of, [None, Some("gold"), Some("silver")][number % 3]);
                }
                3 => world.pass(DAY * number as u64),
                _ => {
                    if what < 7 {
                        let whole = if rest == 0 { MediaSet::Weekly } else { MediaSet::Daily };
                        last = world.order(whole);
                    }
                    let crash = (number < 60).then_some(number);
                    if world.attempt(&last, crash).is_none() {
                        world.lose(rest);
                    }
                }
            }
            world.check();
        }
    }
}
