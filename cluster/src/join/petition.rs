//! What a newcomer asks.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use holdfast_actors::kernel::NodeName;
use holdfast_actors::schema::{self, Stored};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::identity::{IdentityError, NodeKey, PublicKey, Secret};
use crate::nodes::ADDRESSES_MAX;

/// The most bytes of a petition with its signature.
pub const PETITION_MAX: usize = 8 << 10;
/// So that the key's signature under a petition is none under anything else.
const LABEL: &[u8] = b"holdfast join petition 1";

/// What binds a petition to one TLS session.
pub type Binding = [u8; 32];

/// A node that wants to be in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Petition {
    /// Of its token.
    pub secret: Secret,
    /// How it wants to be called.
    pub name: NodeName,
    /// Its key.
    pub key: PublicKey,
    /// Where the others reach it, best first; 1 to 8.
    pub addresses: Vec<SocketAddr>,
    /// What it does. The catalog knows the limits.
    pub roles: BTreeSet<String>,
    /// What fails together with it.
    pub zone: String,
}

/// Why a petition is none.
#[derive(Debug, thiserror::Error)]
pub enum BadPetition {
    /// It cannot be read.
    #[error("its petition cannot be read; does it run another version?")]
    Form(#[from] schema::SchemaError),
    /// A part of it makes no sense.
    #[error("its petition says {0} that makes no sense")]
    Content(&'static str),
    /// The signature is not by the key that it names, or not of this session.
    #[error("it does not hold the key that it names")]
    Proof,
}

/// As it is on the wire.
#[derive(Serialize, Deserialize)]
struct Written {
    secret: [u8; 32],
    name: String,
    key: Vec<u8>,
    addresses: Vec<SocketAddr>,
    roles: BTreeSet<String>,
    zone: String,
}

impl Stored for Written {
    const VERSION: u8 = 1;
}

impl Petition {
    /// The bytes that are signed.
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(schema::encode(&Written {
            secret: *self.secret.bytes(),
            name: self.name.to_string(),
            key: self.key.bytes().to_vec(),
            addresses: self.addresses.clone(),
            roles: self.roles.clone(),
            zone: self.zone.clone(),
        }))
    }

    /// Reads what [`Petition::encode`] wrote.
    ///
    /// # Errors
    /// When it cannot be read, or makes no sense.
    pub fn decode(bytes: &[u8]) -> Result<Self, BadPetition> {
        let written = schema::decode_within::<Written, PETITION_MAX>(bytes)?;
        let Written {
            secret,
            addresses,
            roles,
            zone,
            ..
        } = written;
        let name = NodeName::parse(&written.name).ok_or(BadPetition::Content("a name"))?;
        let key = PublicKey::parse(&written.key).ok_or(BadPetition::Content("a key"))?;
        if !(1..=ADDRESSES_MAX).contains(&addresses.len()) {
            return Err(BadPetition::Content("addresses"));
        }
        Ok(Self {
            secret: Secret::new(secret),
            name,
            key,
            addresses,
            roles,
            zone,
        })
    }

    /// The bytes with the proof that whoever sends them holds the key, in this session.
    ///
    /// # Errors
    /// When the key cannot sign.
    pub fn sign(
        &self,
        key: &NodeKey,
        binding: &Binding,
    ) -> Result<Zeroizing<Vec<u8>>, IdentityError> {
        let body = self.encode();
        let proof = key.sign(&signed(binding, &body))?;
        let length = u8::try_from(proof.len()).map_err(|_| IdentityError::Key)?;
        Ok(Zeroizing::new(
            [&[length], proof.as_slice(), &body].concat(),
        ))
    }

    /// Reads what [`Petition::sign`] wrote in the same session.
    ///
    /// # Errors
    /// As [`Petition::decode`], and when the proof is none.
    pub fn open(bytes: &[u8], binding: &Binding) -> Result<Self, BadPetition> {
        let split = bytes.split_first();
        let split = split.and_then(|(length, rest)| rest.split_at_checked(usize::from(*length)));
        let (proof, body) = split.ok_or(BadPetition::Content("a proof"))?;
        let petition = Self::decode(body)?;
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, petition.key.bytes());
        let proved = key.verify(&signed(binding, body), proof);
        proved.map_err(|_| BadPetition::Proof)?;
        Ok(petition)
    }
}

fn signed(binding: &Binding, body: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new([LABEL, binding, body].concat())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn petition(key: PublicKey) -> Petition {
        Petition {
            secret: Secret::new([3; 32]),
            name: NodeName::parse("b").unwrap(),
            key,
            addresses: vec![([192, 0, 2, 7], 7_443).into()],
            roles: ["storage".to_owned()].into(),
            zone: "rack-1".to_owned(),
        }
    }

    #[test]
    fn the_bytes_of_this_version_stay_as_they_are() {
        let key = PublicKey::parse(&[4; 65]).unwrap();
        let golden = [
            &[1][..],
            &[3; 32],
            b"\x01b\x41",
            &[4; 65],
            b"\x01\x00\xc0\x00\x02\x07\xfb\x13\x1d\x01\x07storage\x06rack-1",
        ];
        assert_eq!(petition(key).encode().as_slice(), golden.concat());
    }

    #[test]
    fn who_does_not_hold_the_key_in_this_session_is_found_out() {
        let (key, other) = (NodeKey::generate().unwrap(), NodeKey::generate().unwrap());
        let petition = petition(*key.public());
        let signed = petition.sign(&key, &[1; 32]).unwrap();
        assert_eq!(Petition::open(&signed, &[1; 32]).unwrap(), petition);
        let passed_on = Petition::open(&signed, &[2; 32]);
        assert!(matches!(passed_on, Err(BadPetition::Proof)));
        let by_another = petition.sign(&other, &[1; 32]).unwrap();
        let by_another = Petition::open(&by_another, &[1; 32]);
        assert!(matches!(by_another, Err(BadPetition::Proof)));
        let mut changed = signed.to_vec();
        let last = changed.len() - 1;
        changed[last] ^= 1;
        let changed = Petition::open(&changed, &[1; 32]);
        assert!(matches!(changed, Err(BadPetition::Proof)));
        assert!(Petition::open(&signed[..9], &[1; 32]).is_err());
        assert!(Petition::open(&[], &[1; 32]).is_err());
    }

    proptest! {
        #[test]
        fn a_petition_is_read_as_it_was_written(
            secret in any::<[u8; 32]>(),
            name in "[a-z0-9-]{1,64}",
            addresses in prop::collection::vec(any::<SocketAddr>(), 1..=8),
            roles in prop::collection::btree_set(".{0,16}", 0..4),
            zone in ".{0,16}",
        ) {
            let addresses = addresses.iter().map(|it| SocketAddr::new(it.ip(), it.port()));
            let petition = Petition {
                secret: Secret::new(secret),
                name: NodeName::parse(&name).unwrap(),
                addresses: addresses.collect(),
                roles,
                zone,
                ..petition(PublicKey::parse(&[4; 65]).unwrap())
            };
            prop_assert_eq!(Petition::decode(&petition.encode()).unwrap(), petition);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Petition::open(&bytes, &[0; 32]);
            let _ = Petition::decode(&bytes);
        }
    }
}
