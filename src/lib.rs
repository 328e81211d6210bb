//! Holdfast: backup and disaster recovery as a service, on a cluster of your own.

pub mod agent;
pub mod clock;
pub mod disk;
pub mod entropy;
pub mod passwords;
pub mod rest;
pub mod selfservice;
pub mod store;
pub mod tls;
