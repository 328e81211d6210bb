//! Restores of a set in a world that can crash at any call.

mod tapes;
mod world;

use std::collections::BTreeMap;

use holdfast_actors::catalog::rows::{Destination, RestoreEnd};
use holdfast_actors::kernel::Size;
use holdfast_actors::tape::MediumId;
use holdfast_actors::tape::changer::Element;
use holdfast_actors::tape::drive::Purpose;

use super::{Effect, order, shelved};
use crate::format::{Object, Row};
use crate::ports::{Failed, Shelf, Station};
use crate::recover;
use tapes::{Objects, objects, run, write};
use world::{World, by_path, in_folder};

const BLOCKS: usize = 14;

/// Two repositories on three tapes; the first as of two days, the second of one.
fn world() -> (World, Objects, Objects, Objects) {
    let (monday, tuesday) = (objects(1, 6), objects(2, 6));
    let mut later = monday.clone();
    // A prune takes a pack and the snapshot away, a backup adds others.
    later.retain(|object, _| !matches!(object, Object::Snapshot(_)));
    let pack = later
        .keys()
        .find(|object| matches!(object, Object::Data(_)));
    let pack = pack.unwrap().clone();
    later.remove(&pack);
    let new: Objects = objects(3, 2)
        .into_iter()
        .filter(|(it, _)| *it != Object::Config)
        .collect();
    later.extend(new.clone());
    let mut sources = run("acme/one", "1-one", &monday, &monday);
    sources.extend(run("acme/two", "1-two", &tuesday, &tuesday));
    sources.extend(run("acme/one", "2-one", &new, &later));
    let tapes = write(sources, BLOCKS);
    assert_eq!(tapes.len(), 3, "a set of three tapes");
    let world = World::new(tapes);
    world.ran("1-one", "one", &monday);
    world.ran("1-two", "two", &tuesday);
    world.ran("2-one", "one", &later);
    (world, monday, tuesday, later)
}

fn original() -> Destination {
    Destination::Original
}

fn folder() -> Destination {
    Destination::Folder("/restored".to_owned())
}

const fn never(_: &Effect) -> bool {
    false
}

#[tokio::test]
async fn an_original_shows_exactly_the_run() {
    let (world, monday, _, later) = world();
    world.put("one", &later);
    let id = world.ask(&[("1-one", original())], false);
    assert_eq!(world.run(id, never).await, Some(RestoreEnd::Complete));
    assert!(world.shown("one") == monday, "as of then, and nothing else");
    assert!(!world.is_shut());
    assert_eq!(
        world
            .0
            .was_shut
            .lock()
            .unwrap()
            .iter()
            .copied()
            .collect::<Vec<_>>(),
        [true]
    );
}

#[tokio::test]
async fn a_daily_run_two_days_back_comes_back_as_of_then() {
    let (world, monday, _, later) = world();
    for (run, expected) in [("1-one", &monday), ("2-one", &later)] {
        let to = Destination::Repository(world.id("new"));
        let id = world.ask(&[(run, to)], false);
        assert_eq!(world.run(id, never).await, Some(RestoreEnd::Complete));
        assert!(world.shown("new") == *expected, "{run}");
        world.0.stored.lock().unwrap().clear();
    }
    assert_eq!(
        world
            .0
            .was_shut
            .lock()
            .unwrap()
            .iter()
            .copied()
            .collect::<Vec<_>>(),
        [false]
    );
}

#[tokio::test]
async fn a_folder_is_a_repository_as_restic_lays_it_out_and_durable() {
    let (world, monday, _, _) = world();
    let id = world.ask(&[("1-one", folder())], false);
    assert_eq!(world.run(id, never).await, Some(RestoreEnd::Complete));
    assert!(in_folder(world.files()) == by_path(&monday));
    world.crash();
    let again = world.ask(&[("1-two", folder())], false);
    let end = world.run(again, never).await;
    assert!(matches!(end, Some(RestoreEnd::Failed(why)) if why.contains("not empty")));
    assert!(in_folder(world.files()) == by_path(&monday));
}

#[tokio::test]
async fn two_repositories_share_the_loads() {
    let (world, monday, tuesday, later) = world();
    let parts = [
        ("1-one", original()),
        ("1-two", original()),
        ("2-one", folder()),
    ];
    let id = world.ask(&parts, false);
    assert_eq!(world.run(id, never).await, Some(RestoreEnd::Complete));
    assert!(world.shown("one") == monday && world.shown("two") == tuesday);
    assert!(in_folder(world.files()) == by_path(&later));
    let mut loads = world.0.loads.lock().unwrap().clone();
    let all = loads.len();
    loads.sort();
    loads.dedup();
    assert_eq!((all, loads.len()), (3, 3), "each once");
}

#[tokio::test]
async fn a_missing_cartridge_is_named_before_anything_is_touched() {
    let (world, _, _, later) = world();
    world.put("one", &later);
    let mut rows = world.rows();
    rows.tape
        .media
        .get_mut(&MediumId::new(1))
        .unwrap()
        .medium
        .is_online = false;
    world.set_rows(rows);
    let id = world.ask(&[("1-one", original())], false);
    let end = world.run(id, never).await;
    assert_eq!(end, Some(RestoreEnd::Offline(vec!["VT0001L6".to_owned()])));
    assert!(world.shown("one") == later && world.row(id).begun.is_none());
    assert!(world.0.was_shut.lock().unwrap().is_empty() && !world.is_shut());
}

/// The last pack of the second repository: its tape, and where it is there.
fn pack(world: &World) -> (MediumId, Row) {
    let all = (1..=3).map(MediumId::new).flat_map(|medium| {
        let rows = world.0.shelf.of(medium).unwrap();
        rows.into_iter().map(move |row| (medium, row))
    });
    let is_pack = |row: &Row| matches!(row.path.object, Object::Data(_));
    let second = |row: &Row| row.path.to_string().starts_with("acme/two");
    all.filter(|(_, row)| is_pack(row) && second(row))
        .last()
        .unwrap()
}

fn flip(world: &World, medium: MediumId, row: &Row) {
    let mut reels = world.0.reels.lock().unwrap();
    let mark = usize::try_from(row.position.unwrap()).unwrap() + row.block as usize;
    // A pack is longer than a block.
    reels.get_mut(&medium).unwrap().flip(mark + 1, 100, 3);
}

#[tokio::test]
async fn a_damaged_object_is_named_and_the_rest_is_restored() {
    let (world, _, tuesday, _) = world();
    let (medium, row) = pack(&world);
    flip(&world, medium, &row);
    let mine = objects(9, 1);
    world.put("two", &mine);
    let id = world.ask(&[("1-two", original())], false);
    let Some(RestoreEnd::Incomplete { lost, named }) = world.run(id, never).await else {
        panic!("it is not complete");
    };
    assert_eq!((lost, named.len()), (1, 1));
    assert!(named[0].contains(&row.path.object.to_string()), "{named:?}");
    let mut expected = tuesday;
    expected.remove(&row.path.object);
    // Nothing is taken away from what is not complete.
    expected.extend(
        mine.into_iter()
            .filter(|(object, _)| *object != Object::Config),
    );
    assert!(world.shown("two") == expected && !world.is_shut());
}

#[tokio::test]
async fn the_quota_is_asked_before_the_start_unless_it_is_told_not_to_be() {
    let (world, monday, _, _) = world();
    let mut rows = world.rows();
    let one = world.id("one");
    let mut row = rows.repositories.get(&one).unwrap().clone();
    row.quota = Size::mib(1);
    rows.repositories.insert(one, row);
    world.set_rows(rows);
    let id = world.ask(&[("1-one", original())], false);
    let end = world.run(id, never).await;
    assert!(matches!(end, Some(RestoreEnd::Failed(why)) if why.contains("quota")));
    assert!(world.shown("one").is_empty() && world.row(id).begun.is_none());
    let id = world.ask(&[("1-one", original())], true);
    assert_eq!(world.run(id, never).await, Some(RestoreEnd::Complete));
    assert!(world.shown("one") == monday);
}

#[tokio::test]
async fn another_config_is_replaced_at_the_original_and_refused_elsewhere() {
    let (world, monday, _, _) = world();
    world.put("one", &objects(7, 1));
    world.put("new", &objects(7, 1));
    let to = Destination::Repository(world.id("new"));
    let id = world.ask(&[("1-one", to)], false);
    let end = world.run(id, never).await;
    assert!(matches!(end, Some(RestoreEnd::Failed(why)) if why.contains("config of its own")));
    assert!(world.shown("new") == objects(7, 1));
    let id = world.ask(&[("1-one", original())], false);
    assert_eq!(world.run(id, never).await, Some(RestoreEnd::Complete));
    assert!(world.shown("one") == monday);
}

#[tokio::test]
async fn keep_adds_what_is_missing_and_takes_nothing_away() {
    let (world, monday, _, later) = world();
    world.put("one", &later);
    let to = Destination::Repository(world.id("one"));
    let id = world.ask(&[("1-one", to)], false);
    assert_eq!(world.run(id, never).await, Some(RestoreEnd::Complete));
    let both: Objects = monday.into_iter().chain(later).collect();
    assert!(world.shown("one") == both);
}

#[tokio::test]
async fn whoever_stops_a_restore_leaves_no_tenant_shut_out() {
    let is_stop: [fn(&Effect) -> bool; 4] = [
        |it| matches!(it, Effect::Mount(..)),
        |it| matches!(it, Effect::Begin),
        |it| matches!(it, Effect::Read(_)),
        |it| matches!(it, Effect::Hide(..)),
    ];
    for stop in is_stop {
        let (world, _, _, later) = world();
        world.put("one", &later);
        let id = world.ask(&[("1-one", original())], false);
        assert_eq!(world.run(id, stop).await, Some(RestoreEnd::Stopped));
        assert!(!world.is_shut());
    }
}

#[tokio::test]
async fn a_restore_that_crashed_at_any_call_goes_on_and_is_complete() {
    let mut crashes = 0;
    for crash_at in 1.. {
        let (world, monday, tuesday, later) = world();
        world.put("one", &later);
        let parts = [("1-one", original()), ("1-two", folder())];
        let id = world.ask(&parts, false);
        world.0.gate.set(crash_at);
        let end = world.run(id, never).await;
        let is_over = end.is_some();
        if !is_over {
            crashes += 1;
            world.crash();
            let row = world.row(id);
            let end = match &row.end {
                Some((_, end)) => Some(end.clone()),
                None => world.run(id, never).await,
            };
            assert_eq!(
                end,
                Some(RestoreEnd::Complete),
                "a crash at call {crash_at}"
            );
        }
        assert!(world.shown("one") == monday, "a crash at call {crash_at}");
        let files: BTreeMap<_, _> = in_folder(world.files());
        assert!(files == by_path(&tuesday), "a crash at call {crash_at}");
        assert!(!world.is_shut(), "a crash at call {crash_at}");
        if is_over {
            break;
        }
    }
    assert!(crashes > 50, "only {crashes} crashes");
}

#[tokio::test]
async fn rows_that_were_lost_are_read_from_the_cartridges() {
    let (world, monday, ..) = world();
    let all = |world: &World| {
        let rows = |n| world.0.shelf.of(MediumId::new(n));
        [rows(1), rows(2), rows(3)]
    };
    let before = all(&world);
    for n in 1..=3_u16 {
        let cleared = world.0.shelf.clear(MediumId::new(n.into()));
        cleared.await.unwrap();
        let mount = Station::mount(&world, Element(n), Purpose::Care).await;
        let found = recover::read(mount.unwrap().as_mut()).await.unwrap();
        assert_eq!(found.medium, MediumId::new(n.into()));
        assert_eq!(found.set().map(|set| set.raw()), Some(tapes::SET));
        let runs = found.runs.iter().find(|run| run.name.as_str() == "1-one");
        if let Some(run) = runs {
            assert_eq!(run.objects, Some(monday.len() as u64));
        }
        recover::keep(&world.0.shelf, &found).await.unwrap();
    }
    assert_eq!(all(&world), before);
    let id = world.ask(&[("1-one", original())], false);
    assert_eq!(world.run(id, never).await, Some(RestoreEnd::Complete));
    assert!(world.shown("one") == monday);
}

#[tokio::test]
async fn what_nobody_knows_is_said_by_name() {
    let (world, ..) = world();
    let id = world.ask(&[("1-one", original())], false);
    let rows = world.rows();
    let mut known = shelved(&rows, &world.0.shelf, id).await.unwrap();
    known.remove(&MediumId::new(1));
    let unready = order(&rows, &known, &|_| true, id).unwrap_err();
    assert!(unready.to_string().contains("VT0001L6"), "{unready}");
    assert_eq!(Failed::Other("x".to_owned()).to_string(), "x");
}
