//! The recovery script on tapes that are damaged or crafted.

use std::fs;
use std::process::Command;

use holdfast_tape::format::{Layout, Reel, SetKind};
use tempfile::TempDir;

use crate::restic::{Restic, SMALL, dump, recover, run, tree, without_locks};
use crate::support::{volume, write_set};

#[test]
fn the_script_writes_nothing_damaged_and_says_what_is_missing() {
    let restic = Restic::new();
    restic.backup("first", 9);
    let tape = |sequence| {
        (
            volume(sequence, Layout::One, SetKind::Whole),
            Reel::default(),
        )
    };
    let sources = restic.sources(None);
    let decks = write_set(&sources, SMALL, tape);
    let place = TempDir::new().unwrap();
    let tapes = dump(&decks, place.path());
    let row = decks[0]
        .committed()
        .into_iter()
        .max_by_key(|row| row.length)
        .unwrap();
    let damaged = tapes[0].join(format!("{:04}", row.file));
    let whole = fs::read(&damaged).unwrap();
    let at = usize::try_from(row.at()).unwrap();
    let write = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        fs::write(&damaged, bytes).unwrap();
    };
    // A bit of the data: the object is not written.
    write(at + 77);
    let to = place.path().join("data");
    let output = recover(&tapes, &["--to", to.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains(&format!("{} is damaged", row.path)));
    assert_eq!(tree(&to).len(), sources.len() - 1);
    // A bit of its header: what stands behind is found by the rows of the index.
    write(at - 300);
    let to = place.path().join("header");
    let output = recover(&tapes, &["--to", to.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(tree(&to), without_locks(tree(&restic.repository())));
}

#[test]
fn the_script_refuses_crafted_archives() {
    let place = TempDir::new().unwrap();
    let craft = "import sys, tarfile, io, hashlib\n\
        name, size, kind, to = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]\n\
        opening = {'HOLDFAST.' + k: v for k, v in dict(version='1', kind='archive', volume='v',\n\
        \x20set='s', sequence='1', file='2').items()}\n\
        body = b'x' * 512\n\
        with tarfile.open(to, 'w', format=tarfile.PAX_FORMAT, pax_headers=opening) as tar:\n\
        \x20one = tarfile.TarInfo(name)\n\
        \x20one.size, one.type = len(body), kind.encode()\n\
        \x20one.pax_headers = {'HOLDFAST.sha256': hashlib.sha256(body).hexdigest()}\n\
        \x20if size > len(body): one.pax_headers['size'] = str(size)\n\
        \x20tar.addfile(one, io.BytesIO(body))\n";
    for (number, (name, size, kind)) in [
        ("../outside", "512", "0"),
        ("/tmp/holdfast-outside", "512", "0"),
        ("data/../../config", "512", "0"),
        ("config", "512", "2"),
        ("config", "512", "5"),
        ("config", "10000000000000000", "0"),
        (&"x/".repeat(4000), "512", "0"),
    ]
    .into_iter()
    .enumerate()
    {
        let file = place.path().join(format!("tape-{number}"));
        let to = place.path().join(format!("to-{number}"));
        run(Command::new("python3")
            .args(["-c", craft, name, size, kind])
            .arg(&file));
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/src/format/paper/recover.py");
        let mut python = Command::new("python3");
        let output = python
            .args(["-I", script, "--to"])
            .arg(&to)
            .arg(&file)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{name}: {said}");
        assert!(!said.contains("Traceback"), "{said}");
        assert!(tree(&to).is_empty(), "{name}");
    }
    let names: Vec<_> = tree(place.path()).into_keys().collect();
    assert!(
        names.iter().all(|name| name.starts_with("tape-")),
        "{names:?}"
    );
}

/// On a device the end of a file is told once; reading on would read the next file.
#[test]
fn a_torn_file_does_not_swallow_the_next_one_on_a_device() {
    let restic = Restic::new();
    restic.backup("first", 24);
    let tape = |sequence| {
        (
            volume(sequence, Layout::One, SetKind::Whole),
            Reel::new(85, 130),
        )
    };
    let decks = write_set(&restic.sources(None), SMALL, tape);
    assert!(
        decks.iter().any(|deck| !deck.again().is_empty()),
        "no archive is torn"
    );
    let place = TempDir::new().unwrap();
    let tapes = dump(&decks, place.path());
    let device = "import importlib.util, os, sys\n\
        spec = importlib.util.spec_from_file_location('recover', sys.argv[1])\n\
        sys.dont_write_bytecode = True\n\
        recover = importlib.util.module_from_spec(spec); spec.loader.exec_module(recover)\n\
        reader, files = recover.Reader(recover.Store(None, {})), 0\n\
        for tape in sys.argv[2:]:\n\
        \x20blocks = []\n\
        \x20for name in sorted(os.listdir(tape)):\n\
        \x20 data = open(os.path.join(tape, name), 'rb').read()\n\
        \x20 blocks += [data[at:at + 262144] for at in range(0, len(data), 262144)] + [b'']\n\
        \x20source = iter(blocks)\n\
        \x20while reader.file(tape, lambda: next(source, b'')): files += 1\n\
        reader.repair()\n\
        print(files, len(reader.store.have), len(reader.torn), reader.wrong)\n";
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/src/format/paper/recover.py");
    let output = run(Command::new("python3")
        .args(["-c", device, script])
        .args(&tapes));
    let torn = decks.iter().filter(|deck| !deck.again().is_empty()).count();
    let files: usize = tapes.iter().map(|tape| tree(tape).len()).sum();
    let expected = format!("{files} {} {torn} []\n", restic.sources(None).len());
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
}
