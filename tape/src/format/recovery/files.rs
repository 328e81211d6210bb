//! Reads whole tape files from a medium through the scanner.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::super::encryption::Keys;
use super::super::error::{Garbled, ReadError};
use super::super::label::{KeyId, Label, Seal, SetLabel, Tail};
use super::super::medium::{Fault, Medium, Read, Space};
use super::super::member::Member;
use super::super::pax::UNIT;
use super::super::row::{Lines, Row};
use super::super::scan::{Found, Opening, Scanner};
use super::super::sum::Sum;
use super::super::{BLOCK, sign};

/// What the papers and rows of one tape file say.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) opening: Option<Opening>,
    pub(super) label: Option<Label>,
    pub(super) set: Option<SetLabel>,
    pub(super) catalogs: BTreeMap<u32, Vec<Row>>,
    /// The rows of an index that is whole, and its sum.
    pub(super) index: Option<(Vec<Row>, Sum)>,
    seal: Option<(Seal, Vec<u8>)>,
    signature: Vec<u8>,
    /// The objects whose bytes are right, as rows; the position is filled in by who knows it.
    pub(super) objects: Vec<Row>,
    /// What is wrong, in order.
    pub(super) wrong: Vec<Garbled>,
    /// Whether the archive came to its end.
    pub(super) is_complete: bool,
    /// Whether a filemark ended it, and not the end of what was written.
    pub(super) has_filemark: bool,
}

impl Contents {
    /// The seal, and whether `signer` signed it.
    pub(super) fn seal(&self, signer: Option<&Sum>) -> Option<(&Seal, bool)> {
        let (seal, paper) = self.seal.as_ref()?;
        let is_signed = signer.is_some_and(|key| sign::verify(key, paper, &self.signature));
        Some((seal, is_signed))
    }
}

/// The member under way and what is kept of it.
#[derive(Debug)]
enum Keeping {
    /// Nothing.
    Nothing,
    /// All of it: a paper.
    Paper(Vec<u8>),
    /// Its rows.
    Rows(Lines, Vec<Row>),
}

#[derive(Debug)]
struct Current {
    member: Member,
    length: u64,
    sha256: Sum,
    at: u64,
    key: Option<KeyId>,
    keeping: Keeping,
}

/// Reads the file from the head to its end. Only faults of the drive are errors; what cannot be
/// read of the file is in [`Contents::wrong`], and the head stands behind the file.
pub(super) fn read(medium: &mut dyn Medium) -> Result<Contents, ReadError> {
    read_with(medium, &Keys::default())
}

/// The same, with keys for what is encrypted.
pub(super) fn read_with(medium: &mut dyn Medium, keys: &Keys) -> Result<Contents, ReadError> {
    let mut contents = Contents::default();
    let mut scanner = Scanner::with(keys.clone());
    let mut current = None;
    let mut found = Vec::new();
    loop {
        match medium.read() {
            Ok(Read::Block(block)) => {
                let pushed = scanner.push(block, &mut found);
                for one in found.drain(..) {
                    take(one, &mut current, &mut contents);
                }
                if let Err(wrong) = pushed {
                    contents.wrong.push(wrong);
                    contents.has_filemark = medium.space(Space::Filemarks(1)).is_ok();
                    return Ok(contents);
                }
            }
            Ok(end @ (Read::Filemark | Read::End)) => {
                contents.has_filemark = end == Read::Filemark;
                contents.is_complete = scanner.is_complete();
                return Ok(contents);
            }
            Err(Fault::Unreadable(why)) => {
                contents.wrong.push(Garbled::Paper { what: "block", why });
                contents.has_filemark = medium.space(Space::Filemarks(1)).is_ok();
                return Ok(contents);
            }
            Err(fault) => return Err(fault.into()),
        }
    }
}

fn take(found: Found, current: &mut Option<Current>, contents: &mut Contents) {
    match found {
        Found::Opened(opening) => contents.opening = Some(opening),
        Found::Member {
            member,
            length,
            sha256,
            at,
            key,
        } => {
            let keeping = match &member {
                Member::Object(_) | Member::Pad | Member::ArchiveIndex | Member::Tail => {
                    Keeping::Nothing
                }
                Member::Catalog(_) | Member::Index => Keeping::Rows(Lines::default(), Vec::new()),
                Member::Label
                | Member::ReadMe
                | Member::Format
                | Member::Recover
                | Member::Decrypt
                | Member::Key(_)
                | Member::Set
                | Member::Seal
                | Member::Signature => Keeping::Paper(Vec::new()),
            };
            *current = Some(Current {
                member,
                length,
                sha256,
                at,
                key,
                keeping,
            });
        }
        Found::Data(bytes) => {
            if let Some(Err(wrong)) = current.as_mut().map(|member| member.keep(&bytes)) {
                contents.wrong.push(wrong);
                *current = None;
            }
        }
        Found::Good => {
            if let Some(Err(wrong)) = current.take().map(|member| member.close(contents)) {
                contents.wrong.push(wrong);
            }
        }
        Found::Damaged { found } => {
            if let Some(Current { member, sha256, .. }) = current.take() {
                let (name, written) = (member.to_string(), sha256);
                contents.wrong.push(Garbled::Damaged {
                    name,
                    written,
                    found,
                });
            }
        }
        Found::Locked => {
            if let Some(Current {
                member,
                key: Some(key),
                ..
            }) = current.take()
            {
                let name = member.to_string();
                contents.wrong.push(Garbled::Locked { name, key });
            }
        }
        Found::Ended => {}
    }
}

impl Current {
    fn keep(&mut self, bytes: &Bytes) -> Result<(), Garbled> {
        match &mut self.keeping {
            Keeping::Nothing => Ok(()),
            Keeping::Paper(paper) => {
                paper.extend_from_slice(bytes);
                Ok(())
            }
            Keeping::Rows(lines, rows) => lines.push(bytes, rows),
        }
    }

    fn close(self, contents: &mut Contents) -> Result<(), Garbled> {
        let rows = match self.keeping {
            Keeping::Rows(lines, rows) => {
                lines.finish()?;
                rows
            }
            Keeping::Paper(paper) => return contents.paper(&self.member, paper),
            Keeping::Nothing => Vec::new(),
        };
        match self.member {
            Member::Catalog(sequence) => drop(contents.catalogs.insert(sequence, rows)),
            Member::Index => contents.index = Some((rows, self.sha256)),
            Member::Object(path) => contents.objects.push(Row {
                path,
                sha256: self.sha256,
                length: self.length,
                file: contents.opening.as_ref().map_or(0, |opening| opening.file),
                position: None,
                block: u32::try_from(self.at / BLOCK as u64).unwrap_or(u32::MAX),
                offset: u32::try_from(self.at % BLOCK as u64).unwrap_or_default(),
                key: self.key,
            }),
            Member::Pad
            | Member::ArchiveIndex
            | Member::Tail
            | Member::Label
            | Member::ReadMe
            | Member::Format
            | Member::Recover
            | Member::Decrypt
            | Member::Key(_)
            | Member::Set
            | Member::Seal
            | Member::Signature => {}
        }
        Ok(())
    }
}

impl Contents {
    fn paper(&mut self, member: &Member, paper: Vec<u8>) -> Result<(), Garbled> {
        match member {
            Member::Label => self.label = Some(Label::read(&paper)?),
            Member::Set => self.set = Some(SetLabel::read(&paper)?),
            Member::Seal => self.seal = Some((Seal::read(&paper)?, paper)),
            Member::Signature => self.signature = paper,
            Member::Pad
            | Member::Object(_)
            | Member::ArchiveIndex
            | Member::Tail
            | Member::ReadMe
            | Member::Format
            | Member::Recover
            | Member::Decrypt
            | Member::Key(_)
            | Member::Catalog(_)
            | Member::Index => {}
        }
        Ok(())
    }
}

/// What the first block of a tape file says.
#[derive(Debug)]
pub(super) enum First {
    /// There is no block: a filemark, or the end of what was written.
    Nothing,
    /// It does not say what file this is.
    Unknown,
    /// What file this is.
    Known(Opening),
}

/// Reads the first block of the file under the head, which moves by one.
pub(super) fn first(medium: &mut dyn Medium) -> Result<First, ReadError> {
    let block = match medium.read() {
        Ok(Read::Block(block)) => block,
        Ok(Read::Filemark | Read::End) => return Ok(First::Nothing),
        Err(Fault::Unreadable(_)) => return Ok(First::Unknown),
        Err(fault) => return Err(fault.into()),
    };
    let mut found = Vec::new();
    // What is wrong with the rest of the block is told by who reads the file.
    let _ = Scanner::default().push(block, &mut found);
    Ok(match found.into_iter().next() {
        Some(Found::Opened(opening)) => First::Known(opening),
        Some(
            Found::Member { .. }
            | Found::Data(_)
            | Found::Good
            | Found::Locked
            | Found::Damaged { .. }
            | Found::Ended,
        )
        | None => First::Unknown,
    })
}

/// Reads the index at the end of the archive under the head, by its tail; none if it has no good
/// one. The head stays in the archive.
pub(super) fn archive_index(
    medium: &mut dyn Medium,
    opening: &Opening,
) -> Result<Option<Vec<Row>>, ReadError> {
    if medium.space(Space::Filemarks(1)).is_err() {
        return Ok(None);
    }
    medium.space(Space::Filemarks(-1))?;
    let Some(tail) = tail(medium)? else {
        return Ok(None);
    };
    if tail.volume != opening.volume || tail.file != opening.file {
        return Ok(None);
    }
    let back = i64::from(tail.blocks - tail.index_block);
    if medium.space(Space::Blocks(-back)).is_err() {
        return Ok(None);
    }
    let (mut lines, mut rows) = (Lines::default(), Vec::new());
    let (mut left, mut summing) = (tail.index_length, super::super::Summing::default());
    while left > 0 {
        let Read::Block(mut block) = medium.read()? else {
            return Ok(None);
        };
        block.truncate(usize::try_from(left).unwrap_or(BLOCK));
        left -= block.len() as u64;
        summing.update(&block);
        if lines.push(&block, &mut rows).is_err() {
            return Ok(None);
        }
    }
    let is_good = summing.finish() == tail.index_sha256
        && lines.finish().is_ok()
        && rows.iter().all(|row| row.file == opening.file);
    Ok(is_good.then_some(rows))
}

/// The last unit that is not zeros, in the last two blocks before the head; the head comes back.
fn tail(medium: &mut dyn Medium) -> Result<Option<Tail>, ReadError> {
    for back in 1..=2 {
        if medium.space(Space::Blocks(-back)).is_err() {
            return Ok(None);
        }
        let Ok(Read::Block(block)) = medium.read() else {
            return Ok(None);
        };
        medium.space(Space::Blocks(back - 1))?;
        let unit = block
            .chunks(UNIT)
            .rev()
            .find(|unit| unit.iter().any(|byte| *byte != 0));
        if let Some(unit) = unit {
            return Ok(Tail::read(unit).ok());
        }
    }
    Ok(None)
}
