//! The files of the demonstration: made from a fixed seed, changed, and compared byte by byte.

use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest as _, Sha256};

/// Where every tree of the demonstration begins.
const SEED: u64 = 1_846;
const FOLDERS: u32 = 24;
const NOTES_PER_FOLDER: u32 = 40;
/// The sizes of what does not compress, in bytes.
const PICTURES: [usize; 4] = [6 << 20, 3 << 20, 1 << 20, 200_000];
const WORDS: [&str; 12] = [
    "ledger",
    "harbour",
    "invoice",
    "anchor",
    "meeting",
    "plan",
    "rope",
    "tide",
    "letter",
    "winter",
    "signature",
    "copy",
];

/// What one path in a tree is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Entry {
    Folder {
        mode: u32,
    },
    File {
        mode: u32,
        modified: (i64, i64),
        bytes: u64,
        sha256: [u8; 32],
    },
    Link {
        target: PathBuf,
    },
}

/// Every path of a tree with what it holds; each byte has been read for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Census {
    entries: BTreeMap<PathBuf, Entry>,
}

impl Census {
    /// Reads a whole tree. Sockets, pipes and devices are left out.
    pub(super) fn take(root: &Path) -> io::Result<Self> {
        let mut census = Self::default();
        let mut folders = vec![PathBuf::new()];
        while let Some(folder) = folders.pop() {
            for found in fs::read_dir(root.join(&folder))? {
                let path = folder.join(found?.file_name());
                let whole = root.join(&path);
                let meta = fs::symlink_metadata(&whole)?;
                let mode = meta.mode() & 0o7777;
                let entry = if meta.is_dir() {
                    folders.push(path.clone());
                    Entry::Folder { mode }
                } else if meta.is_symlink() {
                    Entry::Link {
                        target: fs::read_link(&whole)?,
                    }
                } else if meta.is_file() {
                    let modified = (meta.mtime(), meta.mtime_nsec());
                    let (bytes, sha256) = digest(&whole)?;
                    Entry::File {
                        mode,
                        modified,
                        bytes,
                        sha256,
                    }
                } else {
                    continue;
                };
                census.entries.insert(path, entry);
            }
        }
        Ok(census)
    }

    /// How many files, links among them.
    pub(super) fn files(&self) -> u64 {
        let entries = self.entries.values();
        entries
            .filter(|entry| !matches!(entry, Entry::Folder { .. }))
            .count() as u64
    }

    /// Their bytes.
    pub(super) fn bytes(&self) -> u64 {
        let sizes = self.entries.values().map(|entry| match entry {
            Entry::File { bytes, .. } => *bytes,
            Entry::Folder { .. } | Entry::Link { .. } => 0,
        });
        sizes.sum()
    }

    /// The paths that are not the same in both.
    pub(super) fn differences(&self, other: &Self) -> Vec<PathBuf> {
        let ours = self
            .entries
            .iter()
            .filter(|(path, entry)| other.entries.get(*path) != Some(entry));
        let theirs = other
            .entries
            .keys()
            .filter(|path| !self.entries.contains_key(*path));
        ours.map(|(path, _)| path).chain(theirs).cloned().collect()
    }
}

fn digest(file: &Path) -> io::Result<(u64, [u8; 32])> {
    let mut file = File::open(file)?;
    let mut hash = Sha256::new();
    let mut piece = vec![0; 256 << 10];
    let mut bytes = 0;
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok((bytes, hash.finalize().into())),
            Ok(read) => {
                hash.update(&piece[..read]);
                bytes += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// A tree as people have it: folders of notes, a few large files, and the odd ones.
pub(super) fn plant(root: &Path) -> io::Result<()> {
    let mut chance = ChaCha8Rng::seed_from_u64(SEED);
    for folder in 0..FOLDERS {
        let path = root.join(format!("{}/{folder:02}", word(&mut chance)));
        fs::create_dir_all(&path)?;
        for number in 0..NOTES_PER_FOLDER {
            fs::write(
                path.join(format!("note-{number:02}.txt")),
                note(&mut chance),
            )?;
        }
    }
    let pictures = root.join("pictures");
    fs::create_dir(&pictures)?;
    for (number, size) in PICTURES.into_iter().enumerate() {
        fs::write(
            pictures.join(format!("{number}.raw")),
            noise(&mut chance, size),
        )?;
    }
    let odd = root.join("odd");
    fs::create_dir_all(odd.join("an empty folder"))?;
    fs::write(odd.join("empty"), b"")?;
    fs::write(
        odd.join("sp ace, \u{fc}ml\u{e4}ut \u{2693}"),
        b"names are bytes",
    )?;
    fs::write(odd.join("zeros"), vec![0; 2 << 20])?;
    fs::write(odd.join("run.sh"), b"#!/bin/sh\necho ran\n")?;
    fs::set_permissions(odd.join("run.sh"), Permissions::from_mode(0o750))?;
    symlink("run.sh", odd.join("link"))?;
    symlink("/nowhere", odd.join("dangling"))
}

/// A day's work: some notes are edited, some come, some go, a large file grows.
pub(super) fn change(root: &Path) -> io::Result<()> {
    let mut chance = ChaCha8Rng::seed_from_u64(SEED + 1);
    let inbox = root.join("inbox");
    fs::create_dir(&inbox)?;
    for number in 0..60 {
        fs::write(inbox.join(format!("{number}.txt")), note(&mut chance))?;
    }
    let mut notes: Vec<PathBuf> = Census::take(root)?.entries.into_keys().collect();
    notes.retain(|path| path.extension().is_some_and(|it| it == "txt"));
    notes.retain(|path| !path.starts_with("inbox"));
    for (number, path) in notes.iter().enumerate() {
        match number % 20 {
            0 => fs::remove_file(root.join(path))?,
            1 => fs::write(root.join(path), note(&mut chance))?,
            _ => {}
        }
    }
    let grown = root.join("pictures/1.raw");
    let mut bytes = fs::read(&grown)?;
    bytes.extend(noise(&mut chance, 500_000));
    fs::write(grown, bytes)
}

/// One large new file, which takes a while to upload; another for each number.
pub(super) fn grow(root: &Path, number: u64, bytes: usize) -> io::Result<()> {
    let mut chance = ChaCha8Rng::seed_from_u64(SEED + 2 + number);
    let name = format!("pictures/film-{number}.raw");
    fs::write(root.join(name), noise(&mut chance, bytes))
}

fn noise(chance: &mut ChaCha8Rng, size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    chance.fill_bytes(&mut bytes);
    bytes
}

fn word(chance: &mut ChaCha8Rng) -> &'static str {
    WORDS[chance.next_u32() as usize % WORDS.len()]
}

fn note(chance: &mut ChaCha8Rng) -> String {
    let words = 20 + chance.next_u32() % 2_000;
    (0..words).map(|_| format!("{} ", word(chance))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_census_tells_every_difference_of_two_trees() {
        let [left, right] = [(), ()].map(|()| tempfile::tempdir().unwrap());
        for root in [&left, &right] {
            plant(root.path()).unwrap();
        }
        let census = |root: &Path| Census::take(root).unwrap();
        let before = census(left.path());
        assert!(before.files() > 900 && before.bytes() > 10 << 20);
        let twin: Vec<PathBuf> = before.differences(&census(right.path()));
        // Two trees of one seed differ in nothing but when they were written.
        assert_eq!(twin.len() as u64 + 2, before.files(), "two are links");

        let odd = left.path().join("odd");
        fs::remove_file(odd.join("link")).unwrap();
        symlink("empty", odd.join("link")).unwrap();
        fs::set_permissions(odd.join("run.sh"), Permissions::from_mode(0o700)).unwrap();
        fs::remove_dir(odd.join("an empty folder")).unwrap();
        fs::write(odd.join("new"), b"new").unwrap();
        let differences = before.differences(&census(left.path()));
        let names = ["an empty folder", "link", "run.sh", "new"];
        assert_eq!(differences, names.map(|name| Path::new("odd").join(name)));
    }

    #[test]
    fn a_change_edits_adds_removes_and_grows() {
        let root = tempfile::tempdir().unwrap();
        plant(root.path()).unwrap();
        let before = Census::take(root.path()).unwrap();
        change(root.path()).unwrap();
        let after = Census::take(root.path()).unwrap();
        assert_eq!(after.files(), before.files() + 60 - 48);
        assert_eq!(before.differences(&after).len(), 48 + 48 + 1 + 60 + 1);
        assert!(before.bytes() < after.bytes() + (1 << 20));
    }
}
