//! Text between the two sides: keys and values, which may come in parts.

use super::Refused;

/// Most parts of one text.
const PARTS_MAX: usize = 1_024;

/// A text that is not whole yet. Holds at most as many bytes as it may.
#[derive(Debug)]
pub(super) struct Gathered {
    bytes: Vec<u8>,
    parts: usize,
    longest: usize,
}

impl Gathered {
    /// Of at most so many bytes.
    pub(super) fn new(longest: usize) -> Self {
        Self {
            bytes: Vec::new(),
            parts: 0,
            longest,
        }
    }

    /// The next part. A key may begin in one and end in the next.
    pub(super) fn add(&mut self, part: &[u8]) -> Result<(), Refused> {
        self.parts += 1;
        if self.parts > PARTS_MAX || self.bytes.len() + part.len() > self.longest {
            return Err(Refused::Nonsense("a text without end"));
        }
        self.bytes.extend(part);
        Ok(())
    }

    /// It is whole: its keys and values in order. The next text begins.
    pub(super) fn pairs(&mut self) -> Result<Vec<(String, String)>, Refused> {
        self.parts = 0;
        let bytes = std::mem::take(&mut self.bytes);
        let lines = bytes.split(|byte| *byte == 0);
        let pairs = lines.filter(|line| !line.is_empty()).map(|line| {
            let pair = str::from_utf8(line).ok()?.split_once('=')?;
            let (key, value) = (pair.0.to_owned(), pair.1.to_owned());
            (!key.is_empty()).then_some((key, value))
        });
        let pairs: Option<_> = pairs.collect();
        pairs.ok_or(Refused::Nonsense("a text without keys"))
    }
}

/// Appends a key with its value.
pub(super) fn say(text: &mut String, key: &str, value: impl std::fmt::Display) {
    text.push_str(&format!("{key}={value}\0"));
}

/// The longest name of a target, an initiator or a user, in bytes.
pub(super) const NAME_MAX: usize = 223;

/// Whether a name can stand in a text.
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= NAME_MAX && !name.chars().any(char::is_control)
}

/// A number as it stands in a text.
pub(super) fn value(text: &str) -> Option<u32> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) if !digits.starts_with('+') => u32::from_str_radix(digits, 16).ok(),
        None if !text.starts_with('+') => text.parse().ok(),
        _ => None,
    }
}

/// Bytes as they stand in a text, of hexadecimal digits or in base 64; at most `longest`.
pub(super) fn bytes(text: &str, longest: usize) -> Option<Vec<u8>> {
    // No encoding takes more.
    if text.len() > 2 + 2 * longest {
        return None;
    }
    let (head, digits) = text.split_at_checked(2)?;
    let found = match head {
        "0x" | "0X" => hexadecimal(digits)?,
        "0b" | "0B" => base64(digits)?,
        _ => return None,
    };
    (found.len() <= longest).then_some(found)
}

fn hexadecimal(digits: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let digits: Vec<u32> = digits
        .bytes()
        .map(|byte| digit(&byte))
        .collect::<Option<_>>()?;
    // An odd count lacks a zero in front.
    let padded = [vec![0; digits.len() % 2], digits].concat();
    let pairs = padded.chunks_exact(2);
    pairs
        .map(|pair| u8::try_from(pair[0] << 4 | pair[1]).ok())
        .collect()
}

fn base64(digits: &str) -> Option<Vec<u8>> {
    let digits = digits.trim_end_matches('=');
    let (mut held, mut width, mut found) = (0_u32, 0, Vec::new());
    for byte in digits.bytes() {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        held = (held << 6 | u32::from(six)) & 0x3fff;
        width += 6;
        if width >= 8 {
            width -= 8;
            found.push(u8::try_from(held >> width & 0xff).ok()?);
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_key_is_split_anywhere() {
        let mut text = Gathered::new(64);
        for part in [
            &b"TargetNa"[..],
            b"me=iqn.a",
            b"",
            b"\0Target",
            b"Address=x\0\0",
        ] {
            text.add(part).expect("short");
        }
        let pairs = text.pairs().expect("keys");
        let wanted = [("TargetName", "iqn.a"), ("TargetAddress", "x")];
        assert_eq!(pairs, wanted.map(|(key, value)| (key.into(), value.into())));
        assert_eq!(text.pairs().expect("the next"), []);
    }

    #[test]
    fn a_text_has_an_end() {
        let mut text = Gathered::new(1 << 20);
        assert_eq!(
            (0..).take_while(|_| text.add(&[]).is_ok()).count(),
            PARTS_MAX
        );
        let mut text = Gathered::new(64);
        assert_eq!(
            (0..).take_while(|_| text.add(&[b'a'; 10]).is_ok()).count(),
            6
        );
    }

    #[test]
    fn what_has_no_key_is_no_text() {
        for odd in [&b"alone\0"[..], b"=value\0", b"\xff=1\0"] {
            let mut text = Gathered::new(64);
            text.add(odd).expect("short");
            assert!(text.pairs().is_err(), "{odd:?}");
        }
    }

    #[test]
    fn numbers_and_bytes_are_read_as_the_standard_writes_them() {
        assert_eq!((value("262144"), value("0xFf")), (Some(262_144), Some(255)));
        assert_eq!(
            [value("-1"), value("+1"), value("0x+1"), value("")],
            [None; 4]
        );
        assert_eq!(bytes("0xabc", 8), Some(vec![0x0a, 0xbc]));
        assert_eq!(bytes("0bSGVsbG8=", 8), Some(b"Hello".to_vec()));
        assert_eq!(bytes("0xabcd", 1), None);
        assert_eq!(
            [bytes("abcd", 8), bytes("0xgg", 8), bytes("0bä", 8)],
            [None, None, None]
        );
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(part in prop::collection::vec(any::<u8>(), 0..80), word: String) {
            let mut text = Gathered::new(64);
            let _ = text.add(&part);
            let _ = text.pairs();
            let _ = (value(&word), bytes(&word, 8), bytes(&format!("0b{word}"), 8));
        }

        #[test]
        fn hexadecimal_bytes_come_back(sent in prop::collection::vec(any::<u8>(), 0..16)) {
            let digits: String = sent.iter().map(|byte| format!("{byte:02x}")).collect();
            prop_assert_eq!(bytes(&format!("0x{digits}"), 16), Some(sent));
        }
    }
}
