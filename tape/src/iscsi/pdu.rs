//! What travels on the wire: a header of 48 bytes and a padded body.

use std::io::{self, Read, Write};

use super::Refused;
use crate::scsi::{number, three};

/// Kinds of messages.
pub(super) mod opcode {
    pub(in super::super) const IMMEDIATE: u8 = 0x40;
    pub(in super::super) const NOP_OUT: u8 = 0x00;
    pub(in super::super) const COMMAND: u8 = 0x01;
    pub(in super::super) const LOGIN: u8 = 0x03;
    pub(in super::super) const DATA_OUT: u8 = 0x05;
    pub(in super::super) const NOP_IN: u8 = 0x20;
    pub(in super::super) const RESPONSE: u8 = 0x21;
    pub(in super::super) const LOGGED_IN: u8 = 0x23;
    pub(in super::super) const DATA_IN: u8 = 0x25;
    pub(in super::super) const READY: u8 = 0x31;
}

/// The longest body that we agree to take, in bytes.
pub(super) const BODY_MAX: usize = 1 << 20;

/// A header.
#[derive(Debug)]
pub(super) struct Pdu {
    pub(super) bytes: [u8; 48],
}

impl Pdu {
    pub(super) fn of(opcode: u8) -> Self {
        let mut bytes = [0; 48];
        bytes[0] = opcode;
        Self { bytes }
    }

    pub(super) fn opcode(&self) -> u8 {
        self.bytes[0] & 0x3f
    }

    pub(super) fn number(&self, at: usize) -> u32 {
        u32::try_from(number(&self.bytes, at, 4)).unwrap_or(0)
    }

    pub(super) fn set(&mut self, at: usize, value: u32) {
        self.bytes[at..at + 4].copy_from_slice(&value.to_be_bytes());
    }

    /// Sends header and body at once.
    pub(super) fn send(mut self, wire: &mut impl Write, body: &[u8]) -> io::Result<()> {
        let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
        self.bytes[5..8].copy_from_slice(&three(length));
        let mut message = Vec::with_capacity(48 + body.len() + 3);
        message.extend(self.bytes);
        message.extend(body);
        message.resize(message.len().next_multiple_of(4), 0);
        wire.write_all(&message)
    }

    /// Waits for the next message.
    pub(super) fn receive(wire: &mut impl Read) -> Result<(Self, Vec<u8>), Refused> {
        let mut bytes = [0; 48];
        wire.read_exact(&mut bytes)?;
        let mut more = vec![0; usize::from(bytes[4]) * 4];
        wire.read_exact(&mut more)?;
        let length = usize::try_from(number(&bytes, 5, 3)).unwrap_or(usize::MAX);
        if length > BODY_MAX {
            return Err(Refused::Nonsense("more than it may send at once"));
        }
        let mut body = vec![0; length.next_multiple_of(4)];
        wire.read_exact(&mut body)?;
        body.truncate(length);
        Ok((Self { bytes }, body))
    }
}
