//! One connection: TLS, then HTTP/1.1 or HTTP/2 as the client chose by ALPN; or HTTP/1.1 on a
//! stream of another node.
//!
//! It ends when the client ends it, when it was quiet for too long, or when the face drains and its
//! requests are answered. Nothing is ever compressed.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use holdfast_cluster::quic::Stream;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{interval, timeout};
use tokio_rustls::TlsAcceptor;

use super::answer::Answer;
use super::limits::Limits;
use super::request::Client;

/// What one read of an HTTP/1.1 connection may take.
pub(super) const READ_MAX: usize = 64 << 10;
/// What a gateway adds to the head of a request: an origin, and a host that HTTP/2 has elsewhere.
const NODE_LINE: u32 = 1 << 10;
/// What a client may send unasked on one HTTP/2 stream. A connection takes as much for each of its
/// streams, so that bodies which wait for a task or for bandwidth never hold up the others on their
/// connection. What all of them hold is bounded by [`Limits::requests`].
const STREAM_WINDOW: u32 = 512 << 10;

/// Serves a connection until it ends. `draining` turns true when it is to end soon.
pub(super) async fn serve(
    stream: TcpStream,
    tls: TlsAcceptor,
    client: Client,
    draining: watch::Receiver<bool>,
) {
    let crew = client.crew.clone();
    // A client that cannot shake hands learns it from TLS itself.
    if let Ok(Ok(stream)) = timeout(client.limits.handshake, tls.accept(stream)).await {
        let two = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        let (io, moved) = metered(stream);
        let quiet = quiet(&moved, client.limits.quiet);
        if two {
            two_requests(io, client, draining, quiet).await;
        } else {
            one_request(io, client.limits, draining, quiet, responder(client)).await;
        }
    }
    crew.stop();
}

/// Serves the requests that another node sends on a stream, until it ends. They were bounded where
/// they came from, and have a line more.
pub(super) async fn serve_node(
    stream: Stream,
    mut client: Client,
    draining: watch::Receiver<bool>,
) {
    let crew = client.crew.clone();
    client.limits.head_bytes += NODE_LINE;
    let (io, moved) = metered(stream);
    let quiet = quiet(&moved, client.limits.quiet);
    one_request(io, client.limits, draining, quiet, responder(client)).await;
    crew.stop();
}

/// Serves the requests that a client sends on a stream of the native path, until it ends; `heard`
/// is told the status of each answer.
pub(super) async fn serve_native(
    stream: Stream,
    client: Client,
    draining: watch::Receiver<bool>,
    heard: impl Fn(StatusCode) + Clone + Send + 'static,
) {
    let crew = client.crew.clone();
    let limits = client.limits;
    let (io, moved) = metered(stream);
    let quiet = quiet(&moved, limits.quiet);
    let respond = responder(client);
    let respond = move |request| -> Answered {
        let (answer, heard) = (respond(request), heard.clone());
        Box::pin(async move {
            let Ok(answer) = answer.await;
            heard(answer.status());
            Ok(answer)
        })
    };
    one_request(io, limits, draining, quiet, respond).await;
    crew.stop();
}

fn metered<S>(stream: S) -> (TokioIo<Metered<S>>, Arc<AtomicU64>) {
    let moved = Arc::new(AtomicU64::new(0));
    let metered = Metered {
        stream,
        moved: Arc::clone(&moved),
    };
    (TokioIo::new(metered), moved)
}

async fn one_request<I>(
    io: I,
    limits: Limits,
    mut draining: watch::Receiver<bool>,
    quiet: impl Future<Output = ()>,
    respond: impl Fn(Request<Incoming>) -> Answered,
) where
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
{
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_header_size(limits.head_bytes as usize)
        .max_buf_size(READ_MAX)
        .serve_connection(io, service_fn(respond));
    let mut connection = pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => return note(ended),
        () = quiet => return,
        () = drained(&mut draining) => connection.as_mut().graceful_shutdown(),
    }
    note(connection.await);
}

async fn two_requests<I>(
    io: I,
    client: Client,
    mut draining: watch::Receiver<bool>,
    quiet: impl Future<Output = ()>,
) where
    I: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let Limits {
        head_bytes,
        streams,
        ..
    } = client.limits;
    let connection = http2::Builder::new(client.crew.clone())
        .timer(TokioTimer::new())
        .max_header_list_size(head_bytes)
        .max_concurrent_streams(streams)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(STREAM_WINDOW.saturating_mul(streams))
        .serve_connection(io, service_fn(responder(client)));
    let mut connection = pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => return note(ended),
        () = quiet => return,
        () = drained(&mut draining) => connection.as_mut().graceful_shutdown(),
    }
    note(connection.await);
}

type Answered = Pin<Box<dyn Future<Output = Result<Answer, Infallible>> + Send>>;

fn responder(client: Client) -> impl Fn(Request<Incoming>) -> Answered {
    move |request| Box::pin(client.clone().answer(request))
}

/// Waits for the order to drain.
pub(super) async fn drained(draining: &mut watch::Receiver<bool>) {
    // A face that is gone drains too.
    let _ = draining.wait_for(|draining| *draining).await;
}

fn note(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended early");
    }
}

/// Resolves once no byte moved for `limit` (and at most twice that).
fn quiet(moved: &Arc<AtomicU64>, limit: Duration) -> impl Future<Output = ()> + use<> {
    let moved = Arc::clone(moved);
    async move {
        let mut ticks = interval(limit);
        let mut seen = u64::MAX;
        loop {
            ticks.tick().await;
            let now = moved.load(Ordering::Relaxed);
            if now == seen {
                return;
            }
            seen = now;
        }
    }
}

/// A stream that counts what moves through it.
struct Metered<S> {
    stream: S,
    moved: Arc<AtomicU64>,
}

impl<S> Metered<S> {
    fn count(&self, bytes: usize) {
        self.moved.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.count(buffer.filled().len() - before);
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        if let Poll::Ready(Ok(bytes)) = written {
            self.count(bytes);
        }
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        if let Poll::Ready(Ok(bytes)) = written {
            self.count(bytes);
        }
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
