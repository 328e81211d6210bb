//! x

pub mod admin;
pub mod commands;
