//! The cluster's root, its issuer, and the certificates that they sign.

use std::fmt;
use std::time::Duration;

use holdfast_actors::kernel::{NodeId, NodeName, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyUsagePurpose,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use zeroize::Zeroizing;

use super::certificate::{IdentityError, pem, server_name};
use super::key::{KeyHash, NodeKey, PublicKey, sha256};

const DAY: Duration = Duration::from_secs(86_400);
/// How long the root and the issuer are good for: longer than any machine of the cluster lives. Not
/// shorter, because replacing them takes the operator's passphrase.
const AUTHORITY_LIFE: Duration = Duration::from_secs(86_400 * 365 * 20);
/// How long a node's certificate is good for. It is renewed by itself at two thirds.
pub const NODE_LIFE: Duration = Duration::from_secs(86_400 * 90);

const ROOT: &str = "cluster root";
const ISSUER: &str = "cluster issuer";

/// The root: it signs issuers. Its key is open only while the operator's passphrase is at hand.
pub struct Authority {
    certificate: CertificateDer<'static>,
    key: NodeKey,
}

/// Signs the nodes' certificates.
pub struct Issuer {
    root: CertificateDer<'static>,
    certificate: CertificateDer<'static>,
    key: NodeKey,
}

/// An issuer as it is kept: the root's certificate and its own, and its key, as PEM.
#[derive(Debug)]
pub struct IssuerPem {
    /// The root's certificate, then the issuer's.
    pub certificates: String,
    /// The key, for the node's own folder.
    pub key: Zeroizing<String>,
}

impl Authority {
    /// Makes the root of a new cluster.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn found(now: Timestamp) -> Result<Self, IdentityError> {
        let key = NodeKey::generate()?;
        let mut params = authority(ROOT, &key);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(1));
        good(&mut params, now, AUTHORITY_LIFE);
        let certificate = params.self_signed(key.pair())?.der().clone();
        Ok(Self { certificate, key })
    }

    /// The root from its certificate and the key in PKCS#8.
    ///
    /// # Errors
    /// When the key is none.
    pub fn open(certificate: CertificateDer<'static>, key: &[u8]) -> Result<Self, IdentityError> {
        let key = NodeKey::from_der(key)?;
        Ok(Self { certificate, key })
    }

    /// Makes an issuer.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn issuer(&self, now: Timestamp) -> Result<Issuer, IdentityError> {
        let key = NodeKey::generate()?;
        let mut params = authority(ISSUER, &key);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        good(&mut params, now, AUTHORITY_LIFE);
        let signer = rcgen::Issuer::new(authority(ROOT, &self.key), self.key.pair());
        let certificate = params.signed_by(key.pair(), &signer)?.der().clone();
        let root = self.certificate.clone();
        Ok(Issuer {
            root,
            certificate,
            key,
        })
    }

    /// Its certificate: what every node of the cluster trusts.
    pub const fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// What a join token names.
    pub fn thumbprint(&self) -> KeyHash {
        thumbprint(&self.certificate)
    }

    /// The key in PKCS#8, to be sealed.
    pub fn key(&self) -> Zeroizing<Vec<u8>> {
        self.key.der()
    }
}

/// SHA-256 of a certificate.
pub fn thumbprint(certificate: &CertificateDer<'_>) -> KeyHash {
    KeyHash::new(sha256(certificate))
}

impl Issuer {
    /// Signs a certificate for a node's key, good from a day before `now`, for nodes whose clocks
    /// are behind. What comes back is the node's certificate and the issuer's.
    ///
    /// # Errors
    /// When the key is no key.
    pub fn issue(
        &self,
        node: NodeId,
        name: &NodeName,
        key: &PublicKey,
        now: Timestamp,
        life: Duration,
    ) -> Result<Vec<CertificateDer<'static>>, IdentityError> {
        let mut params = CertificateParams::new(vec![server_name(node)])?;
        params.distinguished_name = titled(name.as_str());
        good(&mut params, now, life);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let signer = rcgen::Issuer::new(authority(ISSUER, &self.key), self.key.pair());
        let certificate = params.signed_by(key, &signer)?.der().clone();
        Ok(vec![certificate, self.certificate.clone()])
    }

    /// The root's certificate.
    pub const fn root(&self) -> &CertificateDer<'static> {
        &self.root
    }

    /// What is kept of it.
    pub fn pem(&self) -> IssuerPem {
        let certificates = [&self.root, &self.certificate];
        IssuerPem {
            certificates: certificates.map(pem).concat(),
            key: self.key.pem(),
        }
    }

    /// Reads what [`Issuer::pem`] wrote.
    ///
    /// # Errors
    /// When a part is missing or unreadable.
    pub fn from_pem(certificates: &str, key: &str) -> Result<Self, IdentityError> {
        let read: Result<Vec<_>, _> =
            CertificateDer::pem_slice_iter(certificates.as_bytes()).collect();
        let [root, certificate] = <[_; 2]>::try_from(read.map_err(IdentityError::Pem)?)
            .map_err(|_| IdentityError::Chain)?;
        let key = NodeKey::from_pem(key)?;
        Ok(Self {
            root,
            certificate,
            key,
        })
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authority({})", self.thumbprint())
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Issuer({})", thumbprint(&self.certificate))
    }
}

fn authority(title: &str, key: &NodeKey) -> CertificateParams {
    let mut params = CertificateParams::default();
    // A name of its own for each, so that chains of two clusters are told apart.
    let hash = key.public().hash().to_string();
    params.distinguished_name = titled(&format!("{title} {}", &hash[..16]));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

/// Certificates count whole seconds.
fn good(params: &mut CertificateParams, now: Timestamp, life: Duration) {
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let now = Duration::from_secs(now.as_millis() / 1_000);
    params.not_before = epoch + now.saturating_sub(DAY);
    params.not_after = epoch + (now + life);
}

fn titled(name: &str) -> DistinguishedName {
    let mut title = DistinguishedName::new();
    title.push(DnType::CommonName, name);
    title.push(DnType::OrganizationName, "Holdfast");
    title
}
