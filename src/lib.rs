//! x

pub mod agent;
pub mod rest;
pub mod selfservice;
pub mod tls;
