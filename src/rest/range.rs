//! The `Range` header, as far as restic's clients use it: one range of bytes.
//!
//! What is not understood (another unit, several ranges, nonsense) is left out of account, as
//! RFC 9110 asks, and the whole object is the answer. It never knows an object's size: that is
//! [`Part::of`]'s to settle.

use holdfast_actors::service::Part;

/// Reads the value of a `Range` header.
pub fn part(value: &str) -> Part {
    parse(value).unwrap_or(Part::Whole)
}

fn parse(value: &str) -> Option<Part> {
    let (unit, range) = value.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = range.trim().split_once('-')?;
    match (first, last) {
        ("", count) => number(count).map(Part::Last),
        (first, "") => number(first).map(Part::From),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(Part::Between { first, last })
        }
    }
}

/// Digits and nothing else; a number past 64 bits is as far as there is.
fn number(digits: &str) -> Option<u64> {
    let all = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    all.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_of_bytes_is_understood() {
        let between = |first, last| Part::Between { first, last };
        for (value, expected) in [
            ("bytes=0-3", between(0, 3)),
            ("bytes=2-", Part::From(2)),
            ("bytes=5-999999", between(5, 999_999)),
            ("bytes=-7", Part::Last(7)),
            ("Bytes= 1-1", between(1, 1)),
            ("bytes=0-99999999999999999999999", between(0, u64::MAX)),
        ] {
            assert_eq!(part(value), expected, "{value}");
        }
    }

    #[test]
    fn anything_else_is_the_whole_object() {
        for value in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=5-2",
            "bytes=0-1,4-5",
            "bytes=a-b",
            "bytes=+1-2",
            "bytes=1 - 2",
            "items=0-3",
            "bytes=0x1-2",
        ] {
            assert_eq!(part(value), Part::Whole, "{value}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_too_odd(value: String) {
            let _ = part(&value);
        }
    }
}
