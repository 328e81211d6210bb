//! Who may use a device of the virtual library, when hosts reserve it.

use expect_test::{Expect, expect};
use holdfast_tape::conformance::say;
use holdfast_tape::library::{Library, Unit};
use holdfast_tape::scsi::Data;

use bench::{LOADED, data, library};

#[path = "support/bench.rs"]
mod bench;

const DRIVE: Unit = Unit::Drive(0);
const TYPE: u8 = 3;

/// An order about reservations: action, type, own key, the other key.
fn order(library: &mut Library, host: u32, [action, kind, own, other]: [u8; 4]) -> String {
    let mut list = [0; 24];
    (list[7], list[15]) = (own, other);
    let cdb = [0x5f, action, kind, 0, 0, 0, 0, 0, 24, 0];
    say(&library.serve(host, DRIVE, &cdb, Data::Out(&list)))
}

/// The keys, and the key and type of who holds it.
fn shown(library: &mut Library) -> String {
    let mut ask = |action| {
        let mut bytes = [0; 64];
        let cdb = [0x5e, action, 0, 0, 0, 0, 0, 0, 64, 0];
        library.serve(9, DRIVE, &cdb, Data::In(&mut bytes));
        let length = usize::from(bytes[7]);
        (bytes[3], bytes[8..8 + length].to_vec())
    };
    let ((generation, keys), (_, held)) = (ask(0), ask(1));
    let keys: Vec<u8> = keys.chunks(8).map(|key| key[7]).collect();
    let held = held.get(7).zip(held.get(13));
    format!("{keys:?} held by {held:?}, generation {generation}")
}

/// Each line is a host with what it does.
fn check(library: &mut Library, script: &str, expected: &Expect) {
    let mut said = String::new();
    for line in script
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        let words: Vec<&str> = line.split(' ').collect();
        let host = words[0].parse().unwrap_or(0);
        let key = |at: usize| {
            words
                .get(at)
                .and_then(|word| word.parse().ok())
                .unwrap_or(0)
        };
        let answer = match words.get(1).copied().unwrap_or("") {
            "register" => order(library, host, [0, 0, key(2), key(3)]),
            "replace" => order(library, host, [6, 0, 0, key(2)]),
            "reserve" => order(library, host, [1, TYPE, key(2), 0]),
            "share" => order(library, host, [1, 6, key(2), 0]),
            "release" => order(library, host, [2, TYPE, key(2), 0]),
            "unshare" => order(library, host, [2, 6, key(2), 0]),
            "clear" => order(library, host, [3, 0, key(2), 0]),
            "preempt" => order(library, host, [5, TYPE, key(2), key(3)]),
            "ready" => say(&library.serve(host, DRIVE, &[0; 6], Data::None)),
            "rewind" => say(&library.serve(host, DRIVE, &[1, 0, 0, 0, 0, 0], Data::None)),
            "hold" => say(&library.serve(host, DRIVE, &[0x1e, 0, 0, 0, 1, 0], Data::None)),
            "power" => {
                library.power_cycle();
                "-".into()
            }
            _ => shown(library),
        };
        said += &format!("{line}: {answer}\n");
    }
    expected.assert_eq(&said);
}

fn loaded() -> Library {
    let mut library = library(vec![data("A")], vec![]);
    let told = expect![[r#"
        move 1000 256: GOOD
        ready: 6/28/00
    "#]];
    bench::check(&mut library, LOADED, &told);
    library
}

#[test]
fn a_device_changes_hosts_by_preempting_the_key() {
    check(
        &mut loaded(),
        "1 register 0 11
        1 reserve 11
        2 rewind
        2 hold
        2 ready
        2 reserve 22
        2 register 0 22
        2 reserve 22
        2 preempt 22 99
        2 preempt 21 11
        2 preempt 22 11
        show
        1 ready
        1 rewind
        1 release 11
        2 rewind
        2 release 22
        1 rewind",
        &expect![[r#"
            1 register 0 11: GOOD
            1 reserve 11: GOOD
            2 rewind: CONFLICT
            2 hold: CONFLICT
            2 ready: GOOD
            2 reserve 22: CONFLICT
            2 register 0 22: GOOD
            2 reserve 22: CONFLICT
            2 preempt 22 99: CONFLICT
            2 preempt 21 11: CONFLICT
            2 preempt 22 11: GOOD
            show: [22] held by Some((22, 3)), generation 3
            1 ready: 6/2a/05
            1 rewind: CONFLICT
            1 release 11: CONFLICT
            2 rewind: GOOD
            2 release 22: GOOD
            1 rewind: GOOD
        "#]],
    );
}

#[test]
fn keys_are_given_and_taken_back() {
    check(
        &mut loaded(),
        "1 register 5 11
        1 register 0 11
        1 register 0 12
        1 register 11 12
        2 replace 22
        1 share 12
        2 rewind
        3 rewind
        1 unshare 12
        2 ready
        1 reserve 12
        1 unshare 12
        2 clear 22
        1 ready
        show
        1 register 0 11
        1 reserve 11
        1 register 11 0
        2 rewind
        0 power
        show",
        &expect![[r#"
            1 register 5 11: CONFLICT
            1 register 0 11: GOOD
            1 register 0 12: CONFLICT
            1 register 11 12: GOOD
            2 replace 22: GOOD
            1 share 12: GOOD
            2 rewind: GOOD
            3 rewind: CONFLICT
            1 unshare 12: GOOD
            2 ready: 6/2a/04
            1 reserve 12: GOOD
            1 unshare 12: 5/26/04
            2 clear 22: GOOD
            1 ready: 6/2a/03
            show: [] held by None, generation 4
            1 register 0 11: GOOD
            1 reserve 11: GOOD
            1 register 11 0: GOOD
            2 rewind: GOOD
            0 power: -
            show: [] held by None, generation 0
        "#]],
    );
}

#[test]
fn what_is_no_order_is_refused() {
    let mut library = loaded();
    let mut raw = |cdb: [u8; 10], list: &[u8]| say(&library.serve(1, DRIVE, &cdb, Data::Out(list)));
    let list = [0; 24];
    assert_eq!(
        raw([0x5f, 0, 0, 0, 0, 0, 0, 0, 23, 0], &list[..23]),
        "5/1a/00"
    );
    let mut lasting = list;
    (lasting[15], lasting[20]) = (1, 1);
    assert_eq!(raw([0x5f, 0, 0, 0, 0, 0, 0, 0, 24, 0], &lasting), "5/26/00");
    assert_eq!(raw([0x5f, 7, 0, 0, 0, 0, 0, 0, 24, 0], &list), "5/24/00");
    let mut register = list;
    register[15] = 1;
    assert_eq!(raw([0x5f, 0, 0, 0, 0, 0, 0, 0, 24, 0], &register), "GOOD");
    let mut own = list;
    own[7] = 1;
    assert_eq!(raw([0x5f, 1, 2, 0, 0, 0, 0, 0, 24, 0], &own), "5/24/00");
    assert_eq!(raw([0x5f, 4, 3, 0, 0, 0, 0, 0, 24, 0], &own), "5/26/00");
}
