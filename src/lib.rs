//! x

pub mod admin;
pub mod cli;
pub mod commands;
pub mod inspect;
pub mod metrics;
pub mod telemetry;
