//! What is not written, not read, and not taken for what it claims to be.

use bytes::Bytes;
use holdfast_tape::format::recovery::{self, Expected};
use holdfast_tape::format::{
    BLOCK, Effect, Event, Place, ReadError, Reason, Reel, Refusal, Settings, Signer, Sum,
};

use crate::support::{Deck, Source, signer, write_set};
use crate::{SMALL, bytes, expected, object, one};

#[test]
fn other_tapes_are_not_written_on() {
    let mut deck = Deck::fresh(one(1), SMALL, Reel::default());
    deck.put(&object(3, bytes(1, 10)));
    deck.run(Event::Commit);
    let mut reel = deck.reel;
    let right = expected(1);
    let mut say = |expected: Expected| recovery::appendable(&mut reel, &expected).unwrap_err();
    let other = one(2);
    let volume = other.label.volume;
    assert_eq!(
        say(Expected {
            volume,
            ..right.clone()
        }),
        ReadError::OtherTape {
            asked: volume,
            found: right.volume
        }
    );
    assert_eq!(
        say(Expected {
            generation: 2,
            ..right.clone()
        }),
        ReadError::Generation { asked: 2, found: 1 }
    );
    assert_eq!(
        say(Expected {
            objects: 2,
            ..right
        }),
        ReadError::End { asked: 2, found: 1 }
    );
    assert_eq!(
        recovery::labels(&mut Reel::default()),
        Err(ReadError::Blank)
    );
    let foreign = vec![vec![7; BLOCK], vec![8; 2 * BLOCK]];
    assert_eq!(
        recovery::labels(&mut Reel::of(&foreign)),
        Err(ReadError::Foreign)
    );
}

#[test]
fn an_object_that_is_not_what_it_was_said_to_be_is_not_on_the_tape() {
    let mut deck = Deck::fresh(one(1), SMALL, Reel::default());
    let good = object(3, bytes(1, 600_000));
    let liar = Source {
        bytes: bytes(3, 700_000),
        place: object(3, bytes(2, 700_000)).place,
    };
    let announced = object(3, bytes(2, 700_000)).header();
    deck.run(Event::Begin(announced.clone()));
    deck.run(Event::Piece(liar.bytes.clone()));
    assert!(deck.told.contains(&Effect::Spoiled(announced.clone())));
    deck.run(Event::Begin(announced.clone()));
    deck.run(Event::Piece(bytes(2, 500_000)));
    deck.run(Event::Abandon);
    deck.put(&good);
    deck.run(Event::Seal(Reason::Closed));
    assert_eq!(deck.committed().len(), 1);
    let read = recovery::walk(&mut deck.reel, None, true).unwrap();
    assert_eq!((read.rows.len(), read.garbage.len()), (1, 2));
}

#[test]
fn what_does_not_belong_is_refused() {
    let mut deck = Deck::fresh(one(1), SMALL, Reel::default());
    let refused = |deck: &mut Deck, event| {
        deck.run(event);
        match deck.told.pop() {
            Some(Effect::Refuse(refusal)) => refusal,
            told => panic!("{told:?}"),
        }
    };
    assert_eq!(
        refused(&mut deck, Event::Piece(Bytes::from_static(b"x"))),
        Refusal::NotNow
    );
    let place = Place::parse("acme/config").unwrap();
    let source = Source {
        place: place.clone(),
        bytes: Bytes::from_static(b"x"),
    };
    assert_eq!(
        refused(&mut deck, Event::Begin(source.header())),
        Refusal::Layout { place }
    );
    let mut header = object(3, "abc").header();
    header.sha256 = Sum::of(b"other");
    assert!(matches!(
        refused(&mut deck, Event::Begin(header)),
        Refusal::Name { .. }
    ));
    let mut header = object(3, "abc").header();
    header.length = 10_000_000_000_000_000;
    assert!(matches!(
        refused(&mut deck, Event::Begin(header)),
        Refusal::TooLong { .. }
    ));
    let source = object(3, "abc");
    deck.run(Event::Begin(source.header()));
    let most = 3;
    let piece = Event::Piece(Bytes::from_static(b"abcd"));
    assert_eq!(
        refused(&mut deck, piece),
        Refusal::Piece { length: 4, most }
    );
    deck.run(Event::Piece(source.bytes));
    deck.run(Event::Commit);
    assert_eq!(deck.committed().len(), 1);
}

#[test]
fn a_tape_takes_only_so_many_rows() {
    let sources: Vec<_> = (0..5).map(|n| object(3, bytes(n, 900))).collect();
    let settings = Settings {
        rows_max: 2,
        ..SMALL
    };
    let decks = write_set(&sources, settings, |sequence| {
        (one(sequence), Reel::default())
    });
    let rows: Vec<_> = decks.iter().map(|deck| deck.committed().len()).collect();
    assert_eq!(rows, [2, 2, 1]);
}

#[test]
fn a_seal_counts_only_with_the_key_and_the_rows_it_was_made_for() {
    let mut deck = Deck::fresh(one(1), SMALL, Reel::default());
    deck.put(&object(3, bytes(1, 10)));
    deck.run(Event::Seal(Reason::Closed));
    let key = signer().public();
    let other = Signer::from_seed(&[8; 32]).unwrap().public();
    for every_byte in [false, true] {
        let mut is_genuine = |key: Option<&Sum>| {
            let walked = recovery::walk(&mut deck.reel, key, every_byte).unwrap();
            let indexed = recovery::last_index(&mut deck.reel, key).unwrap();
            [walked, indexed].map(|rebuilt| rebuilt.sealed.unwrap().is_genuine)
        };
        assert_eq!(is_genuine(Some(&key)), [true; 2]);
        assert_eq!(is_genuine(Some(&other)), [false; 2]);
        assert_eq!(is_genuine(None), [false; 2]);
    }
}
