//! Mode pages: block length, what warns of the end, and whether a tape may be written over.

use super::super::reply::{Outcome, Told, bad_field, give, told};
use super::super::store::Kind;
use super::{BLOCK_MAX, Command, Drive};
use crate::scsi::{Data, number, three};

const COMPRESSION: u8 = 0x0f;
const CONFIGURATION: u8 = 0x10;
const MEDIUM: u8 = 0x1d;
/// The second page of the configuration, as its number below that.
const EXTENSION: u8 = 0x01;
/// Bytes of that page behind its length.
const EXTENSION_LENGTH: u8 = 0x1c;

/// What a host sets for a drive.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Modes {
    /// Megabytes before the early warning at which the drive warns once; 0 for never.
    early: u16,
    /// What is on tape may only be added to.
    appends: bool,
    /// The one place that may be written over all the same.
    allowed: Option<u64>,
}

/// Bytes of a megabyte of the early warning.
const MEGABYTE: u64 = 1_000_000;

impl Modes {
    /// Whether what stands behind this place may be written over.
    pub(super) fn allows(&self, at: u64) -> bool {
        !self.appends || self.allowed == Some(at)
    }

    /// It was written over, or the head moved.
    pub(super) fn forget(&mut self) {
        self.allowed = None;
    }

    /// Bytes before the early warning at which the drive warns; none if it does not.
    pub(super) fn early(&self) -> Option<u64> {
        (self.early > 0).then(|| u64::from(self.early) * MEGABYTE)
    }

    fn page(&self) -> Vec<u8> {
        let mut page = vec![0; 32];
        page[..4].copy_from_slice(&[0x40 | CONFIGURATION, EXTENSION, 0, EXTENSION_LENGTH]);
        page[5] = u8::from(self.appends) << 4;
        page[6..8].copy_from_slice(&self.early.to_be_bytes());
        page
    }

    /// Takes the page, without its number and length.
    fn set(&mut self, page: &[u8]) -> Result<(), Told> {
        let [_, mode @ (0x00 | 0x10), high, low, rest @ ..] = page else {
            return Err(told(5, 0x26, 0x00));
        };
        if rest.iter().any(|byte| *byte != 0) {
            return Err(told(5, 0x26, 0x00));
        }
        self.appends = *mode == 0x10;
        self.early = u16::from_be_bytes([*high, *low]);
        self.allowed = None;
        Ok(())
    }
}

fn page(code: u8, length: usize) -> Vec<u8> {
    let mut page = vec![0; length];
    page[0] = code;
    page[1] = u8::try_from(length - 2).unwrap_or(u8::MAX);
    page
}

impl Drive {
    /// The pages that are asked for, by number and the number below that.
    fn shown(&self, code: u8, below: u8) -> Result<Vec<u8>, Told> {
        let memory = self.cartridge.as_ref().map(|found| &found.memory);
        let worm = memory.is_some_and(|memory| memory.kind == Kind::Worm);
        let first = page(CONFIGURATION, 16);
        Ok(match (code, below) {
            (0, 0) => Vec::new(),
            (COMPRESSION, 0) => page(COMPRESSION, 16),
            (CONFIGURATION, 0) => first,
            (CONFIGURATION, EXTENSION) => self.modes.page(),
            (CONFIGURATION, 0xff) => [first, self.modes.page()].concat(),
            (MEDIUM, 0) => {
                let mut page = page(MEDIUM, 32);
                page[2] = u8::from(worm);
                page
            }
            (0x3f, 0) => [page(COMPRESSION, 16), first].concat(),
            _ => return Err(bad_field()),
        })
    }

    pub(super) fn modes(&mut self, command: &mut Command<'_, '_>) -> Outcome {
        let cdb = command.cdb;
        let short = cdb[0] == 0x1a;
        let memory = self.cartridge.as_ref().map(|found| &found.memory);
        let protected = memory.is_some_and(|memory| memory.protected);
        let mut pages = self.shown(cdb[2] & 0x3f, cdb[3])?;
        let mut block = vec![0x60, 0, 0, 0, 0];
        block.extend(three(self.block));
        if cdb[1] & 0x08 != 0 {
            block.clear();
        }
        let specific = u8::from(protected) << 7 | 0x10;
        let descriptors = u8::try_from(block.len()).unwrap_or(0);
        let mut bytes = if short {
            vec![0, 0, specific, descriptors]
        } else {
            vec![0, 0, 0, specific, 0, 0, 0, descriptors]
        };
        bytes.append(&mut block);
        bytes.append(&mut pages);
        if short {
            bytes[0] = u8::try_from(bytes.len() - 1).unwrap_or(u8::MAX);
            return give(&mut command.data, u64::from(cdb[4]), &bytes);
        }
        let length = u16::try_from(bytes.len() - 2).unwrap_or(u16::MAX);
        bytes[..2].copy_from_slice(&length.to_be_bytes());
        give(&mut command.data, number(cdb, 7, 2), &bytes)
    }

    pub(super) fn select(&mut self, command: &mut Command<'_, '_>) -> Outcome {
        let Data::Out(bytes) = command.data else {
            return Ok(0);
        };
        let (header, descriptors) = match command.cdb[0] {
            0x15 => (4, number(bytes, 3, 1)),
            _ => (8, number(bytes, 6, 2)),
        };
        if bytes.len() < header || !matches!(descriptors, 0 | 8) {
            return Err(told(5, 0x1a, 0x00));
        }
        let descriptors = usize::from(descriptors == 8) * 8;
        let mut modes = self.modes;
        let mut pages = bytes.get(header + descriptors..).unwrap_or_default();
        while let [code, length, ..] = *pages {
            let is_extension = code & 0x7f == 0x40 | CONFIGURATION && length == EXTENSION;
            let (head, length) = match is_extension {
                true => (
                    4,
                    usize::try_from(number(pages, 2, 2)).unwrap_or(usize::MAX),
                ),
                false => (2, usize::from(length)),
            };
            let page = pages.get(head..head + length);
            let page = page.ok_or_else(|| told(5, 0x1a, 0x00))?;
            match code & 0x7f {
                _ if is_extension && length != usize::from(EXTENSION_LENGTH) => {
                    return Err(told(5, 0x26, 0x00));
                }
                _ if is_extension => modes.set(page)?,
                COMPRESSION | CONFIGURATION => {}
                _ => return Err(told(5, 0x26, 0x00)),
            }
            pages = &pages[head + length..];
        }
        if descriptors == 8 {
            let block = u32::try_from(number(bytes, header + 5, 3)).unwrap_or(0);
            if block > BLOCK_MAX {
                return Err(told(5, 0x26, 0x00));
            }
            self.block = block;
        }
        self.modes = modes;
        Ok(bytes.len())
    }

    /// ALLOW OVERWRITE: the next write may cut off what stands behind this place.
    pub(super) fn allow(&mut self, cdb: &[u8]) -> Outcome {
        let (at, place) = (self.at, number(cdb, 4, 8));
        self.ready()?;
        self.modes.forget();
        match cdb[2] & 0x0f {
            0 => {}
            1 if cdb[3] == 0 && place == at => self.modes.allowed = Some(at),
            _ => return Err(bad_field()),
        }
        Ok(0)
    }
}
