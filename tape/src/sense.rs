//! What a device tells when a command did not simply succeed, and what follows from it.
//!
//! Devices disagree about the last two numbers, so key and bits are looked at first. The table in
//! [`Decision::of`] is the only place that gives those numbers a meaning.

use std::fmt;

pub use decision::{Attention, Decision, Order};

mod decision;

/// Decoded sense data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sense {
    /// The kind of condition, 0 to 15.
    pub key: u8,
    /// Additional code.
    pub asc: u8,
    /// Its qualifier.
    pub ascq: u8,
    /// A filemark was met.
    pub filemark: bool,
    /// The end (or the beginning, on the way back) is near.
    pub end: bool,
    /// The block had another length than asked for.
    pub length: bool,
    /// What was left to do, if told.
    pub information: Option<i64>,
    /// It belongs to an earlier command that was answered as good.
    pub deferred: bool,
}

impl Sense {
    /// Reads fixed (70h, 71h) and descriptor (72h, 73h) sense. Bytes that are cut off count as
    /// zero; `None` when the bytes are no sense data at all.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        match bytes.first()? & 0x7f {
            code @ (0x70 | 0x71) if bytes.len() >= 8 => Some(fixed(bytes, code == 0x71)),
            code @ (0x72 | 0x73) if bytes.len() >= 8 => Some(descriptors(bytes, code == 0x73)),
            _ => None,
        }
    }

    /// The same as 18 bytes of fixed format, as drives send it.
    #[must_use]
    pub fn fixed(&self) -> Vec<u8> {
        let mut bytes = vec![0; 18];
        bytes[0] = 0x70 | u8::from(self.deferred);
        bytes[2] = self.key
            | u8::from(self.filemark) << 7
            | u8::from(self.end) << 6
            | u8::from(self.length) << 5;
        if let Some(value) = self.information.and_then(|value| i32::try_from(value).ok()) {
            bytes[0] |= 0x80;
            bytes[3..7].copy_from_slice(&value.to_be_bytes());
        }
        bytes[7] = 10;
        bytes[12] = self.asc;
        bytes[13] = self.ascq;
        bytes
    }

    /// Sense with these three numbers alone.
    #[must_use]
    pub fn of(key: u8, asc: u8, ascq: u8) -> Self {
        Self {
            key,
            asc,
            ascq,
            ..Self::default()
        }
    }
}

fn fixed(bytes: &[u8], deferred: bool) -> Sense {
    let word = [bytes[3], bytes[4], bytes[5], bytes[6]];
    Sense {
        key: bytes[2] & 0x0f,
        asc: bytes.get(12).copied().unwrap_or(0),
        ascq: bytes.get(13).copied().unwrap_or(0),
        information: (bytes[0] & 0x80 != 0).then(|| i64::from(i32::from_be_bytes(word))),
        deferred,
        ..bits(bytes[2])
    }
}

fn bits(byte: u8) -> Sense {
    Sense {
        filemark: byte & 0x80 != 0,
        end: byte & 0x40 != 0,
        length: byte & 0x20 != 0,
        ..Sense::default()
    }
}

fn descriptors(bytes: &[u8], deferred: bool) -> Sense {
    let mut sense = Sense {
        deferred,
        ..Sense::of(bytes[1] & 0x0f, bytes[2], bytes[3])
    };
    let end = bytes.len().min(8 + usize::from(bytes[7]));
    let mut rest = &bytes[8..end];
    while let [kind, length, ..] = *rest {
        let Some((one, after)) = rest.split_at_checked(2 + usize::from(length)) else {
            break;
        };
        match (kind, one) {
            (0, [_, _, _, _, value @ ..]) => {
                sense.information = value.try_into().ok().map(i64::from_be_bytes);
            }
            (4, [_, _, _, flags, ..]) => {
                let Sense {
                    filemark,
                    end,
                    length,
                    ..
                } = bits(*flags);
                (sense.filemark, sense.end, sense.length) = (filemark, end, length);
            }
            _ => {}
        }
        rest = after;
    }
    sense
}

impl fmt::Display for Sense {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}/{:02x}/{:02x}", self.key, self.asc, self.ascq)?;
        for (told, name) in [
            (self.filemark, " FM"),
            (self.end, " EOM"),
            (self.length, " ILI"),
            (self.deferred, " deferred"),
        ] {
            f.write_str(if told { name } else { "" })?;
        }
        match self.information {
            Some(value) => write!(f, " info={value}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn descriptor_sense_carries_the_same_bits() {
        let mut bytes = vec![0x73, 0x0d, 0x00, 0x02, 0, 0, 0, 16];
        bytes.extend([0, 10, 0x80, 0, 0, 0, 0, 0, 0, 0, 0x10, 0]);
        bytes.extend([4, 2, 0, 0x40]);
        let sense = Sense::parse(&bytes).expect("sense");
        assert_eq!(sense.to_string(), "d/00/02 EOM deferred info=4096");
    }

    #[test]
    fn cut_sense_is_read_as_far_as_it_goes() {
        assert_eq!(Sense::parse(&[0x70, 0, 5]), None);
        let bytes = [0x70, 0, 5, 0, 0, 0, 0, 10];
        assert_eq!(Sense::parse(&bytes), Some(Sense::of(5, 0, 0)));
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Some(sense) = Sense::parse(&bytes) {
                for order in [Order::Write, Order::Read, Order::Wind, Order::Other] {
                    let _ = Decision::of(&sense, order).to_string();
                }
                let _ = sense.to_string();
            }
        }

        #[test]
        fn fixed_sense_comes_back_as_it_was(
            key in 0_u8..16, asc: u8, ascq: u8, bits: [bool; 4], value: Option<i32>,
        ) {
            let [filemark, end, length, deferred] = bits;
            let information = value.map(i64::from);
            let sense =
                Sense { key, asc, ascq, filemark, end, length, information, deferred };
            prop_assert_eq!(Sense::parse(&sense.fixed()), Some(sense));
        }
    }
}
