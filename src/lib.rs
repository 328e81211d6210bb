//! x
pub mod rest;
pub mod tls;
