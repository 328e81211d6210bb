//! Tapes of a set, written by the writer that writes all tapes.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use crate::format::{
    BLOCK, Effect, Event, Header, Item, Label, Layout, Object, Place, Previous, Reason, Reel, Row,
    RunName, SetId, SetKind, SetLabel, Settings, Signer, Sum, Text, Volume, VolumeId, Writer, cut,
    deck,
};

pub(super) const SET: u128 = 0xee;

fn volume(sequence: u32) -> Volume {
    let signer = Signer::from_seed(&[9; 32]).unwrap();
    let id = |n: u32| VolumeId::new(u128::from(n).to_be_bytes());
    Volume {
        label: Label {
            volume: id(sequence),
            barcode: Text::parse(&format!("VT{sequence:04}L6")),
            cluster: Text::parse("north").unwrap(),
            pool: Text::parse("weekly").unwrap(),
            block: u32::try_from(BLOCK).unwrap(),
            written: 1_795_000_000,
            signer: signer.public(),
        },
        set: SetLabel {
            set: SetId::new(SET.to_be_bytes()),
            name: Text::parse("weekly").unwrap(),
            runs: SetKind::Daily,
            layout: Layout::Many,
            sequence,
            generation: 1,
            protected_until: None,
            worm: false,
            owner: None,
            previous: (1..sequence)
                .map(|n| Previous {
                    volume: id(n),
                    sequence: n,
                    barcode: None,
                    root: None,
                })
                .collect(),
        },
        signer,
        keys: Vec::new(),
    }
}

/// What is in a repository.
pub(super) type Objects = BTreeMap<Object, Bytes>;

/// A repository of a few packs, all of whose bytes follow from `seed`.
pub(super) fn objects(seed: u8, packs: u8) -> Objects {
    let bytes = |n: u8, length: usize| -> Bytes {
        let mut word = u64::from(seed) << 8 | u64::from(n) | 1 << 40;
        let next = |_| {
            word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (word >> 56) as u8
        };
        (0..length).map(next).collect::<Vec<u8>>().into()
    };
    let mut objects = BTreeMap::from([(Object::Config, bytes(255, 155))]);
    for n in 0..packs {
        let pack = bytes(n, 300_000 + 70_000 * usize::from(n % 5));
        objects.insert(Object::Data(Sum::of(&pack)), pack);
    }
    let (key, index, snapshot) = (bytes(252, 450), bytes(253, 9_000), bytes(254, 300));
    objects.insert(Object::Key(Sum::of(&key)), key);
    objects.insert(Object::Index(Sum::of(&index)), index);
    objects.insert(Object::Snapshot(Sum::of(&snapshot)), snapshot);
    objects
}

/// Objects and the list of a run behind them, as they go on tape.
pub(super) fn run(
    directory: &str,
    name: &str,
    new: &Objects,
    all: &Objects,
) -> Vec<(Place, Bytes)> {
    let place = |object: &Object| Place::parse(&format!("{directory}/{object}")).unwrap();
    let list = Object::Run(RunName::parse(name).unwrap());
    let said = cut::list(&all.keys().cloned().collect());
    let objects = new
        .iter()
        .map(|(object, bytes)| (place(object), bytes.clone()));
    objects.chain([(place(&list), said.into())]).collect()
}

/// Writes all on tapes of so many blocks; each tape with its rows.
pub(super) fn write(sources: Vec<(Place, Bytes)>, blocks: usize) -> Vec<(Reel, Vec<Row>)> {
    let mut left: VecDeque<_> = sources.into();
    let mut tapes = Vec::new();
    for sequence in 1..100 {
        let settings = Settings {
            archive_max: 4 << 20,
            commit_every: 8 << 20,
            finish_max: 1 << 20,
            rows_max: 1000,
        };
        let mut writer = Writer::fresh(volume(sequence), settings);
        let mut reel = Reel::new(blocks, blocks + 100);
        let (mut told, mut given) = (Vec::new(), Vec::new());
        deck::run(&mut writer, &mut reel, Event::Start, &mut told);
        while told.last() == Some(&Effect::Want) {
            let Some((place, bytes)) = left.pop_front() else {
                deck::run(
                    &mut writer,
                    &mut reel,
                    Event::Seal(Reason::Closed),
                    &mut told,
                );
                break;
            };
            let header = Header {
                item: Item::Object(place.clone()),
                length: bytes.len() as u64,
                sha256: Sum::of(&bytes),
                encryption: None,
            };
            deck::put(&mut writer, &mut reel, header, &bytes, &mut told);
            given.push((place, bytes));
        }
        let mut again = Vec::new();
        for effect in &told {
            if let Effect::Again(places) = effect {
                again.extend(places);
            }
        }
        for place in again.into_iter().rev() {
            left.push_front(given.iter().find(|(it, _)| it == place).unwrap().clone());
        }
        tapes.push((reel, writer.rows().to_vec()));
        if left.is_empty() {
            return tapes;
        }
    }
    panic!("the set never ends")
}
