//! ECDSA on P-256 whose signatures are a function of key and message.
//!
//! The library draws a number for each signature from the operating system. Here that number comes
//! from the key and the message, in the manner of RFC 6979. What the reckoning shows to who can
//! measure its time does not matter: the keys of a made ground are no secrets.

use std::sync::Arc;

use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsBigEndian as _, EcPrivateKeyBin};
use rustls::crypto::KeyProvider;
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::{Signer, SigningKey};
use rustls::{Error, SignatureAlgorithm, SignatureScheme};

use super::scalar::Scalar;

const SCHEME: SignatureScheme = SignatureScheme::ECDSA_NISTP256_SHA256;

/// Loads keys.
#[derive(Debug)]
pub(super) struct Signing;

impl KeyProvider for Signing {
    fn load_private_key(&self, key: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, Error> {
        let loaded = PrivateKey::from_private_key_der(&ECDH_P256, key.secret_der());
        let loaded = loaded.map_err(|_| unusable("not a key on P-256"))?;
        let bytes: EcPrivateKeyBin<'_> = loaded.as_be_bytes().map_err(|_| unusable("no number"))?;
        let bytes = bytes.as_ref().first_chunk::<32>();
        let bytes = bytes.ok_or_else(|| unusable("a number of another length"))?;
        Ok(Arc::new(Key(Scalar::of(bytes))))
    }
}

fn unusable(why: &str) -> Error {
    Error::General(format!("a key cannot sign: {why}"))
}

/// A node's key.
#[derive(Clone, Copy, Debug)]
struct Key(Scalar);

impl SigningKey for Key {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        offered.contains(&SCHEME).then(|| Box::new(*self) as _)
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ECDSA
    }
}

impl Signer for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let digested = Scalar::of(&sha256(message));
        let nonce = [self.0.bytes(), digested.bytes()].concat();
        let nonce = Scalar::of(&sha256(&nonce));
        let point = PrivateKey::from_private_key(&ECDH_P256, &nonce.bytes());
        let point = point.and_then(|point| Ok(point.compute_public_key()?));
        let point = point.map_err(|_| unusable("no point for this message"))?;
        // Behind the four come both coordinates.
        let first = point
            .as_ref()
            .get(1..)
            .and_then(|it| it.first_chunk::<32>());
        let first = first.ok_or_else(|| unusable("a point of another length"))?;
        let first = Scalar::of(first);
        let second = digested.plus(first.times(self.0)).times(nonce.inverse());
        if first.is_zero() || second.is_zero() {
            return Err(unusable("no signature for this message"));
        }
        let numbers = [integer(first), integer(second)].concat();
        Ok([&[0x30, numbers.len() as u8], &*numbers].concat())
    }

    fn scheme(&self) -> SignatureScheme {
        SCHEME
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

/// A number as ASN.1 has it: no byte too many, and never taken for a negative one.
fn integer(number: Scalar) -> Vec<u8> {
    let bytes = number.bytes();
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let mut body = bytes[zeros..].to_vec();
    if body.first().is_none_or(|first| *first >= 0x80) {
        body.insert(0, 0);
    }
    [&[2, body.len() as u8], &*body].concat()
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};

    use super::*;
    use crate::identity::NodeKey;

    #[test]
    fn the_library_believes_every_signature_and_the_same_message_has_the_same() {
        for number in 0..300_u32 {
            let key = NodeKey::generate().unwrap();
            let der = PrivateKeyDer::Pkcs8(key.der().to_vec().into());
            let signing = Signing.load_private_key(der).unwrap();
            let signer = signing.choose_scheme(&[SCHEME]).unwrap();
            let message = number.to_le_bytes();
            let signature = signer.sign(&message).unwrap();
            assert_eq!(signer.sign(&message).unwrap(), signature);
            let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key.public().bytes());
            public.verify(&message, &signature).unwrap();
            assert!(public.verify(b"something else", &signature).is_err());
        }
    }

    #[test]
    fn a_key_of_another_kind_is_refused_and_no_other_scheme_is_spoken() {
        let der = PrivateKeyDer::Pkcs8(vec![1, 2, 3].into());
        assert!(Signing.load_private_key(der).is_err());
        let signing = Key(Scalar::of(&[7; 32]));
        assert!(signing.choose_scheme(&[SignatureScheme::ED25519]).is_none());
    }
}
