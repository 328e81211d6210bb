//! Two links over one: each frame says for which of them it is.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use holdfast_actors::kernel::NodeId;
use holdfast_actors::ports::{Arrival, Link, Pending, Unsent};
use tokio::sync::{Mutex, mpsc};

/// One of the two.
struct Half {
    link: Arc<dyn Link>,
    class: u8,
    arrivals: Arc<Mutex<mpsc::UnboundedReceiver<Arrival>>>,
}

/// Makes two links of one, and what must run so that anything arrives on them.
pub(super) fn split(link: Arc<dyn Link>) -> ([Arc<dyn Link>; 2], impl Future<Output = ()>) {
    let (first, one) = mpsc::unbounded_channel();
    let (second, other) = mpsc::unbounded_channel();
    let halves = [one, other].map(|arrivals| Arc::new(Mutex::new(arrivals)));
    let mut classes = 0..;
    let halves = halves.map(|arrivals| {
        Arc::new(Half {
            link: Arc::clone(&link),
            class: classes.next().unwrap_or_default(),
            arrivals,
        }) as Arc<dyn Link>
    });
    let pump = async move {
        let ways = [first, second];
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
    (halves, pump)
}

impl Link for Half {
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
