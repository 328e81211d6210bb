//! Tape: what is written on it, and the devices that do it.

pub mod library;
pub mod scsi;
pub mod sense;
