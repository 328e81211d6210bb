//! A catalog from tapes alone, at four levels of damage.
//!
//! 1. The labels say which tape this is, and hold the catalogs of the earlier tapes of its set.
//! 2. The last index, found from the end of the tape, has all its rows.
//! 3. Where that is lost, each archive has an index of its own, found from its end.
//! 4. Where that is lost too, the headers of the archive are read from first to last.

mod files;

use std::collections::BTreeMap;

use super::encryption::Keys;
use super::error::{Garbled, ReadError};
use super::label::{Label, Seal, SetId, SetLabel, VolumeId};
use super::medium::{Medium, Space};
use super::member::FileKind;
use super::row::{Measure, Row};
use super::sum::Sum;
use super::writer::Resume;
use files::{Contents, First};

/// So many tape files before the end are looked at for the last index: the archives of a commit,
/// the seal, and what a crash may have left.
const LOOK_BACK: i64 = 64;

/// The papers at the beginning of a tape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels {
    /// Whose tape it is.
    pub label: Label,
    /// Its media set; none if that file is lost.
    pub set: Option<SetLabel>,
    /// The rows of earlier tapes, by their place in the set.
    pub catalogs: BTreeMap<u32, Vec<Row>>,
}

/// How much was needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The last index.
    Index,
    /// The index of each archive.
    Archives,
    /// The headers of at least one archive.
    Headers,
}

/// A tape file that is not what it was meant to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Garbage {
    /// Its number, from 0, where its header says it.
    pub file: Option<u32>,
    /// What is wrong; none for a file that is torn, or behind the last index.
    pub why: Option<Garbled>,
}

/// A seal that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// What it says.
    pub seal: Seal,
    /// Whether the label's key signed it, and its root is that of the rows found.
    pub is_genuine: bool,
}

/// With what it is seen whether a tape is what it was. Without the key, nobody knows of an
/// encrypted object that no index names whether it is whole.
#[derive(Clone, Debug, Default)]
pub struct Proof<'a> {
    /// The key that its seal is signed with.
    pub signer: Option<&'a Sum>,
    /// Those of objects.
    pub keys: Keys,
}

impl<'a> From<Option<&'a Sum>> for Proof<'a> {
    fn from(signer: Option<&'a Sum>) -> Self {
        let keys = Keys::default();
        Self { signer, keys }
    }
}

/// What one tape holds, from the tape alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebuilt {
    /// How much was needed.
    pub level: Level,
    /// The rows of the objects that were committed, and at levels 3 and 4 of complete archives.
    pub rows: Vec<Row>,
    /// Objects in torn archives whose bytes are right: of no use but to somebody who lacks them.
    pub salvaged: Vec<Row>,
    /// Its seal.
    pub sealed: Option<Sealed>,
    /// What cannot be used.
    pub garbage: Vec<Garbage>,
}

/// Reads whose tape it is, from its beginning, and stands behind its first file.
///
/// # Errors
/// [`ReadError::Blank`], [`ReadError::Foreign`], or what is wrong with our own label.
pub fn label(medium: &mut dyn Medium) -> Result<Label, ReadError> {
    Ok(first(medium)?.0)
}

fn first(medium: &mut dyn Medium) -> Result<(Label, bool), ReadError> {
    medium.rewind()?;
    let first = files::read(medium)?;
    let Some(label) = first.label else {
        let is_blank = first.opening.is_none() && first.wrong.is_empty() && !first.has_filemark;
        return Err(match first.wrong.into_iter().next() {
            _ if is_blank => ReadError::Blank,
            Some(source) if first.opening.is_some() => ReadError::Garbled { file: 0, source },
            Some(source @ Garbled::Version { .. }) => ReadError::Garbled { file: 0, source },
            Some(_) | None => ReadError::Foreign,
        });
    };
    Ok((label, first.has_filemark))
}

/// Level 1: reads the labels, from the beginning of the tape.
///
/// # Errors
/// [`ReadError::Blank`], [`ReadError::Foreign`], or what is wrong with our own label.
pub fn labels(medium: &mut dyn Medium) -> Result<Labels, ReadError> {
    let (label, has_filemark) = first(medium)?;
    let second = if has_filemark {
        files::read(medium)?
    } else {
        Contents::default()
    };
    Ok(Labels {
        label,
        set: second.set,
        catalogs: second.catalogs,
    })
}

/// Goes to the beginning of the tape file that has so many filemarks behind its end.
fn go_back(medium: &mut dyn Medium, marks: i64) -> bool {
    medium.space(Space::End).is_ok()
        && medium.space(Space::Filemarks(-marks - 1)).is_ok()
        && medium.space(Space::Filemarks(1)).is_ok()
}

/// Level 2: reads the last index, from the end of the tape.
///
/// # Errors
/// [`ReadError::NoIndex`] when there is none, or the last is damaged.
pub fn last_index(medium: &mut dyn Medium, signer: Option<&Sum>) -> Result<Rebuilt, ReadError> {
    let mut garbage = Vec::new();
    let mut seal = None;
    for marks in 0..LOOK_BACK {
        if !go_back(medium, marks) {
            return Err(ReadError::NoIndex);
        }
        let opening = match files::first(medium)? {
            First::Nothing => continue,
            First::Unknown => return Err(ReadError::NoIndex),
            First::Known(opening) => opening,
        };
        match opening.kind {
            FileKind::Label | FileKind::Set => return Err(ReadError::NoIndex),
            FileKind::Archive => garbage.push(Garbage {
                file: Some(opening.file),
                why: None,
            }),
            FileKind::Seal => {
                if !go_back(medium, marks) {
                    return Err(ReadError::NoIndex);
                }
                let contents = files::read(medium)?;
                seal = contents
                    .seal(signer)
                    .map(|(seal, good)| (seal.clone(), good));
                if seal.is_none() {
                    garbage.push(Garbage {
                        file: Some(opening.file),
                        why: None,
                    });
                }
            }
            FileKind::Index => {
                if !go_back(medium, marks) {
                    return Err(ReadError::NoIndex);
                }
                let contents = files::read(medium)?;
                let (rows, sum) = match contents.index {
                    Some(index) => index,
                    // A crash tore it: it was never committed.
                    None if !contents.is_complete && contents.wrong.is_empty() => {
                        garbage.push(Garbage {
                            file: Some(opening.file),
                            why: None,
                        });
                        continue;
                    }
                    None => return Err(ReadError::NoIndex),
                };
                let sealed = seal.map(|(seal, is_signed)| Sealed {
                    is_genuine: is_signed && seal.root == sum && seal.volume == opening.volume,
                    seal,
                });
                let (level, salvaged) = (Level::Index, Vec::new());
                return Ok(Rebuilt {
                    level,
                    rows,
                    salvaged,
                    sealed,
                    garbage,
                });
            }
        }
    }
    Err(ReadError::NoIndex)
}

/// Levels 3 and 4: reads the index of each archive, and the archive itself where that is lost.
/// With `every_byte` every archive is read and each of its objects checked.
///
/// # Errors
/// When the drive fails. What is wrong on the tape is in the answer.
pub fn walk<'a>(
    medium: &mut dyn Medium,
    proof: impl Into<Proof<'a>>,
    every_byte: bool,
) -> Result<Rebuilt, ReadError> {
    let Proof { signer, keys } = proof.into();
    let (level, sealed) = (Level::Archives, None);
    let (rows, salvaged, garbage) = (Vec::new(), Vec::new(), Vec::new());
    let mut rebuilt = Rebuilt {
        level,
        rows,
        salvaged,
        sealed,
        garbage,
    };
    medium.rewind()?;
    for number in 0_i64.. {
        let position = medium.position()?;
        let first = files::first(medium)?;
        let is_skipped = match first {
            First::Known(opening) if opening.kind == FileKind::Archive && !every_byte => {
                let rows = files::archive_index(medium, &opening)?;
                let is_found = rows.is_some();
                rebuilt.rows.extend(rows.unwrap_or_default());
                is_found
            }
            First::Known(opening) => !every_byte && opening.kind != FileKind::Seal,
            First::Nothing | First::Unknown => false,
        };
        if is_skipped && medium.space(Space::Filemarks(1)).is_ok() {
            continue;
        }
        return_to(medium, position, number)?;
        let contents = files::read_with(medium, &keys)?;
        let has_filemark = contents.has_filemark;
        rebuilt.add(contents, position, signer);
        if !has_filemark {
            break;
        }
    }
    let mut measure = Measure::default();
    rebuilt.rows.iter().for_each(|row| measure.add(row));
    if let Some(sealed) = &mut rebuilt.sealed {
        sealed.is_genuine &= sealed.seal.root == measure.sum();
    }
    Ok(rebuilt)
}

fn return_to(medium: &mut dyn Medium, position: Option<u64>, file: i64) -> Result<(), ReadError> {
    if position.is_some_and(|position| medium.locate(position).is_ok()) {
        return Ok(());
    }
    medium.rewind()?;
    Ok(medium.space(Space::Filemarks(file))?)
}

impl Rebuilt {
    /// Takes in what reading one file from first to last gave.
    fn add(&mut self, mut contents: Contents, position: Option<u64>, signer: Option<&Sum>) {
        let file = contents.opening.as_ref().map(|opening| opening.file);
        let wrong = std::mem::take(&mut contents.wrong);
        let is_torn = file.is_some() && !contents.is_complete && wrong.is_empty();
        let wrong = wrong.into_iter().map(Some).chain(is_torn.then_some(None));
        self.garbage.extend(wrong.map(|why| Garbage { file, why }));
        if let Some((seal, is_genuine)) = contents.seal(signer) {
            self.sealed = Some(Sealed {
                seal: seal.clone(),
                is_genuine,
            });
        }
        if contents
            .opening
            .is_some_and(|opening| opening.kind == FileKind::Archive)
        {
            self.level = Level::Headers;
        }
        let objects = contents
            .objects
            .into_iter()
            .map(|row| Row { position, ..row });
        match contents.is_complete {
            true => self.rows.extend(objects),
            false => self.salvaged.extend(objects),
        }
    }
}

/// All that one tape can tell, with as little reading as the damage allows.
///
/// # Errors
/// When the drive fails.
pub fn rebuild<'a>(
    medium: &mut dyn Medium,
    proof: impl Into<Proof<'a>>,
) -> Result<Rebuilt, ReadError> {
    let proof = proof.into();
    match last_index(medium, proof.signer) {
        Ok(rebuilt) => Ok(rebuilt),
        Err(ReadError::NoIndex) => walk(medium, proof, false),
        Err(error) => Err(error),
    }
}

/// What the catalog knows of a tape that is to be written on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The tape.
    pub volume: VolumeId,
    /// Its set.
    pub set: SetId,
    /// How often it was written anew.
    pub generation: u64,
    /// Rows that are committed on it.
    pub objects: u64,
}

/// Checks that a tape is the one to go on writing, and goes to its end.
///
/// # Errors
/// When it is another tape, sealed, or does not end where its catalog says: it is not to be
/// written on.
pub fn appendable(medium: &mut dyn Medium, expected: &Expected) -> Result<Resume, ReadError> {
    let Labels { label, set, .. } = labels(medium)?;
    let (asked, found) = (expected.volume, label.volume);
    if asked != found {
        return Err(ReadError::OtherTape { asked, found });
    }
    let set = set.ok_or(ReadError::NoIndex)?;
    if set.set != expected.set {
        return Err(ReadError::OtherSet {
            asked: expected.set,
            found: set.set,
        });
    }
    if set.generation != expected.generation {
        let (asked, found) = (expected.generation, set.generation);
        return Err(ReadError::Generation { asked, found });
    }
    let rows = match last_index(medium, Some(&label.signer)) {
        Ok(Rebuilt {
            sealed: Some(_), ..
        }) => return Err(ReadError::Sealed),
        Ok(Rebuilt { rows, .. }) => rows,
        Err(ReadError::NoIndex) if expected.objects == 0 => Vec::new(),
        Err(error) => return Err(error),
    };
    let (asked, found) = (expected.objects, rows.len() as u64);
    // More is good: a crash came between the tape and its catalog.
    if found < asked {
        return Err(ReadError::End { asked, found });
    }
    for marks in 0..LOOK_BACK {
        if !go_back(medium, marks) {
            break;
        }
        match files::first(medium)? {
            First::Nothing => {}
            First::Unknown => break,
            First::Known(opening) => {
                medium.space(Space::End)?;
                let next_file = opening.file.saturating_add(1);
                return Ok(Resume {
                    rows,
                    next_file,
                    is_torn: marks == 0,
                });
            }
        }
    }
    Err(ReadError::NoIndex)
}
