//! A node's key, and the short form by which others know it.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PublicKeyData, SignatureAlgorithm, SigningKey as _};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use zeroize::Zeroizing;

use super::IdentityError;

/// The length of a public key on this curve: a four, and two coordinates.
const PUBLIC: usize = 65;

/// SHA-256 of a public key with its kind (of X.509's `SubjectPublicKeyInfo`), shown in hex.
///
/// It stays the same when a certificate is renewed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    /// Wraps a hash.
    pub const fn new(hash: [u8; 32]) -> Self {
        Self(hash)
    }

    /// The hash of a `SubjectPublicKeyInfo` in DER.
    pub fn of_info(info: &[u8]) -> Self {
        Self(sha256(info))
    }

    /// The bytes.
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads the 64 digits as they are shown; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
            return None;
        };
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let byte = |[high, low]: &[u8; 2]| u8::try_from(digit(*high)? << 4 | digit(*low)?).ok();
        let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
        bytes?.try_into().ok().map(Self)
    }
}

pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

impl fmt::Display for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The public half of a node's key: ECDSA on P-256, uncompressed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; PUBLIC]);

impl PublicKey {
    /// Reads the 65 bytes; `None` if it is no point that is written out in full. Whether it lies on
    /// the curve shows when it first checks a signature.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes: [u8; PUBLIC] = bytes.try_into().ok()?;
        (bytes[0] == 4).then_some(Self(bytes))
    }

    /// The 65 bytes.
    pub const fn bytes(&self) -> &[u8; PUBLIC] {
        &self.0
    }

    /// By what others know it.
    pub fn hash(&self) -> KeyHash {
        KeyHash::of_info(&self.subject_public_key_info())
    }
}

impl PublicKeyData for PublicKey {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.hash())
    }
}

/// A node's key. It leaves this process only into the node's own folder.
pub struct NodeKey {
    pair: KeyPair,
    public: PublicKey,
}

impl NodeKey {
    /// Makes a new one, from the chance of the operating system.
    ///
    /// # Errors
    /// When none can be made.
    pub fn generate() -> Result<Self, IdentityError> {
        Self::of(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?)
    }

    /// Reads a key in PKCS#8.
    ///
    /// # Errors
    /// When it is none on P-256.
    pub fn from_der(der: &[u8]) -> Result<Self, IdentityError> {
        let der = PrivatePkcs8KeyDer::from(der);
        Self::of(KeyPair::from_pkcs8_der_and_sign_algo(
            &der,
            &PKCS_ECDSA_P256_SHA256,
        )?)
    }

    /// Reads what [`NodeKey::pem`] wrote.
    pub(super) fn from_pem(text: &str) -> Result<Self, IdentityError> {
        let key = PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes());
        Self::from_der(key.map_err(IdentityError::Pem)?.secret_pkcs8_der())
    }

    fn of(pair: KeyPair) -> Result<Self, IdentityError> {
        let public = PublicKey::parse(pair.public_key_raw()).ok_or(IdentityError::Key)?;
        Ok(Self { pair, public })
    }

    /// The public half.
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The key in PKCS#8.
    pub fn der(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.pair.serialize_der())
    }

    pub(super) fn pem(&self) -> Zeroizing<String> {
        Zeroizing::new(self.pair.serialize_pem())
    }

    /// Signs.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, IdentityError> {
        Ok(self.pair.sign(message)?)
    }

    pub(super) const fn pair(&self) -> &KeyPair {
        &self.pair
    }
}

impl fmt::Debug for NodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeKey({})", self.public.hash())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_by_the_same_hash_after_it_was_written_and_read() {
        let key = NodeKey::generate().unwrap();
        let again = NodeKey::from_der(&key.der()).unwrap();
        assert_eq!(again.public().hash(), key.public().hash());
        assert!(!format!("{key:?}").contains("PRIVATE"));
    }

    #[test]
    fn a_hash_is_read_as_it_was_shown() {
        let hash = NodeKey::generate().unwrap().public().hash();
        let shown = hash.to_string();
        assert_eq!(KeyHash::parse(&shown), Some(hash));
        for odd in [&shown[1..], &shown[2..], &format!("g{}", &shown[1..]), ""] {
            assert_eq!(KeyHash::parse(odd), None, "{odd}");
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        assert!(NodeKey::from_der(b"no key").is_err());
        assert_eq!(PublicKey::parse(&[4; 64]), None);
        assert_eq!(PublicKey::parse(&[3; 65]), None);
    }
}
