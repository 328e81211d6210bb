//! Heads of requests and answers on their way between two connections.
//!
//! What speaks of one connection stays on it; all else passes as it is, the credentials too.

use std::net::IpAddr;

use hyper::body::Body;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Request, Uri};

use super::origin::{ORIGIN, written};

/// Headers that speak of the connection on which they came.
const OF_THE_CONNECTION: [HeaderName; 9] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];
const CONTINUE: &str = "100-continue";

/// A request as the owner gets it, with a body that is sent when it asks; none if it is no request to a server at all.
pub(super) fn outbound<B: Body>(head: &Parts, peer: IpAddr, body: B) -> Option<Request<B>> {
    let target = head.uri.path_and_query()?;
    if head.method == Method::CONNECT {
        return None;
    }
    let mut headers = head.headers.clone();
    clean(&mut headers);
    headers.insert(ORIGIN, written(peer));
    // Over HTTP/2 the host stands in the target alone.
    if let (None, Some(authority)) = (headers.get(header::HOST), head.uri.authority()) {
        headers.insert(
            header::HOST,
            HeaderValue::from_str(authority.as_str()).ok()?,
        );
    }
    if body.size_hint().exact().is_none() {
        headers.remove(header::CONTENT_LENGTH);
    }
    headers.remove(header::EXPECT);
    if !body.is_end_stream() {
        headers.insert(header::EXPECT, HeaderValue::from_static(CONTINUE));
    }
    let mut request = Request::new(body);
    *request.method_mut() = head.method.clone();
    *request.uri_mut() = Uri::from(target.clone());
    *request.headers_mut() = headers;
    Some(request)
}

/// Whether a client holds its body back until it is asked for it.
pub(in crate::rest) fn is_held(headers: &HeaderMap) -> bool {
    let expected = headers.get(header::EXPECT);
    expected.is_some_and(|what| what.as_bytes().eq_ignore_ascii_case(CONTINUE.as_bytes()))
}

/// Takes away what speaks of the connection.
pub(super) fn clean(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        // Nobody takes the length or the credentials away by naming them.
        .filter(|name| *name != header::CONTENT_LENGTH && *name != header::AUTHORIZATION)
        .collect();
    for name in OF_THE_CONNECTION.iter().chain(&named) {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use http_body_util::{Empty, Full};

    use super::*;

    fn check<B: Body>(request: Request<B>, expected: Expect) {
        let (head, body) = request.into_parts();
        let peer = "192.0.2.7".parse().unwrap();
        let text = outbound(&head, peer, body).map(|request| {
            let mut text = format!("{} {}\n", request.method(), request.uri());
            for (name, value) in request.headers() {
                text.push_str(&format!("{name}: {}\n", value.to_str().unwrap()));
            }
            text
        });
        expected.assert_eq(&text.unwrap_or("nothing\n".to_owned()));
    }

    fn request(method: &str, uri: &str) -> hyper::http::request::Builder {
        Request::builder().method(method).uri(uri)
    }

    #[test]
    fn what_speaks_of_the_connection_stays_on_it() {
        let sent = request("POST", "/r/data/x?y")
            .header("host", "backup.example")
            .header("connection", "close, x-mine, authorization")
            .header("x-mine", "1")
            .header("te", "trailers")
            .header("transfer-encoding", "chunked")
            .header("upgrade", "websocket")
            .header("authorization", "Basic YQ==")
            .header("content-length", "2")
            .header("expect", "100-continue")
            .header("range", "bytes=0-1");
        let body = Full::new(bytes::Bytes::from_static(b"ab"));
        check(
            sent.body(body).unwrap(),
            expect![[r#"
                POST /r/data/x?y
                host: backup.example
                range: bytes=0-1
                authorization: Basic YQ==
                x-holdfast-origin: 1 192.0.2.7
                content-length: 2
                expect: 100-continue
            "#]],
        );
    }

    #[test]
    fn a_client_does_not_say_where_it_is() {
        let sent = request("GET", "https://backup.example:8000/r/config")
            .header("x-holdfast-origin", "1 10.0.0.1")
            .header("x-holdfast-origin", "1 10.0.0.2")
            .header("expect", "the unexpected");
        let sent = sent.body(Empty::<bytes::Bytes>::new()).unwrap();
        check(
            sent,
            expect![[r#"
                GET /r/config
                x-holdfast-origin: 1 192.0.2.7
                host: backup.example:8000
            "#]],
        );
    }

    #[test]
    fn a_tunnel_is_not_forwarded() {
        let sent = request("CONNECT", "backup.example:8000");
        let sent = sent.body(Empty::<bytes::Bytes>::new()).unwrap();
        check(sent, expect![["nothing\n"]]);
    }
}
