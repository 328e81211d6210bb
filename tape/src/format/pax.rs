//! Tar headers and pax records: the bytes of one, and what is believed of one.

use std::collections::BTreeMap;

use super::error::Garbled;

/// Tar counts in units of 512 bytes.
pub(crate) const UNIT: usize = 512;
/// The most bytes of the records of one pax header.
const RECORDS_MAX: usize = 4096;
/// The longest path that a header holds: a prefix, a slash, a name.
const NAME_MAX: usize = 100;
const PREFIX_MAX: usize = 155;

/// The pax keywords of the format; on tape `HOLDFAST.` stands before each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Keyword {
    /// The version of the format.
    Version,
    /// What the tape file is.
    Kind,
    /// The tape.
    Volume,
    /// Its media set.
    Set,
    /// The tape's place in the set.
    Sequence,
    /// The number of the tape file.
    File,
    /// The SHA-256 of the member's data, before it was encrypted.
    Sha256,
    /// The key that the member's data is encrypted with.
    Key,
}

/// What a pax header says.
pub type Keywords = BTreeMap<Keyword, String>;

impl Keyword {
    const ALL: [Self; 8] = [
        Self::Version,
        Self::Kind,
        Self::Volume,
        Self::Set,
        Self::Sequence,
        Self::File,
        Self::Sha256,
        Self::Key,
    ];

    /// The keyword as it stands on tape.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Version => "HOLDFAST.version",
            Self::Kind => "HOLDFAST.kind",
            Self::Volume => "HOLDFAST.volume",
            Self::Set => "HOLDFAST.set",
            Self::Sequence => "HOLDFAST.sequence",
            Self::File => "HOLDFAST.file",
            Self::Sha256 => "HOLDFAST.sha256",
            Self::Key => "HOLDFAST.key",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|keyword| keyword.as_str() == text)
    }
}

/// Which header stands before what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    /// Records for the whole tape file.
    Global,
    /// Records for the next member.
    Extended,
    /// A member's data.
    Regular,
}

impl Type {
    const fn letter(self) -> u8 {
        match self {
            Self::Global => b'g',
            Self::Extended => b'x',
            Self::Regular => b'0',
        }
    }
}

/// What a header says, taken as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) kind: Type,
    pub(crate) path: String,
    pub(crate) length: u64,
}

/// The bytes of data and filling that `length` bytes take.
pub(crate) const fn units(length: u64) -> u64 {
    length.div_ceil(UNIT as u64) * UNIT as u64
}

/// The header of one member.
pub(crate) fn header(kind: Type, path: &str, length: u64, time: u64) -> [u8; UNIT] {
    let mut head = [0; UNIT];
    let (prefix, name) = split(path);
    head[..name.len()].copy_from_slice(name.as_bytes());
    octal(&mut head[100..108], 0o444);
    octal(&mut head[108..116], 0);
    octal(&mut head[116..124], 0);
    octal(&mut head[124..136], length);
    octal(&mut head[136..148], time);
    head[156] = kind.letter();
    head[257..265].copy_from_slice(b"ustar\x0000");
    head[345..345 + prefix.len()].copy_from_slice(prefix.as_bytes());
    let sum = checksum(&head);
    head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    head
}

/// Prefix and name of a path. Every name of the format fits.
fn split(path: &str) -> (&str, &str) {
    if path.len() <= NAME_MAX {
        return ("", path);
    }
    path.rsplit_once('/').unwrap_or(("", path))
}

fn octal(field: &mut [u8], value: u64) {
    let width = field.len() - 1;
    let digits = format!("{value:0width$o}\0");
    field.copy_from_slice(&digits.as_bytes()[digits.len() - field.len()..]);
}

/// The sum of all bytes, those of the sum itself counted as spaces.
fn checksum(head: &[u8; UNIT]) -> u32 {
    let all: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
    let own: u32 = head[148..156].iter().map(|byte| u32::from(*byte)).sum();
    all - own + 8 * u32::from(b' ')
}

/// A pax header with its records, in whole units.
pub(crate) fn records(kind: Type, keywords: &Keywords, time: u64) -> Vec<u8> {
    let text: String = keywords
        .iter()
        .map(|(k, v)| record(k.as_str(), v))
        .collect();
    let length = text.len() as u64;
    let mut bytes = header(kind, "pax", length, time).to_vec();
    bytes.extend_from_slice(text.as_bytes());
    let whole = usize::try_from(units(bytes.len() as u64)).unwrap_or(bytes.len());
    bytes.resize(whole, 0);
    bytes
}

/// One record: its own length in digits, the keyword, the value.
fn record(keyword: &str, value: &str) -> String {
    let rest = keyword.len() + value.len() + 3;
    let mut length = rest + 1;
    while rest + length.to_string().len() != length {
        length = rest + length.to_string().len();
    }
    format!("{length} {keyword}={value}\n")
}

/// Reads a header that stands at byte `at`.
pub(crate) fn parse(head: &[u8], at: u64) -> Result<Head, Garbled> {
    let garbled = Garbled::Header { at };
    let Ok(head) = <&[u8; UNIT]>::try_from(head) else {
        return Err(garbled);
    };
    let number = |field| unoctal(field).ok_or(garbled.clone());
    if &head[257..265] != b"ustar\x0000" || number(&head[148..156])? != u64::from(checksum(head)) {
        return Err(garbled);
    }
    let kind = match head[156] {
        b'g' => Type::Global,
        b'x' => Type::Extended,
        b'0' => Type::Regular,
        other => {
            return Err(Garbled::Type {
                at,
                kind: char::from(other),
            });
        }
    };
    let (name, prefix) = (&head[..NAME_MAX], &head[345..345 + PREFIX_MAX]);
    let (Some(name), Some(prefix)) = (text(name), text(prefix)) else {
        let name = String::from_utf8_lossy(name).chars().take(256).collect();
        return Err(Garbled::Name { at, name });
    };
    let path = if prefix.is_empty() {
        name.to_owned()
    } else {
        format!("{prefix}/{name}")
    };
    Ok(Head {
        kind,
        path,
        length: number(&head[124..136])?,
    })
}

/// The text before the first NUL; nothing but NUL may follow.
fn text(field: &[u8]) -> Option<&str> {
    let end = field
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(field.len());
    let (text, rest) = field.split_at(end);
    if rest.iter().any(|byte| *byte != 0) {
        return None;
    }
    std::str::from_utf8(text).ok()
}

/// Octal digits, ended by NUL or space. Base-256 numbers, for members of 8 GiB and more, are no
/// numbers here.
fn unoctal(field: &[u8]) -> Option<u64> {
    let end = field.iter().position(|byte| matches!(byte, 0 | b' '))?;
    let (digits, rest) = field.split_at(end);
    let is_ended = rest.iter().all(|byte| matches!(byte, 0 | b' '));
    if digits.is_empty() || !is_ended || !digits.iter().all(|d| (b'0'..=b'7').contains(d)) {
        return None;
    }
    Some(
        digits
            .iter()
            .fold(0, |n, digit| n * 8 + u64::from(digit - b'0')),
    )
}

/// Whether a pax header at `at` may be of this length.
pub(crate) fn records_fit(length: u64, at: u64) -> Result<usize, Garbled> {
    let fits = usize::try_from(length)
        .ok()
        .filter(|length| *length <= RECORDS_MAX);
    fits.ok_or(Garbled::Pax {
        at,
        why: "is of more than 4096 bytes",
    })
}

/// Reads the records of a pax header.
pub(crate) fn keywords(bytes: &[u8], at: u64) -> Result<Keywords, Garbled> {
    let bad = |why| Garbled::Pax { at, why };
    let mut rest = std::str::from_utf8(bytes).map_err(|_| bad("is no text"))?;
    let mut found = Keywords::new();
    while !rest.is_empty() {
        let (digits, _) = rest
            .split_once(' ')
            .ok_or(bad("has a record without a length"))?;
        let length: usize = digits
            .parse()
            .map_err(|_| bad("has a record without a length"))?;
        let record = rest
            .get(..length)
            .ok_or(bad("has a record that is too long"))?;
        rest = &rest[length..];
        let body = record
            .get(digits.len() + 1..)
            .and_then(|body| body.strip_suffix('\n'));
        let body = body.ok_or(bad("has a record without an end"))?;
        let (name, value) = body
            .split_once('=')
            .ok_or(bad("has a record without a value"))?;
        let keyword = Keyword::parse(name).ok_or(bad("has a keyword that is none of ours"))?;
        if found.insert(keyword, value.to_owned()).is_some() {
            return Err(bad("says a thing twice"));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_record_counts_its_own_length() {
        assert_eq!(record("a", "b"), "6 a=b\n");
        assert_eq!(record("abc", "de"), "9 abc=de\n");
        assert_eq!(
            record("path", &"x".repeat(90)),
            format!("99 path={}\n", "x".repeat(90))
        );
        assert_eq!(
            record("path", &"x".repeat(91)),
            format!("101 path={}\n", "x".repeat(91))
        );
    }

    #[test]
    fn a_long_path_is_split() {
        let path = format!("{}/{}", "d".repeat(140), "e".repeat(64));
        let head = header(Type::Regular, &path, 77, 9);
        assert_eq!(
            parse(&head, 0),
            Ok(Head {
                kind: Type::Regular,
                path,
                length: 77
            })
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_header_or_refused(
            bytes in proptest::collection::vec(any::<u8>(), 0..600),
        ) {
            let _ = parse(&bytes, 0);
            let _ = keywords(&bytes, 0);
        }

        #[test]
        fn a_changed_header_is_refused_or_says_the_same(
            at in 0usize..UNIT, bit in 0u32..8, length in 0u64..1 << 33,
        ) {
            let head = header(Type::Regular, "config", length, 1_795_000_000);
            let mut other = head;
            other[at] ^= 1 << bit;
            if let Ok(read) = parse(&other, 0) {
                prop_assert_eq!(Ok(read), parse(&head, 0));
            }
        }

        #[test]
        fn records_come_back(value in "[ -~]{0,200}", sum in "[0-9a-f]{64}") {
            let said = Keywords::from([(Keyword::Volume, value), (Keyword::Sha256, sum)]);
            let bytes = records(Type::Extended, &said, 0);
            let head = parse(&bytes[..UNIT], 0).unwrap();
            let length = records_fit(head.length, 0).unwrap();
            prop_assert_eq!(keywords(&bytes[UNIT..UNIT + length], 0), Ok(said));
        }
    }
}
