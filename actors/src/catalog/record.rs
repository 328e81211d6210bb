//! What the catalog writes down: one record per command, and now and then a snapshot of all rows.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::command::Submission;
use super::machine::Keeper;
use super::rows::Rows;
use crate::kernel::{Machine, Sequence};
use crate::schema::{self, SchemaError, Stored};

/// The largest snapshot that is read, in bytes: a thousand times what ten thousand tenants need.
const SNAPSHOT_MAX: usize = 4 << 30;

/// One command that was taken in, in its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its place in the log of commands: one more than the one before.
    pub index: Sequence,
    /// The command.
    pub submission: Submission,
}

impl Stored for Record {
    const VERSION: u8 = 1;
}

impl Stored for Rows {
    const VERSION: u8 = 10;
}

/// Why a catalog cannot be brought back.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// The snapshot cannot be read.
    #[error("the catalog's snapshot cannot be read")]
    Snapshot(#[source] SchemaError),
    /// A record cannot be read.
    #[error("the record behind command {after} of the catalog cannot be read")]
    Record {
        /// The last command before it.
        after: Sequence,
        /// Why.
        #[source]
        error: SchemaError,
    },
    /// Records are missing.
    #[error("after command {after} of the catalog comes {found}")]
    Gap {
        /// The last command before the gap.
        after: Sequence,
        /// The first one behind it.
        found: Sequence,
    },
}

impl Record {
    /// The record as it lies in the journal.
    pub fn encode(&self) -> Bytes {
        schema::encode(self).into()
    }
}

/// All rows as one value; whoever stores it cuts it into frames.
pub fn snapshot(rows: &Rows) -> Bytes {
    schema::encode(rows).into()
}

/// The rows of a snapshot.
///
/// # Errors
/// When the bytes are of a newer version, damaged or cut.
pub fn restore(snapshot: &[u8]) -> Result<Rows, SchemaError> {
    // The first version ends before two maps, the second before a span of seconds and nanoseconds,
    // the third before another and the cluster: two such spans and six maps, the fourth before one
    // more map in that, the fifth before another and a number, and the three maps of the gateways,
    // the sixth before one more, the seventh before the six maps of tapes, the eighth before two
    // more of those, the ninth before nine more. All of them were empty then.
    let missing: &[u8] = match snapshot.first() {
        Some(1) => &[0; 40],
        Some(2) => &[0; 38],
        Some(3) => &[0; 36],
        Some(4) => &[0; 24],
        Some(5) => &[0; 23],
        Some(6) => &[0; 18],
        Some(7) => &[0; 17],
        Some(8) => &[0; 11],
        Some(9) => &[0; 9],
        Some(_) | None => return schema::decode_within::<Rows, SNAPSHOT_MAX>(snapshot),
    };
    let grown = [&[Rows::VERSION], &snapshot[1..], missing].concat();
    schema::decode_within::<Rows, SNAPSHOT_MAX>(&grown)
}

impl Keeper {
    /// Brings a catalog back from a snapshot and the records behind it. Records that the snapshot
    /// holds already are passed over.
    ///
    /// # Errors
    /// When a part cannot be read, or records are missing between two that are there.
    pub fn recover(
        snapshot: Option<&[u8]>,
        records: impl IntoIterator<Item = Bytes>,
    ) -> Result<Self, RecoverError> {
        let rows = match snapshot {
            Some(bytes) => restore(bytes).map_err(RecoverError::Snapshot)?,
            None => Rows::default(),
        };
        let mut keeper = Self::new(rows);
        for body in records {
            let after = keeper.rows().index;
            let record: Record =
                schema::decode(&body).map_err(|error| RecoverError::Record { after, error })?;
            if record.index > after.next() {
                let found = record.index;
                return Err(RecoverError::Gap { after, found });
            }
            keeper.apply(&record);
        }
        Ok(keeper)
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::command::{Contract, TenantCommand};
    use super::super::fixture::{Office, operator, tenant};
    use super::*;
    use crate::kernel::Timestamp;

    fn record() -> Record {
        Record {
            index: Sequence::new(3),
            submission: Submission {
                client: 7,
                sequence: 1,
                by: operator("ann"),
                at: Timestamp::from_millis(1_795_255_200_000),
                command: tenant("Acme", TenantCommand::Add(Contract::default())),
            },
        }
    }

    #[test]
    fn rows_that_claim_to_be_very_many_are_refused_before_there_is_room_for_them() {
        let whole = schema::encode(&Rows::default());
        let many = [&[0xfd][..], &(1_u64 << 56).to_le_bytes()].concat();
        for at in 1..whole.len() {
            let bytes = [&whole[..at], &many, &whole[at + 1..]].concat();
            // Neither numbers at the front nor the seconds near the end count anything.
            let seconds = [38, 36, 34, 32].contains(&(whole.len() - at));
            let counts = at >= 8 && !seconds;
            assert!(restore(&bytes).is_err() || !counts, "byte {at}");
        }
    }

    #[test]
    fn the_first_version_of_a_record_stays_readable() {
        let bytes = record().encode();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        expect!["010307010003616e6efd00698cfda1010000010441636d65000000000010000700"]
            .assert_eq(&hex);
        assert_eq!(schema::decode::<Record>(&bytes).unwrap(), record());
    }

    #[test]
    fn the_first_versions_of_a_snapshot_stay_readable() {
        let mut office = Office::open();
        office.add_tenant("a");
        let bytes = snapshot(office.rows());
        // What later versions added is empty here, and stands at the end.
        let (_, rows) = bytes.split_first().unwrap();
        let rows = rows.strip_suffix(&[0; 40]).unwrap();
        let first = [&[1], rows].concat();
        for (version, zeros) in [
            (2, 2),
            (3, 4),
            (4, 16),
            (5, 17),
            (6, 22),
            (7, 23),
            (8, 29),
            (9, 31),
        ] {
            let later = [&[version], rows, &vec![0; zeros]].concat();
            assert_eq!(
                &restore(&later).unwrap(),
                office.rows(),
                "version {version}"
            );
        }
        let lines = first.chunks(32).map(|line| {
            let line = line.iter().map(|byte| format!("{byte:02x}"));
            line.collect::<String>() + "\n"
        });
        expect![[r#"
            010301fb2a51fd00698cfda10100000000000103616e6e0001fbe80300010161
            01316164646564206279206f70657261746f7220616e6e20617420323032362d
            31312d32315431303a30303a30302e3030305a00000000100007000000000000
            00000201fd00698cfda1010000fb4e75000673797374656d001b6f7065726174
            6f7220616e6e2061646465642061732061646d696e0002fd00698cfda1010000
            fb2e5e000c6f70657261746f7220616e6e0101610e74656e616e742061206164
            64656400010702030101
        "#]]
        .assert_eq(&lines.collect::<String>());
        assert_eq!(&restore(&first).unwrap(), office.rows());
    }

    #[test]
    fn a_gap_between_records_is_noticed() {
        let mut office = Office::open();
        office.add_tenant("a");
        office.add_tenant("b");
        let mut bodies: Vec<Bytes> = office.records.iter().map(Record::encode).collect();
        bodies.remove(2);
        let error = Keeper::recover(None, bodies).unwrap_err();
        assert_eq!(
            error.to_string(),
            "after command #2 of the catalog comes #4"
        );
    }

    #[test]
    fn records_that_a_snapshot_holds_are_passed_over() {
        let mut office = Office::open();
        office.add_tenant("a");
        let middle = snapshot(office.rows());
        office.add_tenant("b");
        let bodies = office.records.iter().map(Record::encode);
        let recovered = Keeper::recover(Some(&middle), bodies).unwrap();
        assert_eq!(recovered.rows(), office.rows());
    }

    #[test]
    fn damage_is_an_error_and_never_a_panic() {
        let bytes = record().encode();
        for length in 0..bytes.len() {
            let cut = Keeper::recover(None, [bytes.slice(..length)]);
            assert!(cut.is_err(), "cut at {length}");
        }
        assert!(restore(&[1, 255, 255, 255]).is_err());
        assert!(restore(&[11]).is_err(), "a newer version");
    }
}
