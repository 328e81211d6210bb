//! The signature under a seal: Ed25519.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

use super::sum::{Sum, hex, unhex};

/// The key that signs seals. The same seal has the same signature each time. Cheap to clone.
#[derive(Clone)]
pub struct Signer(Arc<Ed25519KeyPair>);

impl Signer {
    /// The key that grows from `seed`, which is the secret; none only if the library refuses it.
    pub fn from_seed(seed: &[u8; 32]) -> Option<Self> {
        let key = Ed25519KeyPair::from_seed_unchecked(seed).ok()?;
        Some(Self(Arc::new(key)))
    }

    /// The public key; as a [`Sum`] for its 32 bytes in hex alone.
    pub fn public(&self) -> Sum {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(self.0.public_key().as_ref());
        Sum::new(bytes)
    }

    /// The signature of `message`, as 128 hex digits and a newline.
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let mut text = hex(self.0.sign(message).as_ref());
        text.push('\n');
        text.into_bytes()
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.public())
    }
}

/// Whether `SEAL.sig` is this key's signature of `SEAL.json`.
pub fn verify(public: &Sum, message: &[u8], signature: &[u8]) -> bool {
    let text = std::str::from_utf8(signature).ok().map(str::trim_end);
    let Some(signature) = text.and_then(unhex::<64>) else {
        return false;
    };
    UnparsedPublicKey::new(&ED25519, public.as_bytes())
        .verify(message, &signature)
        .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_of_one_key_and_one_message() {
        let signer = Signer::from_seed(&[3; 32]).unwrap();
        let other = Signer::from_seed(&[4; 32]).unwrap();
        let signature = signer.sign(b"seal");
        assert!(verify(&signer.public(), b"seal", &signature));
        assert!(!verify(&signer.public(), b"sea1", &signature));
        assert!(!verify(&other.public(), b"seal", &signature));
        assert!(!verify(&signer.public(), b"seal", b"00"));
    }
}
