//! The one way to a device: a command goes out, an answer comes back.
//!
//! Adapters never send a command twice. When an answer is lost, nobody knows whether the device
//! obeyed, so [`Answer::Lost`] is an answer of its own and the caller asks where the tape stands.

use std::time::Duration;

/// What travels with a command.
#[derive(Debug)]
pub enum Data<'a> {
    /// Nothing.
    None,
    /// From the device; the buffer's length is what is asked for.
    In(&'a mut [u8]),
    /// To the device, all of it.
    Out(&'a [u8]),
}

impl Data<'_> {
    /// How many bytes are to travel.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::None => 0,
            Self::In(buffer) => buffer.len(),
            Self::Out(bytes) => bytes.len(),
        }
    }

    /// Whether nothing travels.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// How long a command may take before its device counts as hung.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Patience {
    /// Questions: identity, readiness, position, logs.
    Question,
    /// One block, written or read.
    Block,
    /// Filemarks, and waiting until the buffer is on tape.
    Flush,
    /// Winding: locate, space, rewind.
    Wind,
    /// Threading and unthreading a tape.
    Load,
    /// The first load of a tape whose drive calibrates it for hours (LTO-9).
    FirstLoad,
    /// Erasing a whole tape.
    Erase,
    /// The arm carries a cartridge.
    Move,
    /// The changer looks into every slot.
    Inventory,
}

impl Patience {
    /// The time after which the device counts as hung.
    #[must_use]
    pub fn limit(self) -> Duration {
        let minutes = |count: u64| Duration::from_secs(60 * count);
        match self {
            Self::Question => Duration::from_secs(30),
            Self::Block => minutes(5),
            Self::Flush | Self::Move => minutes(10),
            Self::Wind | Self::Load => minutes(15),
            Self::Inventory => minutes(60),
            Self::FirstLoad => minutes(150),
            Self::Erase => minutes(16 * 60),
        }
    }
}

/// What a device said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Done. The residual is asked minus moved, in bytes; negative when there was more.
    Good {
        /// Bytes.
        residual: i64,
    },
    /// Something to tell; the bytes are decoded by [`Sense::parse`](crate::sense::Sense::parse).
    Check {
        /// As the device sent it; may be empty or cut.
        sense: Vec<u8>,
        /// Bytes asked minus moved.
        residual: i64,
    },
    /// Another host has reserved the device.
    Conflict,
    /// Not now; the command was not begun.
    Busy,
    /// No answer: whether the device obeyed is unknown.
    Lost {
        /// For the operator.
        why: String,
    },
}

/// A device that executes one command at a time.
pub trait Scsi {
    /// Sends one command (6, 10, 12 or 16 bytes) and waits for its answer at most as long as
    /// `patience` allows; after that the answer is [`Answer::Lost`].
    fn execute(&mut self, cdb: &[u8], data: Data<'_>, patience: Patience) -> Answer;
}

impl<S: Scsi + ?Sized> Scsi for &mut S {
    fn execute(&mut self, cdb: &[u8], data: Data<'_>, patience: Patience) -> Answer {
        (**self).execute(cdb, data, patience)
    }
}

impl<S: Scsi + ?Sized> Scsi for Box<S> {
    fn execute(&mut self, cdb: &[u8], data: Data<'_>, patience: Patience) -> Answer {
        (**self).execute(cdb, data, patience)
    }
}

/// A number of three bytes, highest first, as commands carry lengths.
pub(crate) fn three(value: u32) -> [u8; 3] {
    let [_, a, b, c] = value.to_be_bytes();
    [a, b, c]
}

/// Reads up to eight bytes, highest first; bytes that are not there count as zero.
pub(crate) fn number(bytes: &[u8], at: usize, width: usize) -> u64 {
    (at..at + width).fold(0, |sum, index| {
        sum << 8 | u64::from(bytes.get(index).copied().unwrap_or(0))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_not_there_count_as_zero() {
        assert_eq!(number(&[1, 2], 0, 2), 0x0102);
        assert_eq!(number(&[1, 2], 1, 3), 0x02_0000);
        assert_eq!(three(0x0001_0203), [1, 2, 3]);
    }

    #[test]
    fn a_question_is_answered_sooner_than_a_tape_is_wound() {
        assert!(Patience::Question.limit() < Patience::Block.limit());
        assert!(Patience::Load.limit() < Patience::FirstLoad.limit());
    }
}
