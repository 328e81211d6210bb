//! What is on a tape, and the machines that write and read it.
//!
//! Every tape file is a plain POSIX pax archive in blocks of [`BLOCK`] bytes, always full. Its
//! members are the objects of restic repositories under restic's own paths, so `tar` and `restic`
//! alone read a media set; `paper/FORMAT.md`, which goes on every tape, says it byte by byte.
//!
//! [`Writer`] decides what is written and when it counts as written; [`Scanner`] takes blocks
//! apart and [`Fetch`] one object; none of them does I/O. A [`Medium`] does: [`deck`] joins it with
//! a writer, and [`recovery`] rebuilds a catalog from it alone.
//!
//! Invariants: a row that [`Effect::Committed`] named is readable after any crash; an object never
//! spans tapes; nothing a tape says is believed before its length and its SHA-256 are.

pub mod cut;
pub mod deck;
mod encryption;
mod error;
mod fetch;
mod label;
mod medium;
mod member;
mod pax;
mod place;
pub mod recovery;
mod reel;
mod row;
mod scan;
mod sign;
mod stream;
mod sum;
mod text;
mod writer;

pub use encryption::{Encryption, Keys, SALT, Secret};
pub use error::{Garbled, ReadError, Refusal};
pub use fetch::{Fetch, NEAR, Reader, fetch};
pub use label::{
    KeyId, Label, Layout, Previous, Reason, Seal, SetId, SetKind, SetLabel, Tail, VolumeId,
};
pub use medium::{Fault, Medium, Read, Space, Written};
pub use member::{FileKind, Member};
pub use pax::{Keyword, Keywords};
pub use place::{Directory, Object, Place, RunName};
pub use reel::Reel;
pub use row::{Lines, Measure, Row};
pub use scan::{Found, Scanner};
pub use sign::{Signer, verify};
pub use sum::{Sum, Summing};
pub use text::Text;
pub use writer::{Effect, End, Event, Header, Item, PIECE_MAX, Resume, Settings, Volume, Writer};

/// The bytes of one block on tape. Every block is full; 256 KiB is what every tar, host adapter
/// and tape driver takes.
pub const BLOCK: usize = 256 << 10;

/// The version of the format written here. A reader refuses a greater one.
pub const VERSION: u32 = 1;

/// An object of at least this many bytes begins on a block boundary.
///
/// That costs half a block on average: 3 % of an object of 4 MiB, the least that restic ever
/// filled a pack with, and under 1 % of today's 16 MiB. It buys that a bad block harms one pack
/// alone, and that `dd` cuts a pack out by hand. A smaller object (a key, a snapshot, the last
/// pack of a run) would pay a block for itself; it is found by its row as well, which has the
/// offset in the block, and costs at most one block more to read.
pub const ALIGNED_FROM: u64 = 4 << 20;

/// The largest object of a repository, as the rest of the system has it.
pub const OBJECT_MAX: u64 = 256 << 20;
/// The largest `config`.
pub const CONFIG_MAX: u64 = 64 << 10;
/// The largest list of a run's objects, catalog or index: what a tar header can say.
pub const LIST_MAX: u64 = (8 << 30) - 1;
/// The largest label, seal, key or text for people.
pub const PAPER_MAX: u64 = 1 << 20;
