//! Streams to other nodes that have carried a request and wait for the next.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use holdfast_actors::kernel::NodeId;
use holdfast_cluster::quic::Streams;
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::time::interval;

use super::super::connection::READ_MAX;
use super::super::crew::Crew;
use super::hold::Fate;
use super::passing::Passing;

/// Streams to one node that may wait; the oldest is closed for one more.
const IDLE_MAX: usize = 32;
/// How often those that wait are looked at.
const LOOK: Duration = Duration::from_secs(15);
/// One that has waited for more looks than these is closed: after 30 to 45 s, and before its other
/// end closes it ([`Limits::head`](super::super::Limits::head)), so that no request meets a closed
/// one.
const LOOKS: u32 = 2;

type Sender = SendRequest<Passing>;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Lost {
    /// It is no request that a node could answer.
    #[error("it cannot be forwarded")]
    Malformed,
    /// No stream to the node.
    #[error(transparent)]
    Stream(#[from] io::Error),
    /// The stream ended before an answer came.
    #[error(transparent)]
    Request(#[from] hyper::Error),
    /// Its tenant is not there any more.
    #[error("it is served elsewhere by now")]
    Moved,
}

impl Lost {
    /// What is known of the request.
    pub(super) const fn fate(&self) -> Fate {
        match self {
            Self::Malformed | Self::Stream(_) => Fate::Undone,
            Self::Request(_) | Self::Moved => Fate::Unknown,
        }
    }
}

/// The streams that wait, and the tasks of all streams. Dropping it cuts them.
pub(super) struct Pool {
    waiting: Mutex<BTreeMap<NodeId, Vec<Waiting>>>,
    crew: Crew,
}

struct Waiting {
    sender: Sender,
    looks: u32,
}

/// A stream that carries a request.
pub(super) struct Lease {
    sender: Sender,
    node: NodeId,
    pool: Weak<Pool>,
}

impl Lease {
    /// The answer has ended: the stream may carry another request.
    pub(super) fn give_back(self) {
        if let Some(pool) = self.pool.upgrade() {
            pool.keep(self.node, self.sender);
        }
    }
}

impl Pool {
    /// An empty pool, which looks after itself.
    pub(super) fn start() -> Arc<Self> {
        let pool = Arc::new(Self {
            waiting: Mutex::default(),
            crew: Crew::default(),
        });
        let looked_after = Arc::downgrade(&pool);
        pool.crew.spawn(async move {
            let mut ticks = interval(LOOK);
            loop {
                ticks.tick().await;
                let Some(pool) = looked_after.upgrade() else {
                    return;
                };
                pool.look();
            }
        });
        pool
    }

    /// Sends a request on a stream that waits, or on a new one, and says what was answered.
    pub(super) async fn send(
        self: &Arc<Self>,
        node: NodeId,
        mut request: Request<Passing>,
        streams: &Streams,
    ) -> Result<(Response<Incoming>, Lease), Lost> {
        Passing::heed(&mut request);
        if let Some(mut sender) = self.take(node) {
            match sender.try_send_request(request).await {
                Ok(answer) => return Ok((answer, self.lease(node, sender))),
                // It has closed, and nothing of the request was sent.
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(error.into_error().into()),
                },
            }
        }
        let stream = streams.open(node).await?;
        let (mut sender, connection) = Builder::new()
            .max_buf_size(READ_MAX)
            .handshake(TokioIo::new(stream))
            .await?;
        self.crew.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%node, %error, "a stream of requests ended early");
            }
        });
        let answer = sender.send_request(request).await?;
        Ok((answer, self.lease(node, sender)))
    }

    fn lease(self: &Arc<Self>, node: NodeId, sender: Sender) -> Lease {
        let pool = Arc::downgrade(self);
        Lease { sender, node, pool }
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeMap<NodeId, Vec<Waiting>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The stream that waits for the shortest time, of those that are ready.
    fn take(&self, node: NodeId) -> Option<Sender> {
        let mut waiting = self.waiting();
        let here = waiting.get_mut(&node)?;
        here.retain(|one| !one.sender.is_closed());
        let ready = here.iter().rposition(|one| one.sender.is_ready())?;
        Some(here.remove(ready).sender)
    }

    fn keep(&self, node: NodeId, sender: Sender) {
        if sender.is_closed() {
            return;
        }
        let mut waiting = self.waiting();
        let here = waiting.entry(node).or_default();
        here.push(Waiting { sender, looks: 0 });
        if here.len() > IDLE_MAX {
            here.remove(0);
        }
    }

    /// Closes those that have waited long enough.
    fn look(&self) {
        let mut waiting = self.waiting();
        for here in waiting.values_mut() {
            here.iter_mut().for_each(|one| one.looks += 1);
            here.retain(|one| one.looks <= LOOKS && !one.sender.is_closed());
        }
        waiting.retain(|_, here| !here.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::super::super::answer::Outgoing;
    use super::super::Relayed;
    use super::*;

    const NODE: NodeId = NodeId::new(2);
    const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n";

    /// An answer that begins so, and the end of the node that gives it.
    async fn answered(pool: &Arc<Pool>) -> (Outgoing, tokio::io::DuplexStream) {
        let (here, mut there) = tokio::io::duplex(1 << 16);
        let (mut sender, connection) = Builder::new().handshake(TokioIo::new(here)).await.unwrap();
        pool.crew.spawn(async move { drop(connection.await) });
        let (answer, ()) =
            tokio::join!(sender.send_request(Request::new(Passing::none())), async {
                there.read_exact(&mut [0; 18]).await.unwrap();
                there.write_all(HEAD).await.unwrap();
            });
        let lease = pool.lease(NODE, sender);
        let body = Relayed::new(answer.unwrap().into_body(), lease);
        (Outgoing::relayed(body), there)
    }

    #[tokio::test]
    async fn a_body_that_is_cut_is_an_error_and_never_an_end() {
        let pool = Pool::start();
        let (mut body, there) = answered(&pool).await;
        assert_eq!(
            body.frame().await.unwrap().unwrap().into_data().unwrap(),
            "hello"
        );
        drop(there);
        assert!(body.frame().await.unwrap().is_err());
        assert!(pool.waiting().is_empty());
    }

    #[tokio::test]
    async fn a_stream_whose_answer_has_ended_waits_for_another_for_a_while() {
        let pool = Pool::start();
        let (mut body, mut there) = answered(&pool).await;
        assert!(pool.take(NODE).is_none(), "it is in use");
        there.write_all(b"0\r\n\r\n").await.unwrap();
        while let Some(frame) = body.frame().await {
            frame.unwrap();
        }
        assert!(pool.take(NodeId::new(3)).is_none(), "it is another node's");
        // The connection learns of the end in its own task.
        let sender = loop {
            match pool.take(NODE) {
                Some(sender) => break sender,
                None => tokio::task::yield_now().await,
            }
        };
        pool.keep(NODE, sender);
        pool.look();
        pool.look();
        assert_eq!(pool.waiting().len(), 1);
        pool.look();
        assert!(pool.waiting().is_empty());
        assert_eq!(there.read(&mut [0; 8]).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn an_answer_that_nobody_reads_to_its_end_costs_its_stream() {
        let pool = Pool::start();
        let (body, mut there) = answered(&pool).await;
        drop(body);
        assert!(pool.waiting().is_empty());
        assert_eq!(there.read(&mut [0; 8]).await.unwrap(), 0);
    }
}
