//! A cloud repository: a log of immutable objects and of their deletions, cut in extents.
//!
//! One actor owns a repository and is its only writer. It decides quota, knows what is live and
//! what is in the bin, says where every byte goes, and acknowledges nothing before the record that
//! names it is durable. Its state follows from its log alone.

mod audit;
mod callers;
mod chain;
mod check;
mod checkpoint;
mod denied;
mod entry;
mod event;
mod hands;
mod head;
mod indexed;
mod machine;
mod promises;
mod reader;
mod recovery;
mod register;
mod report;
mod scan;
mod settings;
mod snapshot;
mod standby;
mod state;
mod sweeper;
mod tail;
mod uploads;
mod usage;
mod visit;
mod weight;
mod writer;

pub use check::{Cursor, Unsound};
pub use checkpoint::{Checkpoint, forget};
pub use denied::Denied;
pub use entry::{Entry, FRAME_BYTES, Moved, Piece, Place, Span, Stored};
pub use event::{Effect, Event, Held};
pub use hands::{Hands, Idle, Message};
pub use head::Secret;
pub use indexed::{clear, indexed};
pub use machine::Repository;
pub use promises::Promises;
pub use reader::{Body, ReadError, Reader};
pub use recovery::{Recovered, RecoveryError, present, recover, recover_by_index, recover_with};
pub use register::{Register, Tenure};
pub use report::{Report, Source};
pub use settings::Settings;
pub use snapshot::{Binned, Life, Moment, Object, Snapshot};
pub use standby::{Found, Standby, Unfollowed};
pub use state::{Figures, State};
pub use uploads::UploadId;
pub use usage::Usage;
pub use visit::Visit;
