//! How the virtual devices answer: bytes that moved, or sense.

use std::io;

use crate::scsi::{Answer, Data};
use crate::sense::Sense;

/// Bytes that moved.
pub(super) type Outcome = Result<usize, Told>;

/// A condition, and the bytes that moved all the same.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    pub(super) sense: Sense,
    pub(super) moved: usize,
}

impl From<Sense> for Told {
    fn from(sense: Sense) -> Self {
        Self { sense, moved: 0 }
    }
}

/// The storage behind a cartridge failed: the drive is broken.
impl From<io::Error> for Told {
    fn from(_: io::Error) -> Self {
        told(4, 0x44, 0x00)
    }
}

pub(super) fn told(key: u8, asc: u8, ascq: u8) -> Told {
    Sense::of(key, asc, ascq).into()
}

pub(super) fn unknown_command() -> Told {
    told(5, 0x20, 0)
}

pub(super) fn bad_field() -> Told {
    told(5, 0x24, 0)
}

pub(super) fn answer(outcome: Outcome, asked: usize) -> Answer {
    let residual = |moved: usize| {
        let signed = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        signed(asked) - signed(moved)
    };
    match outcome {
        Ok(moved) => Answer::Good {
            residual: residual(moved),
        },
        Err(told) => Answer::Check {
            sense: told.sense.fixed(),
            residual: residual(told.moved),
        },
    }
}

/// Fills the caller's buffer with as much as both it and the command allow.
pub(super) fn give(data: &mut Data<'_>, allocation: u64, bytes: &[u8]) -> Outcome {
    let Data::In(buffer) = data else {
        return Ok(0);
    };
    let allocation = usize::try_from(allocation).unwrap_or(usize::MAX);
    let moved = bytes.len().min(allocation).min(buffer.len());
    buffer[..moved].copy_from_slice(&bytes[..moved]);
    Ok(moved)
}

/// Text in a field of fixed width, padded with blanks.
pub(super) fn text(value: &str, width: usize) -> Vec<u8> {
    let mut bytes = value.as_bytes().to_vec();
    bytes.resize(width, b' ');
    bytes
}

/// Who a virtual device says it is.
pub(super) struct Identity<'a> {
    pub(super) kind: u8,
    pub(super) product: &'a str,
    pub(super) serial: &'a str,
}

const VENDOR: &str = "HOLDFAST";

impl Identity<'_> {
    /// As it stands in VPD page 83h and beside a drive in element status.
    pub(super) fn designator(&self) -> Vec<u8> {
        let mut name = text(VENDOR, 8);
        name.extend(text(self.product, 16));
        name.extend(self.serial.as_bytes());
        let mut bytes = vec![0x02, 0x01, 0, u8::try_from(name.len()).unwrap_or(u8::MAX)];
        bytes.extend(name);
        bytes
    }

    pub(super) fn inquiry(&self, cdb: &[u8], data: &mut Data<'_>) -> Outcome {
        let page = match (cdb[1] & 1, cdb[2]) {
            (0, 0) => {
                let mut bytes = vec![self.kind, 0x80, 0x06, 0x02, 31, 0, 0, 0];
                bytes.extend(text(VENDOR, 8));
                bytes.extend(text(self.product, 16));
                bytes.extend(text("0001", 4));
                return give(data, crate::scsi::number(cdb, 3, 2), &bytes);
            }
            (1, 0x00) => vec![0x00, 0x80, 0x83],
            (1, 0x80) => self.serial.as_bytes().to_vec(),
            (1, 0x83) => self.designator(),
            _ => return Err(bad_field()),
        };
        let length = u8::try_from(page.len()).unwrap_or(u8::MAX);
        let mut bytes = vec![self.kind, cdb[2], 0, length];
        bytes.extend(page);
        give(data, crate::scsi::number(cdb, 3, 2), &bytes)
    }
}
