//! The rows of tapes in files: `MEDIUM.jsonl` for each cartridge, a line for each row, as the index
//! on the tape has them.
//!
//! Invariant: a row that [`Shelf::add`] returned for is there after any crash. What a crash left of
//! a line at the end of a file was never promised, and is cut off; damage before it is an error.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use holdfast_actors::tape::MediumId;

use crate::format::{Directory, Lines, Row};
use crate::ports::{Failed, Shelf};

/// So many bytes of a file are read at once.
const PART: u64 = 1 << 20;

/// Rows in one folder.
#[derive(Debug)]
pub struct Files {
    folder: PathBuf,
    /// Whoever reads or writes files holds it.
    turn: Mutex<()>,
}

impl Files {
    /// The rows in this folder, which is made if there is none.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
            turn: Mutex::new(()),
        })
    }

    fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, medium: MediumId) -> PathBuf {
        self.folder.join(format!("{:032x}.jsonl", medium.raw()))
    }

    fn read(&self, medium: MediumId) -> Result<Option<Vec<Row>>, Failed> {
        let file = match File::open(self.path(medium)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(medium, &error)),
        };
        let (mut lines, mut rows) = (Lines::default(), Vec::new());
        let mut directory = None;
        // A million rows are a quarter of a GB: the file is never held whole.
        loop {
            let mut part = Vec::new();
            let read = (&file).take(PART).read_to_end(&mut part);
            read.map_err(|error| failed(medium, &error))?;
            if part.is_empty() {
                // What is left has no end: a crash left it.
                return Ok(Some(rows));
            }
            let before = rows.len();
            let taken = lines.push(&Bytes::from(part), &mut rows);
            taken.map_err(|error| failed(medium, &error))?;
            for row in &mut rows[before..] {
                share(&mut row.path.directory, &mut directory);
            }
        }
    }

    fn append(&self, medium: MediumId, rows: &[Row]) -> io::Result<()> {
        let path = self.path(medium);
        let is_new = !path.exists();
        let mut file = OpenOptions::new().append(true).create(true).open(&path)?;
        if !is_new {
            // Half a line in the middle would be damage.
            let length = file.metadata()?.len();
            let kept = whole(&File::open(&path)?, length)?;
            if kept < length {
                file.set_len(kept)?;
            }
        }
        let lines: Vec<u8> = rows.iter().flat_map(Row::line).collect();
        file.write_all(&lines)?;
        file.sync_data()?;
        if is_new {
            File::open(&self.folder)?.sync_all()?;
        }
        Ok(())
    }

    fn remove(&self, medium: MediumId) -> io::Result<()> {
        match fs::remove_file(self.path(medium)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => File::open(&self.folder)?.sync_all(),
        }
    }
}

/// How many bytes of a file of that length are whole lines: the end is looked for from behind.
fn whole(file: &File, length: u64) -> io::Result<u64> {
    let mut end = length;
    while end > 0 {
        let begin = end.saturating_sub(4096);
        let mut part = vec![0; usize::try_from(end - begin).unwrap_or(0)];
        file.read_exact_at(&mut part, begin)?;
        if let Some(last) = part.iter().rposition(|byte| *byte == b'\n') {
            return Ok(begin + last as u64 + 1);
        }
        end = begin;
    }
    Ok(0)
}

/// Neighbours are mostly of one repository: they hold the name of its directory together.
fn share(directory: &mut Option<Directory>, last: &mut Option<Directory>) {
    if directory == last {
        directory.clone_from(last);
    } else {
        last.clone_from(directory);
    }
}

fn failed(medium: MediumId, error: &dyn std::error::Error) -> Failed {
    Failed::Other(format!("the rows of cartridge {medium}: {error}"))
}

impl Shelf for Files {
    fn rows(&self, medium: MediumId) -> Result<Option<Vec<Row>>, Failed> {
        let _turn = self.turn();
        self.read(medium)
    }

    fn add(&self, medium: MediumId, rows: &[Row]) -> Result<(), Failed> {
        let _turn = self.turn();
        self.append(medium, rows)
            .map_err(|error| failed(medium, &error))
    }

    fn clear(&self, medium: MediumId) -> Result<(), Failed> {
        let _turn = self.turn();
        self.remove(medium).map_err(|error| failed(medium, &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{Place, Sum};

    const ONE: MediumId = MediumId::new(1);

    fn row(block: u32) -> Row {
        Row {
            path: Place::parse("acme/main.1/config").unwrap(),
            sha256: Sum::of(b"config"),
            length: 6,
            file: 2,
            position: None,
            block,
            offset: 0,
        }
    }

    fn shelf() -> (tempfile::TempDir, Files) {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::open(folder.path()).unwrap();
        (folder, files)
    }

    #[test]
    fn rows_come_back_in_order_until_they_are_forgotten() {
        let (folder, files) = shelf();
        assert_eq!(files.rows(ONE), Ok(None));
        files.add(ONE, &[row(1), row(2)]).unwrap();
        let again = Files::open(folder.path()).unwrap();
        again.add(ONE, &[row(3)]).unwrap();
        assert_eq!(files.rows(ONE), Ok(Some(vec![row(1), row(2), row(3)])));
        assert_eq!(files.rows(MediumId::new(2)), Ok(None));
        files.clear(ONE).unwrap();
        files.clear(ONE).unwrap();
        assert_eq!(files.rows(ONE), Ok(None));
    }

    #[test]
    fn what_a_crash_left_of_a_line_is_cut_off_and_damage_is_an_error() {
        let (_folder, files) = shelf();
        files.add(ONE, &[row(1), row(2)]).unwrap();
        let whole = fs::read(files.path(ONE)).unwrap();
        let line = row(1).line().len();
        for cut in line..whole.len() {
            fs::write(files.path(ONE), &whole[..cut]).unwrap();
            assert_eq!(files.rows(ONE), Ok(Some(vec![row(1)])), "{cut}");
        }
        files.add(ONE, &[row(3)]).unwrap();
        assert_eq!(files.rows(ONE), Ok(Some(vec![row(1), row(3)])));
        let mut bytes = fs::read(files.path(ONE)).unwrap();
        bytes[line / 2] ^= 0x80;
        fs::write(files.path(ONE), bytes).unwrap();
        assert!(files.rows(ONE).is_err());
    }
}
