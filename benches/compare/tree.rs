//! The trees that are backed up: the same bytes in every run, and none that compress.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// Bytes of one big file.
const BIG: u64 = 64 << 20;
/// Small files of one folder.
const FOLDER: usize = 100;
/// The longest small file.
const SMALL: usize = 8 << 10;

/// What a tree is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// Files of 64 MiB.
    Big {
        /// Bytes in all.
        bytes: u64,
    },
    /// Files of up to 8 KiB.
    Small {
        /// How many.
        files: usize,
    },
}

/// What is in a tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Measure {
    files: u64,
    bytes: u64,
}

/// Makes a tree.
pub(crate) fn make(folder: &Path, shape: Shape) -> io::Result<Measure> {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    match shape {
        Shape::Big { bytes } => {
            fs::create_dir_all(folder)?;
            let mut piece = vec![0; 1 << 20];
            for number in 0..bytes.div_ceil(BIG) {
                let mut file = File::create(folder.join(format!("{number:04}")))?;
                let mut left = BIG.min(bytes - number * BIG);
                while left > 0 {
                    random.fill_bytes(&mut piece);
                    let part = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
                    file.write_all(&piece[..part])?;
                    left -= part as u64;
                }
            }
        }
        Shape::Small { files } => {
            let mut piece = vec![0; SMALL];
            for number in 0..files {
                let folder = folder.join(format!("{:04}", number / FOLDER));
                if number % FOLDER == 0 {
                    fs::create_dir_all(&folder)?;
                }
                let length = random.random_range(1..SMALL);
                random.fill_bytes(&mut piece[..length]);
                fs::write(
                    folder.join(format!("{:02}", number % FOLDER)),
                    &piece[..length],
                )?;
            }
        }
    }
    measure(folder)
}

/// Counts what is in a tree.
pub(crate) fn measure(folder: &Path) -> io::Result<Measure> {
    let mut all = Measure::default();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            let inner = measure(&entry.path())?;
            all.files += inner.files;
            all.bytes += inner.bytes;
        } else {
            all.files += 1;
            all.bytes += entry.metadata()?.len();
        }
    }
    Ok(all)
}

/// Writes out what the last one left behind, so that the next one does not pay for it.
pub(crate) fn settle_disk() {
    rustix::fs::sync();
}

/// A path as restic takes it.
pub(crate) fn text(path: &Path) -> io::Result<&str> {
    path.to_str()
        .ok_or_else(|| io::Error::other("a path that is no text"))
}
