//! The body of an answer on its way through a gateway.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::pool::Lease;

/// An owner's body, passed on as fast as the client takes it. Once it has ended, its stream is free
/// for the next request; if it is dropped before, the stream is cut.
pub(in crate::rest) struct Relayed {
    body: Incoming,
    lease: Option<Lease>,
}

impl Relayed {
    pub(super) fn new(body: Incoming, lease: Lease) -> Self {
        let mut relayed = Self {
            body,
            lease: Some(lease),
        };
        relayed.settle();
        relayed
    }

    /// Gives the stream back if nothing more comes. Whoever sends a body of a known length does not
    /// ask for what is behind it.
    fn settle(&mut self) {
        if self.body.is_end_stream()
            && let Some(lease) = self.lease.take()
        {
            lease.give_back();
        }
    }
}

impl Body for Relayed {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let next = ready!(Pin::new(&mut self.body).poll_frame(context));
        match &next {
            None => drop(self.lease.take().map(Lease::give_back)),
            Some(Ok(_)) => self.settle(),
            Some(Err(_)) => self.lease = None,
        }
        Poll::Ready(next)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
