//! Who a node is: the cluster's authority, a node's key and certificate, and how one joins.
//!
//! The cluster's root signs an issuer, and the issuer the nodes' certificates. The root's key is
//! sealed to the operator's passphrase and needed only to replace the issuer; the issuer's key lies
//! open on nodes that admit others, so that certificates are renewed while the operator sleeps. Who
//! steals it can admit nobody: a peer speaks only if its key stands in the node table, and rows of
//! that change by commands of the cluster alone.

mod authority;
mod certificate;
mod folder;
mod key;
mod parcel;
pub mod renewal;
mod renewing;
mod sealed;
mod token;

pub use authority::{Authority, Issuer, IssuerPem, NODE_LIFE, thumbprint};
pub(crate) use certificate::node_called;
pub use certificate::{IdentityError, NodeCertificate, server_name};
pub use folder::{Folder, FolderError, JOINING, Unfit};
pub use key::{KeyHash, NodeKey, PublicKey};
pub use parcel::{ParcelError, pack, unpack};
pub use renewing::{Parts as RenewalParts, SERVICE as RENEWAL, Signer, start as renew};
pub use sealed::{PASSPHRASE_MIN, SealError, Sealed};
pub use token::{
    ADDRESSES_MAX as TOKEN_ADDRESSES_MAX, JoinToken, Secret, TokenError, TokenHash, token_id,
};
