//! What tenants do: clients that behave as restic does at the [`Service`] port, and some that do
//! not. They act by what they are told, write down what they are told, and never look into the
//! node.
//!
//! [`Service`]: holdfast_actors::service::Service

mod abuse;
mod client;
mod request;
mod thing;
mod upload;

pub(crate) use client::Client;
pub(crate) use request::Caller;
