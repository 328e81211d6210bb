//! Rows: where on a tape each object is. An index is a line of JSON for each.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::encryption::encrypted;
use super::error::Garbled;
use super::label::KeyId;
use super::place::Place;
use super::sum::{Sum, Summing};
use super::{BLOCK, LIST_MAX};

/// The longest line of an index.
const LINE_MAX: usize = 1024;

/// One object on one tape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// The object.
    pub path: Place,
    /// The sum of its bytes.
    pub sha256: Sum,
    /// How many they are.
    pub length: u64,
    /// The number of the tape file that holds it, from 0.
    pub file: u32,
    /// Where that file begins, as the drive said; none if it does not know.
    pub position: Option<u64>,
    /// The block in that file that the object's first byte is in.
    pub block: u32,
    /// Where in that block it is.
    pub offset: u32,
    /// What it is encrypted with; sum and length are of what it was before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyId>,
}

impl Row {
    /// Where in the tape file the object begins.
    pub fn at(&self) -> u64 {
        u64::from(self.block) * BLOCK as u64 + u64::from(self.offset)
    }

    /// How many bytes it has on tape.
    pub fn stored(&self) -> u64 {
        match self.key {
            Some(_) => encrypted(self.length),
            None => self.length,
        }
    }

    /// Its line in an index.
    pub fn line(&self) -> Vec<u8> {
        let mut line = serde_json::to_vec(self).expect("a row is always JSON");
        line.push(b'\n');
        line
    }

    fn parse(line: &[u8], row: u64) -> Result<Self, Garbled> {
        let bad = |why: &str| Garbled::Row {
            row,
            why: why.to_owned(),
        };
        let read: Self = serde_json::from_slice(line).map_err(|e| bad(&e.to_string()))?;
        if read.offset as usize >= BLOCK {
            return Err(bad("its offset is outside a block"));
        }
        if read.length > read.path.object.length_max() {
            return Err(bad("it is longer than its kind may be"));
        }
        match read.path.object.promised() {
            Some(promised) if promised != read.sha256 => Err(bad("its sum is not its name")),
            Some(_) | None => Ok(read),
        }
    }
}

/// The length and the sum of the index of some rows, before it is written.
#[derive(Clone, Debug, Default)]
pub struct Measure {
    length: u64,
    summing: Summing,
}

impl Measure {
    /// Counts one more row in.
    pub fn add(&mut self, row: &Row) {
        let line = row.line();
        self.length += line.len() as u64;
        self.summing.update(&line);
    }

    /// Bytes of the index.
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// Its sum.
    pub fn sum(&self) -> Sum {
        self.summing.clone().finish()
    }
}

/// Reads an index as its bytes come.
#[derive(Debug, Default)]
pub struct Lines {
    partial: Vec<u8>,
    bytes: u64,
    rows: u64,
}

impl Lines {
    /// Takes in the next bytes.
    ///
    /// # Errors
    /// At the first line that is no row.
    pub fn push(&mut self, bytes: &Bytes, rows: &mut Vec<Row>) -> Result<(), Garbled> {
        self.bytes += bytes.len() as u64;
        if self.bytes > LIST_MAX {
            return Err(self.bad("the index is too long"));
        }
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            if self.partial.len() + piece.len() > LINE_MAX {
                return Err(self.bad("it is longer than 1024 bytes"));
            }
            self.partial.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                self.rows += 1;
                rows.push(Row::parse(&self.partial, self.rows)?);
                self.partial.clear();
            }
        }
        Ok(())
    }

    /// Says that all came.
    ///
    /// # Errors
    /// When the last line has no end.
    pub fn finish(self) -> Result<(), Garbled> {
        if self.partial.is_empty() {
            Ok(())
        } else {
            Err(self.bad("it has no end"))
        }
    }

    fn bad(&self, why: &str) -> Garbled {
        Garbled::Row {
            row: self.rows + 1,
            why: why.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use proptest::prelude::*;

    use super::*;

    fn row() -> Row {
        Row {
            path: Place::parse("acme/config").unwrap(),
            sha256: Sum::new([7; 32]),
            length: 155,
            file: 2,
            position: Some(4),
            block: 1,
            offset: 1024,
            key: None,
        }
    }

    #[test]
    fn a_row_is_one_line() {
        let line = String::from_utf8(row().line()).unwrap();
        expect![[r#"
            {"path":"acme/config","sha256":"0707070707070707070707070707070707070707070707070707070707070707","length":155,"file":2,"position":4,"block":1,"offset":1024}
        "#]]
        .assert_eq(&line);
    }

    #[test]
    fn a_row_that_cannot_be_is_refused() {
        let line = String::from_utf8(row().line()).unwrap();
        for (from, to) in [
            ("acme/config", "../config"),
            ("155", "10000000000000000"),
            ("155", "-1"),
            (":1024", ":262144"),
            ("\"file\"", "\"fil\""),
            ("\n", ",\n"),
        ] {
            let crafted = Bytes::from(line.replace(from, to));
            assert!(
                Lines::default().push(&crafted, &mut Vec::new()).is_err(),
                "{to}"
            );
        }
        let endless = Bytes::from(vec![b' '; 1025]);
        assert!(Lines::default().push(&endless, &mut Vec::new()).is_err());
    }

    proptest! {
        #[test]
        fn lines_cut_anywhere_are_the_same_rows(cut in 0usize..330) {
            let text = Bytes::from([row().line(), row().line()].concat());
            let (mut lines, mut rows) = (Lines::default(), Vec::new());
            let cut = cut.min(text.len());
            lines.push(&text.slice(..cut), &mut rows).unwrap();
            lines.push(&text.slice(cut..), &mut rows).unwrap();
            prop_assert_eq!(lines.finish(), Ok(()));
            prop_assert_eq!(rows, vec![row(), row()]);
        }

        #[test]
        fn any_bytes_are_rows_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Lines::default().push(&Bytes::from(bytes), &mut Vec::new());
        }
    }
}
