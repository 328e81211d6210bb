//! The root's key, sealed to the operator's passphrase.
//!
//! argon2id makes a key of the passphrase and a salt, and AES-256-GCM seals with it. Each seal has
//! a salt, and so a key, of its own; therefore the nonce may be the same. The first byte of the
//! format is its version; those of the header are sealed with the rest.

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use holdfast_actors::ports::Entropy;
use zeroize::Zeroizing;

const VERSION: u8 = 1;
const SALT: usize = 16;
const HEADER: usize = 1 + SALT;
const TAG: usize = 16;
/// More than any key of ours.
const SEALED_MAX: usize = 4 << 10;
/// 64 MiB and three passes: a second of work at most, once in years.
const MEMORY_KIB: u32 = 64 << 10;
const PASSES: u32 = 3;
/// The fewest characters of a passphrase: it guards the whole cluster, and nobody slows down who
/// guesses at a copy.
pub const PASSPHRASE_MIN: usize = 12;

/// Why there is nothing sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Too easily guessed.
    #[error("a passphrase has {PASSPHRASE_MIN} characters at least")]
    Short,
    /// Of a later version, or no sealed key at all.
    #[error("this is no sealed key that this version can open")]
    Format,
    /// The passphrase is wrong, or the bytes were changed: nobody can tell which.
    #[error("the passphrase is wrong, or the sealed key is damaged")]
    Wrong,
}

/// A secret under a passphrase.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    /// Seals a secret.
    ///
    /// # Errors
    /// When the passphrase is too short.
    pub fn seal(secret: &[u8], passphrase: &str, chance: &dyn Entropy) -> Result<Self, SealError> {
        if passphrase.chars().count() < PASSPHRASE_MIN {
            return Err(SealError::Short);
        }
        let mut header = [VERSION; HEADER];
        chance.fill(&mut header[1..]);
        let mut body = secret.to_vec();
        let key = key(passphrase, &header)?;
        let sealed = key.seal_in_place_append_tag(nonce(), Aad::from(header), &mut body);
        sealed.map_err(|_| SealError::Format)?;
        Ok(Self([&header, body.as_slice()].concat()))
    }

    /// Opens it.
    ///
    /// # Errors
    /// When the passphrase is wrong or the bytes were changed.
    pub fn open(&self, passphrase: &str) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (header, body) = self.0.split_at(HEADER);
        let mut body = Zeroizing::new(body.to_vec());
        let key = key(passphrase, header)?;
        let opened = key.open_in_place(nonce(), Aad::from(header), &mut body);
        let length = opened.map_err(|_| SealError::Wrong)?.len();
        body.truncate(length);
        Ok(body)
    }

    /// The bytes, which need no further care.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Reads the bytes.
    ///
    /// # Errors
    /// When they are none of this version.
    pub fn parse(bytes: &[u8]) -> Result<Self, SealError> {
        let fits = (HEADER + TAG..=SEALED_MAX).contains(&bytes.len());
        if fits && bytes[0] == VERSION {
            Ok(Self(bytes.to_vec()))
        } else {
            Err(SealError::Format)
        }
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

fn key(passphrase: &str, header: &[u8]) -> Result<LessSafeKey, SealError> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).map_err(|_| SealError::Format)?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut key = Zeroizing::new([0; 32]);
    argon2
        .hash_password_into(passphrase.as_bytes(), &header[1..], key.as_mut_slice())
        .map_err(|_| SealError::Format)?;
    let key = UnboundKey::new(&AES_256_GCM, key.as_slice()).map_err(|_| SealError::Format)?;
    Ok(LessSafeKey::new(key))
}

fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; NONCE_LEN])
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSPHRASE: &str = "correct horse battery";

    /// Seven bytes, sealed, and their tag.
    const GOLDEN: [u8; 23] = [
        249, 48, 145, 2, 133, 51, 193, 19, 7, 251, 31, 27, 192, 163, 94, 235, 203, 156, 220, 91,
        102, 135, 101,
    ];

    /// Chance that a test can write down.
    struct Fixed;

    impl Entropy for Fixed {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(7);
        }
    }

    #[test]
    fn what_was_sealed_is_opened_by_its_passphrase_alone() {
        let sealed = Sealed::seal(b"the key", PASSPHRASE, &Fixed).unwrap();
        let read = Sealed::parse(sealed.bytes()).unwrap();
        assert_eq!(read.open(PASSPHRASE).unwrap().as_slice(), b"the key");
        assert_eq!(read.open("correct horse"), Err(SealError::Wrong));
        for at in [1, HEADER, sealed.bytes().len() - 1] {
            let mut bytes = sealed.bytes().to_vec();
            bytes[at] ^= 1;
            let spoilt = Sealed::parse(&bytes).unwrap();
            assert_eq!(spoilt.open(PASSPHRASE), Err(SealError::Wrong), "{at}");
        }
    }

    #[test]
    fn the_bytes_of_this_version_stay_readable() {
        let golden = [&[1][..], &[7; 16], &GOLDEN].concat();
        let sealed = Sealed::parse(&golden).unwrap();
        let again = Sealed::seal(b"the key", PASSPHRASE, &Fixed).unwrap();
        assert_eq!(again.bytes(), golden);
        assert_eq!(sealed.open(PASSPHRASE).unwrap().as_slice(), b"the key");
    }

    #[test]
    fn what_is_no_sealed_key_is_refused() {
        assert_eq!(
            Sealed::seal(b"k", "too short", &Fixed),
            Err(SealError::Short)
        );
        for bytes in [
            &[][..],
            &[1; HEADER + TAG - 1],
            &[2; 60],
            &[1; SEALED_MAX + 1],
        ] {
            assert_eq!(Sealed::parse(bytes), Err(SealError::Format));
        }
    }
}
