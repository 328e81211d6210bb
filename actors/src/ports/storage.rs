//! How much space there is, and how much of it is kept back.

use crate::kernel::Size;

/// The most that is kept back (architecture, section 3).
const RESERVE_MAX: Size = Size::mib(256);
/// Of a small file system, one part in so many is kept back.
const RESERVE_PART: u64 = 16;
/// Less than this holds no new extent: its head, a lock, and some deletions.
const EXTENT_MIN: Size = Size::bytes(64 << 10);

/// The space of a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Storage {
    /// What a process without privileges may still write.
    pub free: Size,
    /// All of it, taken or not.
    pub total: Size,
}

impl Storage {
    /// What no new data is taken into, so that locks, deletions, seals and the journal find space
    /// on a full disk: 256 MiB, or a sixteenth of a file system below 4 GiB.
    pub fn reserve(self) -> Size {
        RESERVE_MAX.min(Size::bytes(self.total.as_bytes() / RESERVE_PART))
    }

    /// Whether even the reserve is gone, so that an extent would be named and could not be made.
    pub fn is_spent(self) -> bool {
        self.free < EXTENT_MIN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sixteenth_is_kept_back_and_never_more_than_256_mib() {
        let reserve = |total| {
            let free = Size::ZERO;
            Storage { free, total }.reserve()
        };
        assert_eq!(reserve(Size::ZERO), Size::ZERO);
        assert_eq!(reserve(Size::mib(160)), Size::mib(10));
        assert_eq!(reserve(Size::gib(4)), Size::mib(256));
        assert_eq!(reserve(Size::gib(4_000)), Size::mib(256));
    }
}
