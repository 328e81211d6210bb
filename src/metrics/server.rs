//! Serves the figures over plain HTTP: `/metrics`, `/healthz`, `/readyz`. It takes nothing in.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use holdfast_actors::ports::Pending;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::Source;

/// Connections at once; one more is closed.
const CONNECTIONS_MAX: usize = 32;
/// How long a client may take to send a request's head.
const HEAD: Duration = Duration::from_secs(10);
/// How long a connection may last at all.
const LIFE: Duration = Duration::from_secs(60);
/// How long reading the figures may take.
const SAMPLE: Duration = Duration::from_secs(10);
/// How long a listener that cannot accept rests before it tries again.
const REST: Duration = Duration::from_millis(100);
/// What Prometheus reads.
const TEXT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Serves until `stop` resolves.
pub async fn serve(listener: TcpListener, source: Source, mut stop: Pending<()>) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) if connections.len() < CONNECTIONS_MAX => {
                connections.spawn(converse(stream, source.clone()));
            }
            Ok(_) => tracing::debug!("more connections for metrics than are taken"),
            Err(error) => {
                tracing::warn!(%error, "the metrics port cannot accept");
                // Nothing is awaited here but the end of the rest.
                drop(timeout(REST, std::future::pending::<()>()).await);
            }
        }
    }
    connections.shutdown().await;
}

async fn converse(stream: TcpStream, source: Source) {
    let service = service_fn(|request| {
        let source = source.clone();
        async move { Ok::<_, Infallible>(answer(&request, &source).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .serve_connection(TokioIo::new(stream), service);
    if let Ok(Err(error)) = timeout(LIFE, connection).await {
        tracing::debug!(%error, "a connection for metrics broke");
    }
}

async fn answer(request: &Request<Incoming>, source: &Source) -> Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refusal = plain(StatusCode::METHOD_NOT_ALLOWED, "GET or HEAD\n");
        let allowed = hyper::header::HeaderValue::from_static("GET, HEAD");
        refusal.headers_mut().insert(ALLOW, allowed);
        return refusal;
    }
    match request.uri().path() {
        "/metrics" => {
            let sampled = timeout(SAMPLE, source.probe.sample(&source.metrics.gauges)).await;
            if sampled.is_err() {
                return plain(StatusCode::SERVICE_UNAVAILABLE, "the node is too busy\n");
            }
            let mut response = Response::new(Full::from(source.metrics.text()));
            let kind = hyper::header::HeaderValue::from_static(TEXT);
            response.headers_mut().insert(CONTENT_TYPE, kind);
            response
        }
        "/healthz" => plain(StatusCode::OK, "ok\n"),
        "/readyz" if source.probe.is_ready() => plain(StatusCode::OK, "ready\n"),
        "/readyz" => plain(StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
        _ => plain(StatusCode::NOT_FOUND, "/metrics, /healthz or /readyz\n"),
    }
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    let kind = hyper::header::HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
