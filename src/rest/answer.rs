//! What goes back: statuses, headers and bodies.
//!
//! restic takes 200 (206 for a part) for success and nothing else; 401, 403, 404, 416 and 507 are
//! final for it, anything else it tries again for up to 15 minutes. The table below is chosen so.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use holdfast_actors::kernel::Size;
use holdfast_actors::object::Hash;
use holdfast_actors::refusal::{Reason, Refusal};
use holdfast_actors::service::Hints;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use tokio::sync::mpsc;

use super::forward::Relayed;
use super::resume::HELD;
use super::route::Stray;
use super::watch::Turn;

/// The reason of a refusal, for programs.
pub(super) const REASON: HeaderName = HeaderName::from_static("x-holdfast-reason");
const LEASE_END: HeaderName = HeaderName::from_static("x-holdfast-lease-end");
const QUOTA_LEFT: HeaderName = HeaderName::from_static("x-holdfast-quota-left");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const BYTES: HeaderValue = HeaderValue::from_static("application/octet-stream");
const CHALLENGE: HeaderValue = HeaderValue::from_static("Basic realm=\"holdfast\"");

/// An answer on its way out.
pub(super) type Answer = Response<Outgoing>;

/// Why a request gets no success.
#[derive(Debug)]
pub(super) enum Denial {
    /// It is none of the protocol's.
    Stray(Stray),
    /// A part outside of an object of this size: 416.
    Outside(Size),
    /// The service, or this face, refuses.
    Refusal(Refusal),
}

impl From<Stray> for Denial {
    fn from(stray: Stray) -> Self {
        Self::Stray(stray)
    }
}

impl From<Refusal> for Denial {
    fn from(refusal: Refusal) -> Self {
        Self::Refusal(refusal)
    }
}

/// The status of each reason.
pub(super) const fn status(reason: Reason) -> StatusCode {
    match reason {
        Reason::LeaseExpired
        | Reason::Disabled
        | Reason::Scope
        | Reason::Exists
        | Reason::WrongGateway
        | Reason::Ended => StatusCode::FORBIDDEN,
        Reason::QuotaExceeded | Reason::StorageFull => StatusCode::INSUFFICIENT_STORAGE,
        Reason::Maintenance | Reason::Busy | Reason::Unavailable | Reason::SpareGateway => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        Reason::NotFound => StatusCode::NOT_FOUND,
        Reason::BadHash | Reason::BadLength | Reason::Invalid => StatusCode::BAD_REQUEST,
        Reason::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Reason::Unauthenticated => StatusCode::UNAUTHORIZED,
        Reason::TooManyAttempts => StatusCode::TOO_MANY_REQUESTS,
    }
}

/// Says why not.
pub(super) fn denial(denial: &Denial) -> Answer {
    match denial {
        Denial::Stray(Stray::Path) => plain(StatusCode::NOT_FOUND),
        Denial::Stray(Stray::Query) => plain(StatusCode::BAD_REQUEST),
        Denial::Stray(Stray::Method { allow }) => {
            let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED);
            let allow = HeaderValue::from_static(allow);
            answer.headers_mut().insert(header::ALLOW, allow);
            answer
        }
        Denial::Outside(total) => {
            let mut answer = plain(StatusCode::RANGE_NOT_SATISFIABLE);
            let range = value(&format!("bytes */{}", total.as_bytes()));
            answer.headers_mut().insert(header::CONTENT_RANGE, range);
            answer
        }
        Denial::Refusal(refusal) => refused(refusal),
    }
}

fn refused(refusal: &Refusal) -> Answer {
    let status = status(refusal.reason);
    let mut answer = sentence(status, &refusal.sentence);
    let headers = answer.headers_mut();
    headers.insert(REASON, HeaderValue::from_static(refusal.reason.as_str()));
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, CHALLENGE);
    }
    if let Some(pause) = refusal.retry_after {
        let seconds = pause.as_secs() + u64::from(pause.subsec_nanos() > 0);
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    }
    answer
}

fn plain(status: StatusCode) -> Answer {
    sentence(status, status.canonical_reason().unwrap_or("refused"))
}

fn sentence(status: StatusCode, text: &str) -> Answer {
    let mut answer = Response::new(Outgoing::full(Bytes::from(format!("{text}\n"))));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, TEXT);
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    answer
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}

/// Success, with nothing to say.
pub(super) fn done() -> Answer {
    Response::new(Outgoing::full(Bytes::new()))
}

/// How many bytes of an object are held, of which it is not stored yet.
pub(super) fn held(held: Size) -> Answer {
    let mut answer = done();
    *answer.status_mut() = StatusCode::ACCEPTED;
    let headers = answer.headers_mut();
    headers.insert(HELD, HeaderValue::from(held.as_bytes()));
    answer
}

/// The size of an object, as an answer to `HEAD`.
pub(super) fn size(size: Size) -> Answer {
    let mut answer = done();
    object_headers(&mut answer, size.as_bytes());
    answer
}

/// Tells a client at its beginning what it may like to know. restic passes over it.
pub(super) fn hint(answer: &mut Answer, hints: Hints) {
    let headers = answer.headers_mut();
    if let Some(lease) = hints.lease {
        headers.insert(LEASE_END, value(&lease.to_string()));
    }
    if let Some(left) = hints.left {
        headers.insert(QUOTA_LEFT, HeaderValue::from(left.as_bytes()));
    }
}

/// An object whole, in a body of exactly its bytes.
pub(super) fn whole(body: Outgoing, total: Size) -> Answer {
    let mut answer = Response::new(body);
    object_headers(&mut answer, total.as_bytes());
    answer
}

/// A part of an object, in a body of exactly its bytes; the range is not empty.
pub(super) fn part(body: Outgoing, range: &std::ops::Range<u64>, total: Size) -> Answer {
    let mut answer = whole(body, Size::bytes(range.end - range.start));
    *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
    let (last, total) = (range.end - 1, total.as_bytes());
    let range = value(&format!("bytes {}-{last}/{total}", range.start));
    answer.headers_mut().insert(header::CONTENT_RANGE, range);
    answer
}

fn object_headers(answer: &mut Answer, length: u64) {
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, BYTES);
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
}

/// A list of objects, in a body of unknown length.
pub(super) fn list(body: Outgoing, version: ListVersion) -> Answer {
    let mut answer = Response::new(body);
    let kind = HeaderValue::from_static(version.as_str());
    answer.headers_mut().insert(header::CONTENT_TYPE, kind);
    answer
}

/// The form of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListVersion {
    /// Names.
    V1,
    /// Names and sizes.
    V2,
}

impl ListVersion {
    /// The form that an `Accept` header asks for: the exact word of version 2, or version 1.
    pub(super) fn accepted(accept: Option<&HeaderValue>) -> Self {
        match accept {
            Some(accept) if accept == Self::V2.as_str() => Self::V2,
            _ => Self::V1,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "application/vnd.x.restic.rest.v1",
            Self::V2 => "application/vnd.x.restic.rest.v2",
        }
    }
}

/// The text of a list, batch by batch.
pub(super) struct ListText {
    version: ListVersion,
    begun: bool,
}

impl ListText {
    /// A list of which nothing is written yet.
    pub(super) const fn new(version: ListVersion) -> Self {
        let begun = false;
        Self { version, begun }
    }

    /// The text of one more batch.
    pub(super) fn batch(&mut self, objects: &[(Hash, Size)]) -> Bytes {
        let mut text = String::with_capacity(objects.len() * 96);
        for (name, size) in objects {
            text.push_str(self.separator());
            match self.version {
                ListVersion::V1 => text.push_str(&format!("\"{name}\"")),
                ListVersion::V2 => {
                    let size = size.as_bytes();
                    text.push_str(&format!("{{\"name\":\"{name}\",\"size\":{size}}}"));
                }
            }
        }
        Bytes::from(text)
    }

    /// The end of the text.
    pub(super) fn end(mut self) -> Bytes {
        Bytes::from_static(if self.separator() == "[" { b"[]" } else { b"]" })
    }

    const fn separator(&mut self) -> &'static str {
        if self.begun {
            ","
        } else {
            self.begun = true;
            "["
        }
    }
}

/// The body of an answer. Keeps the request's turn until it is sent or dropped.
pub(super) struct Outgoing {
    content: Content,
    turn: Option<Turn>,
}

enum Content {
    Full(Bytes),
    Streamed {
        pieces: mpsc::Receiver<Piece>,
        left: Option<u64>,
    },
    Relayed(Box<Relayed>),
}

/// What comes through the channel behind a streamed body.
pub(super) enum Piece {
    /// Bytes.
    Data(Bytes),
    /// All was said. A channel that closes without it cuts the connection, so that no client takes
    /// a part for the whole.
    End,
}

/// A body that could not be finished.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the transfer was cut")]
pub(super) struct Cut;

impl Outgoing {
    /// A body that is known.
    pub(super) const fn full(bytes: Bytes) -> Self {
        let content = Content::Full(bytes);
        Self {
            content,
            turn: None,
        }
    }

    /// A body that somebody fills; `left` is its length, if known.
    pub(super) const fn streamed(pieces: mpsc::Receiver<Piece>, left: Option<u64>) -> Self {
        let content = Content::Streamed { pieces, left };
        Self {
            content,
            turn: None,
        }
    }

    /// A body that another node sends.
    pub(super) fn relayed(body: Relayed) -> Self {
        let content = Content::Relayed(Box::new(body));
        Self {
            content,
            turn: None,
        }
    }

    /// The same body, holding a turn.
    pub(super) fn holding(mut self, turn: Turn) -> Self {
        self.turn = Some(turn);
        self
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let next = match &mut self.content {
            Content::Full(bytes) if bytes.is_empty() => None,
            Content::Full(bytes) => Some(Ok(Frame::data(std::mem::take(bytes)))),
            Content::Streamed { left: Some(0), .. } => None,
            Content::Relayed(body) => {
                let next = std::task::ready!(Pin::new(body.as_mut()).poll_frame(context));
                next.map(|frame| frame.map_err(|_| Cut))
            }
            Content::Streamed { pieces, left } => {
                match (std::task::ready!(pieces.poll_recv(context)), left) {
                    (Some(Piece::Data(bytes)), Some(left)) if bytes.len() as u64 > *left => {
                        Some(Err(Cut))
                    }
                    (Some(Piece::Data(bytes)), left) => {
                        if let Some(left) = left {
                            *left -= bytes.len() as u64;
                        }
                        Some(Ok(Frame::data(bytes)))
                    }
                    (Some(Piece::End), None) => None,
                    (Some(Piece::End), Some(_)) | (None, _) => Some(Err(Cut)),
                }
            }
        };
        match (&next, &mut self.turn) {
            (Some(Ok(frame)), Some(turn)) => {
                turn.answered.sent += frame.data_ref().map_or(0, |data: &Bytes| data.len() as u64);
            }
            (None, turn) => *turn = None,
            (Some(_), _) => {}
        }
        Poll::Ready(next)
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Full(bytes) => bytes.is_empty(),
            Content::Streamed { left, .. } => *left == Some(0),
            Content::Relayed(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Content::Streamed { left, .. } => {
                left.map_or_else(SizeHint::default, SizeHint::with_exact)
            }
            Content::Relayed(body) => body.size_hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use expect_test::{Expect, expect};

    use super::*;

    fn check(denied: Denial, expected: Expect) {
        let answer = denial(&denied);
        let mut text = format!("{}\n", answer.status());
        for (name, value) in answer.headers() {
            text.push_str(&format!("{name}: {}\n", value.to_str().unwrap()));
        }
        if let Content::Full(bytes) = &answer.body().content {
            text.push_str(std::str::from_utf8(bytes).unwrap());
        }
        expected.assert_eq(&text);
    }

    #[test]
    fn each_reason_has_its_status() {
        let table: String = Reason::ALL
            .iter()
            .map(|reason| format!("{} {reason}\n", status(*reason).as_u16()))
            .collect();
        expect![[r#"
            403 lease-expired
            507 quota-exceeded
            403 disabled
            503 maintenance
            403 scope
            503 busy
            404 not-found
            403 exists
            400 bad-hash
            400 bad-length
            413 too-large
            507 storage-full
            401 unauthenticated
            429 too-many-attempts
            403 ended
            503 unavailable
            400 invalid
            403 wrong-gateway
            503 spare-gateway
        "#]]
        .assert_eq(&table);
    }

    #[test]
    fn a_refusal_tells_a_person_and_a_program() {
        let pause = Duration::from_millis(1500);
        let busy = Refusal::retry(Reason::Busy, "all 4 upload tasks are taken", pause);
        check(
            busy.into(),
            expect![[r#"
                503 Service Unavailable
                content-type: text/plain; charset=utf-8
                x-content-type-options: nosniff
                x-holdfast-reason: busy
                retry-after: 2
                all 4 upload tasks are taken
            "#]],
        );
    }

    #[test]
    fn only_who_is_not_known_is_challenged() {
        check(
            Refusal::new(Reason::Unauthenticated, "log in").into(),
            expect![[r#"
                401 Unauthorized
                content-type: text/plain; charset=utf-8
                x-content-type-options: nosniff
                x-holdfast-reason: unauthenticated
                www-authenticate: Basic realm="holdfast"
                log in
            "#]],
        );
        check(
            Denial::Stray(Stray::Method { allow: "POST" }),
            expect![[r#"
                405 Method Not Allowed
                content-type: text/plain; charset=utf-8
                x-content-type-options: nosniff
                allow: POST
                Method Not Allowed
            "#]],
        );
        check(
            Denial::Outside(Size::bytes(10)),
            expect![[r#"
                416 Range Not Satisfiable
                content-type: text/plain; charset=utf-8
                x-content-type-options: nosniff
                content-range: bytes */10
                Range Not Satisfiable
            "#]],
        );
    }

    fn listed(version: ListVersion, batches: &[&[(Hash, Size)]]) -> String {
        let mut text = ListText::new(version);
        let mut all = Vec::new();
        for batch in batches {
            all.extend_from_slice(&text.batch(batch));
        }
        all.extend_from_slice(&text.end());
        String::from_utf8(all).unwrap()
    }

    #[test]
    fn a_list_is_one_json_array_however_it_comes() {
        let one = (Hash::new([0xab; 32]), Size::bytes(7));
        let two = (Hash::new([1; 32]), Size::ZERO);
        assert_eq!(listed(ListVersion::V1, &[]), "[]");
        assert_eq!(listed(ListVersion::V2, &[&[], &[]]), "[]");
        let names = format!("[\"{}\",\"{}\"]", one.0, two.0);
        assert_eq!(listed(ListVersion::V1, &[&[one], &[], &[two]]), names);
        let sizes = format!(
            r#"[{{"name":"{}","size":7}},{{"name":"{}","size":0}}]"#,
            one.0, two.0
        );
        assert_eq!(listed(ListVersion::V2, &[&[one, two]]), sizes);
    }

    #[test]
    fn only_the_exact_word_asks_for_version_2() {
        let v2 = HeaderValue::from_static("application/vnd.x.restic.rest.v2");
        let v2_and = HeaderValue::from_static("application/vnd.x.restic.rest.v2, */*");
        assert_eq!(ListVersion::accepted(Some(&v2)), ListVersion::V2);
        assert_eq!(ListVersion::accepted(Some(&v2_and)), ListVersion::V1);
        assert_eq!(ListVersion::accepted(None), ListVersion::V1);
    }
}
