//! Whatever QUIC and TLS leave to chance, in one place: drawn from the operating system, or all of
//! it from an [`Entropy`] that is handed in, so that the same draws make the same datagrams.
//!
//! rustls wants what it draws from for the length of the process; that of an entropy which is
//! handed in is never given back, a few hundred bytes for each endpoint.

mod exchange;
mod scalar;
mod signing;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::{hkdf, hmac};
use holdfast_actors::ports::{Clock, Entropy};
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{
    ClientConfig, ConnectionId, ConnectionIdGenerator, EndpointConfig, ServerConfig, TimeSource,
};
use rustls::crypto::{CryptoProvider, GetRandomFailed, SecureRandom, aws_lc_rs as crypto};

use exchange::Exchange;
use signing::Signing;

/// Bytes of the numbers that this node gives its connections, as quinn has it.
const NUMBER: usize = 8;
/// Bytes of the number by which a peer is dialled, as quinn has it.
const FIRST_NUMBER: usize = 20;

/// What chance is drawn from.
#[derive(Clone)]
pub(super) enum Chance {
    /// The operating system.
    System,
    /// Whoever made the ground.
    Made(Arc<dyn Entropy>),
}

impl Chance {
    /// The cryptography of TLS.
    pub(super) fn provider(&self) -> Arc<CryptoProvider> {
        let provider = crypto::default_provider();
        let Self::Made(entropy) = self else {
            return Arc::new(provider);
        };
        let drawn: &'static Drawn = Box::leak(Box::new(Drawn(Arc::clone(entropy))));
        let exchange: &'static Exchange = Box::leak(Box::new(Exchange(drawn)));
        Arc::new(CryptoProvider {
            secure_random: drawn,
            kx_groups: vec![exchange],
            key_provider: &Signing,
            ..provider
        })
    }

    /// Configures the endpoint.
    pub(super) fn endpoint(&self) -> EndpointConfig {
        let Self::Made(entropy) = self else {
            return EndpointConfig::default();
        };
        let key = hmac::Key::new(hmac::HMAC_SHA256, &draw::<64>(entropy));
        let mut config = EndpointConfig::new(Arc::new(key));
        let numbers = Arc::clone(entropy);
        config
            .rng_seed(Some(draw(entropy)))
            .cid_generator(move || Box::new(Numbers(Arc::clone(&numbers))));
        config
    }

    /// Configures the side that is dialled. How old a token is goes by the node's clock.
    pub(super) fn server(&self, tls: Arc<QuicServerConfig>, clock: Arc<dyn Clock>) -> ServerConfig {
        let mut config = match self {
            Self::System => ServerConfig::with_crypto(tls),
            Self::Made(entropy) => {
                let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]);
                ServerConfig::new(tls, Arc::new(salt.extract(&draw::<64>(entropy))))
            }
        };
        config.time_source(Arc::new(Wall(clock)));
        config
    }

    /// Configures the side that dials.
    pub(super) fn client(&self, tls: Arc<QuicClientConfig>) -> ClientConfig {
        let mut config = ClientConfig::new(tls);
        if let Self::Made(_) = self {
            let chance = self.clone();
            config.initial_dst_cid_provider(Arc::new(move || chance.number(FIRST_NUMBER)));
        }
        config
    }

    /// A number for a connection; of at most 20 bytes.
    pub(super) fn number(&self, length: usize) -> ConnectionId {
        let mut bytes = [0; FIRST_NUMBER];
        let bytes = &mut bytes[..length.min(FIRST_NUMBER)];
        match self {
            Self::System if aws_lc_rs::rand::fill(bytes).is_err() => {
                tracing::warn!("no chance to be had for the number of a connection");
            }
            Self::System => {}
            Self::Made(entropy) => entropy.fill(bytes),
        }
        ConnectionId::new(bytes)
    }
}

fn draw<const LENGTH: usize>(entropy: &Arc<dyn Entropy>) -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    entropy.fill(&mut bytes);
    bytes
}

/// What TLS draws.
struct Drawn(Arc<dyn Entropy>);

impl fmt::Debug for Drawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Drawn")
    }
}

impl SecureRandom for Drawn {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), GetRandomFailed> {
        self.0.fill(bytes);
        Ok(())
    }
}

/// Numbers for the connections of this node.
struct Numbers(Arc<dyn Entropy>);

impl ConnectionIdGenerator for Numbers {
    fn generate_cid(&mut self) -> ConnectionId {
        ConnectionId::new(&draw::<NUMBER>(&self.0))
    }

    fn cid_len(&self) -> usize {
        NUMBER
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}

/// The node's clock as quinn reads it.
struct Wall(Arc<dyn Clock>);

impl TimeSource for Wall {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.0.now().wall.as_millis())
    }
}
