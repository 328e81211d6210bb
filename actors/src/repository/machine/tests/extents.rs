//! Extents that fill up, fail, or cannot be made; and a repository that is put away.

use super::*;
use crate::repository::FRAME_BYTES;
use crate::repository::tail::EXTENT_MAX;

const FULL: u64 = FRAME_BYTES as u64;

#[test]
fn a_full_extent_is_sealed_and_the_next_one_was_made_before() {
    let mut world = World::new(settings(1 << 40));
    let upload = world.begin(data(1), 256 << 20).unwrap();
    let mut asked = Vec::new();
    for n in 0..1024 {
        let before = world.asked;
        world.frame(upload, FULL).unwrap();
        if world.asked > before {
            asked.push(n);
        }
    }
    assert_eq!(world.finish(upload, data(1).name), Ok(()));
    assert_eq!(world.sealed, [ExtentId::new(1)]);
    assert_eq!(asked, [768], "long before the first is full");
    let Entry::Stored(stored) = &world.records[0].entry else {
        panic!("not stored");
    };
    let lengths: Vec<u64> = stored.pieces.iter().map(|piece| piece.length).collect();
    assert_eq!(lengths.iter().sum::<u64>(), 256 << 20);
    assert_eq!(lengths.len(), 2);
    let ends = world.appended.iter().map(|(_, place)| place.offset + FULL);
    assert!(ends.max().unwrap() < EXTENT_MAX);
}

#[test]
fn a_failed_extent_ends_exactly_the_uploads_that_have_bytes_in_it() {
    let mut world = World::new(settings(1_000));
    let empty = world.begin(data(1), 10).unwrap();
    let partly = world.begin(data(2), 10).unwrap();
    world.frame(partly, 5).unwrap();
    let unlucky = world.begin(data(3), 10).unwrap();
    world.writes.push_back(Trouble::Full);
    assert_eq!(world.frame(unlucky, 5), Err(Denied::StorageFull));
    assert_eq!(world.sealed, [ExtentId::new(1)]);
    assert_eq!(world.frame(partly, 5), Err(Denied::NoUpload));
    assert_eq!(world.frame(empty, 10), Ok(()));
    assert_eq!(world.finish(empty, data(1).name), Ok(()));
    assert_eq!(world.records[0].place.extent, ExtentId::new(2));
    assert_eq!(world.machine.uploads.reserved(None), Size::ZERO);
}

#[test]
fn a_sealed_extent_whose_sync_failed_ends_the_uploads_with_bytes_in_it() {
    let mut world = World::new(settings(1 << 40));
    let upload = world.begin(data(1), 256 << 20).unwrap();
    while world.sealed.is_empty() {
        world.frame(upload, FULL).unwrap();
    }
    let later = world.begin(data(2), 10).unwrap();
    world.frame(later, 10).unwrap();
    world.feed(Event::Lost {
        extent: ExtentId::new(1),
        durable: None,
    });
    assert_eq!(world.frame(upload, FULL), Err(Denied::NoUpload));
    assert_eq!(world.finish(later, data(2).name), Ok(()));
    assert_eq!(world.sealed.len(), 1, "it was sealed already");
}

#[test]
fn an_open_extent_that_is_lost_is_given_up() {
    let mut world = World::new(settings(1_000));
    world.put(data(1), 10).unwrap();
    world.feed(Event::Lost {
        extent: ExtentId::new(1),
        durable: None,
    });
    world.feed(Event::Lost {
        extent: ExtentId::new(1),
        durable: None,
    });
    assert_eq!(world.sealed, [ExtentId::new(1)]);
    world.put(data(2), 10).unwrap();
    assert_eq!(world.records[1].place.extent, ExtentId::new(2));
}

#[test]
fn writers_wait_for_the_first_extent_and_go_on_in_order() {
    let mut world = World::new(settings(1_000));
    world.openable = None;
    let (first, second) = (world.ticket(), world.ticket());
    for (ticket, letter) in [(first, 1), (second, 2)] {
        let (key, by) = (data(letter), CredentialId::new(1));
        let size = Size::bytes(600);
        world.feed(Event::Begin(Begin {
            ticket,
            key,
            size,
            by,
            storage: None,
            elsewhere: Size::ZERO,
        }));
    }
    assert_eq!((world.answers.len(), world.asked), (0, 1));
    assert_eq!(
        world.machine.waits(),
        ["2 writes wait for an extent to be made"]
    );
    let looker = world.ticket();
    world.feed(Event::Look(looker));
    assert!(world.shown.is_some(), "who reads does not wait");
    world.feed(Event::Opened(Ok(ExtentId::new(1))));
    assert!(world.answers[&first].is_ok());
    assert!(matches!(world.answers[&second], Err(Denied::Quota { .. })));
}

#[test]
fn an_extent_that_cannot_be_made_is_a_refusal_and_asked_for_again() {
    let mut world = World::new(settings(1_000));
    world.openable = Some(Err(Denied::StorageFull));
    assert_eq!(world.put(data(1), 10), Err(Denied::StorageFull));
    assert_eq!(world.delete(data(1)), Err(Denied::StorageFull));
    world.openable = Some(Ok(()));
    assert_eq!(world.put(data(1), 10), Ok(()));
}

#[test]
fn an_extent_that_fails_while_it_is_made_is_made_once_more_before_anybody_is_refused() {
    for (second, answer) in [
        (Ok(ExtentId::new(2)), Ok(None)),
        (Err(Denied::StorageFailed), Err(Denied::StorageFailed)),
    ] {
        let mut world = World::new(settings(1_000));
        world.openable = None;
        let asked = world.asked;
        let ticket = world.ticket();
        let (key, by) = (data(1), CredentialId::new(1));
        world.feed(Event::Delete(Delete { ticket, key, by }));
        assert_eq!(world.asked, asked + 1);
        world.feed(Event::Opened(Err(Denied::StorageFailed)));
        assert_eq!(world.asked, asked + 2, "it is tried again");
        assert_eq!(world.answers.get(&ticket), None, "nobody is refused yet");
        world.feed(Event::Opened(second));
        assert_eq!(world.answers.get(&ticket), Some(&answer));
        assert_eq!(world.asked, asked + 2, "and not for ever");
    }
}

#[test]
fn a_repository_rests_a_minute_after_the_last_visitor_left() {
    let mut world = World::new(settings(1_000));
    world.feed(Event::Visited);
    world.feed(Event::Visited);
    world.feed(Event::Left);
    world.wait(HOUR);
    assert!(world.rested.is_empty());
    world.feed(Event::Left);
    world.wait(Duration::from_secs(59));
    world.feed(Event::Visited);
    world.feed(Event::Left);
    world.wait(Duration::from_secs(59));
    assert!(world.rested.is_empty());
    world.wait(Duration::from_secs(1));
    assert_eq!(world.rested, [3]);
}

#[test]
fn what_was_persisted_is_the_whole_state() {
    let mut world = World::new(settings(1_000));
    for letter in 1..=9 {
        world.put(data(letter), 10).unwrap();
        world.wait(HOUR);
    }
    let middle = world.now.wall;
    world.delete(data(3)).unwrap();
    world.wait(HOUR);
    world.restore(middle).unwrap();
    let again = world.recovered();
    let shown = |machine: &Repository| format!("{:?}", machine.state());
    assert_eq!(shown(&again), shown(&world.machine));
}
