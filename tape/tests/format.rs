//! What goes on a tape comes back from it, whatever happens to the tape.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::collections::BTreeSet;

use bytes::Bytes;
use holdfast_tape::format::recovery::{self, Expected, Level, Proof};
use holdfast_tape::format::{
    ALIGNED_FROM, BLOCK, End, Event, Keys, Layout, Medium as _, Object, Place, ReadError, Reader,
    Reason, Reel, Row, SetKind, Settings, Space, Sum, Volume, Writer,
};
use proptest::prelude::*;
use support::{Deck, Source, key, signer, volume, write_set};

#[path = "format/golden.rs"]
mod golden;
#[path = "format/refusals.rs"]
mod refusals;
#[path = "support/mod.rs"]
mod support;

/// Archives and commits small enough to have several of each.
const SMALL: Settings = Settings {
    archive_max: 3 << 20,
    commit_every: 2 << 20,
    finish_max: 512 << 10,
    rows_max: 1000,
};

/// A pack, or what else `kind` counts to.
fn object(kind: u8, bytes: impl Into<Bytes>) -> Source {
    let bytes = bytes.into();
    let sum = Sum::of(&bytes);
    let object = match kind % 4 {
        0 => Object::Key(sum),
        1 => Object::Index(sum),
        2 => Object::Snapshot(sum),
        _ => Object::Data(sum),
    };
    Source {
        place: Place {
            directory: None,
            object,
        },
        bytes,
    }
}

fn one(sequence: u32) -> Volume {
    volume(sequence, Layout::One, SetKind::Whole)
}

fn bytes(seed: u64, length: usize) -> Bytes {
    let mut state = seed.wrapping_mul(2) | 1;
    let next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(next)
        .flatten()
        .take(length)
        .collect::<Vec<u8>>()
        .into()
}

fn sources(few: usize) -> impl Strategy<Value = Vec<Source>> {
    let length = prop_oneof![
        8 => 0usize..3000,
        3 => 200_000usize..900_000,
        1 => (ALIGNED_FROM as usize - 1)..(ALIGNED_FROM as usize + 700_000),
    ];
    let source = (any::<u8>(), any::<u64>(), length);
    let some = proptest::collection::vec(source, 0..few);
    some.prop_map(|all| {
        let mut seen = BTreeSet::new();
        let all = all
            .into_iter()
            .map(|(kind, seed, length)| object(kind, bytes(seed, length)));
        all.filter(|source| seen.insert(source.place.clone()))
            .collect()
    })
}

fn keys() -> Keys {
    let open = Keys::default();
    let (id, secret, _) = key(7);
    open.insert(id, secret);
    open
}

fn get(reel: &mut Reel, row: &Row) -> Result<Vec<u8>, ReadError> {
    let mut all = Vec::new();
    let mut reader = Reader::at(reel, keys());
    reader.fetch(reel, row, &mut |piece| all.extend_from_slice(&piece))?;
    Ok(all)
}

fn is_whole(reel: &mut Reel, row: &Row, sources: &[Source]) -> bool {
    let source = sources
        .iter()
        .find(|source| source.place == row.path)
        .unwrap();
    get(reel, row).unwrap() == source.bytes
}

fn expected(objects: u64) -> Expected {
    let volume = one(1);
    Expected {
        volume: volume.label.volume,
        set: volume.set.set,
        generation: 1,
        objects,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn all_that_goes_on_comes_back(
        sources in sources(14), has_positions in any::<bool>(), encrypts in any::<bool>(),
    ) {
        let reel = match has_positions {
            true => Reel::default(),
            false => Reel::default().without_positions(),
        };
        let mut deck = Deck::fresh(one(1), SMALL, reel);
        deck.key = encrypts.then_some(7);
        sources.iter().for_each(|source| deck.put(source));
        deck.run(Event::Seal(Reason::Closed));
        let rows = deck.committed();
        prop_assert!(rows.iter().all(|row| row.key.is_some() == encrypts));
        prop_assert_eq!(rows.len(), sources.len());
        let reel = &mut deck.reel;
        for row in &rows {
            prop_assert!(is_whole(reel, row, &sources));
            prop_assert!(row.offset == 0 || row.length < ALIGNED_FROM);
        }
        let key = signer().public();
        for every_byte in [false, true] {
            let proof = Proof { signer: Some(&key), keys: keys() };
            let rebuilt = recovery::walk(reel, proof, every_byte).unwrap();
            prop_assert_eq!(&rebuilt.rows, &rows);
            prop_assert!(rebuilt.garbage.is_empty() && rebuilt.salvaged.is_empty());
            prop_assert!(rebuilt.sealed.unwrap().is_genuine);
        }
        if !rows.is_empty() {
            let rebuilt = recovery::rebuild(reel, Some(&key)).unwrap();
            prop_assert_eq!((rebuilt.level, &rebuilt.rows), (Level::Index, &rows));
            prop_assert!(rebuilt.sealed.unwrap().is_genuine);
            prop_assert!(rebuilt.garbage.is_empty());
            prop_assert_eq!(recovery::appendable(reel, &expected(0)), Err(ReadError::Sealed));
        }
    }

    #[test]
    fn a_cut_loses_only_what_was_not_committed(
        sources in sources(14), part in 0.0f64..1.0, more in sources(3), encrypts in any::<bool>(),
    ) {
        let key = encrypts.then_some(7);
        let mut deck = Deck::fresh(one(1), SMALL, Reel::default());
        deck.key = key;
        let labels = deck.reel.len() + 2;
        sources.iter().for_each(|source| deck.put(source));
        deck.run(Event::Commit);
        let end = deck.reel.len();
        let keep = labels + ((end.saturating_sub(labels) + 1) as f64 * part) as usize;
        let safe = deck.commits.iter().filter(|(_, flushed)| *flushed <= keep);
        let committed = safe.map(|(rows, _)| *rows).max().unwrap_or(0);
        let all = deck.committed();
        let mut reel = deck.reel;
        reel.cut(keep);
        let Ok(resume) = recovery::appendable(&mut reel, &expected(committed as u64)) else {
            // Cut before the labels were safe: nothing was committed then.
            prop_assert_eq!(committed, 0);
            return Ok(());
        };
        prop_assert!(resume.rows.len() >= committed);
        prop_assert_eq!(&resume.rows[..], &all[..resume.rows.len()]);
        for row in resume.rows.clone() {
            prop_assert!(is_whole(&mut reel, &row, &sources));
        }
        reel.space(Space::End).unwrap();
        let before = resume.rows.len();
        let mut deck = Deck::start(Writer::append(one(1), SMALL, resume), reel);
        deck.key = key;
        more.iter().for_each(|source| deck.put(source));
        deck.run(Event::Seal(Reason::Closed));
        let rows = deck.writer.rows().to_vec();
        prop_assert_eq!(rows.len(), before + more.len());
        let everything = [sources, more].concat();
        for row in &rows {
            prop_assert!(is_whole(&mut deck.reel, row, &everything));
        }
        if rows.len() > before {
            let rebuilt = recovery::rebuild(&mut deck.reel, Some(&signer().public())).unwrap();
            prop_assert_eq!(&rebuilt.rows, &rows);
            prop_assert!(rebuilt.sealed.unwrap().is_genuine);
        }
        let proof = Proof { signer: None, keys: keys() };
        let read = recovery::walk(&mut deck.reel, proof, true).unwrap();
        for row in &rows {
            prop_assert!(read.rows.contains(row));
        }
    }

    #[test]
    fn a_set_goes_on_where_a_tape_ends(
        sources in sources(14), near in 24usize..60, reserve in 0usize..30,
    ) {
        let tape = |sequence| (one(sequence), Reel::new(near, near + reserve));
        let mut decks = write_set(&sources, SMALL, tape);
        let mut found = BTreeSet::new();
        for deck in &mut decks {
            let rows = deck.committed();
            for row in &rows {
                prop_assert!(is_whole(&mut deck.reel, row, &sources));
                found.insert(row.path.clone());
            }
            let again: BTreeSet<_> = deck.again().into_iter().collect();
            prop_assert!(rows.iter().all(|row| !again.contains(&row.path)));
            prop_assert!(deck.end().is_some());
            if let Some(End::Sealed(seal)) = deck.end() {
                prop_assert_eq!(seal.objects, rows.len() as u64);
            }
        }
        prop_assert_eq!(found.len(), sources.len());
    }

    #[test]
    fn a_flipped_bit_is_seen(
        sources in sources(8), at in any::<prop::sample::Index>(),
        byte in 0usize..BLOCK, bit in 0u32..8, is_early in any::<bool>(),
    ) {
        let mut deck = Deck::fresh(one(1), SMALL, Reel::default());
        sources.iter().for_each(|source| deck.put(source));
        deck.run(Event::Seal(Reason::Closed));
        let (rows, mut reel) = (deck.committed(), deck.reel);
        let byte = if is_early { byte % 4096 } else { byte };
        reel.flip(at.index(reel.len()), byte, bit);
        let read = recovery::walk(&mut reel, Some(&signer().public()), true).unwrap();
        let is_well = read.garbage.is_empty() && read.rows == rows;
        for row in &rows {
            let source = sources.iter().find(|source| source.place == row.path).unwrap();
            match get(&mut reel, row) {
                Ok(bytes) => prop_assert_eq!(&bytes, &source.bytes),
                Err(_) => prop_assert!(!is_well),
            }
        }
        // What is rebuilt with less reading is never wrong; its objects are checked when read.
        if let Ok(rebuilt) = recovery::rebuild(&mut reel, None) {
            prop_assert!(rebuilt.rows.iter().all(|row| rows.contains(row)));
        }
    }

    #[test]
    fn any_blocks_are_read_or_refused(
        noise in proptest::collection::vec((0usize..12, 0usize..8192, any::<u8>()), 0..40),
        source in sources(3),
    ) {
        let mut deck = Deck::fresh(one(1), SMALL, Reel::default());
        source.iter().for_each(|source| deck.put(source));
        deck.run(Event::Seal(Reason::Closed));
        let mut files = deck.reel.files();
        for (file, at, byte) in noise {
            let file = file % files.len();
            files[file][at] = byte;
        }
        let mut reel = Reel::of(&files);
        let _ = recovery::labels(&mut reel);
        let _ = recovery::rebuild(&mut reel, None);
        recovery::walk(&mut reel, None, true).unwrap();
    }
}

#[test]
fn lost_indexes_cost_only_time() {
    let sources: Vec<_> = (0..9).map(|n| object(3, bytes(n, 700_000))).collect();
    let mut deck = Deck::fresh(one(1), SMALL, Reel::default());
    sources.iter().for_each(|source| deck.put(source));
    deck.run(Event::Seal(Reason::Closed));
    let (rows, files) = (deck.committed(), deck.reel.files());
    let key = signer().public();
    let kind = |file: &[u8], word: &str| {
        String::from_utf8_lossy(&file[..1024]).contains(&format!("HOLDFAST.kind={word}\n"))
    };
    let level = |files: &[Vec<u8>]| {
        let rebuilt = recovery::rebuild(&mut Reel::of(files), Some(&key)).unwrap();
        assert_eq!(rebuilt.rows, rows);
        assert!(rebuilt.sealed.unwrap().is_genuine);
        rebuilt.level
    };
    assert_eq!(level(&files), Level::Index);
    // The last index, and no earlier one in its stead, whichever of its bytes is lost.
    let last = files.iter().rposition(|file| kind(file, "index")).unwrap();
    for at in [5, 520, 1300, 3000] {
        let mut files = files.clone();
        files[last][at] ^= 1;
        assert_eq!(level(&files), Level::Archives, "byte {at}");
    }
    let mut without = files;
    without[last][3000] ^= 1;
    for file in without.iter_mut().filter(|file| kind(file, "archive")) {
        let tail = (0..file.len() / 512)
            .rev()
            .find(|n| file[n * 512] == b'{')
            .unwrap();
        file[tail * 512 + 40] ^= 1;
    }
    let mut reel = Reel::of(&without);
    let rebuilt = recovery::rebuild(&mut reel, Some(&key)).unwrap();
    assert_eq!((rebuilt.level, &rebuilt.rows), (Level::Headers, &rows));
    assert!(!rebuilt.garbage.is_empty());
}
