//! An index that forgets, lies, or is gone: the repository is what its log says.

use std::sync::Arc;
use std::time::Duration;

use holdfast_actors::extent;
use holdfast_actors::ports::Change;
use holdfast_actors::repository::Repository;

use crate::damage::{frames, run};
use crate::world::{ID, Rows, World};

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

/// A copy of disk and catalog.
struct Copy {
    files: Vec<(String, Vec<u8>)>,
    rows: Rows,
}

impl Copy {
    fn of(world: &World) -> Self {
        let paths = world.disk.paths().into_iter();
        let files = paths.map(|path| (path.clone(), world.disk.content(&path).unwrap()));
        let rows = world.catalog.rows();
        Self {
            files: files.collect(),
            rows,
        }
    }

    fn restore(&self, world: &World) {
        for path in world.disk.paths() {
            match self.files.iter().find(|(known, _)| *known == path) {
                Some((_, bytes)) => assert!(world.disk.rot(&path, bytes.clone())),
                None => assert!(world.disk.lose(&path)),
            }
        }
        world.catalog.reset(self.rows.clone());
        world.told.lock().unwrap().clear();
    }
}

#[test]
fn an_index_ahead_of_the_log_is_made_again() {
    let mut world = World::of_seed(3);
    world.live(Duration::from_secs(20)).unwrap();
    world.crash();
    let copy = Copy::of(&world);
    world.live(Duration::from_secs(20)).unwrap();
    world.crash();
    // The disk comes back from a copy that was made before, and the index does not.
    copy.restore(&world);
    let (by_log, by_index) = both(&world);
    assert_eq!(by_log, by_index);
}

#[test]
fn an_index_of_another_history_is_made_again() {
    let mut world = World::of_seed(3);
    let copy = Copy::of(&world);
    let mut life = |object| {
        world.script = vec![object];
        world.live(Duration::from_secs(20)).unwrap();
        world.crash();
        let index = world.ports().index;
        let rows = run(index.scan(&[], &[], 10_000)).unwrap();
        let (by_log, _) = both(&world);
        copy.restore(&world);
        world.index.empty();
        (by_log, rows)
    };
    // Two objects of one length, so that all lies at the same places.
    let (_, stranger) = life(1);
    let (expected, _) = life(9);
    world.script = vec![9];
    world.live(Duration::from_secs(20)).unwrap();
    world.crash();
    world.index.empty();
    let put = stranger
        .into_iter()
        .map(|(key, value)| Change::Put(key, value));
    run(world.ports().index.apply(put.collect())).unwrap();
    let (by_log, by_index) = both(&world);
    assert_eq!(by_log.len(), expected.len());
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
