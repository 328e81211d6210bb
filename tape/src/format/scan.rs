//! Takes the blocks of one tape file apart, and believes none of it.
//!
//! It reads exactly what version 1 writes: a global pax header, then members with an extended one.
//! It never looks for a header behind a damaged one: the bytes of an object are its owner's, who
//! could have put headers of his own into them. What stands behind is found by rows alone.

use bytes::{Buf, Bytes, BytesMut};

use super::encryption::{Decrypter, Keys, decrypted};
use super::error::Garbled;
use super::label::{KeyId, SetId, VolumeId};
use super::member::{FileKind, Member};
use super::pax::{self, Keyword, Keywords, Type, UNIT};
use super::sum::{Sum, Summing};
use super::{BLOCK, VERSION};

/// What the global header of a tape file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// What the file is.
    pub kind: FileKind,
    /// The tape.
    pub volume: VolumeId,
    /// Its media set.
    pub set: SetId,
    /// The tape's place in the set.
    pub sequence: u32,
    /// The file's number, from 0.
    pub file: u32,
}

/// What was found, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The file has begun.
    Opened(Opening),
    /// A member begins; padding is not told.
    Member {
        /// Which.
        member: Member,
        /// Bytes of its data, before it was encrypted.
        length: u64,
        /// The sum of its data, before it was encrypted.
        sha256: Sum,
        /// Where in the file its data begins.
        at: u64,
        /// What it is encrypted with.
        key: Option<KeyId>,
    },
    /// The next data of that member, as it is on tape.
    Data(Bytes),
    /// The member is complete, and its sum is right.
    Good,
    /// The member is complete, and without its key nobody knows whether it is right.
    Locked,
    /// The member is complete, and its bytes are others than were written.
    Damaged {
        /// The sum of what was read.
        found: Sum,
    },
    /// The archive is complete.
    Ended,
}

#[derive(Debug)]
enum State {
    /// A header comes.
    Head,
    /// Records come: what kind, how many bytes of them, how many with the filling.
    Records(Type, usize, usize),
    /// Data comes.
    Body(Body),
    /// So many units of zeros came: nothing else may.
    Zeros(u32),
}

#[derive(Debug)]
struct Body {
    /// None for padding.
    sum: Option<Check>,
    data: u64,
    filling: u64,
}

/// How the bytes of a member are checked.
#[derive(Debug)]
enum Check {
    /// Summed up.
    Sum(Summing, Sum),
    /// The same, behind its encryption; none once that is not what it was.
    Opened(Option<Box<Decrypter>>, Summing, Sum),
    /// Not at all, without the key.
    Locked,
}

/// The machine: blocks in, what is in them out.
#[derive(Debug)]
pub struct Scanner {
    opened: Option<FileKind>,
    keywords: Keywords,
    gathered: BytesMut,
    at: u64,
    state: State,
    keys: Keys,
}

impl Default for Scanner {
    fn default() -> Self {
        Self {
            opened: None,
            keywords: Keywords::new(),
            gathered: BytesMut::new(),
            at: 0,
            state: State::Head,
            keys: Keys::default(),
        }
    }
}

impl Scanner {
    /// One that checks what is encrypted with these keys.
    pub fn with(keys: Keys) -> Self {
        Self {
            keys,
            ..Self::default()
        }
    }

    /// Takes in the next block of the file.
    ///
    /// # Errors
    /// At what no writer of ours makes; nothing may be pushed afterwards.
    pub fn push(&mut self, block: Bytes, found: &mut Vec<Found>) -> Result<(), Garbled> {
        let length = block.len();
        if length != BLOCK {
            return Err(Garbled::Block { length });
        }
        let mut rest = block;
        while !rest.is_empty() {
            self.step(&mut rest, found)?;
        }
        Ok(())
    }

    /// Whether the file was complete when it ended here; otherwise it is torn.
    pub const fn is_complete(&self) -> bool {
        matches!(self.state, State::Zeros(2..))
    }

    fn step(&mut self, rest: &mut Bytes, found: &mut Vec<Found>) -> Result<(), Garbled> {
        match &mut self.state {
            State::Head => {
                let head = rest.split_to(UNIT);
                self.head(&head, found)?;
                self.at += UNIT as u64;
            }
            State::Records(kind, length, whole) => {
                let (kind, length, whole) = (*kind, *length, *whole);
                let now = rest.len().min(whole - self.gathered.len());
                self.gathered.extend_from_slice(&rest.split_to(now));
                self.at += now as u64;
                if self.gathered.len() == whole {
                    let bytes = std::mem::take(&mut self.gathered);
                    self.records(kind, &bytes[..length], found)?;
                }
            }
            State::Body(body) => {
                self.at += body.take(rest, found);
                if body.data == 0 && body.filling == 0 {
                    self.state = State::Head;
                }
            }
            State::Zeros(units) => {
                if rest.split_to(UNIT).iter().any(|byte| *byte != 0) {
                    return Err(Garbled::Trailing { at: self.at });
                }
                *units = units.saturating_add(1);
                self.at += UNIT as u64;
                if *units == 2 {
                    found.push(Found::Ended);
                }
            }
        }
        Ok(())
    }

    fn head(&mut self, head: &[u8], found: &mut Vec<Found>) -> Result<(), Garbled> {
        let at = self.at;
        if self.opened.is_some() && self.keywords.is_empty() && head.iter().all(|b| *b == 0) {
            self.state = State::Zeros(1);
            return Ok(());
        }
        let head = pax::parse(head, at)?;
        match (head.kind, self.opened) {
            (Type::Global, None) | (Type::Extended, Some(_)) if self.keywords.is_empty() => {
                let length = pax::records_fit(head.length, at)?;
                let whole = length.next_multiple_of(UNIT);
                if length == 0 {
                    return Err(Garbled::Pax {
                        at,
                        why: "is empty",
                    });
                }
                self.state = State::Records(head.kind, length, whole);
                Ok(())
            }
            (Type::Regular, Some(file)) => self.member(file, &head, found),
            (Type::Global | Type::Extended | Type::Regular, _) => Err(Garbled::Header { at }),
        }
    }

    fn member(
        &mut self,
        file: FileKind,
        head: &pax::Head,
        found: &mut Vec<Found>,
    ) -> Result<(), Garbled> {
        let (at, length) = (self.at, head.length);
        let name = || head.path.chars().take(256).collect::<String>();
        let member = Member::parse(&head.path).ok_or_else(|| Garbled::Name { at, name: name() })?;
        if member.home().is_some_and(|home| home != file) {
            return Err(Garbled::Name { at, name: name() });
        }
        let mut said = std::mem::take(&mut self.keywords);
        let stored = length;
        let (length, key) = match said.remove(&Keyword::Key) {
            None => (stored, None),
            Some(text) => {
                let key = KeyId::parse(&text).filter(|_| matches!(member, Member::Object(_)));
                let why = "names a key that is none, or has none to name";
                let key = key.ok_or(Garbled::Pax { at, why })?;
                let why = "is for what is not encrypted like this";
                let length = decrypted(stored).ok_or(Garbled::Pax { at, why })?;
                (length, Some(key))
            }
        };
        let most = member.length_max();
        if length > most {
            let name = name();
            return Err(Garbled::Length {
                at,
                name,
                length,
                most,
            });
        }
        let sum = self.sum_of(&member, said.remove(&Keyword::Sha256).as_deref())?;
        let secret = key.and_then(|key| self.keys.get(key));
        let check = sum.map(|sum| match (key, secret, &member) {
            (Some(_), Some(secret), Member::Object(place)) => {
                let decrypter = Decrypter::new(secret, place.clone(), stored);
                Check::Opened(Some(Box::new(decrypter)), Summing::default(), sum)
            }
            (Some(_), _, _) => Check::Locked,
            (None, _, _) => Check::Sum(Summing::default(), sum),
        });
        if let Some(sha256) = sum {
            let at = at + UNIT as u64;
            found.push(Found::Member {
                member,
                length,
                sha256,
                at,
                key,
            });
        }
        let body = Body {
            sum: check,
            data: stored,
            filling: pax::units(stored) - stored,
        };
        self.state = State::Body(body);
        if stored == 0
            && let State::Body(body) = &mut self.state
        {
            body.finish(found);
            self.state = State::Head;
        }
        Ok(())
    }

    /// The sum that the headers of a member name; only padding has none.
    fn sum_of(&self, member: &Member, said: Option<&str>) -> Result<Option<Sum>, Garbled> {
        let bad = |why| Garbled::Pax { at: self.at, why };
        match (member, said) {
            (Member::Pad, None) => Ok(None),
            (Member::Pad, Some(_)) => Err(bad("is for padding")),
            (_, said) => {
                let sum = said.and_then(Sum::parse);
                let sum = sum.ok_or_else(|| bad("has no SHA-256"))?;
                if let Member::Object(place) = member
                    && place.object.promised().is_some_and(|it| it != sum)
                {
                    return Err(bad("has another SHA-256 than the name"));
                }
                Ok(Some(sum))
            }
        }
    }

    fn records(&mut self, kind: Type, bytes: &[u8], found: &mut Vec<Found>) -> Result<(), Garbled> {
        let at = self.at;
        let keywords = pax::keywords(bytes, at)?;
        self.state = State::Head;
        if kind == Type::Extended {
            self.keywords = keywords;
            return Ok(());
        }
        let said = |keyword| keywords.get(&keyword).map(String::as_str);
        let number = |keyword| said(keyword).and_then(|text| text.parse::<u32>().ok());
        let bad = Garbled::Pax {
            at,
            why: "does not say what tape file this is",
        };
        let version = number(Keyword::Version).ok_or(bad.clone())?;
        if version > VERSION {
            return Err(Garbled::Version { version });
        }
        let opening = Opening {
            kind: said(Keyword::Kind)
                .and_then(FileKind::parse)
                .ok_or(bad.clone())?,
            volume: said(Keyword::Volume)
                .and_then(VolumeId::parse)
                .ok_or(bad.clone())?,
            set: said(Keyword::Set)
                .and_then(SetId::parse)
                .ok_or(bad.clone())?,
            sequence: number(Keyword::Sequence).ok_or(bad.clone())?,
            file: number(Keyword::File).ok_or(bad)?,
        };
        self.opened = Some(opening.kind);
        found.push(Found::Opened(opening));
        Ok(())
    }
}

impl Check {
    fn take(&mut self, data: &[u8]) {
        match self {
            Self::Sum(summing, _) => summing.update(data),
            Self::Opened(decrypter, summing, _) => {
                let opened = decrypter.as_mut().and_then(|it| it.push(data));
                match opened {
                    Some(bytes) => summing.update(&bytes),
                    None => *decrypter = None,
                }
            }
            Self::Locked => {}
        }
    }
}

impl Body {
    /// Takes what is its own from `rest`; how many bytes that were.
    fn take(&mut self, rest: &mut Bytes, found: &mut Vec<Found>) -> u64 {
        let own = |most: u64, rest: &Bytes| usize::try_from(most).unwrap_or(BLOCK).min(rest.len());
        let data = rest.split_to(own(self.data, rest));
        let taken = data.len() as u64;
        self.data -= taken;
        if let Some(check) = &mut self.sum {
            check.take(&data);
            if !data.is_empty() {
                found.push(Found::Data(data));
            }
        }
        if taken > 0 && self.data == 0 {
            self.finish(found);
        }
        let filling = own(self.filling, rest);
        if self.data == 0 {
            rest.advance(filling);
            self.filling -= filling as u64;
            return taken + filling as u64;
        }
        taken
    }

    fn finish(&mut self, found: &mut Vec<Found>) {
        match self.sum.take() {
            Some(Check::Opened(None, summing, _)) => {
                let found_sum = summing.finish();
                found.push(Found::Damaged { found: found_sum });
            }
            Some(Check::Sum(summing, sum) | Check::Opened(Some(_), summing, sum)) => {
                let is = summing.finish();
                found.push(if is == sum {
                    Found::Good
                } else {
                    Found::Damaged { found: is }
                });
            }
            Some(Check::Locked) => found.push(Found::Locked),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::super::pax::{header, records};
    use super::super::stream::Stream;
    use super::*;

    fn opening(kind: &str) -> Vec<u8> {
        let said = Keywords::from([
            (Keyword::Version, "1".to_owned()),
            (Keyword::Kind, kind.to_owned()),
            (Keyword::Volume, VolumeId::new([1; 16]).to_string()),
            (Keyword::Set, SetId::new([2; 16]).to_string()),
            (Keyword::Sequence, "1".to_owned()),
            (Keyword::File, "2".to_owned()),
        ]);
        records(Type::Global, &said, 0)
    }

    fn sum_of(bytes: &[u8]) -> Vec<u8> {
        let said = Keywords::from([(Keyword::Sha256, Sum::of(bytes).to_string())]);
        records(Type::Extended, &said, 0)
    }

    fn scan(parts: &[&[u8]]) -> Result<Vec<Found>, Garbled> {
        let (mut stream, mut blocks, mut found) = (Stream::default(), Vec::new(), Vec::new());
        stream.put(&parts.concat(), &mut blocks);
        stream.close(&mut blocks);
        let mut scanner = Scanner::default();
        blocks
            .into_iter()
            .try_for_each(|block| scanner.push(block, &mut found))?;
        assert!(scanner.is_complete());
        Ok(found)
    }

    fn refused(parts: &[&[u8]], expected: &Expect) {
        expected.assert_eq(&scan(parts).unwrap_err().to_string());
    }

    fn member(path: &str, length: u64) -> Vec<u8> {
        [sum_of(b""), header(Type::Regular, path, length, 0).to_vec()].concat()
    }

    #[test]
    fn crafted_archives_are_refused() {
        let open = &opening("archive")[..];
        refused(
            &[open, &member("../config", 0)],
            &expect![[r#"at byte 2048: "../config" is no name of this format"#]],
        );
        refused(
            &[open, &member("/config", 0)],
            &expect![[r#"at byte 2048: "/config" is no name of this format"#]],
        );
        refused(
            &[open, &member("data/../../config", 0)],
            &expect![[r#"at byte 2048: "data/../../config" is no name of this format"#]],
        );
        refused(
            &[open, &member("INDEX.jsonl", 0)],
            &expect![[r#"at byte 2048: "INDEX.jsonl" is no name of this format"#]],
        );
        refused(
            &[open, &member("config", 65_537)],
            &expect!["at byte 2048: config claims 65537 bytes, 65536 is the most"],
        );
        let data = format!("data/e3/{}", Sum::of(b""));
        refused(
            &[open, &member(&data, (8 << 30) - 1)],
            &expect![
                "at byte 2048: data/e3/e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 claims 8589934591 bytes, 268435456 is the most"
            ],
        );
        let other = format!("keys/{}", Sum::of(b"other"));
        refused(
            &[open, &member(&other, 0)],
            &expect!["at byte 2048: a pax header has another SHA-256 than the name"],
        );
        refused(
            &[open, &header(Type::Regular, "config", 0, 0)],
            &expect!["at byte 1024: a pax header has no SHA-256"],
        );
        refused(
            &[open, &header(Type::Extended, "pax", 10_000, 0)],
            &expect!["at byte 1024: a pax header is of more than 4096 bytes"],
        );
        refused(
            &[open, open],
            &expect!["at byte 1024: not a tar header, or a damaged one"],
        );
        refused(
            &[&[7; UNIT]],
            &expect!["at byte 0: not a tar header, or a damaged one"],
        );
    }

    /// A header with other bytes at `at`, its sum made right again.
    fn crafted(at: usize, bytes: &[u8]) -> Vec<u8> {
        let mut head = header(Type::Regular, "config", 0, 0);
        head[at..at + bytes.len()].copy_from_slice(bytes);
        head[148..156].fill(b' ');
        let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
        head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        head.to_vec()
    }

    #[test]
    fn what_only_others_write_is_refused() {
        let open = &opening("archive")[..];
        for (at, bytes, why) in [
            (
                124,
                &b"\x80\0\0\0\0\x23\x86\xf2\x6f\xc1\0\0"[..],
                "10 PB in base 256",
            ),
            (156, b"1", "a hard link"),
            (156, b"2", "a symbolic link"),
            (156, b"3", "a device"),
            (156, b"5", "a directory"),
            (156, b"L", "a long name of GNU tar"),
            (0, b"config\0x", "bytes behind the name"),
            (0, b"\xff", "a name that is no text"),
            (257, b"ustar  ", "a header of GNU tar"),
        ] {
            assert!(
                scan(&[open, &sum_of(b""), &crafted(at, bytes)]).is_err(),
                "{why}"
            );
        }
        for record in [
            "20 path=/etc/passwd\n",
            "27 size=10000000000000000\n",
            "9 a=b\n",
            "x",
        ] {
            let head = header(Type::Extended, "pax", record.len() as u64, 0);
            let mut text = record.as_bytes().to_vec();
            text.resize(UNIT, 0);
            assert!(scan(&[open, &head, &text]).is_err(), "{record}");
        }
        let newer = String::from_utf8(opening("archive"))
            .unwrap()
            .replace("version=1", "version=2");
        assert_eq!(
            scan(&[newer.as_bytes()]),
            Err(Garbled::Version { version: 2 })
        );
        let end = [0; 3 * UNIT];
        assert!(matches!(
            scan(&[open, &end, b"more"]),
            Err(Garbled::Trailing { .. })
        ));
        assert!(scan(&[open, &member("config", 0)]).is_ok());
    }

    proptest! {
        #[test]
        fn any_block_is_read_or_refused(
            noise in proptest::collection::vec((0usize..6000, any::<u8>()), 0..8),
            length in 0usize..3000,
        ) {
            let body = vec![b'x'; length];
            let mut filled = body.clone();
            filled.resize(length.next_multiple_of(UNIT), 0);
            let head = header(Type::Regular, "config", length as u64, 0);
            let mut bytes = [opening("archive"), sum_of(&body), head.to_vec(), filled].concat();
            bytes.resize(BLOCK, 0);
            let is_same = noise.iter().all(|(at, byte)| bytes[*at] == *byte);
            noise.iter().for_each(|(at, byte)| bytes[*at] = *byte);
            let (mut scanner, mut found) = (Scanner::default(), Vec::new());
            let pushed = scanner.push(bytes.into(), &mut found);
            prop_assert!(!is_same || (pushed.is_ok() && found.contains(&Found::Good)));
        }
    }
}
