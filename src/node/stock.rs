//! Repositories for tape jobs and restores, wherever they are at home in the cluster.

mod away;
mod everywhere;
mod wire;

pub(super) use away::Counter;
pub(super) use everywhere::Everywhere;
pub(super) use wire::SERVICE;
