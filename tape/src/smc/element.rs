//! What a changer tells of its elements, read leniently: changers cut and pad.

use super::{Address, Kind};
use crate::exchange::words;
use crate::scsi::number;

/// One element and what stands in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// What it is.
    pub kind: Kind,
    /// Where.
    pub address: Address,
    /// Something is in it.
    pub full: bool,
    /// The arm can reach into it.
    pub reachable: bool,
    /// Something is odd: its two numbers; an unreadable label, most often.
    pub exception: Option<(u8, u8)>,
    /// From where its cartridge came.
    pub source: Option<Address>,
    /// The label, when it was read.
    pub label: Option<String>,
    /// Which drive it is.
    pub device: Option<String>,
}

const HEADER: usize = 8;
/// Bytes of a descriptor before labels and devices.
const LEAST: usize = 12;
const LABEL: usize = 36;

/// Reads what READ ELEMENT STATUS gave. A last descriptor that is cut counts as far as it goes,
/// if its address and flags are there.
#[must_use]
pub fn parse(bytes: &[u8]) -> Vec<Element> {
    let length = |bytes: &[u8]| usize::try_from(number(bytes, 5, 3)).unwrap_or(0);
    let mut found = Vec::new();
    let end = bytes.len().min(HEADER + length(bytes));
    let mut rest = bytes.get(HEADER..end).unwrap_or_default();
    while rest.len() >= HEADER {
        let (header, after) = rest.split_at(HEADER);
        let (page, next) = after.split_at(after.len().min(length(header)));
        let width = usize::try_from(number(header, 2, 2)).unwrap_or(0);
        if let Some(kind) = Kind::of(header[0])
            && width >= LEAST
        {
            let labels = header[1] & 0x80 != 0;
            let whole = page.chunks(width).filter(|one| one.len() >= LEAST);
            found.extend(whole.map(|one| element(kind, one, labels)));
        }
        rest = next;
    }
    found
}

fn element(kind: Kind, bytes: &[u8], labels: bool) -> Element {
    let word = |at| u16::try_from(number(bytes, at, 2)).unwrap_or(0);
    let full = bytes[2] & 1 != 0;
    let label = bytes.get(LEAST..LEAST + 32).filter(|_| labels && full);
    let tail = LEAST + if labels { LABEL } else { 0 };
    let device = bytes.get(tail..).and_then(|tail| {
        let length = usize::from(*tail.get(3)?);
        tail.get(4..4 + length)
    });
    Element {
        kind,
        address: Address(word(0)),
        full,
        reachable: bytes[2] & 8 != 0,
        exception: (bytes[2] & 4 != 0).then_some((bytes[4], bytes[5])),
        source: (bytes[9] & 0x80 != 0).then(|| Address(word(10))),
        label: label.map(words).filter(|label| !label.is_empty()),
        device: device.map(words).filter(|device| !device.is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn slot(address: u16, label: &str) -> Vec<u8> {
        let mut bytes = vec![0; LEAST + LABEL + 4];
        bytes[..2].copy_from_slice(&address.to_be_bytes());
        bytes[2] = 0x09;
        bytes[12..12 + label.len()].copy_from_slice(label.as_bytes());
        bytes
    }

    fn status(descriptors: &[Vec<u8>]) -> Vec<u8> {
        let width = u8::try_from(descriptors[0].len()).expect("short");
        let body = descriptors.concat();
        let length = u8::try_from(body.len()).expect("short");
        let mut bytes = vec![0, 1, 0, 2, 0, 0, 0, length + 8];
        bytes.extend([2, 0x80, 0, width, 0, 0, 0, length]);
        bytes.extend(body);
        bytes
    }

    #[test]
    fn a_cut_last_descriptor_still_has_its_label() {
        let whole = status(&[slot(1, "VT0001L6"), slot(2, "VT0002L6")]);
        let parsed = parse(&whole);
        assert_eq!(parsed.len(), 2);
        assert_eq!(parse(&whole[..whole.len() - 8]), parsed);
        let labels: Vec<_> = parsed.iter().map(|one| one.label.as_deref()).collect();
        assert_eq!(labels, [Some("VT0001L6"), Some("VT0002L6")]);
        assert_eq!(parse(&whole[..whole.len() - 50]).len(), 1);
    }

    proptest! {
        #[test]
        fn no_status_is_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(parse(&bytes).len() <= bytes.len() / LEAST);
        }

        #[test]
        fn a_status_that_is_cut_tells_a_part_of_the_whole(
            count in 1_usize..4, cut in 0_usize..220, noise in any::<(usize, u8)>(),
        ) {
            let slots: Vec<_> = (0..count).map(|at| slot(at as u16, "L")).collect();
            let mut bytes = status(&slots);
            let whole = parse(&bytes);
            prop_assert_eq!(whole.len(), count);
            bytes.truncate(cut);
            let told = parse(&bytes);
            prop_assert!(told.len() <= whole.len());
            for (one, other) in told.iter().zip(&whole) {
                prop_assert_eq!(one.address, other.address);
            }
            if let Some(byte) = bytes.get_mut(noise.0 % 220) {
                *byte = noise.1;
                let _ = parse(&bytes);
            }
        }
    }
}
