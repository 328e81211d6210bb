//! Tape: what is written on it, and the devices that do it.

pub mod scsi;
pub mod sense;
