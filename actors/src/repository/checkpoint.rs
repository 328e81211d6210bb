//! What a repository holds, written behind its log into the index, so that a start need not read
//! all of the log.
//!
//! The log is the truth. A stamp says up to which entry the rows go, how many there are, and what
//! they hash to in whatever order; whenever that does not fit, the rows are forgotten and written
//! again from the log. Only what is durable in the log is written here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::entry::Place;
use super::snapshot::{Binned, Life, Object, Snapshot};
use super::usage::Usage;
use crate::kernel::{ExtentId, RepositoryId, Sequence, Space, Timestamp};
use crate::object::{Hash, Key, Kind};
use crate::ports::{Change, Index};
use crate::schema::{self, SchemaError, Stored};

/// Changes taken into one batch of the index; all of a usual checkpoint fits one.
const BATCH_MAX: usize = 8_192;
/// Rows read at once.
const SCAN_MAX: usize = 4_096;
/// The largest stamp: what an index takes as a value.
const STAMP_MAX: usize = 16 << 10;

/// One row of a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Row {
    /// A live object.
    Live(Key),
    /// A life that has ended.
    Bin(Life),
}

/// Which rows the index does not have as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Changed {
    /// All of them: nothing is known of the index.
    #[default]
    All,
    /// These.
    Rows(BTreeSet<Row>),
}

impl Changed {
    /// Notes that a row is not what the index has.
    pub(super) fn note(&mut self, row: Row) {
        if let Self::Rows(rows) = self {
            rows.insert(row);
        }
    }
}

/// How far the rows of a repository go, and what else follows from its log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    /// The number of the last entry that the rows know of.
    pub sequence: Sequence,
    /// Where it lies.
    pub place: Place,
    /// The checksum of its frame: another history may have an entry at the same place.
    pub checksum: u32,
    /// The time of the last entry.
    pub last: Timestamp,
    /// Byte-milliseconds by month up to then.
    pub usage: Usage,
    /// Up to which extent nothing counts any more.
    pub emptied: ExtentId,
    /// Entries of objects that could not be read, with the extents in which their bytes stay.
    pub stranded: BTreeMap<Place, BTreeSet<ExtentId>>,
    /// How many rows there are.
    pub rows: u64,
    /// The sum of the rows' hashes.
    pub hash: u128,
}

/// A live object's row.
#[derive(Serialize, Deserialize)]
struct LiveRow {
    object: Object,
    /// SHA-256 of a `config`, whose name does not say it.
    config: Option<Hash>,
}

/// A row of the bin.
#[derive(Serialize, Deserialize)]
struct BinRow(Binned);

// Version 1 did not say which extents hold what. Rows of it are not read: the log makes them again.

impl Stored for Stamp {
    /// The second version did not say what is stranded.
    const VERSION: u8 = 3;
}

impl Stored for LiveRow {
    const VERSION: u8 = 2;
}

impl Stored for BinRow {
    const VERSION: u8 = 2;
}

/// What is to be written.
#[derive(Clone)]
pub struct Checkpoint {
    /// What the repository holds.
    pub(super) snapshot: Snapshot,
    /// Which of it the index does not have.
    pub(super) changed: Changed,
    /// How far that goes; rows and hash are counted when it is written.
    pub(super) stamp: Stamp,
}

impl fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sequence = self.stamp.sequence;
        match &self.changed {
            Changed::All => write!(f, "of all rows at {sequence}"),
            Changed::Rows(rows) => write!(f, "of {} rows at {sequence}", rows.len()),
        }
    }
}

/// Why rows are of no use.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    /// There is no stamp.
    #[error("the index knows nothing of it")]
    Absent,
    /// The index cannot be read or written.
    #[error("the index failed")]
    Index(#[from] io::Error),
    /// A row or the stamp is damaged, or of a newer program.
    #[error("a row cannot be read")]
    Row(#[from] SchemaError),
    /// A key or the stamp is damaged.
    #[error("a row is damaged")]
    Damaged,
    /// Rows are missing, or are others than were written.
    #[error("{found} rows hash to {hash:x}, and the stamp names {rows} that do not")]
    Differs {
        /// How many there are.
        found: u64,
        /// What they hash to.
        hash: u128,
        /// How many there should be.
        rows: u64,
    },
    /// The log does not have the entry that the stamp names.
    #[error("the log has no entry {0} where the stamp says")]
    Unknown(Sequence),
    /// The log gave space back that held what came next.
    #[error("what came behind entry {0} is gone, since the log was emptied meanwhile")]
    Behind(Sequence),
}

/// Writes a checkpoint: rows in batches, the stamp with the last of them.
pub(super) async fn write(
    index: &Arc<dyn Index>,
    id: RepositoryId,
    checkpoint: Checkpoint,
) -> Result<(), Unusable> {
    let Checkpoint {
        snapshot,
        changed,
        mut stamp,
    } = checkpoint;
    let mut batch = Vec::new();
    match changed {
        Changed::All => {
            clear(index, id).await?;
            let live = snapshot.live.keys().map(|key| Row::Live(*key));
            for row in live.chain(snapshot.bin.keys().map(|life| Row::Bin(*life))) {
                put(id, row, &snapshot, &mut stamp, &mut batch);
                flow(index, &mut batch).await?;
            }
        }
        Changed::Rows(rows) => {
            let known = stamp_of(index, id).await?;
            (stamp.rows, stamp.hash) = (known.rows, known.hash);
            for row in rows {
                let key = key_of(id, row);
                if let Some(value) = index.get(&key).await? {
                    stamp.rows = stamp.rows.wrapping_sub(1);
                    stamp.hash = stamp.hash.wrapping_sub(hash_of(&key, &value));
                    batch.push(Change::Remove(key));
                }
                put(id, row, &snapshot, &mut stamp, &mut batch);
                flow(index, &mut batch).await?;
            }
        }
    }
    let mut value = schema::encode(&stamp);
    value.extend_from_slice(&crc32c::crc32c(&value).to_le_bytes());
    if value.len() > STAMP_MAX {
        return Err(io::Error::from(io::ErrorKind::FileTooLarge).into());
    }
    batch.push(Change::Put(stamp_key(id), value));
    index.apply(batch).await?;
    index.flush().await?;
    Ok(())
}

/// Adds a row as the snapshot has it; none if it has it no more.
fn put(id: RepositoryId, row: Row, held: &Snapshot, stamp: &mut Stamp, batch: &mut Vec<Change>) {
    let value = match row {
        Row::Live(key) => held.live.get(&key).map(|object| {
            let config = held.configs.get(&key.space).copied();
            let config = config.filter(|_| key.kind == Kind::Config);
            schema::encode(&LiveRow {
                object: *object,
                config,
            })
        }),
        Row::Bin(life) => {
            let binned = held.bin.get(&life).copied();
            binned.map(|binned| schema::encode(&BinRow(binned)))
        }
    };
    let Some(value) = value else { return };
    let key = key_of(id, row);
    stamp.rows += 1;
    stamp.hash = stamp.hash.wrapping_add(hash_of(&key, &value));
    batch.push(Change::Put(key, value));
}

async fn flow(index: &Arc<dyn Index>, batch: &mut Vec<Change>) -> io::Result<()> {
    if batch.len() < BATCH_MAX {
        return Ok(());
    }
    index.apply(std::mem::take(batch)).await
}

/// Takes everything of a repository out of the index, and not even a power loss brings it back.
///
/// # Errors
/// When the index fails.
pub async fn forget(index: &Arc<dyn Index>, id: RepositoryId) -> io::Result<()> {
    clear(index, id).await?;
    index.flush().await
}

/// The same, the stamp first: what is left of a repository without one is never believed.
async fn clear(index: &Arc<dyn Index>, id: RepositoryId) -> io::Result<()> {
    index.apply(vec![Change::Remove(stamp_key(id))]).await?;
    for prefix in [prefix(b"object/", id), prefix(b"bin/", id)] {
        loop {
            let found = index.scan(&prefix, &[], SCAN_MAX).await?;
            if found.is_empty() {
                break;
            }
            let gone = found.into_iter().map(|(key, _)| Change::Remove(key));
            index.apply(gone.collect()).await?;
        }
    }
    Ok(())
}

/// Reads all rows, and believes them only if they are what the stamp says.
pub(super) async fn read(
    index: &Arc<dyn Index>,
    id: RepositoryId,
) -> Result<(Stamp, Snapshot), Unusable> {
    let stamp = stamp_of(index, id).await?;
    let (mut snapshot, mut rows, mut hash) = (Snapshot::default(), 0, 0_u128);
    for prefix in [prefix(b"object/", id), prefix(b"bin/", id)] {
        let mut after = Vec::new();
        loop {
            let found = index.scan(&prefix, &after, SCAN_MAX).await?;
            let Some((last, _)) = found.last() else { break };
            after.clone_from(last);
            rows += found.len() as u64;
            for (key, value) in found {
                hash = hash.wrapping_add(hash_of(&key, &value));
                take(&key[prefix.len()..], &value, &mut snapshot)?;
            }
        }
    }
    if (rows, hash) != (stamp.rows, stamp.hash) {
        let (found, rows) = (rows, stamp.rows);
        return Err(Unusable::Differs { found, hash, rows });
    }
    Ok((stamp, snapshot))
}

/// Takes one row into a snapshot.
fn take(key: &[u8], value: &[u8], snapshot: &mut Snapshot) -> Result<(), Unusable> {
    let (name, added) = name_of(key).ok_or(Unusable::Damaged)?;
    match added {
        Some(added) => {
            let BinRow(binned) = schema::decode(value)?;
            snapshot.bin.insert((name, added), binned);
        }
        None => {
            let LiveRow { object, config } = schema::decode(value)?;
            if let Some(config) = config {
                snapshot.configs.insert(name.space, config);
            }
            snapshot.live.insert(name, object);
        }
    }
    Ok(())
}

async fn stamp_of(index: &Arc<dyn Index>, id: RepositoryId) -> Result<Stamp, Unusable> {
    let value = index.get(&stamp_key(id)).await?.ok_or(Unusable::Absent)?;
    let (value, checksum) = value.split_last_chunk().ok_or(Unusable::Damaged)?;
    if crc32c::crc32c(value) != u32::from_le_bytes(*checksum) {
        return Err(Unusable::Damaged);
    }
    Ok(schema::decode(value)?)
}

fn stamp_key(id: RepositoryId) -> Vec<u8> {
    prefix(b"stamp/", id)
}

/// The family and the repository's id in eight bytes, which sort as the number does.
pub(super) fn prefix(family: &[u8], id: RepositoryId) -> Vec<u8> {
    let mut key = family.to_vec();
    key.extend_from_slice(&id.raw().to_be_bytes());
    key
}

/// Space, kind and name; and the beginning of the life, for what is in the bin.
fn key_of(id: RepositoryId, row: Row) -> Vec<u8> {
    let (family, key, added): (&[u8], _, _) = match row {
        Row::Live(key) => (b"object/", key, None),
        Row::Bin((key, added)) => (b"bin/", key, Some(added)),
    };
    let mut bytes = prefix(family, id);
    bytes.extend_from_slice(&key.space.raw().to_be_bytes());
    bytes.push(number_of(key.kind));
    bytes.extend_from_slice(key.name.as_bytes());
    if let Some(added) = added {
        bytes.extend_from_slice(&added.raw().to_be_bytes());
    }
    bytes
}

/// What a key says behind its prefix.
fn name_of(key: &[u8]) -> Option<(Key, Option<Sequence>)> {
    let (space, rest) = key.split_first_chunk()?;
    let (kind, rest) = rest.split_first()?;
    let (name, rest) = rest.split_first_chunk()?;
    let key = Key {
        space: Space::new(u64::from_be_bytes(*space)),
        kind: KINDS.into_iter().find(|known| number_of(*known) == *kind)?,
        name: Hash::new(*name),
    };
    if rest.is_empty() {
        return Some((key, None));
    }
    let added = u64::from_be_bytes(rest.try_into().ok()?);
    Some((key, Some(Sequence::new(added))))
}

const KINDS: [Kind; 6] = [
    Kind::Config,
    Kind::Data,
    Kind::Index,
    Kind::Key,
    Kind::Lock,
    Kind::Snapshot,
];

/// The kind as the key has it: never another number for the same kind.
const fn number_of(kind: Kind) -> u8 {
    match kind {
        Kind::Config => 0,
        Kind::Data => 1,
        Kind::Index => 2,
        Kind::Key => 3,
        Kind::Lock => 4,
        Kind::Snapshot => 5,
    }
}

/// What one row adds to the hash of all.
fn hash_of(key: &[u8], value: &[u8]) -> u128 {
    let length = (key.len() as u64).to_le_bytes();
    let digest: [u8; 32] = Sha256::new()
        .chain_update(length)
        .chain_update(key)
        .chain_update(value)
        .finalize()
        .into();
    let mut first = [0; 16];
    first.copy_from_slice(&digest[..16]);
    u128::from_le_bytes(first)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_key_reads_what_it_writes(
            id: u64, space: u64, kind in 0..6_usize, name: [u8; 32], added: Option<u64>,
        ) {
            let (id, added) = (RepositoryId::new(id), added.map(Sequence::new));
            let kind = KINDS[kind];
            let key = Key { space: Space::new(space), kind, name: Hash::new(name) };
            let (family, row): (&[u8], _) = match added {
                None => (b"object/", Row::Live(key)),
                Some(added) => (b"bin/", Row::Bin((key, added))),
            };
            let bytes = key_of(id, row);
            let prefix = prefix(family, id);
            prop_assert!(bytes.starts_with(&prefix));
            prop_assert_eq!(name_of(&bytes[prefix.len()..]), Some((key, added)));
        }
    }

    #[test]
    fn the_second_version_of_each_value_stays_readable() {
        let hex = |bytes: Vec<u8>| {
            let lines = bytes.chunks(32).map(|line| {
                let line = line.iter().map(|b| format!("{b:02x}"));
                line.collect::<String>() + "\n"
            });
            lines.collect::<String>()
        };
        let mut usage = Usage::default();
        usage.add(
            crate::kernel::Size::bytes(5),
            Timestamp::from_millis(1_000),
            Timestamp::from_millis(3_000),
        );
        let stamp = Stamp {
            sequence: Sequence::new(9),
            place: Place::default(),
            checksum: 11,
            last: Timestamp::from_millis(3_000),
            usage,
            emptied: ExtentId::new(6),
            stranded: BTreeMap::new(),
            rows: 2,
            hash: 7,
        };
        let object = Object {
            size: crate::kernel::Size::bytes(300),
            at: Timestamp::from_millis(1_000),
            since: Timestamp::from_millis(2_000),
            added: Sequence::new(9),
            place: Place::default(),
            first: ExtentId::new(4),
        };
        let binned = Binned {
            object,
            deleted: Timestamp::from_millis(3_000),
            until: Timestamp::from_millis(4_000),
        };
        let config = Some(Hash::new([1; 32]));
        expect_test::expect![[r#"
            030900000bfbb80b0100fb102706000207
        "#]]
        .assert_eq(&hex(schema::encode(&stamp)));
        expect_test::expect![[r#"
            02fb2c01fbe803fbd00709000004010101010101010101010101010101010101
            010101010101010101010101010101
        "#]]
        .assert_eq(&hex(schema::encode(&LiveRow { object, config })));
        expect_test::expect![[r#"
            02fb2c01fbe803fbd00709000004fbb80bfba00f
        "#]]
        .assert_eq(&hex(schema::encode(&BinRow(binned))));
    }
}
