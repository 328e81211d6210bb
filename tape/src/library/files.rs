//! A cartridge in a directory: `data`, `index` and `memory.json`.
//!
//! The index is a row of fixed entries, each with its own checksum; the first that does not
//! check ends the tape. Nothing is synced but on commit, as a drive promises nothing before.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use super::store::{Memory, Object, Store};

const ENTRY: usize = 16;
const FILEMARK: u32 = u32::MAX;

/// A cartridge whose bytes are files.
#[derive(Debug)]
pub struct InFiles {
    folder: PathBuf,
    data: File,
    index: File,
}

impl InFiles {
    /// Opens the cartridge in this directory, or makes an empty one.
    ///
    /// # Errors
    /// When the files cannot be made or opened.
    pub fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let open = |name| {
            let mut options = OpenOptions::new();
            let options = options.read(true).write(true).create(true).truncate(false);
            options.open(folder.join(name))
        };
        Ok(Self {
            folder: folder.to_owned(),
            data: open("data")?,
            index: open("index")?,
        })
    }

    /// What the chip remembers; `None` for a cartridge that is new.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn memory(&self) -> io::Result<Option<Memory>> {
        match fs::read(self.folder.join("memory.json")) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn entry(object: Object) -> [u8; ENTRY] {
    let mut bytes = [0; ENTRY];
    bytes[..8].copy_from_slice(&object.start.to_le_bytes());
    bytes[8..12].copy_from_slice(&object.length.unwrap_or(FILEMARK).to_le_bytes());
    let sum = crc32c::crc32c(&bytes[..12]);
    bytes[12..].copy_from_slice(&sum.to_le_bytes());
    bytes
}

fn object(bytes: &[u8]) -> Option<Object> {
    let start = u64::from_le_bytes(bytes.get(..8)?.try_into().ok()?);
    let length = u32::from_le_bytes(bytes.get(8..12)?.try_into().ok()?);
    let object = Object {
        start,
        length: (length != FILEMARK).then_some(length),
    };
    (bytes == entry(object)).then_some(object)
}

impl Store for InFiles {
    fn write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.data.write_all_at(bytes, at)
    }

    fn read(&mut self, at: u64, length: u32) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length as usize];
        self.data.read_exact_at(&mut bytes, at)?;
        Ok(bytes)
    }

    fn commit(&mut self, kept: usize, new: &[Object]) -> io::Result<()> {
        self.data.sync_data()?;
        let end = (kept * ENTRY) as u64;
        self.index.set_len(end)?;
        let entries: Vec<u8> = new.iter().copied().flat_map(entry).collect();
        self.index.write_all_at(&entries, end)?;
        self.index.sync_data()
    }

    fn wipe(&mut self, from: u64) -> io::Result<()> {
        self.data.set_len(from)?;
        self.data.sync_all()
    }

    fn objects(&mut self) -> io::Result<Vec<Object>> {
        let mut bytes = Vec::new();
        File::open(self.folder.join("index"))?.read_to_end(&mut bytes)?;
        let whole = bytes.chunks(ENTRY).map_while(object);
        let mut found: Vec<Object> = Vec::new();
        for object in whole {
            if object.start != found.last().map_or(0, |last| last.end()) {
                break;
            }
            found.push(object);
        }
        Ok(found)
    }

    fn remember(&mut self, memory: &Memory) -> io::Result<()> {
        let fresh = self.folder.join("memory.new");
        let mut file = File::create(&fresh)?;
        file.write_all(&serde_json::to_vec_pretty(memory)?)?;
        file.sync_data()?;
        fs::rename(fresh, self.folder.join("memory.json"))?;
        File::open(&self.folder)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: Object = Object {
        start: 0,
        length: Some(3),
    };
    const MARK: Object = Object {
        start: 3,
        length: None,
    };

    #[test]
    fn what_was_committed_is_found_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut store = InFiles::open(folder.path()).expect("a cartridge");
        store.write(0, b"abc").expect("written");
        store.commit(0, &[BLOCK, MARK]).expect("committed");
        let mut again = InFiles::open(folder.path()).expect("the cartridge");
        assert_eq!(again.objects().expect("objects"), [BLOCK, MARK]);
        assert_eq!(again.read(0, 3).expect("bytes"), b"abc");
        again.commit(1, &[]).expect("cut");
        assert_eq!(store.objects().expect("objects"), [BLOCK]);
    }

    #[test]
    fn a_torn_or_rotten_entry_ends_the_tape() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut store = InFiles::open(folder.path()).expect("a cartridge");
        store.commit(0, &[BLOCK, MARK, MARK]).expect("committed");
        store.index.set_len(40).expect("torn");
        assert_eq!(store.objects().expect("objects"), [BLOCK, MARK]);
        store.index.write_all_at(&[7], 24).expect("rotten");
        assert_eq!(store.objects().expect("objects"), [BLOCK]);
    }
}
