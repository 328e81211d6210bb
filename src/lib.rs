//! x

pub mod agent;
pub mod selfservice;
