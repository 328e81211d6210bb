//! A node's certificate with its chain and its key, checked before anything is served with it.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use holdfast_actors::kernel::{NodeId, Timestamp};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::prelude::{FromDer, X509Certificate};
use zeroize::Zeroizing;

use super::key::{KeyHash, NodeKey};

/// The most of PEM that is read: a chain of two, a root and a key.
const PEM_MAX: usize = 64 << 10;

/// Why there is no identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// A certificate or key cannot be made or read.
    #[error("a certificate or its key cannot be made")]
    Making(#[from] rcgen::Error),
    /// The text is not PEM, or lacks a part.
    #[error("the PEM text cannot be read")]
    Pem(#[source] rustls::pki_types::pem::Error),
    /// More text than there can be.
    #[error("the PEM text is larger than 64 KiB")]
    TooLarge,
    /// The chain has another form than the cluster gives it.
    #[error("the chain is not the node's certificate, the issuer's and the root's")]
    Chain,
    /// Not the key of this certificate, or of another kind than the cluster uses.
    #[error("the key does not fit the certificate")]
    Key,
    /// TLS refuses it.
    #[error("the certificate cannot be used")]
    Unusable(#[source] rustls::Error),
}

/// The name by which a node is called in TLS. It exists nowhere else: no name server is asked.
pub fn server_name(node: NodeId) -> String {
    format!("{node}.holdfast")
}

/// The node that a name in TLS stands for; `None` if it is none of ours.
pub(crate) fn node_called(name: &str) -> Option<NodeId> {
    let number = name.strip_prefix("node-")?.strip_suffix(".holdfast")?;
    let node = NodeId::new(number.parse().ok()?);
    (server_name(node) == name).then_some(node)
}

/// A node's certificate, the issuer's, the root's, and the key.
pub struct NodeCertificate {
    chain: Vec<CertificateDer<'static>>,
    root: CertificateDer<'static>,
    key: NodeKey,
    from: Timestamp,
    until: Timestamp,
}

impl NodeCertificate {
    /// Puts together what an issuer signed and the key that it was signed for.
    ///
    /// # Errors
    /// When the key is another's, or the certificate cannot be read.
    pub fn new(
        chain: Vec<CertificateDer<'static>>,
        root: CertificateDer<'static>,
        key: NodeKey,
    ) -> Result<Self, IdentityError> {
        let first = chain.first().ok_or(IdentityError::Chain)?;
        let (_, parsed) = X509Certificate::from_der(first).map_err(|_| IdentityError::Chain)?;
        let certified = KeyHash::of_info(parsed.public_key().raw);
        let own = key.public().hash();
        if certified != own {
            return Err(IdentityError::Key);
        }
        let validity = parsed.validity();
        let from = seconds(validity.not_before.timestamp());
        let until = seconds(validity.not_after.timestamp());
        Ok(Self {
            chain,
            root,
            key,
            from,
            until,
        })
    }

    /// The same key with a certificate that was renewed.
    ///
    /// # Errors
    /// As [`NodeCertificate::new`].
    pub fn renewed(&self, chain: Vec<CertificateDer<'static>>) -> Result<Self, IdentityError> {
        let key = NodeKey::from_der(&self.key.der())?;
        Self::new(chain, self.root.clone(), key)
    }

    /// By what others know the node.
    pub fn hash(&self) -> KeyHash {
        self.key.public().hash()
    }

    /// The node's key.
    pub const fn key(&self) -> &NodeKey {
        &self.key
    }

    /// The root's certificate.
    pub const fn root(&self) -> &CertificateDer<'static> {
        &self.root
    }

    /// The first moment at which peers accept it.
    pub const fn since(&self) -> Timestamp {
        self.from
    }

    /// The last moment at which peers accept it.
    pub const fn until(&self) -> Timestamp {
        self.until
    }

    /// The chain, then the root, then the key, as PEM.
    pub fn pem(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::new());
        for der in self.chain.iter().chain([&self.root]) {
            text.push_str(&pem(der));
        }
        text.push_str(&self.key.pem());
        text
    }

    /// Reads what [`NodeCertificate::pem`] wrote, whatever the day.
    ///
    /// # Errors
    /// When a part is missing, or the key is another's.
    pub fn from_pem(text: &str) -> Result<Self, IdentityError> {
        if text.len() > PEM_MAX {
            return Err(IdentityError::TooLarge);
        }
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
        let mut chain = chain.map_err(IdentityError::Pem)?;
        if chain.len() != 3 {
            return Err(IdentityError::Chain);
        }
        let root = chain.pop().ok_or(IdentityError::Chain)?;
        Self::new(chain, root, NodeKey::from_pem(text)?)
    }

    /// What TLS serves.
    pub(crate) fn certified(
        &self,
        provider: &CryptoProvider,
    ) -> Result<Arc<CertifiedKey>, IdentityError> {
        self.serving(self.chain.clone(), provider)
    }

    /// The same for newcomers, who do not have the root.
    pub(crate) fn certified_with_root(
        &self,
        provider: &CryptoProvider,
    ) -> Result<Arc<CertifiedKey>, IdentityError> {
        let root = std::slice::from_ref(&self.root);
        self.serving([&self.chain, root].concat(), provider)
    }

    fn serving(
        &self,
        chain: Vec<CertificateDer<'static>>,
        provider: &CryptoProvider,
    ) -> Result<Arc<CertifiedKey>, IdentityError> {
        let key = PrivateKeyDer::Pkcs8(self.key.der().to_vec().into());
        let certified = CertifiedKey::from_der(chain, key, provider);
        certified.map(Arc::new).map_err(IdentityError::Unusable)
    }
}

impl fmt::Debug for NodeCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeCertificate({})", self.hash())
    }
}

fn seconds(seconds: i64) -> Timestamp {
    let seconds = u64::try_from(seconds).unwrap_or_default();
    Timestamp::from_millis(seconds.saturating_mul(1_000))
}

pub(super) fn pem(der: &CertificateDer<'_>) -> String {
    let encoded = STANDARD.encode(der);
    let mut text = "-----BEGIN CERTIFICATE-----\n".to_owned();
    for at in (0..encoded.len()).step_by(64) {
        text.push_str(&encoded[at..encoded.len().min(at + 64)]);
        text.push('\n');
    }
    text + "-----END CERTIFICATE-----\n"
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use holdfast_actors::kernel::NodeName;

    use super::super::authority::{Authority, Issuer, NODE_LIFE};
    use super::*;

    fn now() -> Timestamp {
        Timestamp::parse("2026-05-01T12:00:00Z").unwrap()
    }

    fn certificate(issuer: &Issuer) -> NodeCertificate {
        let key = NodeKey::generate().unwrap();
        let name = NodeName::parse("alpha").unwrap();
        let issued = issuer.issue(NodeId::new(7), &name, key.public(), now(), NODE_LIFE);
        NodeCertificate::new(issued.unwrap(), issuer.root().clone(), key).unwrap()
    }

    fn issuer() -> Issuer {
        Authority::found(now()).unwrap().issuer(now()).unwrap()
    }

    #[test]
    fn a_certificate_is_read_as_it_was_written() {
        let made = certificate(&issuer());
        let read = NodeCertificate::from_pem(&made.pem()).unwrap();
        assert_eq!(read.hash(), made.hash());
        assert_eq!(read.pem(), made.pem());
        assert_eq!(read.since().to_string(), "2026-04-30T12:00:00.000Z");
        assert_eq!(read.until(), now() + NODE_LIFE);
        assert_eq!(
            format!("{read:?}"),
            format!("NodeCertificate({})", made.hash())
        );
    }

    #[test]
    fn renewing_keeps_the_key() {
        let issuer = issuer();
        let (made, name) = (certificate(&issuer), NodeName::parse("alpha").unwrap());
        let later = now() + Duration::from_secs(86_400);
        let issued = issuer.issue(NodeId::new(7), &name, made.key().public(), later, NODE_LIFE);
        let renewed = made.renewed(issued.unwrap()).unwrap();
        assert_eq!(renewed.hash(), made.hash());
        assert_eq!(renewed.until(), later + NODE_LIFE);
        let others = certificate(&issuer);
        let wrong = made.renewed(others.chain.clone());
        assert!(matches!(wrong, Err(IdentityError::Key)));
    }

    #[test]
    fn an_issuer_that_was_written_and_read_signs_as_before() {
        let issuer = issuer();
        let kept = issuer.pem();
        let again = Issuer::from_pem(&kept.certificates, &kept.key).unwrap();
        assert_eq!(again.root(), issuer.root());
        assert_eq!(certificate(&again).chain[1], certificate(&issuer).chain[1]);
    }

    #[test]
    fn a_chain_that_lacks_a_part_is_refused() {
        let text = certificate(&issuer()).pem();
        let end = text.find("-----END").unwrap();
        assert!(NodeCertificate::from_pem(&text[end + 26..]).is_err());
        assert!(NodeCertificate::from_pem("").is_err());
        let large = " ".repeat(PEM_MAX + 1);
        let told = NodeCertificate::from_pem(&large);
        assert!(matches!(told, Err(IdentityError::TooLarge)));
    }

    #[test]
    fn a_name_stands_for_one_node() {
        assert_eq!(node_called("node-7.holdfast"), Some(NodeId::new(7)));
        for odd in [
            "node-07.holdfast",
            "node-.holdfast",
            "node-7",
            "x",
            "node-+7.holdfast",
        ] {
            assert_eq!(node_called(odd), None, "{odd}");
        }
    }
}
