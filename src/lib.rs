//! Holdfast: backup and disaster recovery as a service, on a cluster of your own.

pub mod admin;
pub mod agent;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod demo;
pub mod disk;
pub mod entropy;
pub mod home;
pub mod inspect;
pub mod metrics;
pub mod node;
pub mod passwords;
pub mod rest;
pub mod selfservice;
pub mod store;
pub mod telemetry;
pub mod tls;
