//! What a gateway says of a client to the node that serves it: one header of a forwarded request.
//!
//! `x-holdfast-origin: 1 ADDRESS`: the version of what follows, and the client's address. Which
//! node says it is known from the stream. A later version may add words behind; who reads an
//! earlier one skips them.

use std::net::IpAddr;

use hyper::header::{HeaderMap, HeaderName, HeaderValue};

/// The name of the header.
pub const ORIGIN: HeaderName = HeaderName::from_static("x-holdfast-origin");

const VERSION: &str = "1";
/// The longest text that is read.
const LENGTH_MAX: usize = 128;

/// How it is written.
pub fn written(client: IpAddr) -> HeaderValue {
    let text = format!("{VERSION} {}", client.to_canonical());
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""))
}

/// Takes it out of a forwarded request. None if it is not said once, in a version that this code
/// knows.
pub fn take(headers: &mut HeaderMap) -> Option<IpAddr> {
    let mut said = headers.get_all(ORIGIN).iter();
    let read = match (said.next(), said.next()) {
        (Some(only), None) => only.to_str().ok().and_then(read),
        (Some(_), Some(_)) | (None, _) => None,
    };
    headers.remove(ORIGIN);
    read
}

fn read(text: &str) -> Option<IpAddr> {
    if text.len() > LENGTH_MAX {
        return None;
    }
    let mut words = text.split(' ');
    let version = words.next()?;
    let address: IpAddr = words.next()?.parse().ok()?;
    (version == VERSION).then(|| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_text_of_this_version_stays_as_it_is() {
        let text = |address: &str| written(address.parse().unwrap());
        assert_eq!(text("192.0.2.7"), "1 192.0.2.7");
        assert_eq!(text("2001:db8::7"), "1 2001:db8::7");
        assert_eq!(text("::ffff:192.0.2.7"), "1 192.0.2.7");
    }

    #[test]
    fn what_is_not_said_once_and_in_full_is_not_said() {
        for text in [
            "",
            "1",
            "2 192.0.2.7",
            "1  192.0.2.7",
            "1 host",
            "192.0.2.7",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read("1 192.0.2.7 and more"), "192.0.2.7".parse().ok());
        let mut headers = HeaderMap::new();
        headers.append(ORIGIN, HeaderValue::from_static("1 192.0.2.7"));
        headers.append(ORIGIN, HeaderValue::from_static("1 192.0.2.8"));
        assert_eq!(take(&mut headers), None);
        assert!(headers.is_empty());
    }

    proptest! {
        #[test]
        fn an_address_is_read_as_it_was_written(address: IpAddr) {
            let mut headers = HeaderMap::new();
            headers.insert(ORIGIN, written(address));
            prop_assert_eq!(take(&mut headers), Some(address.to_canonical()));
            prop_assert!(headers.is_empty());
        }

        #[test]
        fn no_text_is_too_odd(text in "[ -~]{0,200}") {
            let _ = read(&text);
        }
    }
}
