//! Bytes of any length under a passphrase, as a file that says what it is.
//!
//! The bytes are sealed with a key of their own by AES-256-GCM, and that key with the passphrase,
//! so a wrong passphrase and a damaged file are told apart. In front stand what it is, the version,
//! and how long it is, so that one that was cut is told apart, too; all of that is sealed with it.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use holdfast_actors::ports::Entropy;
use zeroize::Zeroizing;

use super::sealed::{SealError, Sealed};

/// What every version begins with.
const MAGIC: &[u8] = b"holdfast catalog\n";
const VERSION: u8 = 1;
/// Of the version, and of the length of the sealed key.
const HEAD: usize = MAGIC.len() + 1 + 2;
/// Of the length of the body.
const LENGTH: usize = 8;

/// Why a parcel is not made or not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParcelError {
    /// The passphrase is no good.
    #[error(transparent)]
    Passphrase(#[from] SealError),
    /// It is something else.
    #[error("this is no backup of a catalog")]
    Other,
    /// A later program made it.
    #[error("it is of version {0}, and this program reads {VERSION}; update holdfast")]
    Newer(u8),
    /// A part is missing, or something stands behind it.
    #[error("it is cut: {found} bytes of {whole} are there")]
    Cut {
        /// How many bytes there are.
        found: u64,
        /// How many there should be; what is known of it.
        whole: u64,
    },
    /// The passphrase opens it, and its bytes are others than were written.
    #[error("it is damaged: its bytes are not those that were written")]
    Damaged,
    /// The passphrase is another.
    #[error("the passphrase is wrong")]
    Wrong,
}

/// Packs bytes.
///
/// # Errors
/// When the passphrase is too short.
pub fn pack(bytes: &[u8], passphrase: &str, chance: &dyn Entropy) -> Result<Vec<u8>, ParcelError> {
    let mut secret = Zeroizing::new([0; 32]);
    chance.fill(secret.as_mut_slice());
    let sealed = Sealed::seal(secret.as_slice(), passphrase, chance)?;
    let sealed = sealed.bytes();
    let tag = AES_256_GCM.tag_len();
    let mut head = Vec::with_capacity(HEAD + sealed.len() + LENGTH);
    head.extend(MAGIC);
    head.push(VERSION);
    head.extend((sealed.len() as u16).to_le_bytes());
    head.extend(sealed);
    head.extend(((bytes.len() + tag) as u64).to_le_bytes());
    let mut body = bytes.to_vec();
    let closed =
        key(secret.as_slice())?.seal_in_place_append_tag(nonce(), Aad::from(&head), &mut body);
    closed.map_err(|_| ParcelError::Damaged)?;
    head.extend(body);
    Ok(head)
}

/// Opens what [`pack`] made.
///
/// # Errors
/// When it is none, of a later version, cut or damaged, or the passphrase is another.
pub fn unpack(parcel: &[u8], passphrase: &str) -> Result<Zeroizing<Vec<u8>>, ParcelError> {
    let found = parcel.len() as u64;
    let cut = |whole: usize| ParcelError::Cut {
        found,
        whole: whole as u64,
    };
    let common = parcel.len().min(MAGIC.len());
    if parcel.is_empty() || parcel[..common] != MAGIC[..common] {
        return Err(ParcelError::Other);
    }
    let version = *parcel.get(MAGIC.len()).ok_or_else(|| cut(HEAD))?;
    if version != VERSION {
        return Err(ParcelError::Newer(version));
    }
    let length = parcel.get(MAGIC.len() + 1..HEAD).ok_or_else(|| cut(HEAD))?;
    let length = usize::from(u16::from_le_bytes([length[0], length[1]]));
    let front = HEAD + length + LENGTH;
    let sealed = parcel.get(HEAD..HEAD + length).ok_or_else(|| cut(front))?;
    let behind = parcel.get(HEAD + length..front).ok_or_else(|| cut(front))?;
    let behind: [u8; LENGTH] = behind.try_into().map_err(|_| cut(front))?;
    let whole = (front as u64).saturating_add(u64::from_le_bytes(behind));
    if found != whole {
        return Err(ParcelError::Cut { found, whole });
    }
    let sealed = Sealed::parse(sealed).map_err(|_| ParcelError::Damaged)?;
    let secret = sealed.open(passphrase).map_err(|_| ParcelError::Wrong)?;
    let mut body = Zeroizing::new(parcel[front..].to_vec());
    let opened = key(&secret)?.open_in_place(nonce(), Aad::from(&parcel[..front]), &mut body);
    let length = opened.map_err(|_| ParcelError::Damaged)?.len();
    body.truncate(length);
    Ok(body)
}

fn key(secret: &[u8]) -> Result<LessSafeKey, ParcelError> {
    let key = UnboundKey::new(&AES_256_GCM, secret).map_err(|_| ParcelError::Damaged)?;
    Ok(LessSafeKey::new(key))
}

/// Each parcel has a key of its own.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; NONCE_LEN])
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nines;

    impl Entropy for Nines {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(9);
        }
    }

    const PASSPHRASE: &str = "correct horse battery staple";

    fn packed(bytes: &[u8]) -> Vec<u8> {
        pack(bytes, PASSPHRASE, &Nines).unwrap()
    }

    #[test]
    fn what_was_packed_comes_back_and_opens_to_its_passphrase_alone() {
        let parcel = packed(b"all rows");
        assert!(!parcel.windows(8).any(|part| part == b"all rows"));
        assert_eq!(unpack(&parcel, PASSPHRASE).unwrap().as_slice(), b"all rows");
        let wrong = unpack(&parcel, "correct horse battery stapler");
        assert_eq!(wrong, Err(ParcelError::Wrong));
        let short = pack(b"", "short", &Nines);
        assert_eq!(short, Err(ParcelError::Passphrase(SealError::Short)));
    }

    #[test]
    fn one_that_is_cut_changed_or_of_a_later_version_is_refused_as_such() {
        let parcel = packed(b"all rows");
        for length in [1, MAGIC.len(), HEAD, HEAD + 9, parcel.len() - 1] {
            let told = unpack(&parcel[..length], PASSPHRASE).unwrap_err();
            assert!(
                matches!(told, ParcelError::Cut { .. }),
                "{length}: {told:?}"
            );
        }
        let longer = [parcel.as_slice(), b"x"].concat();
        let told = unpack(&longer, PASSPHRASE).unwrap_err();
        assert!(matches!(told, ParcelError::Cut { .. }), "{told:?}");
        let mut later = parcel.clone();
        later[MAGIC.len()] = 2;
        assert_eq!(unpack(&later, PASSPHRASE), Err(ParcelError::Newer(2)));
        let mut changed = parcel;
        *changed.last_mut().unwrap() ^= 1;
        assert_eq!(unpack(&changed, PASSPHRASE), Err(ParcelError::Damaged));
        assert_eq!(unpack(b"PK\x03\x04", PASSPHRASE), Err(ParcelError::Other));
        assert_eq!(unpack(b"", PASSPHRASE), Err(ParcelError::Other));
    }
}
