//! The first node of a cluster: the root under the operator's passphrase, the issuer, and the
//! node's own certificate.

use std::path::Path;

use holdfast_actors::kernel::{NodeId, Timestamp};
use holdfast_actors::ports::Entropy;
use holdfast_cluster::identity::{
    Authority, Folder, FolderError, IdentityError, KeyHash, NODE_LIFE, NodeCertificate, NodeKey,
    SealError, Sealed,
};

use crate::home::Membership;

/// The number of the node that founds a cluster.
pub(super) const FIRST: NodeId = NodeId::new(1);

/// Why there is no cluster.
#[derive(Debug, thiserror::Error)]
pub(super) enum FoundingError {
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error(transparent)]
    Folder(#[from] FolderError),
}

/// A new cluster's secrets, not yet kept.
pub(super) struct Founding {
    root: Authority,
    sealed: Sealed,
}

impl Founding {
    /// Makes the root of a new cluster.
    pub(super) fn new(
        passphrase: &str,
        now: Timestamp,
        chance: &dyn Entropy,
    ) -> Result<Self, FoundingError> {
        let root = Authority::found(now)?;
        let sealed = Sealed::seal(&root.key(), passphrase, chance)?;
        Ok(Self { root, sealed })
    }

    /// By what the cluster is known.
    pub(super) fn thumbprint(&self) -> KeyHash {
        self.root.thumbprint()
    }

    /// Writes the first node's identity into its folder. The root's open key ends here.
    pub(super) fn keep(
        self,
        path: &Path,
        membership: &Membership,
        now: Timestamp,
    ) -> Result<(), FoundingError> {
        let folder = Folder::open(path)?;
        folder.keep_root(&self.sealed)?;
        let issuer = self.root.issuer(now)?;
        folder.keep_issuer(&issuer)?;
        let key = NodeKey::generate()?;
        let (node, name) = (membership.node, &membership.name);
        let chain = issuer.issue(node, name, key.public(), now, NODE_LIFE)?;
        let certificate = NodeCertificate::new(chain, issuer.root().clone(), key)?;
        Ok(folder.keep_node(&certificate)?)
    }
}
