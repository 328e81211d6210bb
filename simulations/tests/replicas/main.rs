//! Extents on several nodes as files, through the actors of production on simulated disks.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

mod cluster;
mod repair;
mod writing;
