//! Objects that only the holder of a key can read: AES-256-GCM in pieces of 64 KiB.
//!
//! What is encrypted begins with 32 bytes of salt, drawn for this object alone. HKDF-SHA256 makes
//! the object's own key of the secret, the salt and the object's path on tape, so a piece cannot
//! be passed off as one of another object. Pieces are counted in their nonces and the last one says
//! so: none can be left out, moved or added. The last one has 1 to 65,536 bytes, none only if the
//! object has none. The sum of an object is that of its bytes before they were encrypted.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use bytes::{Bytes, BytesMut};

use super::label::KeyId;
use super::place::Place;

/// Bytes of a piece before it is encrypted.
const PIECE: usize = 64 << 10;
/// Bytes that prove a piece.
const TAG: usize = 16;
/// Bytes that stand before the first piece.
pub const SALT: usize = 32;
/// What the keys of objects are made for.
const PURPOSE: &[u8] = b"holdfast tape object 1\0";

/// The bytes on tape of an object of so many, encrypted.
pub(super) const fn encrypted(length: u64) -> u64 {
    let pieces = length.div_ceil(PIECE as u64);
    let pieces = if pieces == 0 { 1 } else { pieces };
    let tags = pieces.saturating_mul(TAG as u64);
    length.saturating_add(tags).saturating_add(SALT as u64)
}

/// The bytes of an object that has so many on tape, encrypted; none if no object has.
pub(super) const fn decrypted(stored: u64) -> Option<u64> {
    let Some(body) = stored.checked_sub(SALT as u64) else {
        return None;
    };
    let pieces = body.div_ceil((PIECE + TAG) as u64);
    match body.checked_sub(pieces * TAG as u64) {
        Some(length) if pieces > 0 && encrypted(length) == stored => Some(length),
        Some(_) | None => None,
    }
}

/// What opens the objects of some cartridges: 256 bits. It is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret([u8; 32]);

impl Secret {
    /// From its bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes, to be wrapped or kept.
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// The key of one object.
    fn key(&self, salt: &[u8; SALT], place: &Place) -> LessSafeKey {
        let path = place.to_string();
        let parts = [PURPOSE, path.as_bytes()];
        let pseudo = Salt::new(HKDF_SHA256, salt).extract(&self.0);
        let key = pseudo.expand(&parts, &AES_256_GCM).map(UnboundKey::from);
        LessSafeKey::new(key.expect("HKDF makes 32 bytes of anything"))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// The keys that a node has open, as of now. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Keys(Arc<RwLock<BTreeMap<KeyId, Secret>>>);

impl Keys {
    /// The secret of a key.
    pub fn get(&self, id: KeyId) -> Option<Secret> {
        let open = self.0.read().unwrap_or_else(PoisonError::into_inner);
        open.get(&id).cloned()
    }

    /// Has one open from now on.
    pub fn insert(&self, id: KeyId, secret: Secret) {
        let mut open = self.0.write().unwrap_or_else(PoisonError::into_inner);
        open.insert(id, secret);
    }

    /// Has one open no more.
    pub fn remove(&self, id: KeyId) {
        let mut open = self.0.write().unwrap_or_else(PoisonError::into_inner);
        open.remove(&id);
    }

    /// Those that are open.
    pub fn ids(&self) -> Vec<KeyId> {
        let open = self.0.read().unwrap_or_else(PoisonError::into_inner);
        open.keys().copied().collect()
    }
}

/// With what one object is encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encryption {
    /// The key.
    pub key: KeyId,
    /// Its secret.
    pub secret: Secret,
    /// Drawn for this object, each time that it is written.
    pub salt: [u8; SALT],
}

/// Which piece is under way.
struct Pieces {
    key: LessSafeKey,
    next: u64,
}

impl Pieces {
    fn nonce(&mut self, is_last: bool) -> Nonce {
        let mut bytes = [0; 12];
        bytes[3..11].copy_from_slice(&self.next.to_be_bytes());
        bytes[11] = u8::from(is_last);
        self.next += 1;
        Nonce::assume_unique_for_key(bytes)
    }
}

/// Bytes of an object in, what goes on tape out.
pub(super) struct Encrypter {
    pieces: Pieces,
    held: BytesMut,
}

impl Encrypter {
    /// Begins an object; what stands before its first piece.
    pub(super) fn new(with: &Encryption, place: &Place) -> (Self, Bytes) {
        let key = with.secret.key(&with.salt, place);
        let encrypter = Self {
            pieces: Pieces { key, next: 0 },
            held: BytesMut::new(),
        };
        (encrypter, Bytes::copy_from_slice(&with.salt))
    }

    /// Takes in the next bytes; what of them goes on tape by now.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Bytes {
        self.held.extend_from_slice(bytes);
        let mut out = BytesMut::with_capacity(self.held.len() + self.held.len() / 64);
        // The last piece is known only at the end.
        while self.held.len() > PIECE {
            let piece = self.held.split_to(PIECE);
            self.seal(piece, false, &mut out);
        }
        out.freeze()
    }

    /// Ends the object; what is left of it.
    pub(super) fn finish(mut self) -> Bytes {
        let mut out = BytesMut::new();
        let piece = std::mem::take(&mut self.held);
        self.seal(piece, true, &mut out);
        out.freeze()
    }

    fn seal(&mut self, mut piece: BytesMut, is_last: bool, out: &mut BytesMut) {
        let nonce = self.pieces.nonce(is_last);
        let key = &self.pieces.key;
        let tag = key.seal_in_place_separate_tag(nonce, Aad::empty(), &mut piece);
        let tag = tag.expect("a piece is shorter than the cipher's limit");
        out.extend_from_slice(&piece);
        out.extend_from_slice(tag.as_ref());
    }
}

/// Bytes from the tape in, bytes of the object out.
pub(super) struct Decrypter {
    secret: Secret,
    place: Place,
    held: BytesMut,
    pieces: Option<Pieces>,
    /// Bytes on tape that did not come yet.
    left: u64,
}

impl Decrypter {
    /// Begins an object that has so many bytes on tape.
    pub(super) fn new(secret: Secret, place: Place, stored: u64) -> Self {
        Self {
            secret,
            place,
            held: BytesMut::new(),
            pieces: None,
            left: stored,
        }
    }

    /// Takes in the next bytes; what they say. None if they were not encrypted with this key for
    /// this object, or are others than were written.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Option<Bytes> {
        self.held.extend_from_slice(bytes);
        self.left = self.left.checked_sub(bytes.len() as u64)?;
        if self.pieces.is_none() && self.held.len() >= SALT {
            let mut salt = [0; SALT];
            salt.copy_from_slice(&self.held.split_to(SALT));
            let key = self.secret.key(&salt, &self.place);
            self.pieces = Some(Pieces { key, next: 0 });
        }
        let Some(pieces) = &mut self.pieces else {
            return Some(Bytes::new());
        };
        let mut out = BytesMut::with_capacity(self.held.len());
        loop {
            let is_last = self.left == 0 && self.held.len() <= PIECE + TAG;
            let length = match is_last {
                true => self.held.len(),
                false => PIECE + TAG,
            };
            if self.held.is_empty() || self.held.len() < length {
                return Some(out.freeze());
            }
            // A whole piece at the end of what came may be the last one.
            let mut piece = self.held.split_to(length);
            let nonce = pieces.nonce(is_last);
            let opened = pieces.key.open_in_place(nonce, Aad::empty(), &mut piece);
            out.extend_from_slice(opened.ok()?);
        }
    }
}

impl fmt::Debug for Encrypter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Encrypter({} bytes held)", self.held.len())
    }
}

impl fmt::Debug for Decrypter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Decrypter({} bytes held)", self.held.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECRET: Secret = Secret::new([7; 32]);

    fn place(path: &str) -> Place {
        Place::parse(path).unwrap()
    }

    fn write(bytes: &[u8], cut: usize) -> Vec<u8> {
        let with = Encryption {
            key: KeyId::new([1; 16]),
            secret: SECRET,
            salt: [9; SALT],
        };
        let (mut encrypter, salt) = Encrypter::new(&with, &place("config"));
        let mut all = salt.to_vec();
        for piece in bytes.chunks(cut) {
            all.extend(encrypter.push(piece));
        }
        all.extend(encrypter.finish());
        all
    }

    fn read(stored: &[u8], cut: usize, secret: Secret, path: &str) -> Option<Vec<u8>> {
        let mut decrypter = Decrypter::new(secret, place(path), stored.len() as u64);
        let mut all = Vec::new();
        for piece in stored.chunks(cut) {
            all.extend(decrypter.push(piece)?);
        }
        Some(all)
    }

    #[test]
    fn an_object_is_read_by_its_key_at_its_place_alone() {
        let bytes: Vec<u8> = (0..200_000_u32).map(|it| it.to_le_bytes()[1]).collect();
        let stored = write(&bytes, 1_000);
        assert!(!stored.windows(64).any(|it| it == &bytes[..64]));
        assert_eq!(
            read(&stored, 4_096, SECRET, "config").as_ref(),
            Some(&bytes)
        );
        let other = Secret::new([8; 32]);
        assert_eq!(read(&stored, 4_096, other, "config"), None);
        assert_eq!(read(&stored, 4_096, SECRET, "acme/config"), None);
        assert_eq!(format!("{SECRET:?}"), "Secret");
    }

    #[test]
    fn nothing_is_cut_moved_or_changed_unseen() {
        let bytes = vec![5; 3 * PIECE];
        let stored = write(&bytes, bytes.len());
        let whole = PIECE + TAG;
        let cut = &stored[..stored.len() - whole];
        assert_eq!(
            read(cut, cut.len(), SECRET, "config"),
            None,
            "the last piece is gone"
        );
        let (first, second) = (SALT..SALT + whole, SALT + whole..SALT + 2 * whole);
        let moved = [
            &stored[..SALT],
            &stored[second],
            &stored[first],
            &stored[SALT + 2 * whole..],
        ];
        assert_eq!(
            read(&moved.concat(), 1 << 20, SECRET, "config"),
            None,
            "two pieces are swapped"
        );
        for at in [0, SALT, stored.len() / 2, stored.len() - 1] {
            let mut flipped = stored.clone();
            flipped[at] ^= 1;
            assert_eq!(
                read(&flipped, 1 << 20, SECRET, "config"),
                None,
                "byte {at} is another one"
            );
        }
    }

    #[test]
    fn lengths_are_those_of_objects_or_none() {
        for length in [0, 1, 65_535, 65_536, 65_537, 131_072, 131_073, 268_435_456] {
            assert_eq!(decrypted(encrypted(length)), Some(length));
        }
        assert_eq!(encrypted(0), 48);
        for none in [0, 47, 48 + 65_536 + 1] {
            assert_eq!(decrypted(none), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn cut_anywhere_it_is_the_same(
            length in 0usize..200_000,
            cuts in (1usize..150_000, 1usize..150_000),
        ) {
            let bytes: Vec<u8> = (0..length).map(|n| (n / 251) as u8).collect();
            let stored = write(&bytes, cuts.0);
            prop_assert_eq!(stored.len() as u64, encrypted(length as u64));
            prop_assert_eq!(read(&stored, cuts.1, SECRET, "config"), Some(bytes));
        }
    }
}
