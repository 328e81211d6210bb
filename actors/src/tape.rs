//! Archiving cloud repositories to tape: what is written to which media set, when, and on which
//! cartridge.
//!
//! Tenants know nothing of it: no word of tape is in what is shown to them.

pub mod changer;
pub mod device;
pub mod drive;
pub mod job;
pub mod key;
pub mod media;
pub mod pool;
pub mod schedule;

pub use changer::Changer;
pub use drive::Drive;
pub use job::Job;
pub use key::KeyId;
pub use media::{Barcode, Medium, MediumId, PoolId, SetId};
pub use pool::{Choice, Pool};
pub use schedule::{MediaSet, MonthDay, Nth, Quarter, Schedule, Weekday, Yearly};
