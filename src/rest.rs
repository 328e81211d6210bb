//! The restic REST face: what unmodified `restic`, `rustic` and `rclone` speak, over TLS.
//!
//! It parses, hashes and streams, and asks the [`Service`] for everything else: no rule of who may
//! do what lives here. It never holds a whole object, and it never names a tenant in a log.
//!
//! In a cluster it sends the requests of tenants who are at home elsewhere there: [`forward`].
//!
//! [`Service`]: holdfast_actors::service::Service

mod answer;
mod attempt;
mod connection;
mod crew;
mod download;
pub mod forward;
mod limits;
mod native;
pub mod range;
mod request;
pub mod resume;
pub mod route;
mod serve;
mod upload;
mod watch;

pub use forward::{Forward, Homes, Router};
pub use limits::Limits;
pub use serve::{Behind, Face, FaceError};
pub use watch::{Answered, Observer, Watch};
