//! How a node joins: over the network, from a token that an operator carried.
//!
//! The newcomer has no certificate yet. It dials an address of the token under a protocol name of
//! its own ([`ALPN`]), and believes whoever answers only if he shows a chain to the one root whose
//! thumbprint the token has. Then it sends a [`Petition`]: the token's secret, what it wants to be,
//! and a signature by its key over that and over this very TLS session, so that nobody passes on
//! what another said. The member has the catalog decide, signs the newcomer's certificate, and
//! sends it back with the root and the node table: an [`Answer`]. The same petition again, after an
//! answer that was lost, is answered with the same number.
//!
//! Every node that joins gets the issuer, too. Otherwise the loss of the founder would end joining
//! and, three months later, all certificates. Who steals an issuer lets nobody in: peers go by the
//! node table, and that changes by commands of the catalog alone.

mod answer;
mod newcomer;
mod petition;
mod usher;

use holdfast_actors::ports::Pending;

pub use answer::{ANSWER_MAX, Admitted, Answer, BadAnswer};
pub use newcomer::{JoinError, Newcomer, Welcome};
pub use petition::{BadPetition, Binding, PETITION_MAX, Petition};
pub use usher::Usher;

/// The protocol of joining; of another major version it is another.
pub const ALPN: &[u8] = b"holdfast-join/1";
/// What the signature of a petition is bound to is drawn from the TLS session under this label.
pub(crate) const EXPORTER: &[u8] = b"EXPORTER-holdfast-join-1";

/// Who lets newcomers in, on a node that may.
pub trait Admits: Send + Sync + 'static {
    /// Decides about a newcomer that has proved that the key is its own. The same petition may come
    /// again.
    fn admit(&self, petition: Petition) -> Pending<Answer>;
}
