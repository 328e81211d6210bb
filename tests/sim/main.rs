//! The simulator's tool as engineers meet it: the built program, its output and its exit codes.
#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

mod help;
mod host;
mod looks;
mod replay;
mod sweep;
mod tool;
