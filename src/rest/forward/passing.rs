//! The body of a request on its way through a gateway.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::Request;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::sync::oneshot;

/// A client's body, passed on piece by piece as fast as it is taken.
///
/// It is not asked for before the owner asks for it (`Expect: 100-continue` between the nodes,
/// whether the client said so or not): so an owner that refuses has taken nothing of it, and the
/// whole of it can go elsewhere. What was not wanted is left when this is dropped, so that the
/// client can be heard out.
pub(in crate::rest) struct Passing {
    body: Arc<Slot>,
    /// Resolves when the owner asks for the body.
    asked: Option<oneshot::Receiver<()>>,
    ask: Arc<Mutex<Option<oneshot::Sender<()>>>>,
    /// Told when nothing passes any more.
    gone: Option<oneshot::Sender<()>>,
}

/// A body, until it is taken back, and how many bytes of it were passed on.
#[derive(Default)]
struct Slot {
    body: Mutex<Option<Incoming>>,
    passed: AtomicU64,
}

impl Slot {
    fn body(&self) -> MutexGuard<'_, Option<Incoming>> {
        self.body.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is known of a body that passes.
pub(in crate::rest) struct Passed {
    slot: Arc<Slot>,
    gone: oneshot::Receiver<()>,
    /// Whether there was anything to pass on.
    pub(in crate::rest) has_body: bool,
}

impl Passed {
    /// How many bytes were passed on so far.
    pub(in crate::rest) fn count(&self) -> u64 {
        self.slot.passed.load(Ordering::Relaxed)
    }

    /// Takes the body back of which nothing was passed on, and lets nothing pass any more.
    ///
    /// # Errors
    /// When some of it has gone.
    pub(in crate::rest) fn reclaim(self) -> Result<Incoming, Box<Self>> {
        let mut body = self.slot.body();
        if self.count() > 0 {
            drop(body);
            return Err(Box::new(self));
        }
        let taken = body.take();
        drop(body);
        taken.ok_or_else(|| Box::new(self))
    }

    /// What is left of it, once nobody wants more; none if nothing is.
    pub(in crate::rest) async fn rest(self) -> Option<Incoming> {
        // Whether it says so or is just gone, nobody wants more.
        let _ = self.gone.await;
        let rest = self.slot.body().take();
        rest.filter(|body| !body.is_end_stream())
    }
}

impl Passing {
    /// A body that is asked for before it goes.
    pub(in crate::rest) fn new(body: Incoming) -> (Self, Passed) {
        let (ask, asked) = oneshot::channel();
        let (told, gone) = oneshot::channel();
        let has_body = !body.is_end_stream();
        let slot = Arc::new(Slot {
            body: Mutex::new(Some(body)),
            passed: AtomicU64::new(0),
        });
        let passing = Self {
            body: Arc::clone(&slot),
            asked: has_body.then_some(asked),
            ask: Arc::new(Mutex::new(Some(ask))),
            gone: Some(told),
        };
        let passed = Passed {
            slot,
            gone,
            has_body,
        };
        (passing, passed)
    }

    /// No body at all.
    #[cfg(test)]
    pub(super) fn none() -> Self {
        Self {
            body: Arc::default(),
            asked: None,
            ask: Arc::default(),
            gone: None,
        }
    }

    /// Lets the body of a request go when the owner asks for it.
    pub(super) fn heed(request: &mut Request<Self>) {
        let ask = Arc::clone(&request.body().ask);
        hyper::ext::on_informational(request, move |told| {
            let ask = match told.status() {
                hyper::StatusCode::CONTINUE => {
                    ask.lock().unwrap_or_else(PoisonError::into_inner).take()
                }
                _ => None,
            };
            // A body that is gone needs no asking.
            let _ = ask.map(|ask| ask.send(()));
        });
    }
}

impl Body for Passing {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        if let Some(asked) = &mut self.asked {
            // The sender lives as long as this does.
            let _ = ready!(Pin::new(asked).poll(context));
            self.asked = None;
        }
        let mut slot = self.body.body();
        // Once it was taken back nothing more passes, and the owner sees it cut.
        let Some(body) = slot.as_mut() else {
            return Poll::Ready(None);
        };
        let next = ready!(Pin::new(body).poll_frame(context));
        if let Some(Ok(frame)) = &next {
            let count = frame.data_ref().map_or(0, Bytes::len) as u64;
            self.body.passed.fetch_add(count, Ordering::Relaxed);
        }
        Poll::Ready(next)
    }

    fn is_end_stream(&self) -> bool {
        self.body.body().as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let body = self.body.body();
        let hint = body.as_ref().map(Body::size_hint);
        hint.unwrap_or_else(|| SizeHint::with_exact(0))
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        if let Some(gone) = self.gone.take() {
            // If nobody hears the client out, its connection is closed.
            let _ = gone.send(());
        }
    }
}
