//! Tape: what is written on it, and the devices that do it.

pub mod archive;
pub mod care;
pub mod clerk;
pub mod conformance;
pub mod exchange;
pub mod format;
pub mod iscsi;
pub mod job;
pub mod library;
pub mod mounted;
pub mod naming;
pub mod ports;
pub mod recover;
pub mod restore;
pub mod room;
pub mod scan;
pub mod scsi;
pub mod sense;
pub mod sg;
pub mod shelf;
pub mod smc;
pub mod spool;
pub mod ssc;
pub mod station;
pub mod stock;
pub mod threads;
