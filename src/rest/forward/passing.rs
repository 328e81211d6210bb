//! The body of a request on its way through a gateway.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::Request;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::sync::oneshot;

/// A client's body, passed on piece by piece as fast as it is taken.
///
/// One that the client announced and holds back (`Expect: 100-continue`) is not asked for before
/// the owner asks for it. What was not wanted comes back when this is dropped, so that the client
/// can be heard out.
pub(in crate::rest) struct Passing {
    body: Option<Incoming>,
    /// Resolves when the owner asks for the body.
    asked: Option<oneshot::Receiver<()>>,
    ask: Arc<Mutex<Option<oneshot::Sender<()>>>>,
    passed: Arc<AtomicU64>,
    back: Option<oneshot::Sender<Incoming>>,
}

/// What is known of a body that passes.
pub(in crate::rest) struct Passed {
    /// Bytes of it that were taken so far.
    pub(in crate::rest) bytes: Arc<AtomicU64>,
    /// What is left of it, once nobody wants more.
    pub(in crate::rest) rest: oneshot::Receiver<Incoming>,
}

impl Passing {
    /// A body; `is_held` says whether the client waits to be asked for it.
    pub(in crate::rest) fn new(body: Incoming, is_held: bool) -> (Self, Passed) {
        let (ask, asked) = oneshot::channel();
        let (back, rest) = oneshot::channel();
        let bytes = Arc::<AtomicU64>::default();
        let passing = Self {
            body: Some(body),
            asked: is_held.then_some(asked),
            ask: Arc::new(Mutex::new(Some(ask))),
            passed: Arc::clone(&bytes),
            back: Some(back),
        };
        (passing, Passed { bytes, rest })
    }

    /// No body at all.
    #[cfg(test)]
    pub(super) fn none() -> Self {
        Self {
            body: None,
            asked: None,
            ask: Arc::default(),
            passed: Arc::default(),
            back: None,
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
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        let next = ready!(Pin::new(body).poll_frame(context));
        if let Some(Ok(frame)) = &next {
            let count = frame.data_ref().map_or(0, Bytes::len) as u64;
            self.passed.fetch_add(count, Ordering::Relaxed);
        }
        Poll::Ready(next)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let body = self.body.as_ref();
        body.map_or(SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        let left = self.body.take().filter(|body| !body.is_end_stream());
        if let (Some(body), Some(back)) = (left, self.back.take()) {
            // If nobody hears the client out, its connection is closed.
            let _ = back.send(body);
        }
    }
}
