//! What an onlooker learns of each request: its kind and its figures, never whose it is.

use std::sync::Arc;
use std::time::Duration;

use holdfast_actors::kernel::Instant;
use holdfast_actors::ports::Clock;
use hyper::Method;
use tokio::sync::OwnedSemaphorePermit;

use super::route::Verb;

/// Whoever counts requests.
pub trait Observer: Send + Sync + 'static {
    /// A request is over: its answer was sent, or cut.
    fn answered(&self, answered: &Answered);
}

/// One request that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The method as sent.
    pub method: Method,
    /// `data`, `keys`, `locks`, `snapshots`, `index`, `config`, `repository`,
    /// `self-service`, `forwarded` for what another node answered (it counts it by its kind), or
    /// `other` for what is none of the protocol's.
    pub kind: &'static str,
    /// The status code.
    pub status: u16,
    /// How many bytes of its body came in.
    pub received: u64,
    /// How many bytes of the answer's body went out.
    pub sent: u64,
    /// From its head to the end of its answer.
    pub took: Duration,
}

/// An onlooker and the clock it goes by.
#[derive(Clone)]
pub struct Watch {
    /// Where durations come from.
    pub clock: Arc<dyn Clock>,
    /// Who is told.
    pub observer: Arc<dyn Observer>,
}

/// One request from its head to the end of its answer. Dropping it is that end.
pub(super) struct Turn {
    /// One of the face's turns, if the request got one.
    pub(super) permit: Option<OwnedSemaphorePermit>,
    /// What will be told.
    pub(super) answered: Answered,
    began: Instant,
    watch: Option<Watch>,
}

impl Turn {
    /// A request that begins now.
    pub(super) fn begin(method: Method, watch: Option<Watch>) -> Self {
        let began = watch.as_ref().map(|watch| watch.clock.now().monotonic);
        Self {
            permit: None,
            answered: Answered {
                method,
                kind: "other",
                status: 0,
                received: 0,
                sent: 0,
                took: Duration::ZERO,
            },
            began: began.unwrap_or_default(),
            watch,
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(watch) = &self.watch {
            self.answered.took = self.began.until(watch.clock.now().monotonic);
            watch.observer.answered(&self.answered);
        }
    }
}

/// The word for what a request is about.
pub(super) const fn kind(verb: Verb) -> &'static str {
    match verb {
        Verb::Create => "repository",
        Verb::List(kind)
        | Verb::Stat(kind, _)
        | Verb::Read(kind, _)
        | Verb::Write(kind, _)
        | Verb::Delete(kind, _) => kind.as_str(),
    }
}
