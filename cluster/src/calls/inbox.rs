//! What callers, services and the link leave for the actor of calls, so that it takes much at once.

use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use bytes::Bytes;
use holdfast_actors::kernel::{NodeId, Ticket};
use holdfast_actors::ports::Arrival;
use holdfast_actors::shell::Handle;
use tokio::sync::{Notify, oneshot};

use super::envelope::decode;
use super::machine::{Ask, News};
use super::{Answers, CallError, Message, Passing};

/// Frames that wait before the link's next one is taken.
const FRAMES_MAX: usize = 64;

/// Where the result of a call goes.
pub(super) type Reply = oneshot::Sender<Result<Bytes, CallError>>;

/// One thing left for the actor.
pub(super) enum Told {
    /// Somebody calls.
    Asked(Ask, Reply),
    /// Somebody watches.
    Watches(Ticket, NodeId, Bytes, oneshot::Sender<Passing>),
    /// Nothing that holds anybody's reply.
    News(News),
}

/// The inbox of a node's calls; it outlives the actor that empties it.
#[derive(Default)]
pub(super) struct Inbox {
    state: Mutex<State>,
    /// Rings when frames were taken out.
    emptied: Notify,
    /// Rings when the actor is to look.
    bell: Notify,
}

#[derive(Default)]
struct State {
    left: Vec<Told>,
    frames: usize,
    /// The actor has been told to look and has not looked yet.
    is_rung: bool,
    owner: Owner,
    services: BTreeMap<&'static str, Arc<dyn Answers>>,
}

/// Who empties the inbox.
#[derive(Default)]
enum Owner {
    /// Nobody yet.
    #[default]
    Expected,
    /// This actor.
    Here(Handle<Message>),
    /// Nobody any more.
    Gone,
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Inbox({} left)", self.state().left.len())
    }
}

impl Inbox {
    /// Leaves something; it is refused at once if nobody will ever look.
    pub(super) fn leave(&self, told: Told) {
        let mut state = self.state();
        if matches!(state.owner, Owner::Gone) {
            drop(state);
            refuse(told);
            return;
        }
        state.left.push(told);
        self.ring_in(&mut state);
    }

    /// Leaves what the link brought.
    pub(super) fn arrive(&self, arrival: Arrival) {
        let news = match arrival {
            Arrival::Frame { from, body } => match decode(body) {
                Ok(envelopes) => News::Heard { from, envelopes },
                Err(error) => {
                    tracing::warn!(%from, %error, "a frame of calls cannot be read");
                    News::Garbled(from)
                }
            },
            Arrival::Down(peer) => News::Down(peer),
            Arrival::Room(peer) => News::Room(peer),
        };
        self.state().frames += 1;
        self.leave(Told::News(news));
    }

    /// Waits until the next frame may be taken from the link.
    pub(super) async fn has_room(&self) {
        while self.state().frames >= FRAMES_MAX {
            self.emptied.notified().await;
        }
    }

    /// Adds a service.
    pub(super) fn serve(&self, name: &'static str, answers: Arc<dyn Answers>) {
        self.state().services.insert(name, answers);
        self.leave(Told::News(News::Serves(name)));
    }

    /// The service of a name.
    pub(super) fn service(&self, name: &str) -> Option<Arc<dyn Answers>> {
        self.state().services.get(name).map(Arc::clone)
    }

    /// Tells the actor to look, if it has not been told.
    pub(super) fn ring(&self) {
        self.ring_in(&mut self.state());
    }

    fn ring_in(&self, state: &mut State) {
        if matches!(state.owner, Owner::Here(_)) && !std::mem::replace(&mut state.is_rung, true) {
            self.bell.notify_one();
        }
    }

    /// Has the actor look whenever something was left, once everybody who is ready to leave more
    /// has done so: who was woken first would be looked at alone otherwise, and have a frame and a
    /// packet of its own.
    pub(super) async fn attend(&self) {
        loop {
            self.bell.notified().await;
            step_back().await;
            if let Owner::Here(actor) = &self.state().owner {
                // An actor that is gone closes the inbox.
                let _ = actor.tell(Message::Look);
            }
        }
    }

    /// The actor takes all that is left.
    pub(super) fn empty(&self) -> Vec<Told> {
        let mut state = self.state();
        state.is_rung = false;
        if state.frames >= FRAMES_MAX {
            self.emptied.notify_one();
        }
        state.frames = 0;
        std::mem::take(&mut state.left)
    }

    /// An actor empties the inbox from now on; it hears of all services.
    pub(super) fn belongs_to(&self, actor: Handle<Message>) {
        let mut state = self.state();
        let services: Vec<_> = state.services.keys().copied().collect();
        let served = services
            .into_iter()
            .map(|name| Told::News(News::Serves(name)));
        state.left.splice(..0, served);
        // The bell is attended to once it has looked for the first time; if it is gone, see above.
        state.is_rung = true;
        let _ = actor.tell(Message::Look);
        state.owner = Owner::Here(actor);
    }

    /// The actor is gone, and all that was left for it is refused.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.owner = Owner::Gone;
        state.frames = 0;
        let left = std::mem::take(&mut state.left);
        drop(state);
        self.emptied.notify_one();
        left.into_iter().for_each(refuse);
    }

    /// Never held over an await.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets everybody go first who is ready now. tokio's own yielding waits until nobody is ready any
/// more, which beside bulk takes long.
async fn step_back() {
    let mut has_waited = false;
    poll_fn(|context| {
        if std::mem::replace(&mut has_waited, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Nobody has seen it: nothing was done.
fn refuse(told: Told) {
    match told {
        Told::Asked(ask, reply) => {
            // Whoever asked may have turned away.
            let _ = reply.send(Err(CallError::Unreachable(ask.to)));
        }
        Told::Watches(.., watcher) => {
            let _ = watcher.send(Passing::NoConnection);
        }
        Told::News(_) => {}
    }
}
