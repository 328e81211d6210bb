//! Several links over one: each frame says for which of them it is.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use holdfast_actors::kernel::NodeId;
use holdfast_actors::ports::{Arrival, Link, Pending, Unsent};
use tokio::sync::{Mutex, mpsc};

/// One of them.
struct Part {
    link: Arc<dyn Link>,
    class: u8,
    arrivals: Arc<Mutex<mpsc::UnboundedReceiver<Arrival>>>,
}

/// Makes so many links of one, and what must run so that anything arrives on them.
pub(super) fn split<const N: usize>(
    link: Arc<dyn Link>,
) -> ([Arc<dyn Link>; N], impl Future<Output = ()>) {
    let mut ways = Vec::with_capacity(N);
    let parts = [(); N].map(|()| {
        let (way, arrivals) = mpsc::unbounded_channel();
        ways.push(way);
        Arc::new(Mutex::new(arrivals))
    });
    let mut classes = 0..;
    let parts = parts.map(|arrivals| {
        Arc::new(Part {
            link: Arc::clone(&link),
            class: classes.next().unwrap_or_default(),
            arrivals,
        }) as Arc<dyn Link>
    });
    let pump = async move {
        while let Some(arrival) = link.receive().await {
            match arrival {
                Arrival::Frame { from, mut body } => {
                    let class = body.split_to(1)[0];
                    if let Some(way) = ways.get(usize::from(class)) {
                        // Nobody listens any more where a node is ending.
                        let _ = way.send(Arrival::Frame { from, body });
                    }
                }
                news @ (Arrival::Down(_) | Arrival::Room(_)) => {
                    for way in &ways {
                        let _ = way.send(news.clone());
                    }
                }
            }
        }
    };
    (parts, pump)
}

impl Link for Part {
    fn node(&self) -> NodeId {
        self.link.node()
    }

    fn send(&self, to: NodeId, frame: Bytes) -> Result<(), Unsent> {
        let mut marked = BytesMut::with_capacity(frame.len() + 1);
        marked.put_u8(self.class);
        marked.put_slice(&frame);
        self.link.send(to, marked.freeze())
    }

    fn receive(&self) -> Pending<Option<Arrival>> {
        let arrivals = Arc::clone(&self.arrivals);
        Box::pin(async move { arrivals.lock().await.recv().await })
    }
}
