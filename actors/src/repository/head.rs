//! What tells a repository's own entries from bytes that a tenant made up.
//!
//! An object's bytes may look like frames, checksums and all. Each extent therefore begins with a
//! secret that nobody outside ever sees, and each entry ends with a tag made from it: a scan that
//! has lost its way in a torn tail believes no entry without.

use std::fmt;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::frame::{HEADER, Header};
use crate::kernel::{Epoch, Sequence};
use crate::ports::Entropy;

/// The frame kind of an extent's head.
pub(super) const FRAME_HEAD: u8 = 3;
/// The length of an extent's head, where its first frame of use begins.
pub(super) const HEAD_BYTES: u64 = (HEADER + SECRET) as u64;
/// The bytes behind an entry: how far its extent was durable, and the tag.
pub(super) const TRAILER: usize = 16;

const SECRET: usize = 16;

/// The secret of one extent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Secret([u8; SECRET]);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    /// A new one.
    pub(super) fn draw(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; SECRET];
        entropy.fill(&mut bytes);
        Self(bytes)
    }

    /// The one that the first frame's body holds.
    pub(super) fn of(body: &[u8]) -> Option<Self> {
        body.try_into().ok().map(Self)
    }

    /// The head of an extent that begins.
    pub(super) fn head(self, epoch: Epoch) -> Vec<Bytes> {
        let body = Bytes::copy_from_slice(&self.0);
        let header = Header::of(FRAME_HEAD, epoch, Sequence::default(), &body);
        vec![header.encode(), body]
    }

    /// What stands behind an entry: how far the extent was durable, and the tag.
    pub(super) fn trailer(self, sequence: Sequence, entry: &[u8], durable: u64) -> [u8; TRAILER] {
        let digest = Sha256::new()
            .chain_update(self.0)
            .chain_update(sequence.raw().to_le_bytes())
            .chain_update(durable.to_le_bytes())
            .chain_update(entry)
            .finalize();
        let mut trailer = [0; TRAILER];
        trailer[..8].copy_from_slice(&durable.to_le_bytes());
        trailer[8..].copy_from_slice(&digest[..8]);
        trailer
    }

    /// The entry, and how far its extent was durable; `None` if the tag is not ours.
    pub(super) fn check(self, sequence: Sequence, body: &[u8]) -> Option<(&[u8], u64)> {
        let (entry, trailer) = body.split_last_chunk::<TRAILER>()?;
        let durable = u64::from_le_bytes(*trailer.first_chunk()?);
        let ours = self.trailer(sequence, entry, durable) == *trailer;
        ours.then_some((entry, durable))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_version_of_head_and_trailer_stays_readable() {
        let secret = Secret::of(&[5; 16]).unwrap();
        let hex = |bytes: &[u8]| {
            let lines = bytes.chunks(32).map(|line| {
                let line = line.iter().map(|b| format!("{b:02x}"));
                line.collect::<String>() + "\n"
            });
            lines.collect::<String>()
        };
        let head = secret.head(Epoch::new(2)).concat();
        assert_eq!(head.len() as u64, HEAD_BYTES);
        expect_test::expect![[r#"
            484601031000000002000000000000000000000000000000626b2d5a67fc2fed
            05050505050505050505050505050505
        "#]]
        .assert_eq(&hex(&head));
        let trailer = secret.trailer(Sequence::new(7), b"an entry", 258);
        expect_test::expect![[r#"
            0201000000000000dab77e1f607d14d4
        "#]]
        .assert_eq(&hex(&trailer));
    }

    #[test]
    fn an_entry_of_another_number_place_or_maker_is_not_ours() {
        let secret = Secret::of(&[5; 16]).unwrap();
        let mut body = b"an entry".to_vec();
        body.extend(secret.trailer(Sequence::new(7), b"an entry", 258));
        let (entry, durable) = secret.check(Sequence::new(7), &body).unwrap();
        assert_eq!((entry, durable), (&b"an entry"[..], 258));
        assert_eq!(secret.check(Sequence::new(8), &body), None);
        let other = Secret::of(&[6; 16]).unwrap();
        assert_eq!(other.check(Sequence::new(7), &body), None);
        body[3] ^= 1;
        assert_eq!(secret.check(Sequence::new(7), &body), None);
        assert_eq!(secret.check(Sequence::new(7), &body[..9]), None);
    }
}
