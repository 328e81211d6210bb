//! Uploads that outlive their connection: what a client says of where its body belongs.
//!
//! - `POST` with `x-holdfast-upload: ?/LENGTH` and without a body asks: 200 says that the object is
//!   stored, 202 how many of its first bytes are held, in `x-holdfast-held`.
//! - `POST` with `x-holdfast-upload: FROM/LENGTH` and the rest of the object is answered as without
//!   the header; what comes of it is kept for a while if it is cut.
//!
//! restic knows nothing of it, and of its uploads nothing is kept.

use hyper::header::{HeaderMap, HeaderName};

use holdfast_actors::kernel::Size;
use holdfast_actors::refusal::{Reason, Refusal};

/// Where a body belongs in its object.
pub const UPLOAD: HeaderName = HeaderName::from_static("x-holdfast-upload");
/// How many bytes of an object are held.
pub const HELD: HeaderName = HeaderName::from_static("x-holdfast-held");
/// Longer than two numbers of 20 digits.
const TEXT_MAX: usize = 48;

/// What a client wants with an upload that may have been cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resume {
    /// To know how much of an object of this length there is.
    Ask(Size),
    /// To go on behind the first bytes.
    From {
        /// How many those are.
        from: Size,
        /// The whole object's.
        length: Size,
    },
}

impl Resume {
    /// The length of the whole object.
    pub const fn length(self) -> Size {
        match self {
            Self::Ask(length) | Self::From { length, .. } => length,
        }
    }

    /// What the head of a request says, if it says anything.
    ///
    /// # Errors
    /// When it says what makes no sense.
    pub(super) fn of(headers: &HeaderMap) -> Result<Option<Self>, Refusal> {
        let Some(value) = headers.get(UPLOAD) else {
            return Ok(None);
        };
        let read = value.to_str().ok().and_then(parse);
        read.map(Some).ok_or_else(|| {
            let sentence = "x-holdfast-upload is ?/LENGTH or FROM/LENGTH, in bytes";
            Refusal::new(Reason::Invalid, sentence)
        })
    }
}

/// Reads `?/LENGTH` or `FROM/LENGTH`: decimal digits alone, and `FROM` not behind the end.
pub fn parse(text: &str) -> Option<Resume> {
    if text.len() > TEXT_MAX {
        return None;
    }
    let (from, length) = text.split_once('/')?;
    let length = number(length)?;
    if from == "?" {
        return Some(Resume::Ask(length));
    }
    let from = number(from).filter(|from| *from <= length)?;
    Some(Resume::From { from, length })
}

fn number(text: &str) -> Option<Size> {
    let is_plain = !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain).map(Size::bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_makes_no_sense_is_nothing() {
        for text in [
            "",
            "/",
            "?",
            "?/",
            "/5",
            "5",
            "5/",
            "6/5",
            "-1/5",
            "+1/5",
            "1/5/9",
            "?/+5",
            "0x1/5",
            "1 /5",
            "18446744073709551616/18446744073709551616",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse("?/5"), Some(Resume::Ask(Size::bytes(5))));
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text: String) {
            let _ = parse(&text);
        }

        #[test]
        fn what_is_written_is_read(from: u64, more in 0..=u64::MAX) {
            let length = from.saturating_add(more);
            let wanted = Resume::From { from: Size::bytes(from), length: Size::bytes(length) };
            prop_assert_eq!(parse(&format!("{from}/{length}")), Some(wanted));
            prop_assert_eq!(parse(&format!("?/{length}")), Some(Resume::Ask(Size::bytes(length))));
        }
    }
}
