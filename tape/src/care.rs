//! What is done with a cartridge as a whole: its tape files are copied out as they are, or every
//! object is read back and compared with what was written down of it.
//!
//! The work is given to the drive in parts, so that whoever waits hears how far it is.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::format::{Fault, Keys, Medium, Read, ReadError, Reader, Row};
use crate::ports::{Failed, Mount, ask};
use crate::ssc::Erase;

/// So many bytes are read before whoever waits hears of it.
const PART: u64 = 64 << 20;
/// So many damaged objects are named.
pub const NAMED_MAX: usize = 8;

/// What was copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// Tape files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What was read back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Objects.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Objects that are not what they were.
    pub damaged: u64,
    /// The first of them and why, at most [`NAMED_MAX`].
    pub named: Vec<String>,
}

/// Copies all tape files of a mounted cartridge, from its beginning to the end of what was written,
/// into a folder that exists: `0000`, `0001`, and so on. `tell` hears of the bytes read so far.
///
/// # Errors
/// When a block cannot be read or a file cannot be written; what was copied until then stays.
pub async fn copy(
    mount: &mut dyn Mount,
    folder: &Path,
    tell: &(dyn Fn(u64) + Send + Sync),
) -> Result<Copied, Failed> {
    let mut copy = Copying {
        folder: folder.to_owned(),
        number: 0,
        open: None,
        copied: Copied::default(),
        is_begun: false,
        is_over: false,
    };
    while !copy.is_over {
        let part = ask(mount, move |medium| copy.part(medium)).await?;
        copy = part.map_err(Failed::Other)?;
        tell(copy.copied.bytes);
    }
    Ok(copy.copied)
}

/// A copy, between two parts.
struct Copying {
    folder: PathBuf,
    /// Of the tape file under the head.
    number: u64,
    open: Option<File>,
    copied: Copied,
    is_begun: bool,
    is_over: bool,
}

impl Copying {
    fn part(mut self, medium: &mut dyn Medium) -> Result<Self, String> {
        if !std::mem::replace(&mut self.is_begun, true) {
            medium.rewind().map_err(|fault| fault.to_string())?;
        }
        let until = self.copied.bytes + PART;
        while self.copied.bytes < until && !self.is_over {
            let number = self.number;
            let read = medium.read();
            match read.map_err(|fault| format!("tape file {number}: {fault}"))? {
                Read::Block(block) => self.write(&block).map_err(|error| self.wrong(&error))?,
                Read::Filemark => {
                    self.close().map_err(|error| self.wrong(&error))?;
                    self.number += 1;
                }
                Read::End => {
                    self.close().map_err(|error| self.wrong(&error))?;
                    self.is_over = true;
                }
            }
        }
        Ok(self)
    }

    fn wrong(&self, error: &io::Error) -> String {
        format!("{}: {error}", self.path().display())
    }

    fn path(&self) -> PathBuf {
        self.folder.join(format!("{:04}", self.number))
    }

    fn write(&mut self, block: &[u8]) -> io::Result<()> {
        let mut file = match self.open.take() {
            Some(file) => file,
            None => File::create_new(self.path())?,
        };
        file.write_all(block)?;
        self.open = Some(file);
        self.copied.bytes += block.len() as u64;
        Ok(())
    }

    fn close(&mut self) -> io::Result<()> {
        if let Some(file) = self.open.take() {
            file.sync_all()?;
            File::open(&self.folder)?.sync_all()?;
            self.copied.files += 1;
        }
        Ok(())
    }
}

/// Erases a mounted cartridge from its beginning on.
///
/// # Errors
/// When the drive does not; how much is lost then is not known.
pub async fn erase(mount: &mut dyn Mount, how: Erase) -> Result<(), Failed> {
    let erased = ask(mount, move |medium| {
        medium.rewind()?;
        medium.erase(how)
    });
    erased
        .await?
        .map_err(|fault| Failed::Other(fault.to_string()))
}

/// Makes the folder of a copy.
///
/// # Errors
/// When there is something in it, or it cannot be made.
pub fn vacant(folder: &Path) -> Result<(), Failed> {
    let wrong = |error: io::Error| Failed::Other(format!("{}: {error}", folder.display()));
    fs::create_dir_all(folder).map_err(wrong)?;
    if fs::read_dir(folder).map_err(wrong)?.next().is_some() {
        let told = format!("{} is not empty; choose another", folder.display());
        return Err(Failed::Other(told));
    }
    Ok(())
}

/// Reads every object of a mounted cartridge back, in the order of the tape, with the keys of those
/// that are encrypted. `tell` hears of the bytes read so far.
///
/// # Errors
/// When the drive fails, or a key is not open. An object that cannot be read, or is not what it
/// was, is an answer.
pub async fn verify(
    mount: &mut dyn Mount,
    mut rows: Vec<Row>,
    keys: &Keys,
    tell: &(dyn Fn(u64) + Send + Sync),
) -> Result<Found, Failed> {
    rows.sort_by_key(|row| (row.file, row.block));
    let mut found = Found::default();
    let mut rest = rows.into_iter().peekable();
    while rest.peek().is_some() {
        let mut part = Vec::new();
        let mut bytes = 0;
        while let Some(row) = rest.next_if(|_| bytes < PART) {
            bytes += row.length;
            part.push(row);
        }
        let keys = keys.clone();
        let read = ask(mount, move |medium| read_back(medium, &part, keys, found)).await?;
        found = read?;
        tell(found.bytes);
    }
    Ok(found)
}

fn read_back(
    medium: &mut dyn Medium,
    rows: &[Row],
    keys: Keys,
    mut found: Found,
) -> Result<Found, Failed> {
    let mut reader = Reader::at(medium, keys);
    for row in rows {
        found.objects += 1;
        found.bytes += row.length;
        match reader.fetch(medium, row, &mut |_| {}) {
            Ok(()) => {}
            Err(ReadError::Drive(Fault::Failed(why))) => return Err(Failed::Other(why)),
            Err(error @ ReadError::Key { .. }) => return Err(Failed::Other(error.to_string())),
            Err(error) => {
                found.damaged += 1;
                if found.named.len() < NAMED_MAX {
                    found.named.push(format!("{}: {error}", row.path));
                }
            }
        }
    }
    Ok(found)
}
