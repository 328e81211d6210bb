//! X25519 whose secrets are drawn from what is handed in.

use aws_lc_rs::agreement::{PrivateKey, PublicKey, UnparsedPublicKey, X25519, agree};
use rustls::crypto::{ActiveKeyExchange, SecureRandom as _, SharedSecret, SupportedKxGroup};
use rustls::{Error, NamedGroup, PeerMisbehaved};

use super::Drawn;

/// Agrees on keys.
#[derive(Debug)]
pub(super) struct Exchange(pub(super) &'static Drawn);

/// One agreement that is under way.
struct Active {
    secret: PrivateKey,
    public: PublicKey,
}

impl SupportedKxGroup for Exchange {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let mut bytes = [0; 32];
        self.0.fill(&mut bytes)?;
        let unusable = |what: &dyn ToString| Error::General(what.to_string());
        let secret = PrivateKey::from_private_key(&X25519, &bytes);
        let secret = secret.map_err(|error| unusable(&error))?;
        let public = secret.compute_public_key();
        let public = public.map_err(|error| unusable(&error))?;
        Ok(Box::new(Active { secret, public }))
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

impl ActiveKeyExchange for Active {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        let peer = UnparsedPublicKey::new(&X25519, peer);
        let wrong = Error::from(PeerMisbehaved::InvalidKeyShare);
        agree(&self.secret, peer, wrong, |secret| Ok(secret.into()))
    }

    fn pub_key(&self) -> &[u8] {
        self.public.as_ref()
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}
