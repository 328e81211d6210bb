//! The point of it all: `tar`, `restic` and `python3` read a media set without us.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use holdfast_tape::format::{
    Directory, End, Event, Layout, Object, Place, Reason, Reel, RunName, SetKind, cut,
};
use restic::{Restic, SMALL, dump, recover, recovered, run, script, tree, untar, without_locks};
use support::{Deck, Source, key, volume, write_set, write_set_with};
use tempfile::TempDir;

#[path = "tar_and_restic/restic.rs"]
mod restic;
#[path = "tar_and_restic/scripts.rs"]
mod scripts;
#[path = "support/mod.rs"]
mod support;

#[test]
fn a_media_set_is_a_restic_repository() {
    let restic = Restic::new();
    restic.backup("first", 40);
    restic.backup("second", 30);
    let sources = restic.sources(None);
    let tape = |sequence| {
        (
            volume(sequence, Layout::One, SetKind::Whole),
            Reel::new(160, 200),
        )
    };
    let decks = write_set(&sources, SMALL, tape);
    assert!(decks.len() > 1, "the set has one tape only");
    assert!(
        decks
            .iter()
            .all(|deck| matches!(deck.end(), Some(End::Sealed(_))))
    );
    let given_up = decks.iter().filter(|deck| !deck.again().is_empty()).count();
    let place = TempDir::new().unwrap();
    let tapes = dump(&decks, place.path());
    let untarred = place.path().join("untarred");
    assert_eq!(untar(&tapes, &untarred), given_up);
    restic.is_good(&untarred);
    let again = place.path().join("recovered");
    assert_eq!(
        recovered(&tapes, &again, &[]),
        without_locks(tree(&restic.repository()))
    );
    restic.is_good(&again);
}

#[test]
fn an_encrypted_media_set_is_a_restic_repository_to_who_has_the_key() {
    let restic = Restic::new();
    restic.backup("first", 40);
    let tape = |sequence| {
        (
            volume(sequence, Layout::One, SetKind::Whole),
            Reel::new(100, 140),
        )
    };
    let decks = write_set_with(Some(3), &restic.sources(None), SMALL, tape);
    assert!(decks.len() > 1, "the set has one tape only");
    let place = TempDir::new().unwrap();
    let tapes = dump(&decks, place.path());
    let wanted = without_locks(tree(&restic.repository()));
    let file = |number: u8| {
        let file = place.path().join(format!("key-{number}"));
        fs::write(&file, key(number).2).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let (right, wrong) = (file(3), file(4));
    // Without the key: names, and nothing else.
    let to = place.path().join("locked");
    let output = recover(&tapes, &["--to", to.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(
        (output.status.code(), tree(&to).len()),
        (Some(2), 0),
        "{said}"
    );
    assert!(
        said.contains(&format!("'age -d KEYS/{}.*.age'", key(3).0)),
        "{said}"
    );
    let untarred = place.path().join("untarred");
    untar(&tapes, &untarred);
    let locked = tree(&untarred);
    assert!(wanted.iter().all(|(path, bytes)| locked[path] != *bytes));
    // With another one: the same, and no harm.
    let output = script(&tapes[0], "decrypt.py", &["--key", &wrong], &[&untarred]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(tree(&untarred), locked);
    // With the key, both ways.
    let output = script(&tapes[0], "decrypt.py", &["--key", &right], &[&untarred]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    restic.is_good(&untarred);
    let again = place.path().join("recovered");
    assert_eq!(recovered(&tapes, &again, &["--key", &right]), wanted);
    restic.is_good(&again);
}

#[test]
fn python_and_tar_name_the_same_members() {
    let restic = Restic::new();
    restic.backup("first", 9);
    let sources = restic.sources(None);
    let tape = |sequence| {
        (
            volume(sequence, Layout::One, SetKind::Whole),
            Reel::default(),
        )
    };
    let decks = write_set(&sources, SMALL, tape);
    let place = TempDir::new().unwrap();
    let tapes = dump(&decks, place.path());
    let listing = "import sys, tarfile\n\
        for file in sys.argv[1:]:\n\
        \x20with tarfile.open(file, 'r:') as tar:\n\
        \x20 for one in tar:\n\
        \x20  assert one.name == '.pad' or len(one.pax_headers['HOLDFAST.sha256']) == 64\n\
        \x20  print(one.name)\n";
    let mut python = Command::new("python3");
    python.arg("-c").arg(listing);
    let mut by_tar = Vec::new();
    for file in tree(&tapes[0]).into_keys() {
        let file = tapes[0].join(file);
        python.arg(&file);
        let quiet = "--warning=no-unknown-keyword";
        by_tar.extend(
            run(Command::new("tar")
                .args(["-b", "512", quiet, "-tf"])
                .arg(file))
            .stdout,
        );
    }
    let by_python = run(&mut python).stdout;
    assert_eq!(
        String::from_utf8_lossy(&by_python),
        String::from_utf8_lossy(&by_tar)
    );
    for source in &sources {
        let line = format!("{}\n", source.place);
        assert!(String::from_utf8_lossy(&by_tar).contains(&line), "{line}");
    }
}

/// Gives a run what the set has not yet, and its list behind it.
fn daily(deck: &mut Deck, run: &str, sources: &[Source], on_tape: &mut BTreeSet<Place>) {
    let mut objects: BTreeMap<Option<Directory>, BTreeSet<Object>> = BTreeMap::new();
    for source in sources {
        let Place { directory, object } = source.place.clone();
        objects.entry(directory).or_default().insert(object);
        if on_tape.insert(source.place.clone()) {
            deck.put(source);
        }
    }
    for (directory, objects) in objects {
        let object = Object::Run(RunName::parse(run).unwrap());
        let bytes = cut::list(&objects).into();
        deck.put(&Source {
            place: Place { directory, object },
            bytes,
        });
    }
    deck.run(Event::Commit);
}

#[test]
fn a_daily_set_is_cut_to_the_day() {
    let restic = Restic::new();
    let labels = volume(1, Layout::One, SetKind::Daily);
    let (mut deck, mut on_tape) = (Deck::fresh(labels, SMALL, Reel::default()), BTreeSet::new());
    restic.backup("first", 5);
    let monday = without_locks(tree(&restic.repository()));
    daily(&mut deck, "2026-11-23", &restic.sources(None), &mut on_tape);
    fs::remove_file(restic.files().join("first")).unwrap();
    restic.backup("second", 5);
    run(restic.at(
        &restic.repository(),
        &["forget", "--keep-last", "1", "--prune"],
    ));
    let tuesday = without_locks(tree(&restic.repository()));
    assert!(
        monday.keys().any(|path| !tuesday.contains_key(path)),
        "nothing was pruned"
    );
    daily(&mut deck, "2026-11-24", &restic.sources(None), &mut on_tape);
    deck.run(Event::Seal(Reason::Closed));
    let rows = deck.committed();
    let place = TempDir::new().unwrap();
    let tapes = dump(&[deck], place.path());
    let at = |name: &str| place.path().join(name);
    assert_eq!(recovered(&tapes, &at("newest"), &[]), tuesday);
    restic.is_good(&at("newest"));
    assert_eq!(
        recovered(&tapes, &at("monday"), &["--run", "2026-11-23"]),
        monday
    );
    run(restic.at(&at("monday"), &["check", "--read-data"]));
    let superset = recovered(&tapes, &at("superset"), &["--run", "all"]);
    assert!(
        monday
            .iter()
            .chain(&tuesday)
            .all(|(path, bytes)| superset.get(path) == Some(bytes))
    );
    untar(&tapes, &at("untarred"));
    restic.is_good(&at("untarred"));
    // Our own cut says the same.
    let volume = volume(1, Layout::One, SetKind::Daily).label.volume;
    assert_eq!(cut::runs(&rows).len(), 2);
    for (day, tree) in [("2026-11-23", &monday), ("2026-11-24", &tuesday)] {
        let list = &tree
            .keys()
            .map(|path| Place::parse(path).unwrap().object)
            .collect();
        let cut = cut::cut(None, list, rows.iter().map(|row| (volume, row)));
        assert!(cut.missing.is_empty(), "{day}");
        assert_eq!(cut.read[&volume].len(), tree.len());
    }
}

#[test]
fn several_repositories_share_a_set() {
    let (servers, laptops) = (Restic::new(), Restic::new());
    servers.backup("db", 3);
    laptops.backup("mail", 2);
    let labels = volume(1, Layout::Many, SetKind::Daily);
    let (mut deck, mut on_tape) = (Deck::fresh(labels, SMALL, Reel::default()), BTreeSet::new());
    let sources = [
        servers.sources(Some("acme/servers")),
        laptops.sources(Some("beta")),
    ]
    .concat();
    daily(&mut deck, "monday", &sources, &mut on_tape);
    deck.run(Event::Seal(Reason::Exported));
    let place = TempDir::new().unwrap();
    let tapes = dump(&[deck], place.path());
    for way in ["untarred", "recovered"] {
        let to = place.path().join(way);
        if way == "untarred" {
            untar(&tapes, &to);
        } else {
            recovered(&tapes, &to, &[]);
        }
        servers.is_good(&to.join("acme/servers"));
        laptops.is_good(&to.join("beta"));
    }
}
