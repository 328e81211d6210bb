//! The side that wants to be in.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use holdfast_actors::kernel::{NodeId, NodeName};
use holdfast_actors::ports::Clock;
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Connection, Endpoint, IdleTimeout, TransportConfig, VarInt};
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::version::TLS13;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio::time::timeout;

use super::answer::{ANSWER_MAX, Admitted, Answer, BadAnswer};
use super::petition::Petition;
use super::{ALPN, EXPORTER};
use crate::identity::thumbprint;
use crate::identity::{IdentityError, Issuer, JoinToken, KeyHash, NodeCertificate, NodeKey};
use crate::nodes::Node;
use crate::quic::Wall;

/// How long one address has to answer.
const CONNECT: Duration = Duration::from_secs(3);
/// How long the member has to decide; longer than it takes itself.
const ANSWER: Duration = Duration::from_secs(25);
const KEEP_ALIVE: Duration = Duration::from_millis(100);
const IDLE: Duration = Duration::from_secs(5);
/// What is asked for in TLS: any node of the cluster will do.
const ANYBODY: &str = "join.holdfast";

/// A node that wants to be in.
pub struct Newcomer {
    /// What the operator carried.
    pub token: JoinToken,
    /// Its key, the same in each attempt.
    pub key: NodeKey,
    /// How it wants to be called.
    pub name: NodeName,
    /// Where the others reach it, best first.
    pub addresses: Vec<SocketAddr>,
    /// What it does.
    pub roles: BTreeSet<String>,
    /// What fails together with it.
    pub zone: String,
    /// By which certificates are judged.
    pub clock: Arc<dyn Clock>,
}

impl fmt::Debug for Newcomer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Newcomer({})", self.name)
    }
}

/// What a node has that was let in.
#[derive(Debug)]
pub struct Welcome {
    /// Its number.
    pub node: NodeId,
    /// Its certificate, with the key.
    pub certificate: NodeCertificate,
    /// With which it lets others in.
    pub issuer: Option<Arc<Issuer>>,
    /// All the other nodes.
    pub nodes: Vec<(NodeId, Node)>,
}

/// Why a node is not in.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// The cluster says no.
    #[error("{sentence}")]
    Refused {
        /// The word for programs, as the catalog's refusals have them; `unavailable` and `busy` for
        /// what may do later.
        reason: String,
        /// Why, in a sentence.
        sentence: String,
    },
    /// No node answers where the token says.
    #[error("no node of the cluster answers at {address}: {cause}")]
    Unreachable {
        /// The last that was tried.
        address: SocketAddr,
        /// What happened.
        cause: String,
        /// Whether it had the petition by then: the cluster may have let the node in.
        asked: bool,
    },
    /// Another cluster, or somebody else, listens there.
    #[error("who answers at {0} is not of the cluster that made the join token")]
    Stranger(SocketAddr),
    /// The answer makes no sense.
    #[error(transparent)]
    Answer(#[from] BadAnswer),
    /// The certificate that came back is not for this key, or not by the token's root.
    #[error("the certificate that came back cannot be used")]
    Identity(#[from] IdentityError),
    /// This machine has no socket for it.
    #[error("no UDP socket can be opened")]
    Socket(#[from] io::Error),
}

impl JoinError {
    /// Whether the cluster may have let the node in, or will when it is asked again.
    pub fn is_doubtful(&self) -> bool {
        match self {
            Self::Unreachable { asked, .. } => *asked,
            Self::Refused { .. } => self.is_local(),
            Self::Answer(_) | Self::Identity(_) => true,
            Self::Stranger(_) | Self::Socket(_) => false,
        }
    }

    /// Whether another node of the cluster may do better.
    fn is_local(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Stranger(_) => true,
            Self::Refused { reason, .. } => {
                matches!(reason.as_str(), "unavailable" | "busy" | "failed")
            }
            Self::Answer(_) | Self::Identity(_) | Self::Socket(_) => false,
        }
    }
}

impl Newcomer {
    /// Asks at the token's addresses, one after the other, to be let in. What is asked for again
    /// with the same token and key is answered as before. Must be called inside of a tokio runtime.
    ///
    /// # Errors
    /// When the cluster refuses, or no node of it answers; nothing is kept then.
    pub async fn join(self) -> Result<Welcome, JoinError> {
        let mut last = None;
        for address in self.token.addresses.clone() {
            match self.ask(address).await {
                Ok(admitted) => return self.take(admitted),
                // That it may be in already is the more telling of two failures.
                Err(error) if error.is_local() => {
                    last = last.filter(JoinError::is_doubtful).or(Some(error));
                }
                Err(error) => return Err(error),
            }
        }
        Err(last.unwrap_or(JoinError::Identity(IdentityError::Chain)))
    }

    async fn ask(&self, address: SocketAddr) -> Result<Admitted, JoinError> {
        let any: SocketAddr = if address.is_ipv4() {
            (Ipv4Addr::UNSPECIFIED, 0).into()
        } else {
            (Ipv6Addr::UNSPECIFIED, 0).into()
        };
        let endpoint = Endpoint::client(any)?;
        let missed = |asked: bool, cause: String| JoinError::Unreachable {
            address,
            cause,
            asked,
        };
        let unreachable = |cause: String| missed(false, cause);
        let config = self.client()?;
        let connecting = endpoint.connect_with(config, address, ANYBODY);
        let connecting = connecting.map_err(|error| unreachable(error.to_string()))?;
        let connection = match timeout(CONNECT, connecting).await {
            Ok(Ok(connection)) => connection,
            Ok(Err(error)) => {
                let told = error.to_string();
                return Err(if told.contains("UnknownIssuer") {
                    JoinError::Stranger(address)
                } else {
                    unreachable(words(&told))
                });
            }
            Err(_) => return Err(unreachable("no answer in time".to_owned())),
        };
        let answered = timeout(ANSWER, self.converse(&connection)).await;
        connection.close(VarInt::from_u32(0), b"thank you");
        endpoint.wait_idle().await;
        match answered {
            Ok(Ok(bytes)) => match Answer::decode(&bytes)? {
                Answer::Admitted(admitted) => Ok(*admitted),
                Answer::Refused { reason, sentence } => {
                    Err(JoinError::Refused { reason, sentence })
                }
            },
            Ok(Err(Spoken::Identity(error))) => Err(error.into()),
            Ok(Err(Spoken::Lost(cause))) => Err(missed(true, cause)),
            Err(_) => Err(missed(true, "no answer in time".to_owned())),
        }
    }

    /// Sends the petition, and hears the answer.
    async fn converse(&self, connection: &Connection) -> Result<Vec<u8>, Spoken> {
        let mut binding = [0; 32];
        let bound = connection.export_keying_material(&mut binding, EXPORTER, b"");
        bound.map_err(|_| Spoken::Lost("the session has no key".to_owned()))?;
        let petition = Petition {
            secret: self.token.secret.clone(),
            name: self.name.clone(),
            key: *self.key.public(),
            addresses: self.addresses.clone(),
            roles: self.roles.clone(),
            zone: self.zone.clone(),
        };
        let signed = petition
            .sign(&self.key, &binding)
            .map_err(Spoken::Identity)?;
        let lost = |error: &dyn fmt::Display| Spoken::Lost(error.to_string());
        let mut send = connection.open_uni().await.map_err(|it| lost(&it))?;
        send.write_all(&signed).await.map_err(|it| lost(&it))?;
        send.finish().map_err(|it| lost(&it))?;
        let mut receive = connection.accept_uni().await.map_err(|it| lost(&it))?;
        receive
            .read_to_end(ANSWER_MAX)
            .await
            .map_err(|it| lost(&it))
    }

    /// Checks what came back.
    fn take(self, admitted: Admitted) -> Result<Welcome, JoinError> {
        let Admitted {
            node,
            chain,
            root,
            issuer,
            nodes,
        } = admitted;
        let ours = |root: &CertificateDer<'_>| thumbprint(root) == self.token.root;
        if !ours(&root) || issuer.as_ref().is_some_and(|issuer| !ours(issuer.root())) {
            return Err(IdentityError::Chain.into());
        }
        let certificate = NodeCertificate::new(chain, root, self.key)?;
        Ok(Welcome {
            node,
            certificate,
            issuer,
            nodes,
        })
    }

    fn client(&self) -> Result<ClientConfig, IdentityError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = Arc::new(Pinned {
            root: self.token.root,
            provider: Arc::clone(&provider),
        });
        let wall = Arc::new(Wall(Arc::clone(&self.clock)));
        let mut client = rustls::ClientConfig::builder_with_details(provider, wall)
            .with_protocol_versions(&[&TLS13])
            .map_err(IdentityError::Unusable)?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        client.alpn_protocols = vec![ALPN.to_vec()];
        client.resumption = Resumption::disabled();
        let client = QuicClientConfig::try_from(client).map_err(|_| IdentityError::Chain)?;
        let mut transport = TransportConfig::default();
        transport
            .max_concurrent_uni_streams(VarInt::from_u32(1))
            .max_concurrent_bidi_streams(VarInt::from_u32(0))
            .keep_alive_interval(Some(KEEP_ALIVE))
            .max_idle_timeout(IdleTimeout::try_from(IDLE).ok());
        let mut config = ClientConfig::new(Arc::new(client));
        config.transport_config(Arc::new(transport));
        Ok(config)
    }
}

/// Why there is no answer.
enum Spoken {
    Identity(IdentityError),
    Lost(String),
}

/// What TLS says, in the words of this trade.
fn words(said: &str) -> String {
    if said.contains("error 120") {
        "it lets no nodes in".to_owned()
    } else {
        said.to_owned()
    }
}

/// Believes any node with a chain to the one root.
#[derive(Debug)]
struct Pinned {
    root: KeyHash,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        // Members show their root to newcomers, behind the chain.
        let pinned = intermediates.split_last();
        let pinned = pinned.filter(|(root, _)| thumbprint(root) == self.root);
        let stranger = Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let (root, intermediates) = pinned.ok_or(stranger)?;
        let mut roots = RootCertStore::empty();
        roots.add(root.clone().into_owned())?;
        rustls::client::verify_server_cert_signed_by_trust_anchor(
            &ParsedCertificate::try_from(end_entity)?,
            &roots,
            intermediates,
            now,
            self.provider.signature_verification_algorithms.all,
        )?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}
