//! What a newcomer is answered.

use std::net::SocketAddr;
use std::sync::Arc;

use holdfast_actors::kernel::NodeId;
use holdfast_actors::schema::{self, Stored};
use rustls::pki_types::CertificateDer;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::identity::{IdentityError, Issuer, KeyHash};
use crate::nodes::{ADDRESSES_MAX, Node};

/// The most bytes of an answer: the table of all the nodes that a cluster may have, and four
/// certificates.
pub const ANSWER_MAX: usize = 2 << 20;
/// The most bytes of a sentence.
const SENTENCE_MAX: usize = 500;

/// What comes of a petition.
#[derive(Debug)]
pub enum Answer {
    /// The node is in.
    Admitted(Box<Admitted>),
    /// It is not, and nothing changed.
    Refused {
        /// The word for programs, as the catalog's refusals have them.
        reason: String,
        /// Why, in a sentence.
        sentence: String,
    },
}

/// What a node needs to take part.
#[derive(Debug)]
pub struct Admitted {
    /// Its number.
    pub node: NodeId,
    /// Its certificate, and the issuer's.
    pub chain: Vec<CertificateDer<'static>>,
    /// The root's certificate.
    pub root: CertificateDer<'static>,
    /// With which it lets others in.
    pub issuer: Option<Arc<Issuer>>,
    /// All the other nodes.
    pub nodes: Vec<(NodeId, Node)>,
}

/// Why an answer is none.
#[derive(Debug, thiserror::Error)]
pub enum BadAnswer {
    /// It cannot be read.
    #[error("the answer cannot be read; does the member run another version?")]
    Form(#[from] schema::SchemaError),
    /// What it brings of the issuer is none.
    #[error("the answer brings an issuer that cannot be used")]
    Issuer(#[source] IdentityError),
}

/// As it is on the wire.
#[derive(Serialize, Deserialize)]
enum Written {
    Admitted(WrittenAdmitted),
    Refused(String, String),
}

#[derive(Serialize, Deserialize)]
struct WrittenAdmitted {
    node: NodeId,
    chain: Vec<Vec<u8>>,
    root: Vec<u8>,
    /// Certificates and key, in PEM.
    issuer: Option<(String, String)>,
    nodes: Vec<(NodeId, [u8; 32], Vec<SocketAddr>)>,
}

impl Stored for Written {
    const VERSION: u8 = 1;
}

impl Drop for WrittenAdmitted {
    fn drop(&mut self) {
        if let Some((_, key)) = &mut self.issuer {
            key.zeroize();
        }
    }
}

impl Answer {
    /// A refusal; its sentence is cut to 500 bytes.
    pub fn refused(reason: &str, sentence: impl ToString) -> Self {
        let (reason, mut sentence) = (reason.to_owned(), sentence.to_string());
        sentence.truncate(sentence.floor_char_boundary(SENTENCE_MAX));
        Self::Refused { reason, sentence }
    }

    /// The bytes.
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let written = match self {
            Self::Admitted(admitted) => Written::Admitted(admitted.written()),
            Self::Refused { reason, sentence } => {
                Written::Refused(reason.clone(), sentence.clone())
            }
        };
        Zeroizing::new(schema::encode(&written))
    }

    /// Reads what [`Answer::encode`] wrote.
    ///
    /// # Errors
    /// When it cannot be read, or brings what is no issuer.
    pub fn decode(bytes: &[u8]) -> Result<Self, BadAnswer> {
        match schema::decode_within::<Written, ANSWER_MAX>(bytes)? {
            Written::Admitted(written) => Ok(Self::Admitted(Box::new(written.read()?))),
            Written::Refused(reason, sentence) => Ok(Self::refused(&reason, sentence)),
        }
    }
}

impl Admitted {
    fn written(&self) -> WrittenAdmitted {
        let issuer = self.issuer.as_ref().map(|issuer| {
            let pem = issuer.pem();
            (pem.certificates, pem.key.as_str().to_owned())
        });
        let nodes = self.nodes.iter().map(|(number, node)| {
            let addresses = node.addresses.iter().take(ADDRESSES_MAX);
            (*number, *node.key.bytes(), addresses.copied().collect())
        });
        WrittenAdmitted {
            node: self.node,
            chain: self.chain.iter().map(|it| it.to_vec()).collect(),
            root: self.root.to_vec(),
            issuer,
            nodes: nodes.collect(),
        }
    }
}

impl WrittenAdmitted {
    fn read(mut self) -> Result<Admitted, BadAnswer> {
        let issuer = self.issuer.as_ref().map(|(certificates, key)| {
            let read = Issuer::from_pem(certificates, key);
            read.map(Arc::new).map_err(BadAnswer::Issuer)
        });
        let issuer = issuer.transpose()?;
        let nodes = std::mem::take(&mut self.nodes).into_iter();
        let nodes = nodes.map(|(number, key, addresses)| {
            let key = KeyHash::new(key);
            (number, Node { key, addresses })
        });
        let chain = std::mem::take(&mut self.chain).into_iter();
        Ok(Admitted {
            node: self.node,
            chain: chain.map(CertificateDer::from).collect(),
            root: std::mem::take(&mut self.root).into(),
            issuer,
            nodes: nodes.collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use holdfast_actors::kernel::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::identity::Authority;

    fn admitted(issuer: Option<Arc<Issuer>>) -> Answer {
        let node = Node {
            key: KeyHash::new([7; 32]),
            addresses: vec![([192, 0, 2, 7], 7_443).into()],
        };
        Answer::Admitted(Box::new(Admitted {
            node: NodeId::new(2),
            chain: vec![vec![1, 2].into(), vec![3].into()],
            root: vec![4].into(),
            issuer,
            nodes: vec![(NodeId::new(1), node)],
        }))
    }

    #[test]
    fn the_bytes_of_this_version_stay_as_they_are() {
        let golden = [
            &b"\x01\x00\x02\x02\x02\x01\x02\x01\x03\x01\x04\x00\x01\x01"[..],
            &[7; 32],
            b"\x01\x00\xc0\x00\x02\x07\xfb\x13\x1d",
        ];
        assert_eq!(admitted(None).encode().as_slice(), golden.concat());
        let refused = Answer::refused("token-used", "too late").encode();
        assert_eq!(refused.as_slice(), b"\x01\x01\x0atoken-used\x08too late");
    }

    #[test]
    fn an_issuer_arrives_as_it_was() {
        let now = Timestamp::parse("2026-05-01T12:00:00Z").unwrap();
        let issuer = Authority::found(now).unwrap().issuer(now).unwrap();
        let root = issuer.root().clone();
        let sent = admitted(Some(Arc::new(issuer))).encode();
        let Answer::Admitted(read) = Answer::decode(&sent).unwrap() else {
            panic!("refused");
        };
        assert_eq!(*read.issuer.as_ref().unwrap().root(), root);
        assert_eq!(Answer::Admitted(read).encode(), sent);
        let none = Written::Admitted(WrittenAdmitted {
            node: NodeId::new(1),
            chain: vec![],
            root: vec![],
            issuer: Some((String::new(), String::new())),
            nodes: vec![],
        });
        let told = Answer::decode(&schema::encode(&none));
        assert!(matches!(told, Err(BadAnswer::Issuer(_))));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Answer::decode(&bytes);
            let _ = Answer::decode(&[&[1][..], &bytes].concat());
        }

        #[test]
        fn a_sentence_is_read_as_it_was_written(reason in "[a-z-]{1,20}", sentence in ".{0,600}") {
            let sent = Answer::refused(&reason, &sentence).encode();
            let read = Answer::decode(&sent).unwrap();
            prop_assert_eq!(read.encode(), sent);
        }
    }
}
