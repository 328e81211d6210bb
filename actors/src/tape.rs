//! Archiving cloud repositories to tape: what is written to which media set, and when.
//!
//! Tenants know nothing of it: no word of tape is in what is shown to them.

pub mod job;
pub mod schedule;

pub use job::Job;
pub use schedule::{MediaSet, MonthDay, Nth, Quarter, Schedule, Weekday, Yearly};
