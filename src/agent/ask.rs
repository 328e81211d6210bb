//! What the agent asks of a server, and what an answer means before anybody reads it.

use std::time::Duration;

use bytes::Bytes;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Method, StatusCode};

use super::connection::Answer;
use super::failure::REASON;

/// One thing to ask for.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    /// The method.
    pub(crate) method: Method,
    /// The path and query, beginning with a slash.
    pub(crate) path: String,
    /// More headers.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// The body.
    pub(crate) body: Vec<Bytes>,
    /// The most bytes that the answer can have.
    pub(crate) limit: usize,
}

impl Ask {
    /// A request without a body, whose answer is small.
    pub(crate) fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            headers: Vec::new(),
            body: Vec::new(),
            limit: 1 << 20,
        }
    }
}

/// Whether a gateway says that others are to be used.
pub(super) fn is_elsewhere(answer: &Answer) -> bool {
    let reason = answer.headers.get(REASON).map(HeaderValue::as_bytes);
    matches!(reason, Some(b"wrong-gateway" | b"spare-gateway"))
}

/// Whether another try may bring another answer.
pub(super) fn transient(answer: &Answer) -> bool {
    let reason = answer.headers.get(REASON).map(HeaderValue::as_bytes);
    match answer.status {
        StatusCode::SERVICE_UNAVAILABLE => {
            matches!(
                reason,
                None | Some(b"busy" | b"unavailable" | b"spare-gateway")
            )
        }
        StatusCode::REQUEST_TIMEOUT
        | StatusCode::TOO_MANY_REQUESTS
        | StatusCode::INTERNAL_SERVER_ERROR
        | StatusCode::BAD_GATEWAY
        | StatusCode::GATEWAY_TIMEOUT => reason.is_none_or(|reason| reason == b"busy"),
        _ => false,
    }
}

pub(super) fn retry_after(answer: &Answer) -> Duration {
    let seconds = answer
        .headers
        .get(header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.trim().parse().ok());
    Duration::from_secs(seconds.unwrap_or(0))
}
