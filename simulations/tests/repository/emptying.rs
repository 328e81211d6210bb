//! Space comes back, whenever the power fails meanwhile, and takes nothing along that counts.

use std::time::Duration;

use holdfast_actors::extent;
use holdfast_actors::kernel::{CredentialId, Epoch, ExtentId};
use holdfast_actors::ports::Change;
use holdfast_actors::repository::{Message, Moment, Register, Repository, Visit};
use holdfast_actors::shell::Handle;
use holdfast_simulations::disk::Faults;
use sha2::{Digest, Sha256};

use crate::clients::{compare, fill, pause};
use crate::damage::{frames, run};
use crate::world::{ID, World, content, key};

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

/// The repository by its index, with all its extents sealed.
async fn sealed(world: &World) -> Repository {
    let (machine, found) = world.recover_by_index(&world.ports()).await.unwrap();
    for (extent, length) in found.open {
        let epoch = Epoch::default();
        world.catalog.seal(extent, epoch, length).await.unwrap();
    }
    machine
}

/// The repository as a node loads it, by its index, and somebody who stays in it.
async fn loaded(world: &World) -> (Handle<Message>, Visit) {
    let machine = sealed(world).await;
    let handle = world.start(machine, &world.ports()).await;
    let visit = handle.ask(Message::Visit).await.unwrap();
    (handle, visit)
}

#[test]
fn who_looked_before_an_object_was_moved_still_reads_it() {
    let world = spoilt();
    let first = names(&world)[0];
    let path = extent::path(ID, first);
    run(async {
        let (handle, visit) = loaded(&world).await;
        let held = handle.ask(Message::Look).await.unwrap().unwrap();
        let of = |number| held.object(&key(number), Moment::Now).unwrap();
        assert_eq!(of(6).place.extent, first);
        // A download that goes on, of more than one frame.
        let size = of(6).size.as_bytes();
        let mut body = visit.reader.open(&key(6), of(6), 0..size).await.unwrap();
        let mut bytes = body.next().await.unwrap().unwrap().to_vec();
        while world.disk.content(&path).is_some() {
            pause(Duration::from_millis(1)).await;
        }
        while let Some(piece) = body.next().await {
            bytes.extend_from_slice(&piece.unwrap());
        }
        assert_eq!(content(6), bytes);
        for number in [2, 3, 6] {
            compare(&visit.reader, of(number), number).await.unwrap();
        }
    });
}

/// Takes the row of an object out of the index, such that the index believes itself.
async fn forget_row(world: &World, number: u64) {
    let index = world.ports().index;
    let rows = index.scan(b"object/", &[], 100).await.unwrap();
    let name = key(number).name;
    let row = rows
        .into_iter()
        .find(|(key, _)| key.ends_with(name.as_bytes()));
    let (key, value) = row.unwrap();
    let (stamp, written) = index.scan(b"stamp/", &[], 1).await.unwrap().pop().unwrap();
    let mut digest = Sha256::new();
    digest.update((key.len() as u64).to_le_bytes());
    digest.update(&key);
    digest.update(&value);
    let hash = u128::from_le_bytes(*digest.finalize().first_chunk().unwrap());
    // How many rows, what they hash to, and the checksum are its last fields.
    let (body, _checksum) = written.split_last_chunk::<4>().unwrap();
    let (body, sum) = body.split_last_chunk::<16>().unwrap();
    let (mut body, count) = (body[..body.len() - 2].to_vec(), body[body.len() - 2]);
    body.extend([count - 1, 0xfe]);
    body.extend(u128::from_le_bytes(*sum).wrapping_sub(hash).to_le_bytes());
    body.extend(crc32c::crc32c(&body).to_le_bytes());
    let lie = vec![Change::Remove(key), Change::Put(stamp, body)];
    index.apply(lie).await.unwrap();
    index.flush().await.unwrap();
}

#[test]
fn what_an_index_forgot_is_not_given_up() {
    let mut world = World::of_seed(7);
    (world.fill, world.script) = (2 << 20, vec![2, 3, 6]);
    // Long enough for the index to be told.
    world.live(Duration::from_secs(7)).unwrap();
    world.crash();
    let first = names(&world)[0];
    run(async {
        forget_row(&world, 6).await;
        let (handle, _visit) = loaded(&world).await;
        let held = handle.ask(Message::Look).await.unwrap().unwrap();
        assert_eq!(
            held.object(&key(6), Moment::Now),
            None,
            "the lie is believed"
        );
        assert!(held.object(&key(3), Moment::Now).is_some());
        pause(HOUR).await;
    });
    world.crash();
    assert!(names(&world).contains(&first), "it went");
    // The log still has it.
    world.index.empty();
    (world.fill, world.script) = (0, vec![3]);
    assert_eq!(world.live(HOUR), Ok(()));
    assert!(!names(&world).contains(&first));
}

/// Damages the bytes of object 6 in the only extent, which is given.
fn damage(world: &World) -> (String, Vec<u8>) {
    let first = names(world)[0];
    let path = extent::path(ID, first);
    let bytes = world.disk.content(&path).unwrap();
    let entries = frames(world, first).into_iter();
    // The last entry is that of object 6; its bytes are before it.
    let last = entries.rev().find(|frame| frame.is_entry).unwrap();
    let mut rotten = bytes.clone();
    rotten[last.begin - 1] ^= 1;
    assert!(world.disk.rot(&path, rotten));
    (path, bytes)
}

#[test]
fn an_extent_with_a_damaged_object_stays_for_it_alone() {
    let mut world = spoilt();
    let first = names(&world)[0];
    run(sealed(&world));
    let (path, bytes) = damage(&world);
    run(async {
        let (handle, visit) = loaded(&world).await;
        pause(HOUR).await;
        let held = handle.ask(Message::Look).await.unwrap().unwrap();
        for number in [2, 3] {
            let object = held.object(&key(number), Moment::Now).unwrap();
            assert!(object.first > first, "it was moved");
            compare(&visit.reader, object, number).await.unwrap();
        }
        let object = held.object(&key(6), Moment::Now).unwrap();
        assert_eq!(object.first, first, "its bytes lie where they lay");
        assert!(object.place.extent > first, "its entry was said again");
        assert!(compare(&visit.reader, object, 6).await.is_err());
    });
    assert_eq!(
        world.catalog.rows().kept,
        [first],
        "somebody was told, once"
    );
    for lost in [false, true, false] {
        world.crash();
        assert!(names(&world).contains(&first));
        if lost {
            world.index.empty();
        }
        let (handle, visit) = run(async {
            let (handle, visit) = loaded(&world).await;
            pause(HOUR).await;
            (handle, visit)
        });
        drop((handle, visit));
        assert!(names(&world).contains(&first));
    }
    assert_eq!(world.catalog.rows().kept, [first], "it is no news again");
    world.crash();
    // The disk was only away for a while.
    assert!(world.disk.rot(&path, bytes));
    assert_eq!(world.live(HOUR), Ok(()));
    assert!(!names(&world).contains(&first));
}

#[test]
fn at_no_instant_does_a_power_cut_take_what_cannot_be_read() {
    let mut stranded = 0;
    for step in 0..200 {
        let mut world = spoilt();
        let first = names(&world)[0];
        run(sealed(&world));
        let (path, bytes) = damage(&world);
        world.dice = world.dice.fork(&format!("{step}"));
        // It begins a second after the extent is asked for that it writes to.
        run(async {
            let _inside = loaded(&world).await;
            pause(Duration::from_micros(1_000_000 + step * 400)).await;
        });
        world.crash();
        match step % 3 {
            0 => world.index.empty(),
            1 => world.index.shorten(3),
            _ => {}
        }
        stranded += world.catalog.rows().kept.len();
        assert!(world.disk.rot(&path, bytes), "cut off after {step}");
        assert_eq!(world.live(HOUR), Ok(()), "cut off after {step}");
        assert_eq!(space(&world), Ok(()), "cut off after {step}");
        assert!(!names(&world).contains(&first), "cut off after {step}");
    }
    assert!((50..150).contains(&stranded), "{stranded} of 200");
}

#[test]
fn what_an_emptied_extent_says_is_not_believed_because_its_file_stays() {
    let mut world = spoilt();
    world.bin_days = 0;
    let first = names(&world)[0];
    run(sealed(&world));
    damage(&world);
    run(async {
        let (handle, _visit) = loaded(&world).await;
        pause(HOUR).await;
        // What is said of object 2 goes with the extents behind, as most of them does.
        fill(&handle, 2 << 20).await;
        let by = CredentialId::new(1);
        let gone = handle.ask(|reply| Message::Delete(key(2), by, reply));
        gone.await.unwrap().unwrap();
    });
    let said = names(&world);
    for _ in 0..2 {
        world.crash();
        world.wall = world.wall + HOUR * 3;
        run(async {
            let (_handle, _visit) = loaded(&world).await;
            pause(HOUR).await;
        });
    }
    let left = names(&world);
    assert!(
        said.iter().all(|id| *id == first || !left.contains(id)),
        "{said:?} {left:?}"
    );
    assert_eq!(left[0], first);
    world.crash();
    world.index.empty();
    run(async {
        let (handle, visit) = loaded(&world).await;
        let held = handle.ask(Message::Look).await.unwrap().unwrap();
        assert_eq!(held.object(&key(2), Moment::Now), None, "it was purged");
        let object = held.object(&key(3), Moment::Now).unwrap();
        compare(&visit.reader, object, 3).await.unwrap();
        let object = held.object(&key(6), Moment::Now).unwrap();
        assert_eq!(object.first, first);
    });
}
