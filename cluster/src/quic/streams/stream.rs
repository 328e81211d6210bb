//! One stream of bytes, both ways.

use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use quinn::{RecvStream, SendStream, VarInt};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Why a stream was cut, on the wire.
const DROPPED: VarInt = VarInt::from_u32(1);

/// A stream of bytes to or from another node, or whoever else speaks QUIC.
///
/// Shutting it down says that all was written. One that is dropped without is cut: its peer reads
/// an error and never takes a part for the whole.
pub struct Stream {
    send: SendStream,
    receive: RecvStream,
    is_done: bool,
}

impl Stream {
    /// A stream of these two halves.
    pub const fn new(send: SendStream, receive: RecvStream) -> Self {
        let is_done = false;
        Self {
            send,
            receive,
            is_done,
        }
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stream({})", self.send.id())
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        AsyncRead::poll_read(Pin::new(&mut self.receive), context, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        AsyncWrite::poll_write(Pin::new(&mut self.send), context, bytes)
    }

    /// Writes as many of the parts as there is room for.
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut written = 0;
        for part in parts.iter().filter(|part| !part.is_empty()) {
            match AsyncWrite::poll_write(Pin::new(&mut self.send), context, part) {
                Poll::Ready(Ok(count)) => {
                    written += count;
                    if count < part.len() {
                        break;
                    }
                }
                // An error comes again with the next write.
                Poll::Ready(Err(_)) | Poll::Pending if written > 0 => break,
                poll @ (Poll::Ready(_) | Poll::Pending) => return poll,
            }
        }
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_flush(Pin::new(&mut self.send), context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.is_done = true;
        AsyncWrite::poll_shutdown(Pin::new(&mut self.send), context)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if !self.is_done {
            // One that its peer has cut already needs no cutting.
            let _ = self.send.reset(DROPPED);
        }
    }
}
