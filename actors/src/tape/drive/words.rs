//! What a drive hears, wants and answers.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::kernel::Ticket;

/// A loan of a drive; numbers rise, and what is asked under an older one is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Loan(pub(super) u64);

/// What a job wants the drive for; the lower comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// Somebody waits for his data.
    Restore,
    /// Data waits for a tape.
    Archive,
    /// Reading back, copying, erasing.
    Care,
}

/// What a drive can be told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Make ready what the robot put in. The first time a cartridge of the latest kinds is loaded,
    /// it is measured for up to two and a half hours.
    Load {
        /// The cartridge is new.
        is_new: bool,
    },
    /// Say where the tape stands.
    Position,
    /// Write blocks.
    Write,
    /// Write filemarks, and all that was written before them for good if asked to.
    Mark {
        /// Nothing that was written before is only in the drive afterwards.
        flushes: bool,
    },
    /// Read blocks.
    Read,
    /// Go to a place.
    Locate,
    /// Go to the beginning.
    Rewind,
    /// Let the cartridge go.
    Unload,
    /// Erase all of it.
    Erase,
}

impl Order {
    /// How long it may take before the drive counts as hung.
    pub fn limit(self) -> Duration {
        let minutes = match self {
            Self::Load { is_new: true } => 150,
            Self::Position => return Duration::from_secs(30),
            Self::Write | Self::Read => 5,
            Self::Mark { .. } => 10,
            Self::Load { is_new: false } | Self::Locate | Self::Rewind | Self::Unload => 15,
            Self::Erase => 24 * 60,
        };
        Duration::from_mins(minutes)
    }

    /// Whether it writes.
    pub(super) fn writes(self) -> bool {
        matches!(self, Self::Write | Self::Mark { .. } | Self::Erase)
    }
}

/// What went wrong, as the drive's answer is understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// There is nothing in it.
    Empty,
    /// It is making itself ready.
    NotReadyYet,
    /// It was reset, or its cartridge was changed: the tape stands anywhere.
    Changed,
    /// There was no answer: it may have been done or not.
    Unknown,
    /// The tape cannot be written here.
    CannotWrite,
    /// The tape cannot be read here.
    CannotRead,
    /// The tape is at its end: the block is not on it.
    Full,
    /// The cartridge may not be written.
    WriteProtected,
    /// It is encrypted by a key that the drive does not have.
    NoKey,
    /// The drive gave up an order by itself.
    Aborted,
    /// The drive is broken.
    Broken,
    /// The drive wants to be cleaned.
    Dirty,
    /// Another host has reserved it.
    Reserved,
    /// It did not answer in time: [`Order::limit`].
    Hung,
}

/// What a drive hears.
#[derive(Debug)]
pub enum Event {
    /// A job wants it.
    Acquire {
        /// Who is answered.
        ticket: Ticket,
        /// For what.
        purpose: Purpose,
    },
    /// A job does not want it any more, or ended.
    Release(Loan),
    /// A job that waits does not wait any more.
    Leave(Ticket),
    /// Whoever has it wants something done.
    Do {
        /// Who is answered.
        ticket: Ticket,
        /// By which loan.
        loan: Loan,
        /// What.
        order: Order,
    },
    /// It was done, or not.
    Done(Result<(), Trouble>),
    /// An operator put it into service: what was wrong is mended, or the drive was cleaned.
    Mended,
    /// An operator takes it out of service.
    Disabled,
}

/// What a drive wants.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// It is yours.
    Lend(Ticket, Loan),
    /// It is not, and nobody waits.
    Refuse(Ticket, Refused),
    /// Do it, once.
    Perform(Order),
    /// Break off what hangs; the answer will never be waited for.
    Reset,
    /// How an order ended.
    Answer(Ticket, Result<(), Refused>),
    /// Tell the operator.
    Alarm(Health),
    /// Tell the operator that it is in service again.
    Recovered,
}

/// Why something was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is lent to another, or nobody.
    #[error("the drive is not lent by this loan")]
    NotYours,
    /// See [`super::WAITING_MAX`].
    #[error("too many jobs wait for the drive")]
    TooMany,
    /// The drive is busy with the order before.
    #[error("the drive is still busy with the order before")]
    Busy,
    /// See [`Health`].
    #[error("the drive is out of service: {0:?}")]
    OutOfService(Health),
    /// The drive must say first where the tape stands.
    #[error("it is not known where the tape stands")]
    NotThere,
    /// The order did not go well.
    #[error("the drive says: {0:?}")]
    Trouble(Trouble),
}

/// Whether a drive can be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Health {
    /// It can.
    #[default]
    Well,
    /// It must be cleaned first.
    NeedsCleaning,
    /// It is broken.
    Broken,
    /// It does not answer, and cannot be made to.
    Hung,
    /// Another host has it.
    ReservedByOther,
    /// An operator took it out of service.
    Disabled,
}
