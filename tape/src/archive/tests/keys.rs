//! What is encrypted, and what is not there any more.

use holdfast_actors::catalog::command::Command;
use holdfast_actors::catalog::tape::{KeyCommand, MediaPoolCommand, TapeCommand};
use holdfast_actors::object::Kind;
use holdfast_actors::tape::job::Outcome;
use holdfast_actors::tape::key::Wrapped;
use holdfast_actors::tape::{KeyId, MediaSet};

use super::world::{KIB, Plan, World, tape};
use super::{DAY, acme, roomy};
use crate::format::{Secret, recovery};
use crate::naming;

impl World {
    /// Has the pool encrypt what it begins from now on; whether the key is open is up to the test.
    pub(super) fn encrypt(&mut self, number: u8, is_open: bool) -> KeyId {
        let id = KeyId::new(u128::from(number));
        let wrapped = Wrapped {
            name: "passphrase".to_owned(),
            text: format!("-----BEGIN AGE ENCRYPTED FILE-----\nkey {number}\n"),
        };
        let add = KeyCommand::Add {
            description: String::new(),
            wrapped: vec![wrapped],
        };
        let encrypt = MediaPoolCommand::Encrypt(Some(id));
        self.office.ann(Command::Tape(TapeCommand::Key(id, add)));
        self.office
            .ann(Command::Tape(TapeCommand::Pool(tape("gfs"), encrypt)));
        if is_open {
            let secret = Secret::new([number; 32]);
            self.keys.insert(naming::key_on_tape(id), secret);
        }
        id
    }

    /// Whether bytes are some of an object as it was stored.
    pub(super) fn is_of_an_object(bytes: &[u8]) -> bool {
        let is_repeated = bytes.chunks(8).all(|it| it == &bytes[..8]);
        is_repeated && bytes.iter().any(|byte| *byte != bytes[0])
    }
}

#[test]
fn a_run_that_lost_what_it_had_found_is_never_done_and_another_one_is() {
    let (mut world, id) = acme(&roomy(), 6);
    let order = world.order(MediaSet::Daily);
    let mut calls = 0;
    while world
        .office
        .rows()
        .tape
        .sets
        .values()
        .all(|set| set.runs.is_empty())
    {
        calls += 1;
        world.attempt(&order, Some(calls));
    }
    world.pass(1);
    world.prune(id, 2);
    let mut stored = world.cloud.stored.lock().unwrap();
    let objects = stored.get_mut(&id).unwrap();
    objects.retain(|it| it.hidden.is_none());
    drop(stored);
    world.pass(1);
    assert_eq!(world.attempt(&order, None), Some(Outcome::Wrote));
    let rows = world.office.rows();
    let runs = rows.tape.sets.values().flat_map(|set| &set.runs);
    let runs: Vec<_> = runs.map(|run| (run.objects, run.done.is_some())).collect();
    assert_eq!(runs, [(8, false), (6, true)]);
    world.check();
}

#[test]
fn an_encrypted_set_is_read_by_its_keys_alone_and_each_cartridge_keeps_its_own() {
    let (mut world, id) = acme(&Plan::default(), 10);
    let first = world.encrypt(1, true);
    let order = world.order(MediaSet::Daily);
    assert_eq!(world.attempt(&order, None), Some(Outcome::Wrote));
    world.check();
    let rows = world.office.rows();
    let written = || rows.tape.encrypted.clone();
    assert!(written().len() > 1 && written().values().all(|key| *key == first));
    for medium in written().keys() {
        let slot = u16::try_from(medium.raw()).unwrap();
        let mut tape = world.with(slot, |slot| slot.reel.clone());
        let all = tape.files().concat();
        assert!(!all.windows(32).any(World::is_of_an_object), "in clear");
        let label = String::from_utf8_lossy(&all[..1 << 18]).into_owned();
        assert!(label.contains(&format!("KEYS/{first}.passphrase.age")));
        // Nobody without the key takes what he cannot check for an object.
        let index = recovery::rebuild(&mut tape, None).unwrap();
        let read = recovery::walk(&mut tape, None, true).unwrap();
        assert!(!index.rows.is_empty() && read.rows.iter().all(|row| row.key.is_none()));
    }
    // The key of the pool changes: what was begun goes on with the old one.
    let second = world.encrypt(2, true);
    for _ in 0..2 {
        world.pass(DAY);
        (0..4).for_each(|_| world.store(id, Kind::Data, 180 * KIB));
        let order = world.order(MediaSet::Daily);
        assert_eq!(world.attempt(&order, None), Some(Outcome::Wrote));
        world.check();
    }
    let keys: Vec<_> = world
        .office
        .rows()
        .tape
        .encrypted
        .values()
        .copied()
        .collect();
    assert!(
        keys.starts_with(&[first, first]) && keys.ends_with(&[second]),
        "{keys:?}"
    );
}

#[test]
fn a_key_that_is_not_open_is_asked_for_and_nothing_is_written() {
    let (mut world, _) = acme(&roomy(), 4);
    let key = world.encrypt(1, false);
    let order = world.order(MediaSet::Daily);
    assert_eq!(world.attempt(&order, None), Some(Outcome::Failed));
    assert_eq!(
        *world.shop.mounts.lock().unwrap(),
        0,
        "a cartridge was loaded for nothing"
    );
    let rows = world.office.rows();
    let told = rows.events.values().map(|event| event.text.clone());
    let told: Vec<String> = told.filter(|text| text.contains("tape key open")).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains(&key.to_string()));
}
