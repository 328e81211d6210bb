//! Tapes for tests: who writes them, and what comes of it.

use std::collections::VecDeque;

use bytes::Bytes;
use holdfast_tape::format::{
    BLOCK, Effect, Encryption, End, Event, Header, Item, KeyId, Label, Layout, Place, Previous,
    Reel, Row, Secret, SetId, SetKind, SetLabel, Settings, Signer, Sum, Text, Volume, VolumeId,
    Writer, deck,
};

pub(crate) fn signer() -> Signer {
    Signer::from_seed(&[9; 32]).unwrap()
}

/// The tape of this number in the one set of the tests.
pub(crate) fn volume(sequence: u32, layout: Layout, runs: SetKind) -> Volume {
    let id = |n: u32| VolumeId::new([u8::try_from(n).unwrap(); 16]);
    let previous = (1..sequence).map(|n| Previous {
        volume: id(n),
        sequence: n,
        barcode: None,
        root: None,
    });
    Volume {
        label: Label {
            volume: id(sequence),
            barcode: Text::parse(&format!("VT{sequence:04}L6")),
            cluster: Text::parse("north").unwrap(),
            pool: Text::parse("weekly").unwrap(),
            block: u32::try_from(BLOCK).unwrap(),
            written: 1_795_000_000,
            signer: signer().public(),
        },
        set: SetLabel {
            set: SetId::new([0xee; 16]),
            name: Text::parse("weekly 2026-48").unwrap(),
            runs,
            layout,
            sequence,
            generation: 1,
            protected_until: Some(1_800_000_000),
            worm: false,
            owner: Text::parse("acme"),
            previous: previous.collect(),
        },
        signer: signer(),
        keys: vec![("passphrase.json".to_owned(), b"{}\n".to_vec())],
    }
}

/// An object and its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) place: Place,
    pub(crate) bytes: Bytes,
}

impl Source {
    pub(crate) fn header(&self) -> Header {
        let item = Item::Object(self.place.clone());
        Header {
            item,
            length: self.bytes.len() as u64,
            sha256: Sum::of(&self.bytes),
            encryption: None,
        }
    }
}

/// The key of this number, and what its opened file says.
pub(crate) fn key(number: u8) -> (KeyId, Secret, String) {
    let id = KeyId::new([number; 16]);
    let text = format!("{id} {}\n", Sum::new([number; 32]));
    (id, Secret::new([number; 32]), text)
}

/// A writer at a tape, and what it told.
pub(crate) struct Deck {
    pub(crate) writer: Writer,
    pub(crate) reel: Reel,
    pub(crate) told: Vec<Effect>,
    /// Rows that were committed, with how much of the tape was safe then.
    pub(crate) commits: Vec<(usize, usize)>,
    /// The number of the key that objects are encrypted with.
    pub(crate) key: Option<u8>,
}

impl Deck {
    pub(crate) fn fresh(volume: Volume, settings: Settings, reel: Reel) -> Self {
        Self::start(Writer::fresh(volume, settings), reel)
    }

    pub(crate) fn start(writer: Writer, reel: Reel) -> Self {
        let mut deck = Self {
            writer,
            reel,
            told: Vec::new(),
            commits: Vec::new(),
            key: None,
        };
        deck.run(Event::Start);
        deck
    }

    pub(crate) fn run(&mut self, event: Event) {
        let told = self.told.len();
        deck::run(&mut self.writer, &mut self.reel, event, &mut self.told);
        self.note(told);
    }

    pub(crate) fn put(&mut self, source: &Source) {
        let told = self.told.len();
        let (writer, reel) = (&mut self.writer, &mut self.reel);
        let mut header = source.header();
        header.encryption = self.key.map(|number| {
            let (key, secret, _) = key(number);
            let mut salt = *header.sha256.as_bytes();
            salt[0] ^= u8::try_from(told % 251).unwrap();
            Encryption { key, secret, salt }
        });
        deck::put(writer, reel, header, &source.bytes, &mut self.told);
        self.note(told);
    }

    fn note(&mut self, told: usize) {
        if self.told[told..]
            .iter()
            .any(|effect| matches!(effect, Effect::Committed(_)))
        {
            self.commits
                .push((self.writer.rows().len(), self.reel.flushed()));
        }
    }

    pub(crate) fn wants(&self) -> bool {
        matches!(self.told.last(), Some(Effect::Want))
    }

    pub(crate) fn end(&self) -> Option<&End> {
        for effect in &self.told {
            if let Effect::Ended(end) = effect {
                return Some(end);
            }
        }
        None
    }

    /// What must be written on the next tape.
    pub(crate) fn again(&self) -> Vec<Place> {
        let mut again = Vec::new();
        for effect in &self.told {
            if let Effect::Again(places) = effect {
                again.extend_from_slice(places);
            }
        }
        again
    }

    pub(crate) fn committed(&self) -> Vec<Row> {
        let mut committed = Vec::new();
        for effect in &self.told {
            if let Effect::Committed(rows) = effect {
                committed.extend_from_slice(rows);
            }
        }
        committed
    }
}

/// Writes all sources on as many tapes as they take, and seals the last.
pub(crate) fn write_set(
    sources: &[Source],
    settings: Settings,
    tape: impl Fn(u32) -> (Volume, Reel),
) -> Vec<Deck> {
    write_set_with(None, sources, settings, tape)
}

/// The same, encrypted with the key of this number.
pub(crate) fn write_set_with(
    key: Option<u8>,
    sources: &[Source],
    settings: Settings,
    tape: impl Fn(u32) -> (Volume, Reel),
) -> Vec<Deck> {
    let mut left: VecDeque<Source> = sources.iter().cloned().collect();
    let mut decks = Vec::new();
    for sequence in 1.. {
        assert!(sequence < 200, "the set never ends");
        let (volume, reel) = tape(sequence);
        let mut deck = Deck::fresh(volume, settings, reel);
        deck.key = key;
        let mut given = Vec::new();
        while deck.wants() {
            let Some(source) = left.pop_front() else {
                break;
            };
            deck.put(&source);
            given.push(source);
        }
        let is_last = deck.wants();
        if is_last {
            deck.run(Event::Seal(holdfast_tape::format::Reason::Closed));
        }
        for place in deck.again().into_iter().rev() {
            let source = given.iter().find(|source| source.place == place);
            left.push_front(
                source
                    .expect("only what was given is to be given again")
                    .clone(),
            );
        }
        decks.push(deck);
        if is_last && left.is_empty() {
            return decks;
        }
    }
    unreachable!("the loop has no end");
}
