//! Real repositories, dumped tapes, and the programs that read them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use holdfast_tape::format::{Directory, Place, Settings};
use tempfile::TempDir;

use crate::support::{Deck, Source};

pub(crate) const SMALL: Settings = Settings {
    archive_max: 48 << 20,
    commit_every: 40 << 20,
    finish_max: 1 << 20,
    rows_max: 1000,
};

pub(crate) fn run(command: &mut Command) -> Output {
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
pub(crate) struct Restic {
    home: TempDir,
}

impl Restic {
    pub(crate) fn new() -> Self {
        let restic = Self {
            home: TempDir::new().unwrap(),
        };
        fs::create_dir(restic.files()).unwrap();
        run(restic.at(&restic.repository(), &["init"]));
        restic
    }

    pub(crate) fn repository(&self) -> PathBuf {
        self.home.path().join("repository")
    }

    pub(crate) fn files(&self) -> PathBuf {
        self.home.path().join("files")
    }

    pub(crate) fn at(&self, repository: &Path, words: &[&str]) -> &mut Command {
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
    pub(crate) fn backup(&self, name: &str, mebibytes: usize) {
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
    pub(crate) fn is_good(&self, repository: &Path) {
        run(self.at(repository, &["check", "--read-data"]));
        let target = TempDir::new().unwrap();
        let path = target.path().to_str().unwrap();
        run(self.at(repository, &["restore", "latest", "--target", path]));
        run(Command::new("diff")
            .arg("-r")
            .arg(self.files())
            .arg(target.path().join("files")));
    }

    pub(crate) fn sources(&self, directory: Option<&str>) -> Vec<Source> {
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
pub(crate) fn tree(root: &Path) -> BTreeMap<String, Vec<u8>> {
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
pub(crate) fn dump(decks: &[Deck], to: &Path) -> Vec<PathBuf> {
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
pub(crate) fn untar(tapes: &[PathBuf], to: &Path) -> usize {
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
pub(crate) fn recover(tapes: &[PathBuf], words: &[&str]) -> Output {
    let files: Vec<&Path> = tapes.iter().map(PathBuf::as_path).collect();
    script(&tapes[0], "recover.py", words, &files)
}

/// A script as it stands on a tape.
pub(crate) fn script(tape: &Path, name: &str, words: &[&str], paths: &[&Path]) -> Output {
    let script = TempDir::new().unwrap();
    run(Command::new("tar")
        .arg("-xf")
        .arg(tape.join("0000"))
        .arg("-C")
        .arg(script.path()));
    let text = fs::read_to_string(script.path().join(name)).unwrap();
    assert!(
        text.lines().count() <= 400,
        "the script is to be read by people"
    );
    let isolated = ["-I", "-W", "error"];
    let mut command = Command::new("python3");
    command
        .args(isolated)
        .arg(script.path().join(name))
        .args(words)
        .args(paths);
    command.output().unwrap()
}

pub(crate) fn recovered(tapes: &[PathBuf], to: &Path, words: &[&str]) -> BTreeMap<String, Vec<u8>> {
    let output = recover(tapes, &[&["--to", to.to_str().unwrap()], words].concat());
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    tree(to)
}

pub(crate) fn without_locks(mut tree: BTreeMap<String, Vec<u8>>) -> BTreeMap<String, Vec<u8>> {
    tree.retain(|path, _| !path.starts_with("locks/"));
    tree
}
