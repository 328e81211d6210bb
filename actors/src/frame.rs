//! The frame: what every append-only file of ours is made of.
//!
//! ```text
//! 0      2       3      4        8       16         24         28          32
//! | "HF" | version | kind | length | epoch | sequence | body crc | header crc | body …
//! ```
//!
//! Numbers are little-endian; both checksums are CRC-32C. The header's own checksum lets a scan
//! step over bodies without reading them. A frame whose header or body does not check is damage,
//! unless nothing readable follows it: then it is a torn tail.

use bytes::{BufMut, Bytes, BytesMut};

use crate::kernel::{Epoch, Sequence};

/// The size of a header in bytes.
pub const HEADER: usize = 32;
/// The largest body in bytes: what one message may carry.
pub const BODY_MAX: usize = 1 << 20;

const MAGIC: [u8; 2] = *b"HF";
const VERSION: u8 = 1;

/// What stands before a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the body is, to whoever wrote it.
    pub kind: u8,
    /// The body's length in bytes, at most [`BODY_MAX`].
    pub length: u32,
    /// The epoch of the writer.
    pub epoch: Epoch,
    /// The frame's number in its log.
    pub sequence: Sequence,
    /// CRC-32C of the body.
    pub checksum: u32,
}

/// Why bytes are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Fewer bytes than a header.
    #[error("fewer bytes than a frame's header")]
    Short,
    /// The header does not check.
    #[error("no frame header")]
    Header,
    /// A version of the format that this program does not know.
    #[error("frame of format version {0}, which is newer than this program")]
    Version(u8),
    /// The body is not what the header says.
    #[error("a frame's body does not match its checksum")]
    Body,
}

impl Header {
    /// The header for a body.
    pub fn of(kind: u8, epoch: Epoch, sequence: Sequence, body: &[u8]) -> Self {
        debug_assert!(
            body.len() <= BODY_MAX,
            "a body larger than a message may be"
        );
        Self {
            kind,
            length: u32::try_from(body.len()).unwrap_or(u32::MAX),
            epoch,
            sequence,
            checksum: crc32c::crc32c(body),
        }
    }

    /// The 32 bytes as they lie on disk.
    pub fn encode(&self) -> Bytes {
        let mut bytes = BytesMut::with_capacity(HEADER);
        bytes.put_slice(&MAGIC);
        bytes.put_u8(VERSION);
        bytes.put_u8(self.kind);
        bytes.put_u32_le(self.length);
        bytes.put_u64_le(self.epoch.raw());
        bytes.put_u64_le(self.sequence.raw());
        bytes.put_u32_le(self.checksum);
        bytes.put_u32_le(crc32c::crc32c(&bytes));
        bytes.freeze()
    }

    /// Reads a header from the start of `bytes`.
    ///
    /// # Errors
    /// When there is none, it is damaged, or of a newer format.
    pub fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        let header: &[u8; HEADER] = bytes.first_chunk().ok_or(FrameError::Short)?;
        let (fields, checksum) = header.split_at(HEADER - 4);
        let length = u32_at(fields, 4);
        let sound = u32_at(checksum, 0) == crc32c::crc32c(fields);
        if !sound || fields[..2] != MAGIC || length as usize > BODY_MAX {
            return Err(FrameError::Header);
        }
        if fields[2] != VERSION {
            return Err(FrameError::Version(fields[2]));
        }
        Ok(Self {
            kind: fields[3],
            length,
            epoch: Epoch::new(u64_at(fields, 8)),
            sequence: Sequence::new(u64_at(fields, 16)),
            checksum: u32_at(fields, 24),
        })
    }

    /// The length of header and body in bytes.
    pub const fn total(&self) -> u64 {
        HEADER as u64 + self.length as u64
    }

    /// Checks a body against the header.
    ///
    /// # Errors
    /// When length or checksum differ.
    pub fn check(&self, body: &[u8]) -> Result<(), FrameError> {
        let same = body.len() == self.length as usize && crc32c::crc32c(body) == self.checksum;
        if same { Ok(()) } else { Err(FrameError::Body) }
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut raw = [0; 4];
    raw.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(raw)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut raw = [0; 8];
    raw.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(raw)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_header_reads_what_it_writes(kind: u8, epoch: u64, sequence: u64, body: Vec<u8>) {
            let header = Header::of(kind, Epoch::new(epoch), Sequence::new(sequence), &body);
            prop_assert_eq!(Header::decode(&header.encode()), Ok(header));
            prop_assert_eq!(header.check(&body), Ok(()));
        }

        #[test]
        fn any_flipped_bit_is_noticed(body: [u8; 40], at in 0..(HEADER + 40) * 8) {
            let header = Header::of(1, Epoch::new(2), Sequence::new(3), &body);
            let mut bytes = header.encode().to_vec();
            bytes.extend_from_slice(&body);
            bytes[at / 8] ^= 1 << (at % 8);
            let sound = Header::decode(&bytes).and_then(|read| read.check(&bytes[HEADER..]));
            prop_assert!(sound.is_err());
        }
    }

    #[test]
    fn the_first_version_stays_readable() {
        let header = Header::of(7, Epoch::new(1), Sequence::new(258), b"hold fast");
        let hex: String = header.encode().iter().map(|b| format!("{b:02x}")).collect();
        expect_test::expect!["484601070900000001000000000000000201000000000000d057b71f02485fe8"]
            .assert_eq(&hex);
    }
}
