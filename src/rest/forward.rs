//! Requests for a tenant who is at home on another node: they are sent there, and the client does
//! not notice. Any node takes any tenant, and no client ever learns a second address.
//!
//! ```text
//!  client ── TLS, HTTP/1.1 or 2 ──▶ face of node A, the gateway
//!                                    who asks? Basic, the name alone ── Router ──▶ Way
//!                                    ├─ Here      handled by A's own service
//!                                    ├─ Nowhere   503: no node can serve it now
//!                                    └─ Node(B)   head cleaned, origin added, body as it comes
//!                                         │
//!                              HTTP/1.1 on a stream between nodes (QUIC, both sides known)
//!                                         ▼
//!                                   face of node B, the owner, a connection like others
//!                                    its own Router ──▶ Here: handled by B's service
//!                                                   └─▶ anything else: 503, sent nowhere again
//! ```
//!
//! - The gateway checks no password and reads no body. It holds what windows hold: of each request
//!   half a MiB a way on the stream, and what the client's connection holds.
//! - The owner goes by what the gateway says of the client ([`origin`]) because a node says it: the
//!   same words from a client are dropped, and on a client's connection they mean nothing.
//! - While a tenant has no home, or its home cannot be reached or does not serve it yet or any
//!   more, the gateway waits for another and tries again (`hold`): a body goes only once the
//!   owner asks for it, so until then nothing is lost. After some seconds the client gets 503.
//! - An owner that is lost later costs the request: 503 if it has not answered, and in the middle
//!   of an answer the client's connection is cut, so that no part is taken for the whole.
//! - Without a majority of the nodes no lease of an owner runs, and an owner without one answers
//!   nothing, not even what it could read: another may have taken over and changed it. Whoever may
//!   only read is shown, some seconds later, what the gateway itself [recalls](recall); all others
//!   are refused within the 1.5 s of a lease, and the refusal names the cause.
//! - Whether a tenant may come by a gateway the owner decides, which knows who it is: a stranger
//!   learns from no gateway whose it is.
//! - Two nodes that do not agree on where a tenant is (one knows older rows) refuse for that
//!   moment; a request passes one gateway at most.
//! - One stream carries one request at a time and then the next, of whichever client. Streams that
//!   wait are bounded and closed after a while.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use holdfast_actors::catalog::rows::{Rows, Way};
use holdfast_actors::kernel::NodeId;
use holdfast_actors::ports::{Clock, Pending};
use holdfast_actors::recall;
use holdfast_actors::refusal::{Reason, Refusal};
use holdfast_cluster::quic::{Stream, Streams};
use holdfast_cluster::raft::Held;
use hyper::Response;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use tokio::sync::watch;
use tokio::time::timeout;

mod head;
mod hold;
pub mod origin;
mod passing;
mod pool;
mod relayed;

pub(super) use head::is_held;
pub(super) use hold::{Fate, Hold, may_repeat};
pub(super) use passing::{Passed, Passing};
pub(super) use relayed::Relayed;

use hold::Room;
use pool::{Lease, Lost, Pool};

/// Requests that wait at once for their tenant to have a home.
const HELD: usize = 256;
/// How long each waits: longer than an owner that is gone keeps its lease and another takes over.
pub const HOLD: Duration = Duration::from_secs(6);

/// Who knows where requests are handled.
pub trait Router: Send + Sync + 'static {
    /// Which node this is.
    fn here(&self) -> NodeId;
    /// Where those of this user are, a name as it was sent. Asked for every request, so it must not
    /// wait; and the same costs whether there is such a user or not.
    fn way(&self, user: &str) -> Way;
    /// Resolves once that may have changed since this was called.
    fn changed(&self) -> Pending<()>;
    /// Whether this node hears no majority of its cluster, so that nothing it knows may hold.
    fn is_cut_off(&self) -> bool;
    /// Whether that has lasted so long that its service says who may read here what it recalls.
    fn recalls(&self) -> bool;
}

/// Goes by the rows of the catalog as this node knows them.
#[derive(Clone)]
pub struct Homes {
    /// This node.
    pub here: NodeId,
    /// The rows; one that is a moment old costs a refusal at most.
    pub rows: watch::Receiver<Rows>,
    /// The lease of this node.
    pub held: watch::Receiver<Option<Held>>,
    /// By which it ends.
    pub clock: Arc<dyn Clock>,
}

impl Router for Homes {
    fn here(&self) -> NodeId {
        self.here
    }

    fn way(&self, user: &str) -> Way {
        let holds = !self.is_cut_off();
        self.rows.borrow().way(self.here, holds, user)
    }

    fn changed(&self) -> Pending<()> {
        let mut rows = self.rows.clone();
        rows.mark_unchanged();
        Box::pin(async move {
            if rows.changed().await.is_err() {
                // A catalog that ended says nothing any more.
                std::future::pending::<()>().await;
            }
        })
    }

    fn is_cut_off(&self) -> bool {
        let (held, now) = (*self.held.borrow(), self.clock.now().monotonic);
        !held.is_some_and(|held| held.is_held(now))
    }

    fn recalls(&self) -> bool {
        let held = *self.held.borrow();
        let clock = self.rows.borrow().clock;
        held.is_some_and(|held| held.cut_off(self.clock.now(), clock).is_some())
    }
}

/// A face's part in a cluster: where requests go, and the streams on which they come and go.
pub struct Forward {
    router: Arc<dyn Router>,
    streams: Streams,
    pool: Arc<Pool>,
    room: Room,
    hold: Duration,
}

/// What becomes of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It is handled here.
    Serve,
    /// It is handled here by what this node recalls, which its service decides.
    Recall,
    /// It is sent there.
    Send(NodeId),
    /// It gets a sentence.
    Refuse(Refusal),
}

impl Step {
    /// `is_sent` says whether another node sent it here; that happens once.
    fn of(way: Way, is_sent: bool) -> Self {
        let again = |sentence: &str, seconds| {
            let pause = Duration::from_secs(seconds);
            Self::Refuse(Refusal::retry(Reason::Unavailable, sentence, pause))
        };
        match (way, is_sent) {
            (Way::Here, _) => Self::Serve,
            (Way::Node(node), false) => Self::Send(node),
            (Way::Node(_), true) => again("the tenant is moving to another node", 1),
            (Way::Nowhere, _) => again("no node can serve the tenant now", 5),
        }
    }
}

impl Forward {
    /// Begins to take part. Must be called inside of a tokio runtime; the streams are accepted by
    /// the face that gets this.
    #[must_use]
    pub fn new(router: Arc<dyn Router>, streams: Streams) -> Arc<Self> {
        let pool = Pool::start();
        Arc::new(Self {
            router,
            streams,
            pool,
            room: Room::of(HELD),
            hold: HOLD,
        })
    }

    /// The same, holding requests back for at most so long.
    #[must_use]
    pub fn holding(self: Arc<Self>, hold: Duration) -> Arc<Self> {
        let Self {
            router,
            streams,
            pool,
            room,
            ..
        } = &*self;
        Arc::new(Self {
            router: Arc::clone(router),
            streams: streams.clone(),
            pool: Arc::clone(pool),
            room: room.clone(),
            hold,
        })
    }

    /// The node that takes clients' requests here.
    pub(super) fn here(&self) -> NodeId {
        self.router.here()
    }

    /// Waits until a request of a client that came to nothing is worth another try, and says what
    /// is to become of it then; none if it waited long enough, or too many do.
    pub(super) async fn again(
        &self,
        user: Option<&str>,
        before: &Step,
        hold: &mut Hold,
    ) -> Option<Step> {
        let pause = hold.next(&self.room, self.hold)?;
        let moved = self.moved(user, before);
        // Either is a reason to try again.
        let _ = timeout(pause, moved).await;
        Some(self.step(user, false))
    }

    /// What is said instead of a refusal that waited in vain, if this node knows the cause. Its
    /// service, where that was asked, knows it better.
    pub(super) fn cause(&self, asked: &Step) -> Option<Refusal> {
        (*asked != Step::Recall && self.router.is_cut_off()).then(recall::refused)
    }

    /// Resolves when something else is to become of a client's request than before.
    async fn moved(&self, user: Option<&str>, before: &Step) {
        loop {
            let changed = self.router.changed();
            if self.step(user, false) != *before {
                return;
            }
            changed.await;
        }
    }

    /// What becomes of a request of this user; nobody's are refused anywhere. What another node
    /// sends is not recalled here: that node may hear a majority.
    pub(super) fn step(&self, user: Option<&str>, is_sent: bool) -> Step {
        if user.is_some() && !is_sent && self.router.recalls() {
            return Step::Recall;
        }
        let way = user.map_or(Way::Here, |user| self.router.way(user));
        Step::of(way, is_sent)
    }

    /// The next stream on which another node sends requests, and which; never again once there are
    /// none.
    pub(super) async fn accept(&self) -> (NodeId, Stream) {
        match self.streams.accept().await {
            Some(accepted) => accepted,
            None => std::future::pending().await,
        }
    }

    /// Sends a request of a client at `peer` to a node, and brings its answer.
    ///
    /// # Errors
    /// When there is no answer: the node was not reached, or was lost, or the tenant has left it;
    /// with what is known of the request.
    pub(super) async fn relay(
        &self,
        to: NodeId,
        (user, peer): (Option<&str>, IpAddr),
        head: &Parts,
        (body, passed): (Passing, &Passed),
    ) -> Result<Response<Relayed>, (Fate, Refusal)> {
        let sent = async {
            let request = head::outbound(head, peer, body).ok_or(Lost::Malformed)?;
            self.pool.send(to, request, &self.streams).await
        };
        // What may be done twice does not wait for a node that the tenant has left.
        let left = async {
            self.moved(user, &Step::Send(to)).await;
            if !may_repeat(Fate::Unknown, &head.method, passed.has_body, passed.count()) {
                std::future::pending::<()>().await;
            }
        };
        let sent = tokio::select! {
            biased;
            sent = sent => sent,
            () = left => Err(Lost::Moved),
        };
        match sent {
            Ok((answer, lease)) => Ok(back(answer, lease)),
            Err(lost) => {
                tracing::debug!(node = %to, error = %lost, "a request was not forwarded");
                Err((lost.fate(), away()))
            }
        }
    }
}

fn back(answer: Response<Incoming>, lease: Lease) -> Response<Relayed> {
    let (mut parts, body) = answer.into_parts();
    head::clean(&mut parts.headers);
    let mut answer = Response::new(Relayed::new(body, lease));
    *answer.status_mut() = parts.status;
    *answer.headers_mut() = parts.headers;
    answer
}

fn away() -> Refusal {
    let sentence = "the node that serves the tenant does not answer; another may take over soon";
    Refusal::retry(Reason::Unavailable, sentence, Duration::from_secs(2))
}

/// A node sends what this one does not understand.
pub(super) fn stranger() -> Refusal {
    let sentence = "the node that took the request does not say who asks; upgrade the older node";
    Refusal::retry(Reason::Unavailable, sentence, Duration::from_secs(5))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_sent_to_one_other_node_at_most() {
        let (node, ways) = (
            NodeId::new(2),
            [Way::Here, Way::Node(NodeId::new(2)), Way::Nowhere],
        );
        for way in ways {
            let (from_client, from_node) = (Step::of(way, false), Step::of(way, true));
            assert_eq!(from_client == Step::Serve, way == Way::Here);
            assert_eq!(from_node == Step::Serve, way == Way::Here);
            assert!(!matches!(from_node, Step::Send(_)), "{way:?}");
            assert_eq!(from_client == Step::Send(node), way == Way::Node(node));
        }
    }

    #[test]
    fn a_refusal_says_when_to_try_again() {
        let refusals = [
            Step::of(Way::Nowhere, false),
            Step::of(Way::Node(NodeId::new(1)), true),
        ];
        let refusals = refusals.map(|step| match step {
            Step::Refuse(refusal) => refusal,
            Step::Serve | Step::Recall | Step::Send(_) => panic!("{step:?}"),
        });
        for refusal in refusals
            .into_iter()
            .chain([away(), stranger(), recall::refused()])
        {
            assert_eq!(refusal.reason, Reason::Unavailable);
            assert!(refusal.retry_after.is_some(), "{refusal:?}");
        }
    }
}
