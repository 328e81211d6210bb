//! Uploads that were cut and go on.

use proptest::prelude::*;

use super::*;
use crate::repository::entry::Entry;
use crate::repository::uploads::{PARKED_MAX, SILENCE_MAX};

const FULL: u64 = crate::repository::FRAME_BYTES as u64;

/// The hash of so many zeros.
fn zeros(count: u64) -> Hashing {
    let mut hashing = Hashing::default();
    hashing.update(&vec![0; usize::try_from(count).unwrap()]);
    hashing
}

fn named(count: u64) -> Key {
    Key {
        name: zeros(count).finish(),
        ..data(0)
    }
}

#[test]
fn an_upload_that_was_cut_goes_on_behind_what_came() {
    let (mut world, key) = (World::new(settings(10 * FULL)), named(3 * FULL));
    let first = world.begin(key, 3 * FULL).unwrap();
    world.frame_on(first, FULL, Some(zeros(FULL))).unwrap();
    world.frame_on(first, FULL, Some(zeros(2 * FULL))).unwrap();
    world.feed(Event::Park(first));
    let held = world.resume(key, 3 * FULL, 1).unwrap();
    assert_eq!(held.received, Size::bytes(2 * FULL));
    let mut hashed = held.hashed;
    hashed.update(&vec![0; FULL as usize]);
    world
        .frame_on(held.upload, FULL, Some(hashed.clone()))
        .unwrap();
    assert_eq!(world.finish(held.upload, hashed.finish()), Ok(()));
    assert_eq!(world.appended.len(), 3, "nothing was written twice");
}

#[test]
fn who_sends_on_a_way_that_is_dead_is_not_heard_once_another_goes_on() {
    let (mut world, key) = (World::new(settings(10 * FULL)), named(2 * FULL));
    let first = world.begin(key, 2 * FULL).unwrap();
    world.frame_on(first, FULL, Some(zeros(FULL))).unwrap();
    let held = world.resume(key, 2 * FULL, 1).unwrap();
    assert_eq!(held.received, Size::bytes(FULL));
    let late = world.frame_on(first, FULL, Some(zeros(2 * FULL)));
    assert_eq!(late, Err(Denied::NoUpload));
    assert_eq!(world.finish(first, key.name), Err(Denied::NoUpload));
    world.feed(Event::Park(first));
    let again = world.resume(key, 2 * FULL, 1).unwrap();
    assert_eq!(again.received, Size::bytes(FULL));
}

#[test]
fn nobody_goes_on_with_what_is_not_theirs_or_of_another_size() {
    let (mut world, key) = (World::new(settings(10 * FULL)), named(2 * FULL));
    let first = world.begin(key, 2 * FULL).unwrap();
    world.frame_on(first, FULL, Some(zeros(FULL))).unwrap();
    world.feed(Event::Park(first));
    assert!(world.resume(key, 2 * FULL, 2).is_none());
    assert!(world.resume(key, 2 * FULL + 1, 1).is_none());
    assert!(world.resume(named(FULL), 2 * FULL, 1).is_none());
    assert!(world.resume(key, 2 * FULL, 1).is_some());
}

#[test]
fn what_was_cut_keeps_its_room_for_a_while_and_then_gives_it_back() {
    let mut world = World::new(settings(2 * FULL));
    let first = world.begin(named(2 * FULL), 2 * FULL).unwrap();
    world.frame_on(first, FULL, Some(zeros(FULL))).unwrap();
    world.feed(Event::Park(first));
    assert!(matches!(
        world.begin(data(9), FULL),
        Err(Denied::Quota { .. })
    ));
    world.wait(SILENCE_MAX);
    assert!(world.resume(named(2 * FULL), 2 * FULL, 1).is_none());
    world.begin(data(9), FULL).unwrap();
}

#[test]
fn who_begins_anew_gives_back_what_was_held_for_it() {
    let mut world = World::new(settings(2 * FULL));
    let first = world.begin(named(2 * FULL), 2 * FULL).unwrap();
    world.frame_on(first, FULL, Some(zeros(FULL))).unwrap();
    world.feed(Event::Park(first));
    world.begin(named(2 * FULL), 2 * FULL).unwrap();
}

#[test]
fn an_upload_of_a_client_that_does_not_come_again_leaves_nothing() {
    let mut world = World::new(settings(2 * FULL));
    let first = world.begin(named(2 * FULL), 2 * FULL).unwrap();
    world.frame(first, FULL).unwrap();
    assert!(world.resume(named(2 * FULL), 2 * FULL, 1).is_none());
    world.feed(Event::Park(first));
    assert_eq!(world.machine.uploads.len(), 0);
}

#[test]
fn only_so_many_wait_and_the_oldest_goes() {
    let mut world = World::new(settings(1 << 40));
    for count in 1..=PARKED_MAX as u64 + 1 {
        let upload = world.begin(named(count), 2 * FULL).unwrap();
        world.frame_on(upload, FULL, Some(zeros(FULL))).unwrap();
        world.feed(Event::Park(upload));
        world.pass(Duration::from_millis(1));
    }
    assert_eq!(world.machine.uploads.len(), PARKED_MAX);
    assert!(world.resume(named(1), 2 * FULL, 1).is_none());
    assert!(world.resume(named(2), 2 * FULL, 1).is_some());
}

#[test]
fn what_waits_does_not_hold_up_who_gives_the_repository_up() {
    let mut world = World::new(settings(10 * FULL));
    let first = world.begin(named(2 * FULL), 2 * FULL).unwrap();
    world.frame_on(first, FULL, Some(zeros(FULL))).unwrap();
    world.feed(Event::Park(first));
    world.feed(Event::Yield);
    assert_eq!(world.machine.uploads.len(), 0);
}

/// An upload with so many full frames in the first extent.
fn cut_after(frames: u64) -> (World, Key, UploadId) {
    let (mut world, key) = (World::new(settings(1 << 30)), named(64 * FULL));
    let upload = world.begin(key, 64 * FULL).unwrap();
    for sent in 1..=frames {
        world
            .frame_on(upload, FULL, Some(zeros(sent * FULL)))
            .unwrap();
    }
    (world, key, upload)
}

/// Where the frame of this number ends in the first extent.
fn end_of(world: &World, number: usize) -> u64 {
    world.appended[number].1.offset + (crate::frame::HEADER as u64) + FULL
}

#[test]
fn an_upload_loses_only_what_is_not_durable_when_its_extent_fails() {
    let (mut world, key, upload) = cut_after(40);
    world.writes.push_back(Trouble::Broken);
    let failed = world.frame_on(upload, FULL, Some(zeros(41 * FULL)));
    assert_eq!(failed, Err(Denied::StorageFailed));
    let (extent, durable) = (ExtentId::new(1), Some(end_of(&world, 34)));
    world.feed(Event::Lost { extent, durable });
    let held = world.resume(key, 64 * FULL, 1).unwrap();
    assert_eq!(
        held.received,
        Size::bytes(32 * FULL),
        "the last mark within 35 frames"
    );
    for sent in 33..=64 {
        let hashed = Some(zeros(sent * FULL));
        world.frame_on(held.upload, FULL, hashed).unwrap();
    }
    assert_eq!(world.finish(held.upload, key.name), Ok(()));
    let Entry::Stored(stored) = &world.records[0].entry else {
        panic!("not stored");
    };
    let pieces = &stored.pieces;
    let there: u64 = pieces
        .iter()
        .filter(|it| it.extent == extent)
        .map(|it| it.length)
        .sum();
    assert_eq!(there, 32 * FULL);
    assert!(
        pieces
            .iter()
            .all(|it| it.extent != extent || it.end() <= durable.unwrap())
    );
}

#[test]
fn nobody_goes_on_before_it_is_known_what_is_durable() {
    let (mut world, key, upload) = cut_after(20);
    world.writes.push_back(Trouble::Broken);
    let failed = world.frame_on(upload, FULL, Some(zeros(21 * FULL)));
    assert_eq!(failed, Err(Denied::StorageFailed));
    let (ticket, by) = (world.ticket(), CredentialId::new(1));
    let size = Size::bytes(64 * FULL);
    world.feed(Event::Resume(Resume {
        ticket,
        key,
        size,
        by,
    }));
    assert_eq!(world.answer(ticket), Err(Denied::Settling));
    assert_eq!(world.frame(upload, FULL), Err(Denied::NoUpload));
    let extent = ExtentId::new(1);
    world.feed(Event::Lost {
        extent,
        durable: None,
    });
    assert!(
        world.resume(key, 64 * FULL, 1).is_none(),
        "nothing of it is safe"
    );
    assert_eq!(world.machine.uploads.reserved(None), Size::ZERO);
}

#[derive(Clone, Debug)]
enum Step {
    Begin(u8),
    Frame(usize),
    Park(usize),
    Resume(u8),
    Finish(usize),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0..4_u8).prop_map(Step::Begin),
        6 => (0..6_usize).prop_map(Step::Frame),
        2 => (0..6_usize).prop_map(Step::Park),
        3 => (0..4_u8).prop_map(Step::Resume),
        2 => (0..6_usize).prop_map(Step::Finish),
        1 => (0..100_u64).prop_map(Step::Wait),
    ]
}

proptest! {
    /// Whatever is cut, resumed or begun anew in whatever order: who goes on is told the bytes that
    /// came and their hash, and what is stored is whole.
    #[test]
    fn whoever_goes_on_knows_what_came_and_what_is_stored_is_whole(
        steps in prop::collection::vec(step(), 1..80),
    ) {
        const PIECE: u64 = 10;
        let size = |name: u8| (u64::from(name) + 1) * PIECE;
        let mut world = World::new(settings(1 << 30));
        // Who sends: as which upload, of what, and how many bytes were taken.
        let mut senders: Vec<(UploadId, u8, u64)> = Vec::new();
        for step in steps {
            match step {
                Step::Begin(name) => {
                    let upload = world.begin(named(size(name)), size(name)).unwrap();
                    senders.push((upload, name, 0));
                }
                Step::Frame(nth) if nth < senders.len() => {
                    let (upload, name, sent) = senders[nth];
                    let hashed = Some(zeros(sent + PIECE));
                    if sent < size(name) && world.frame_on(upload, PIECE, hashed).is_ok() {
                        senders[nth].2 += PIECE;
                    }
                }
                Step::Park(nth) if nth < senders.len() => {
                    let (upload, ..) = senders.remove(nth);
                    world.feed(Event::Park(upload));
                }
                Step::Resume(name) => {
                    if let Some(held) = world.resume(named(size(name)), size(name), 1) {
                        let received = held.received.as_bytes();
                        prop_assert_eq!(held.hashed.finish(), zeros(received).finish());
                        prop_assert!(senders.iter().all(|(id, ..)| *id != held.upload));
                        senders.push((held.upload, name, received));
                    }
                }
                Step::Finish(nth) if nth < senders.len() => {
                    let (upload, name, sent) = senders.remove(nth);
                    let done = world.finish(upload, zeros(sent).finish());
                    prop_assert!(done.is_err() || sent == size(name), "{:?}", done);
                }
                Step::Frame(_) | Step::Park(_) | Step::Finish(_) => {}
                Step::Wait(seconds) => world.wait(Duration::from_secs(seconds)),
            }
            prop_assert_eq!(world.machine.broken(), None);
        }
        for record in &world.records {
            let stored = record.entry.stored().unwrap();
            let whole: u64 = stored.pieces.iter().map(|piece| piece.length).sum();
            prop_assert_eq!(stored.size.as_bytes(), whole);
            prop_assert_eq!(stored.key.name, zeros(whole).finish());
        }
    }
}
