//! Connections to one server: HTTP/1.1, over TLS or on the streams of one QUIC connection, kept and
//! used again.
//!
//! One request, one try: what to do when it fails is the client's business.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::HeaderMap;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::arguments::Transport;
use super::place::Place;
use super::quic::Line;
use super::trust::Tls;

/// Long enough for a connection across the world, with one SYN lost twice.
const CONNECT: Duration = Duration::from_secs(10);
/// With no byte moved for so long the connection counts as dead.
const IDLE: Duration = Duration::from_secs(60);
/// What is handed to the connection at once.
const PIECE: usize = 1 << 20;
/// Connections kept for later.
const KEPT_MAX: usize = 8;

/// Why one try failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    /// No connection.
    #[error("no connection: {0}")]
    Connect(io::Error),
    /// The server is not the one meant.
    #[error("{0}")]
    Untrusted(String),
    /// The connection broke while it was used.
    #[error("the connection broke: {0}")]
    Http(#[from] hyper::Error),
    /// Nothing moved for too long.
    #[error("nothing came for {} seconds", IDLE.as_secs())]
    Idle,
    /// The answer is larger than anything that was asked for.
    #[error("the answer has more than {0} bytes")]
    TooLarge(usize),
}

/// What the server said.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: StatusCode,
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// The body.
    pub(crate) body: Bytes,
}

/// A request's body: pieces in memory, sent with their length.
#[derive(Debug)]
pub(crate) struct Payload {
    pieces: VecDeque<Bytes>,
    left: u64,
    moved: Arc<AtomicU64>,
}

impl Payload {
    /// A body of these pieces.
    pub(crate) fn new(pieces: &[Bytes]) -> Self {
        Self {
            pieces: pieces
                .iter()
                .filter(|piece| !piece.is_empty())
                .cloned()
                .collect(),
            left: pieces.iter().map(|piece| piece.len() as u64).sum(),
            moved: Arc::default(),
        }
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let Some(front) = self.pieces.front_mut() else {
            return Poll::Ready(None);
        };
        let piece = front.split_to(front.len().min(PIECE));
        if front.is_empty() {
            self.pieces.pop_front();
        }
        self.left -= piece.len() as u64;
        self.moved.fetch_add(1, Ordering::Relaxed);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// The connections to one server.
pub(crate) struct Pool {
    place: Place,
    tls: TlsConnector,
    /// None where QUIC is not wanted.
    line: Option<Line>,
    /// Whether TLS over TCP will do.
    falls_back: bool,
    /// Whether it has to: QUIC was tried, and nobody answered.
    fell_back: AtomicBool,
    kept: Mutex<Vec<SendRequest<Payload>>>,
}

impl Pool {
    /// No connection yet.
    pub(crate) fn new(place: Place, tls: Tls, transport: Transport) -> Self {
        let line = || Line::new(tls.quic);
        Self {
            line: (transport != Transport::Https).then(line),
            falls_back: transport != Transport::Quic,
            place,
            tls: TlsConnector::from(tls.https),
            fell_back: AtomicBool::new(false),
            kept: Mutex::default(),
        }
    }

    /// Sends one request and reads the whole answer, at most `limit` bytes of it.
    ///
    /// A kept connection that turns out to be dead is replaced by a new one, once; `true` comes
    /// back when that happened, for the server may have seen the request twice.
    pub(crate) async fn send(
        &self,
        make: impl Fn() -> Request<Payload>,
        limit: usize,
    ) -> Result<(Answer, bool), Broken> {
        let mut twice = false;
        if let Some(mut connection) = self.take() {
            if let Ok(response) = exchange(&mut connection, make()).await {
                return Ok((self.finish(connection, response, limit).await?, twice));
            }
            twice = true;
        }
        let mut connection = self.connect().await?;
        let response = exchange(&mut connection, make()).await?;
        Ok((self.finish(connection, response, limit).await?, twice))
    }

    async fn finish(
        &self,
        connection: SendRequest<Payload>,
        response: Response<Incoming>,
        limit: usize,
    ) -> Result<Answer, Broken> {
        let (parts, mut incoming) = response.into_parts();
        let mut pieces = Vec::new();
        let length = usize::try_from(incoming.size_hint().lower()).unwrap_or(limit);
        pieces.reserve(length.min(limit));
        while let Some(frame) = timeout(IDLE, incoming.frame())
            .await
            .map_err(|_| Broken::Idle)?
        {
            if let Ok(data) = frame?.into_data() {
                if pieces.len() + data.len() > limit {
                    return Err(Broken::TooLarge(limit));
                }
                pieces.extend_from_slice(&data);
            }
        }
        self.keep(connection);
        Ok(Answer {
            status: parts.status,
            headers: parts.headers,
            body: Bytes::from(pieces),
        })
    }

    fn take(&self) -> Option<SendRequest<Payload>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(connection) = kept.pop() {
            if !connection.is_closed() {
                return Some(connection);
            }
        }
        None
    }

    fn keep(&self, connection: SendRequest<Payload>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT_MAX && !connection.is_closed() {
            kept.push(connection);
        }
    }

    async fn connect(&self) -> Result<SendRequest<Payload>, Broken> {
        let fell_back = self.fell_back.load(Ordering::Relaxed);
        if let Some(line) = self.line.as_ref().filter(|_| !fell_back) {
            match line.stream(&self.place).await {
                Ok(stream) => return http(stream).await,
                Err(Broken::Connect(_)) if self.falls_back && !line.was_up() => {
                    self.fell_back.store(true, Ordering::Relaxed);
                }
                Err(broken) => return Err(broken),
            }
        }
        http(self.secured().await?).await
    }

    async fn secured(&self) -> Result<impl AsyncRead + AsyncWrite + Unpin + Send + use<>, Broken> {
        let Place { host, port, name } = &self.place;
        let late = |_| Broken::Connect(io::Error::from(io::ErrorKind::TimedOut));
        let stream = timeout(CONNECT, TcpStream::connect((host.as_str(), *port)))
            .await
            .map_err(late)?
            .map_err(Broken::Connect)?;
        stream.set_nodelay(true).map_err(Broken::Connect)?;
        timeout(CONNECT, self.tls.connect(name.clone(), stream))
            .await
            .map_err(late)?
            .map_err(distrust)
    }
}

/// Begins to speak HTTP.
async fn http(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> Result<SendRequest<Payload>, Broken> {
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    // Its errors come out of the sender as well.
    drop(Handle::current().spawn(connection));
    Ok(sender)
}

/// A certificate that is not trusted will not be trusted at the next try either.
fn distrust(error: io::Error) -> Broken {
    match error.get_ref().and_then(|inner| inner.downcast_ref()) {
        Some(cause @ rustls::Error::InvalidCertificate(_)) => Broken::Untrusted(cause.to_string()),
        Some(_) | None => Broken::Connect(error),
    }
}

async fn exchange(
    connection: &mut SendRequest<Payload>,
    request: Request<Payload>,
) -> Result<Response<Incoming>, Broken> {
    let moved = Arc::clone(&request.body().moved);
    timeout(IDLE, connection.ready())
        .await
        .map_err(|_| Broken::Idle)??;
    let mut response = std::pin::pin!(connection.send_request(request));
    loop {
        let before = moved.load(Ordering::Relaxed);
        match timeout(IDLE, &mut response).await {
            Ok(response) => return Ok(response?),
            Err(_) if moved.load(Ordering::Relaxed) > before => {}
            Err(_) => return Err(Broken::Idle),
        }
    }
}
