//! One life's end of the network for datagrams, and where each node is.

use std::net::{Ipv4Addr, SocketAddr};
use std::task::{Context, Poll};

use bytes::Bytes;
use holdfast_actors::kernel::NodeId;
use holdfast_cluster::quic;

use super::Network;
use crate::timepiece::Timepiece;

const PORT: u16 = 7_443;

/// The network as one life of a node sees it.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) network: Network,
    pub(super) node: NodeId,
    pub(super) life: u64,
    pub(super) time: Timepiece,
}

/// Where a node of a number below 2^24 is, in every life.
pub(crate) fn address(node: NodeId) -> SocketAddr {
    let [.., high, middle, low] = node.raw().to_be_bytes();
    SocketAddr::from((Ipv4Addr::new(10, high, middle, low), PORT))
}

/// Who is at an address; nobody at one that is not of this network.
fn node_at(address: SocketAddr) -> Option<NodeId> {
    let SocketAddr::V4(v4) = address else {
        return None;
    };
    let [net, high, middle, low] = v4.ip().octets();
    let number = u64::from(u32::from_be_bytes([0, high, middle, low]));
    (net == 10 && v4.port() == PORT).then(|| NodeId::new(number))
}

impl quic::Datagrams for Socket {
    fn address(&self) -> SocketAddr {
        address(self.node)
    }

    fn send(&self, to: SocketAddr, datagram: &[u8]) {
        let mut state = self.network.state();
        if let Some(to) = node_at(to)
            && state.is_alive(self.node, self.life)
        {
            let body = Bytes::copy_from_slice(datagram);
            state.post(self.node, to, body, self.time.world());
        }
    }

    fn poll_receive(&self, context: &mut Context<'_>) -> Poll<(SocketAddr, Bytes)> {
        let mut state = self.network.state();
        if !state.is_alive(self.node, self.life) {
            return Poll::Pending;
        }
        match state.fetch(self.node, context.waker()) {
            Some((from, body)) => Poll::Ready((address(from), body)),
            None => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_node_has_an_address_of_its_own() {
        for number in [1, 255, 256, 70_000] {
            let node = NodeId::new(number);
            assert_eq!(node_at(address(node)), Some(node));
        }
        assert_eq!(node_at(([192, 0, 2, 1], PORT).into()), None);
        assert_eq!(node_at(([10, 0, 0, 1], 53).into()), None);
    }
}
