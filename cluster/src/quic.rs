//! The link between nodes, over QUIC.
//!
//! An [`Endpoint`] has one socket and, for each class of frames, one [`Link`]; for each pair of
//! nodes and class there is at most one connection, with one long stream each way. What decides is
//! apart from what acts: `pair` chooses among connections, `permits` says who may send, `hello` who
//! may talk, and the tasks in `greet` and `talk` move bytes.
//!
//! Bytes that are no frames, whole requests on their way to another node, travel as [`Streams`] on
//! connections of their own.
//!
//! [`Link`]: holdfast_actors::ports::Link

mod chance;
pub mod class;
mod end;
pub mod endpoint;
pub mod frame;
mod greet;
mod ground;
pub mod hello;
mod lane;
mod live;
pub mod lives;
pub mod notice;
mod pair;
pub mod permits;
mod streams;
mod talk;
mod tls;
pub mod transport;
mod verify;
mod visit;

pub use class::{Class, Purpose};
pub use endpoint::{Config, Endpoint, OpenError, Switch};
pub use ground::{Datagrams, Ground};
pub use hello::{Life, VERSION};
pub use holdfast_actors::kernel::Version;
pub use notice::Notice;
pub use streams::{Stream, Streams};
pub use tls::ALPN;
pub(crate) use tls::Wall;
pub use transport::{Pace, STREAMS_MAX};
