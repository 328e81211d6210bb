//! One class of this node's link: what waits to be sent, what has arrived, and who holds permits.
//!
//! Nothing here waits or touches a socket. Tasks of connections take from it and bring to it; which
//! connection serves is decided by [`Pair`].

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use holdfast_actors::kernel::NodeId;
use holdfast_actors::ports::{Arrival, FRAME_MAX, Link, Pending, Unsent};
use tokio::sync::{Notify, mpsc, oneshot};

use super::class::Class;
use super::frame::Item;
use super::hello::Life;
use super::pair::{Effect, Event, Offer, Pair, Way};
use super::permits::{Permits, TELL};

mod batch;

pub(super) use batch::Batch;

/// What becomes of a connection that was greeted.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It serves from now on.
    Use {
        way: Way,
        /// This node's attempts up to this one are given up.
        given_up: u64,
        /// Rings when there is something to write, or when it serves no more.
        bell: Arc<Notify>,
    },
    /// Another one serves.
    Decline,
}

/// Somebody is to be connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dial {
    pub(super) class: Class,
    pub(super) peer: NodeId,
    pub(super) attempt: u64,
}

/// A peer breaks the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Abuse {
    #[error("it sends more frames than it has permits")]
    NoPermit,
    #[error("it says that it took frames which were never sent")]
    NeverSent,
}

/// The state of one class.
#[derive(Debug)]
pub(super) struct Lane {
    node: NodeId,
    class: Class,
    dials: mpsc::UnboundedSender<Dial>,
    state: Mutex<State>,
    /// Rings when something has arrived.
    bell: Notify,
}

#[derive(Debug, Default)]
struct State {
    is_closed: bool,
    arrivals: VecDeque<(Arrival, Option<Way>)>,
    peers: BTreeMap<NodeId, Peer>,
    /// Numbers for what peers offer.
    places: u64,
}

#[derive(Debug, Default)]
struct Peer {
    pair: Pair,
    way: Option<Way>,
    bell: Arc<Notify>,
    /// Offers that wait for their verdict.
    offers: BTreeMap<Way, oneshot::Sender<Verdict>>,
    /// Frames that were not written yet, each in its parts.
    outgoing: VecDeque<Vec<Bytes>>,
    /// The lengths of all frames that hold a permit, oldest first.
    under_way: VecDeque<usize>,
    /// How many of those were written.
    written: usize,
    permits: Permits,
    is_refused: bool,
    /// The peer's frames that lie here.
    held: Permits,
    /// Its frames that were taken, and it was not told.
    owed: u32,
}

impl Peer {
    /// All that was to travel on a connection that is dead.
    fn forget(&mut self) {
        self.way = None;
        self.outgoing.clear();
        self.under_way.clear();
        (self.written, self.permits, self.is_refused) = (0, Permits::default(), false);
        (self.held, self.owed) = (Permits::default(), 0);
    }
}

impl Lane {
    pub(super) fn new(node: NodeId, class: Class, dials: mpsc::UnboundedSender<Dial>) -> Self {
        Self {
            node,
            class,
            dials,
            state: Mutex::default(),
            bell: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A peer dialled and greeted; what is to become of it may take a while.
    pub(super) fn offered(
        &self,
        peer: NodeId,
        attempt: u64,
        life: Life,
    ) -> (Way, oneshot::Receiver<Verdict>) {
        let (verdict, told) = oneshot::channel();
        let mut state = self.state();
        state.places += 1;
        let way = Way::Offered(state.places);
        let offers = &mut self.peer(&mut state, peer).offers;
        offers.insert(way, verdict);
        let offered = Event::Offered(Offer { way, attempt }, life);
        self.step(&mut state, peer, offered);
        (way, told)
    }

    /// The peer turned away before it was served; the verdict may have crossed that.
    pub(super) fn withdrawn(&self, peer: NodeId, way: Way) {
        let mut state = self.state();
        self.peer(&mut state, peer).offers.remove(&way);
        self.step(&mut state, peer, Event::Withdrawn(way));
        self.step(&mut state, peer, Event::Died(way));
    }

    /// The peer has answered what this node dialled.
    pub(super) fn answered(
        &self,
        peer: NodeId,
        attempt: u64,
        given_up: u64,
        life: Life,
    ) -> Verdict {
        let (verdict, mut told) = oneshot::channel();
        let mut state = self.state();
        let offers = &mut self.peer(&mut state, peer).offers;
        offers.insert(Way::Dialled(attempt), verdict);
        let answered = Event::Answered {
            attempt,
            given_up,
            life,
        };
        self.step(&mut state, peer, answered);
        told.try_recv().unwrap_or(Verdict::Decline)
    }

    /// An attempt came to nothing.
    pub(super) fn failed(&self, peer: NodeId, attempt: u64) {
        let mut state = self.state();
        self.step(&mut state, peer, Event::Failed { attempt });
    }

    /// A connection that served is dead.
    pub(super) fn died(&self, peer: NodeId, way: Way) {
        let mut state = self.state();
        self.step(&mut state, peer, Event::Died(way));
    }

    /// What is to be written next; `None` once the connection serves no more.
    pub(super) fn batch(&self, peer: NodeId, way: Way) -> Option<Batch> {
        let mut state = self.state();
        let peer = self.peer(&mut state, peer);
        if peer.way != Some(way) {
            return None;
        }
        let batch = Batch::of(&mut peer.outgoing, &mut peer.owed);
        peer.written += batch.frames;
        Some(batch)
    }

    /// What a connection brought; false once it serves no more.
    ///
    /// # Errors
    /// When the peer does what no healthy peer does.
    pub(super) fn arrived(
        &self,
        from: NodeId,
        way: Way,
        items: &mut Vec<Item>,
    ) -> Result<bool, Abuse> {
        let mut state = self.state();
        let State {
            arrivals, peers, ..
        } = &mut *state;
        let Some(peer) = peers.get_mut(&from).filter(|peer| peer.way == Some(way)) else {
            return Ok(false);
        };
        for item in items.drain(..) {
            match item {
                Item::Frame(body) => {
                    if !peer.held.has_room_for(body.len()) {
                        return Err(Abuse::NoPermit);
                    }
                    peer.held.take(body.len());
                    arrivals.push_back((Arrival::Frame { from, body }, Some(way)));
                }
                Item::Taken(count) => {
                    let count = count as usize;
                    peer.written = peer.written.checked_sub(count).ok_or(Abuse::NeverSent)?;
                    for length in peer.under_way.drain(..count) {
                        peer.permits.give_back(length);
                    }
                }
            }
        }
        if peer.is_refused && peer.permits.is_roomy() {
            peer.is_refused = false;
            arrivals.push_back((Arrival::Room(from), None));
        }
        if !arrivals.is_empty() {
            self.bell.notify_one();
        }
        Ok(true)
    }

    /// Ends this end: nothing is sent or received any more.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.is_closed = true;
        state.arrivals.clear();
        self.bell.notify_one();
    }

    fn peer<'a>(&self, state: &'a mut State, peer: NodeId) -> &'a mut Peer {
        state.peers.entry(peer).or_insert_with(|| Peer {
            pair: Pair::new(self.node < peer),
            ..Peer::default()
        })
    }

    fn step(&self, state: &mut State, node: NodeId, event: Event) {
        let mut effects = Vec::new();
        self.peer(state, node).pair.step(event, &mut effects);
        for effect in effects {
            self.perform(state, node, effect);
        }
    }

    fn perform(&self, state: &mut State, node: NodeId, effect: Effect) {
        let peer = self.peer(state, node);
        match effect {
            Effect::Dial { attempt } => {
                let dial = Dial {
                    class: self.class,
                    peer: node,
                    attempt,
                };
                // If nobody dials any more, the link is closing.
                if self.dials.send(dial).is_err() {
                    state.is_closed = true;
                }
            }
            Effect::Use { way, given_up } => {
                peer.way = Some(way);
                peer.bell = Arc::default();
                let bell = Arc::clone(&peer.bell);
                bell.notify_one();
                self.judge(
                    peer,
                    way,
                    Verdict::Use {
                        way,
                        given_up,
                        bell,
                    },
                );
            }
            Effect::Decline(way) => self.judge(peer, way, Verdict::Decline),
            Effect::End(way) => {
                debug_assert_eq!(peer.way, Some(way), "only what is in use is ended");
                peer.bell.notify_one();
            }
            Effect::Down => {
                peer.forget();
                state.arrivals.push_back((Arrival::Down(node), None));
                self.bell.notify_one();
            }
        }
    }

    /// Tells the task of a connection what becomes of it; it may be gone.
    fn judge(&self, peer: &mut Peer, way: Way, verdict: Verdict) {
        if let Some(Err(Verdict::Use { way, .. })) =
            peer.offers.remove(&way).map(|offer| offer.send(verdict))
        {
            tracing::debug!(class = %self.class, ?way, "a connection was gone when it was chosen");
        }
    }

    fn put(&self, to: NodeId, frame: Vec<Bytes>) -> Result<(), Unsent> {
        let length = frame.iter().map(Bytes::len).sum();
        if length > FRAME_MAX {
            return Err(Unsent::TooLarge);
        }
        let mut state = self.state();
        if state.is_closed {
            return Err(Unsent::Closed);
        }
        let peer = self.peer(&mut state, to);
        if peer.pair.sends_in_vain() {
            // It belongs to a connection that is dead, behind all that was lost with it.
            return Ok(());
        }
        if !peer.permits.has_room_for(length) {
            peer.is_refused = true;
            return Err(Unsent::NoPermit);
        }
        peer.permits.take(length);
        peer.under_way.push_back(length);
        peer.outgoing.push_back(frame);
        if peer.way.is_some() {
            peer.bell.notify_one();
        } else {
            self.step(&mut state, to, Event::Wanted);
        }
        Ok(())
    }

    /// What has arrived first: `Ok(None)` once the link is closed, `Err` if there is nothing yet.
    fn take(&self) -> Result<Option<Arrival>, Nothing> {
        let mut state = self.state();
        if state.is_closed {
            return Ok(None);
        }
        let (arrival, way) = state.arrivals.pop_front().ok_or(Nothing)?;
        match &arrival {
            Arrival::Frame { from, body } => {
                let peer = self.peer(&mut state, *from);
                if peer.way == way {
                    peer.held.give_back(body.len());
                    peer.owed += 1;
                    if peer.owed == TELL {
                        peer.bell.notify_one();
                    }
                }
            }
            Arrival::Down(peer) => self.step(&mut state, *peer, Event::Told),
            Arrival::Room(_) => {}
        }
        Ok(Some(arrival))
    }
}

/// Nothing has arrived.
#[derive(Debug)]
struct Nothing;

/// One class as the domain sees it.
#[derive(Clone, Debug)]
pub(super) struct ClassLink(pub(super) Arc<Lane>);

impl Link for ClassLink {
    fn node(&self) -> NodeId {
        self.0.node
    }

    fn send(&self, to: NodeId, frame: Bytes) -> Result<(), Unsent> {
        self.0.put(to, vec![frame])
    }

    fn send_parts(&self, to: NodeId, parts: Vec<Bytes>) -> Result<(), Unsent> {
        self.0.put(to, parts)
    }

    fn receive(&self) -> Pending<Option<Arrival>> {
        let lane = Arc::clone(&self.0);
        Box::pin(async move {
            loop {
                if let Ok(arrival) = lane.take() {
                    return arrival;
                }
                lane.bell.notified().await;
            }
        })
    }
}

#[cfg(test)]
mod tests;
