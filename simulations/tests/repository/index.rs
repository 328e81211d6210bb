//! An index that forgets, lies, or is gone: the repository is what its log says.

use std::sync::Arc;
use std::time::Duration;

use holdfast_actors::extent;
use holdfast_actors::ports::Change;
use holdfast_actors::repository::Repository;

use crate::damage::{frames, run};
use crate::world::{ID, World};

/// Three lives, each long enough for the index to be told of some of it.
fn lived() -> World {
    let mut world = World::of_seed(3);
    for _ in 0..3 {
        world.live(Duration::from_secs(20)).unwrap();
        world.crash();
    }
    world
}

fn state(machine: &Repository) -> String {
    format!("{:?}", machine.state())
}

/// What the log says, and what comes of the index and the log together.
fn both(world: &World) -> (String, String) {
    run(async {
        let ports = world.ports();
        let (by_log, found) = world.recover(&ports).await.unwrap();
        let (by_index, again) = world.recover_by_index(&ports).await.unwrap();
        assert_eq!(found, again);
        (state(&by_log), state(&by_index))
    })
}

#[test]
fn deleting_the_index_loses_nothing() {
    let world = lived();
    world.index.empty();
    let (by_log, by_index) = both(&world);
    assert_eq!(by_log, by_index);
}

#[test]
fn an_index_that_forgot_is_behind_or_made_again() {
    let world = lived();
    for _ in 0..12 {
        world.index.shorten(1);
        let (by_log, by_index) = both(&world);
        assert_eq!(by_log, by_index);
    }
}

#[test]
fn every_lie_of_the_index_is_noticed() {
    let world = lived();
    let index = Arc::clone(&world.ports().index);
    let rows = run(index.scan(&[], &[], 10_000)).unwrap();
    assert!(rows.len() > 5);
    let families: Vec<&[u8]> = vec![b"object/", b"bin/", b"stamp/"];
    for family in families {
        assert!(rows.iter().any(|(key, _)| key.starts_with(family)));
    }
    for (key, value) in rows {
        let mut flipped = value.clone();
        let last = flipped.len() - 1;
        flipped[last / 2] ^= 1;
        let mut moved = key.clone();
        *moved.last_mut().unwrap() ^= 1;
        let lies = [
            vec![Change::Put(key.clone(), flipped)],
            vec![Change::Put(key.clone(), value[..last].to_vec())],
            vec![Change::Remove(key.clone())],
            vec![
                Change::Remove(key.clone()),
                Change::Put(moved.clone(), value.clone()),
            ],
        ];
        for lie in lies {
            run(index.apply(lie)).unwrap();
            let (by_log, by_index) = both(&world);
            assert_eq!(by_log, by_index);
            let truth = vec![
                Change::Remove(moved.clone()),
                Change::Put(key.clone(), value.clone()),
            ];
            run(index.apply(truth)).unwrap();
        }
    }
}

#[test]
fn an_index_ahead_of_the_log_is_made_again() {
    let mut world = World::of_seed(3);
    world.live(Duration::from_secs(20)).unwrap();
    world.crash();
    let (disk, catalog) = (world.disk.paths(), world.catalog.extents());
    let before: Vec<_> = (disk.iter())
        .map(|path| (path, world.disk.content(path).unwrap()))
        .collect();
    world.live(Duration::from_secs(20)).unwrap();
    world.crash();
    // The disk comes back from a copy that was made before, and the index does not.
    for (path, bytes) in before {
        assert!(world.disk.rot(path, bytes));
    }
    for path in world.disk.paths() {
        let _ = disk.contains(&path) || world.disk.lose(&path);
    }
    world.catalog.reset(catalog);
    let (by_log, by_index) = both(&world);
    assert_eq!(by_log, by_index);
}

#[test]
fn what_the_index_knows_is_not_read_from_the_log_again() {
    let world = lived();
    let (sealed, _) = world.catalog.extents()[0];
    let entry = frames(&world, sealed)
        .into_iter()
        .find(|frame| frame.is_entry);
    let path = extent::path(ID, sealed);
    let mut bytes = world.disk.content(&path).unwrap();
    bytes[entry.unwrap().begin] ^= 1;
    assert!(world.disk.rot(&path, bytes));
    run(async {
        let ports = world.ports();
        assert!(world.recover(&ports).await.is_err());
        assert!(world.recover_by_index(&ports).await.is_ok());
        world.index.empty();
        assert!(world.recover_by_index(&ports).await.is_err());
    });
}
