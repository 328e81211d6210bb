//! A flipped bit at every class of offset, in sealed and in open extents.

use std::time::Duration;

use holdfast_actors::extent;
use holdfast_actors::frame::{HEADER, Header};
use holdfast_actors::kernel::{Epoch, ExtentId, Sequence, Timestamp};
use holdfast_actors::repository::{Entry, Moment, ReadError, RecoveryError};
use holdfast_actors::schema;

use crate::clients;
use crate::world::{ID, World, key};

/// A frame as it lies on the disk.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lying {
    extent: ExtentId,
    pub(crate) begin: usize,
    end: usize,
    pub(crate) is_entry: bool,
    is_head: bool,
}

pub(crate) fn frames(world: &World, extent: ExtentId) -> Vec<Lying> {
    let bytes = world.disk.content(&extent::path(ID, extent)).unwrap();
    let (mut frames, mut begin) = (Vec::new(), 0);
    while begin < bytes.len() {
        let header = Header::decode(&bytes[begin..]).unwrap();
        let end = begin + header.total() as usize;
        let (is_entry, is_head) = (header.kind == 2, header.kind == 3);
        frames.push(Lying {
            extent,
            begin,
            end,
            is_entry,
            is_head,
        });
        begin = end;
    }
    frames
}

/// What became of a repository with a bit flipped.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// It does not open, and says where it is damaged.
    Damaged(u64),
    /// It opens, an object says where it is damaged, and the others are whole.
    Unreadable(u64),
    /// It opens with the log cut at an offset, and what is left is whole.
    Cut(u64),
}

/// Recovers with one bit flipped, and puts the bit back.
async fn flipped(world: &World, frame: Lying, at: usize, stored: &[u64]) -> Found {
    let path = extent::path(ID, frame.extent);
    let sound = world.disk.content(&path).unwrap();
    let mut bytes = sound.clone();
    bytes[at] ^= 0x10;
    assert!(world.disk.rot(&path, bytes));
    let found = judged(world, frame, stored).await;
    assert!(world.disk.rot(&path, sound));
    found
}

async fn judged(world: &World, frame: Lying, stored: &[u64]) -> Found {
    let ports = world.ports();
    let (machine, recovered) = match world.recover(&ports).await {
        Ok(recovered) => recovered,
        Err(RecoveryError::Damaged { extent, offset }) if extent == frame.extent => {
            return Found::Damaged(offset);
        }
        Err(other) => panic!("{other:?}"),
    };
    let (reader, mut unreadable) = (world.reader(&ports), None);
    for number in stored {
        let held = machine.state().held();
        let Some(object) = held.object(&key(*number), Moment::Now) else {
            continue;
        };
        let mut body = reader
            .open(&key(*number), object, 0..object.size.as_bytes())
            .await
            .unwrap();
        let mut failed = None;
        while let Some(part) = body.next().await {
            if let Err(ReadError::Frame { offset, .. }) = part {
                failed = Some(offset);
            }
        }
        match failed {
            Some(offset) => unreadable = Some(offset),
            None => clients::compare(&reader, object, *number).await.unwrap(),
        }
    }
    let length = |(extent, length): &(ExtentId, u64)| (*extent == frame.extent).then_some(*length);
    match unreadable {
        Some(offset) => Found::Unreadable(offset),
        None => Found::Cut(recovered.open.iter().find_map(length).unwrap()),
    }
}

/// In a runtime of its own, as each life has one.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build();
    runtime.unwrap().block_on(future)
}

fn classes(frame: Lying) -> [usize; 9] {
    let header = [0, 2, 3, 4, 8, 24, HEADER - 1].map(|at| frame.begin + at);
    let [a, b, c, d, e, f, g] = header;
    [a, b, c, d, e, f, g, frame.begin + HEADER, frame.end - 1]
}

/// One extent sealed and one open, with the same objects in each.
fn two_extents() -> (World, [Vec<u64>; 2]) {
    let mut world = World::of_seed(1);
    let objects = [vec![1, 3, 6, 7], vec![9, 11, 14, 15]];
    for numbers in &objects {
        world.script.clone_from(numbers);
        world.live(Duration::from_secs(60)).unwrap();
        world.crash();
    }
    (world, objects)
}

#[test]
fn a_flipped_bit_is_noticed_wherever_it_is() {
    let (world, objects) = two_extents();
    let stored = objects.concat();
    let extents = world.catalog.extents();
    let open = extents.iter().position(|(_, sealed)| sealed.is_none());
    let (sealed, open) = (extents[0].0, extents[open.unwrap()].0);
    for frame in frames(&world, sealed) {
        for at in classes(frame) {
            let found = run(flipped(&world, frame, at, &stored));
            let offset = frame.begin as u64;
            let body = at >= frame.begin + HEADER;
            let expected = match body && !frame.is_entry && !frame.is_head {
                true => Found::Unreadable(offset),
                false => Found::Damaged(offset),
            };
            assert_eq!(found, expected, "{frame:?} at {at}");
        }
    }
    let frames = frames(&world, open);
    // The last entry says that all before its own object had been durable.
    let last = frames.iter().rposition(|frame| frame.is_entry).unwrap();
    let marked = frames[..last].iter().rposition(|frame| frame.is_entry);
    let mark = frames[marked.unwrap()].end;
    for frame in frames {
        for at in classes(frame) {
            let found = run(flipped(&world, frame, at, &stored));
            let offset = frame.begin as u64;
            let expected = match frame.begin < mark {
                true => Found::Damaged(offset),
                false => Found::Cut(offset),
            };
            assert_eq!(found, expected, "{frame:?} at {at}");
        }
    }
}

#[test]
fn an_extent_that_lost_its_end_or_its_name_is_an_error() {
    let (world, _) = two_extents();
    let (sealed, length) = world.catalog.extents()[0];
    let path = extent::path(ID, sealed);
    let mut bytes = world.disk.content(&path).unwrap();
    bytes.truncate(bytes.len() - 1);
    assert!(world.disk.rot(&path, bytes));
    let error = run(async { world.recover(&world.ports()).await.err().unwrap() });
    let told = format!(
        "{sealed} ends at byte {} and was sealed at {}",
        length.unwrap() - 1,
        length.unwrap()
    );
    assert_eq!(error.to_string(), told);
    assert!(world.disk.lose(&path));
    let error = run(async { world.recover(&world.ports()).await.err().unwrap() });
    assert_eq!(
        error.to_string(),
        format!("the disk failed to read {sealed}")
    );
}

#[test]
fn a_lost_file_of_an_open_extent_is_an_error_and_not_an_empty_extent() {
    let (world, _) = two_extents();
    let open = world.catalog.extents().into_iter();
    let (open, _) = open.rev().find(|(_, sealed)| sealed.is_none()).unwrap();
    let path = extent::path(ID, open);
    let whole = world.disk.content(&path).unwrap();
    let recovered = || run(async { world.recover_by_index(&world.ports()).await.map(|_| ()) });
    assert!(recovered().is_ok());
    let lost = format!("the file of {open} is lost, and with it what it may have held");
    assert!(world.disk.rot(&path, whole[..8].to_vec()));
    assert_eq!(recovered().unwrap_err().to_string(), lost);
    assert!(world.disk.lose(&path));
    assert_eq!(recovered().unwrap_err().to_string(), lost);
}

#[test]
fn entries_that_a_tenant_makes_up_are_not_believed() {
    let (world, _) = two_extents();
    let open = world.catalog.extents().into_iter();
    let (open, _) = open.rev().find(|(_, sealed)| sealed.is_none()).unwrap();
    let path = extent::path(ID, open);
    let mut bytes = world.disk.content(&path).unwrap();
    let end = bytes.len() as u64;
    // The header of a data frame was torn away; its body is a tenant's.
    bytes.extend_from_slice(&[0; HEADER]);
    let objects = vec![(key(1), Sequence::new(2))];
    let at = Timestamp::from_millis(1);
    for body in [schema::encode(&Entry::Purged { objects, at }), vec![99; 40]] {
        let mut body = body;
        body.extend_from_slice(&u64::MAX.to_le_bytes());
        body.extend_from_slice(&[0; 8]);
        for sequence in 1..40 {
            let (epoch, sequence) = (Epoch::new(3), Sequence::new(sequence));
            bytes.extend_from_slice(&Header::of(2, epoch, sequence, &body).encode());
            bytes.extend_from_slice(&body);
        }
    }
    assert!(world.disk.rot(&path, bytes));
    let (_, recovered) = run(async { world.recover(&world.ports()).await.unwrap() });
    assert_eq!(recovered.open, [(open, end)]);
}
