//! The point of it all: `tar`, `restic` and `python3` read a media set without us.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use holdfast_tape::format::{
    Directory, Effect, End, Event, Layout, Object, Place, Reason, Reel, RunName, SetKind, Settings,
    cut,
};
use support::{Deck, Source, volume, write_set};
use tempfile::TempDir;

#[path = "support/mod.rs"]
mod support;

const SMALL: Settings = Settings {
    archive_max: 48 << 20,
    commit_every: 40 << 20,
    finish_max: 1 << 20,
};

fn run(command: &mut Command) -> Output {
    let output = command.output().expect("the program is installed");
    assert!(
        output.status.success(),
        "{command:?}\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// A restic repository and what is backed up into it.
struct Restic {
    home: TempDir,
}

impl Restic {
    fn new() -> Self {
        let restic = Self {
            home: TempDir::new().unwrap(),
        };
        fs::create_dir(restic.files()).unwrap();
        run(restic.at(&restic.repository(), &["init"]));
        restic
    }

    fn repository(&self) -> PathBuf {
        self.home.path().join("repository")
    }

    fn files(&self) -> PathBuf {
        self.home.path().join("files")
    }

    fn at(&self, repository: &Path, words: &[&str]) -> &mut Command {
        let command = Box::leak(Box::new(Command::new("restic")));
        command
            .env("RESTIC_PASSWORD", "tape")
            .current_dir(self.home.path());
        command
            .arg("--no-cache")
            .arg("-r")
            .arg(repository)
            .args(words)
    }

    /// Adds a file of bytes that do not compress, and backs up.
    fn backup(&self, name: &str, mebibytes: usize) {
        let mut state = name.bytes().fold(99_u64, |n, b| n * 131 + u64::from(b)) | 1;
        let words = std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()
        });
        let bytes: Vec<u8> = words.flatten().take(mebibytes << 20).collect();
        fs::write(self.files().join(name), bytes).unwrap();
        run(self.at(&self.repository(), &["backup", "files"]));
    }

    /// `repository` is sound, and its newest snapshot is the files as they are.
    fn is_good(&self, repository: &Path) {
        run(self.at(repository, &["check", "--read-data"]));
        let target = TempDir::new().unwrap();
        let path = target.path().to_str().unwrap();
        run(self.at(repository, &["restore", "latest", "--target", path]));
        run(Command::new("diff")
            .arg("-r")
            .arg(self.files())
            .arg(target.path().join("files")));
    }

    fn sources(&self, directory: Option<&str>) -> Vec<Source> {
        let directory = directory.map(|text| Directory::parse(text).unwrap());
        let objects = tree(&self.repository()).into_iter();
        let kept = objects.filter(|(path, _)| !path.starts_with("locks/"));
        kept.map(|(path, bytes)| {
            let place = Place::parse(&path).expect("restic has no other paths");
            let place = Place {
                directory: directory.clone(),
                ..place
            };
            Source {
                place,
                bytes: bytes.into(),
            }
        })
        .collect()
    }
}

/// All files below a directory, by their paths.
fn tree(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut left = vec![root.to_owned()];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else {
                let name = path
                    .strip_prefix(root)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned();
                found.insert(name, fs::read(path).unwrap());
            }
        }
    }
    found
}

/// Dumps tapes as `dd` would, a directory for each.
fn dump(decks: &[Deck], to: &Path) -> Vec<PathBuf> {
    let mut tapes = Vec::new();
    for (number, deck) in (1..).zip(decks) {
        let tape = to.join(format!("tape-{number}"));
        fs::create_dir_all(&tape).unwrap();
        for (file, bytes) in deck.reel.files().into_iter().enumerate() {
            fs::write(tape.join(format!("{file:04}")), bytes).unwrap();
        }
        tapes.push(tape);
    }
    tapes
}

/// Untars all into one directory, in order; how many files were torn.
fn untar(tapes: &[PathBuf], to: &Path) -> usize {
    fs::create_dir_all(to).unwrap();
    let mut torn = 0;
    for tape in tapes {
        for file in tree(tape).into_keys() {
            let output = Command::new("tar")
                .args([
                    "-b",
                    "512",
                    "--exclude=.pad",
                    "--warning=no-unknown-keyword",
                    "-C",
                ])
                .arg(to)
                .arg("-xf")
                .arg(tape.join(file))
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            if said.contains("Unexpected EOF") {
                torn += 1;
            } else {
                assert!(output.status.success() && said.is_empty(), "{said}");
            }
        }
    }
    torn
}

/// The script as it stands on the first tape.
fn recover(tapes: &[PathBuf], words: &[&str]) -> Output {
    let script = TempDir::new().unwrap();
    run(Command::new("tar")
        .arg("-xf")
        .arg(tapes[0].join("0000"))
        .arg("-C")
        .arg(script.path()));
    let text = fs::read_to_string(script.path().join("recover.py")).unwrap();
    assert!(
        text.lines().count() <= 400,
        "the script is to be read by people"
    );
    let isolated = ["-I", "-W", "error"];
    let mut command = Command::new("python3");
    command
        .args(isolated)
        .arg(script.path().join("recover.py"))
        .args(words)
        .args(tapes);
    command.output().unwrap()
}

fn recovered(tapes: &[PathBuf], to: &Path, words: &[&str]) -> BTreeMap<String, Vec<u8>> {
    let output = recover(tapes, &[&["--to", to.to_str().unwrap()], words].concat());
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    tree(to)
}

fn without_locks(mut tree: BTreeMap<String, Vec<u8>>) -> BTreeMap<String, Vec<u8>> {
    tree.retain(|path, _| !path.starts_with("locks/"));
    tree
}

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
    assert!(given_up > 0, "no tape ended inside an object");
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

#[test]
fn the_effects_of_a_set_are_told_once() {
    let sources: Vec<_> = (0..40_u32)
        .map(|n| Source::of(3, n.to_be_bytes().to_vec()))
        .collect();
    let tape = |sequence| {
        (
            volume(sequence, Layout::One, SetKind::Whole),
            Reel::default(),
        )
    };
    let decks = write_set(&sources, SMALL, tape);
    let ends = decks[0]
        .told
        .iter()
        .filter(|effect| matches!(effect, Effect::Ended(_)))
        .count();
    assert_eq!((decks.len(), ends, decks[0].committed().len()), (1, 1, 40));
}
