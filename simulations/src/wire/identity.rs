//! Who the simulated nodes are: certificates that were made once, by the code that makes those of
//! production. Signing one takes a number from the operating system, so none is made in a run.

use std::sync::Arc;

use holdfast_actors::kernel::{NodeId, Timestamp};
use holdfast_cluster::identity::{IdentityError, NodeCertificate};
use holdfast_cluster::nodes::{Node, Nodes};

use crate::network::address;

/// Nodes that have a certificate.
pub(crate) const NODES_MAX: u32 = 8;
/// What wall clocks show at first: the certificates are good then, and for a hundred years.
pub(super) const WALL: Timestamp = Timestamp::from_millis(1_767_225_600_000);

const TEXT: &str = include_str!("identities.pem");
/// With what a node's part of the text ends.
const END: &str = "-----END PRIVATE KEY-----\n";

/// The certificate of a node.
pub(super) fn certificate(node: NodeId) -> Result<NodeCertificate, IdentityError> {
    let number = usize::try_from(node.raw()).unwrap_or(usize::MAX);
    let mut parts = TEXT.split_inclusive(END);
    let part = parts.nth(number.wrapping_sub(1));
    NodeCertificate::from_pem(part.ok_or(IdentityError::Chain)?)
}

/// The table of these nodes.
pub(super) fn table(nodes: &[NodeId]) -> Result<Arc<Nodes>, IdentityError> {
    let row = |node: &NodeId| {
        let key = certificate(*node)?.hash();
        let addresses = vec![address(*node)];
        Ok((*node, Node { key, addresses }))
    };
    let rows: Result<Nodes, IdentityError> = nodes.iter().map(row).collect();
    rows.map(Arc::new)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use holdfast_actors::kernel::NodeName;
    use holdfast_cluster::identity::{Authority, NodeKey};

    use super::*;
    use crate::fleet::member;

    const CENTURY: Duration = Duration::from_secs(86_400 * 365 * 100);

    /// Made anew with `HOLDFAST_MAKE_IDENTITIES=1`; all traces of the second tier change then.
    fn make() {
        let authority = Authority::found(WALL).unwrap();
        let issuer = authority.issuer(WALL).unwrap();
        let one = |number: u32| {
            let (node, key) = (member(number), NodeKey::generate().unwrap());
            let name = NodeName::parse(&format!("n{number}")).unwrap();
            let chain = issuer.issue(node, &name, key.public(), WALL, CENTURY);
            let root = issuer.root().clone();
            let made = NodeCertificate::new(chain.unwrap(), root, key).unwrap();
            made.pem().to_string()
        };
        let text: String = (0..NODES_MAX).map(one).collect();
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/wire/identities.pem");
        std::fs::write(file, text).unwrap();
    }

    #[test]
    fn every_node_has_a_certificate_that_is_good_in_every_run() {
        if std::env::var_os("HOLDFAST_MAKE_IDENTITIES").is_some() {
            return make();
        }
        let nodes: Vec<NodeId> = (0..NODES_MAX).map(member).collect();
        let table = table(&nodes).unwrap();
        for node in &nodes {
            let certificate = certificate(*node).unwrap();
            assert!(table.admits(*node, &certificate.hash()));
            assert!(certificate.since() < WALL && WALL + CENTURY <= certificate.until());
        }
        assert!(certificate(member(NODES_MAX)).is_err());
        assert!(certificate(NodeId::new(0)).is_err());
    }
}
