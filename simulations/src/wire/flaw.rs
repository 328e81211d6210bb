//! Planted bugs of the link: what surrounds it spoils what passes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use holdfast_actors::kernel::NodeId;
use holdfast_actors::ports::{Arrival, Link, Pending, Unsent};

use crate::mutation::Mutation;

/// Once in so many frames is swallowed.
const SWALLOW: u64 = 20;

/// A planted bug of the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// What came last on a connection comes once more when it has died.
    RepeatedFrame,
    /// Some frames are taken and not sent.
    SwallowedFrame,
    /// No frame is taken.
    MuteClass,
    /// A node does not count its starts.
    ForgottenLife,
}

impl Flaw {
    /// Each with the mutation that plants it.
    const ALL: [(Mutation, Self); 4] = [
        (Mutation::RepeatedFrame, Self::RepeatedFrame),
        (Mutation::SwallowedFrame, Self::SwallowedFrame),
        (Mutation::MuteClass, Self::MuteClass),
        (Mutation::ForgottenLife, Self::ForgottenLife),
    ];

    /// The flaw that a mutation plants, if it is one of the link.
    pub(crate) fn of(mutation: Mutation) -> Option<Self> {
        let planted = Self::ALL.iter().find(|(planted, _)| *planted == mutation);
        planted.map(|(_, flaw)| *flaw)
    }

    /// A link with this bug.
    pub(super) fn spoil(self, link: Arc<dyn Link>) -> Arc<dyn Link> {
        let flaw = self;
        Arc::new(Spoilt {
            link,
            flaw,
            state: Arc::default(),
        })
    }
}

struct Spoilt {
    link: Arc<dyn Link>,
    flaw: Flaw,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    sent: u64,
    last: BTreeMap<NodeId, Bytes>,
    again: Option<Arrival>,
}

impl State {
    /// Remembers what came, and what of it is to come again.
    fn note(&mut self, arrival: &Arrival) {
        match arrival {
            Arrival::Frame { from, body } => {
                self.last.insert(*from, body.clone());
            }
            Arrival::Down(from) => {
                let body = self.last.remove(from);
                let from = *from;
                self.again = body.map(|body| Arrival::Frame { from, body });
            }
            Arrival::Room(_) => {}
        }
    }
}

impl Link for Spoilt {
    fn node(&self) -> NodeId {
        self.link.node()
    }

    fn send(&self, to: NodeId, frame: Bytes) -> Result<(), Unsent> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.sent += 1;
        match self.flaw {
            Flaw::MuteClass => Err(Unsent::NoPermit),
            Flaw::SwallowedFrame if state.sent.is_multiple_of(SWALLOW) => Ok(()),
            Flaw::SwallowedFrame | Flaw::RepeatedFrame | Flaw::ForgottenLife => {
                self.link.send(to, frame)
            }
        }
    }

    fn receive(&self) -> Pending<Option<Arrival>> {
        let (state, flaw, link) = (Arc::clone(&self.state), self.flaw, Arc::clone(&self.link));
        Box::pin(async move {
            let locked = || state.lock().unwrap_or_else(PoisonError::into_inner);
            if flaw != Flaw::RepeatedFrame {
                return link.receive().await;
            }
            let again = locked().again.take();
            if again.is_some() {
                return again;
            }
            let arrival = link.receive().await?;
            locked().note(&arrival);
            Some(arrival)
        })
    }
}
