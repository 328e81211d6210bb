//! The domain of `holdfast-actors` in a world of its own: disks, indexes, clocks and chance from one
//! seed.

pub mod clock;
pub mod dice;
pub mod disk;
pub mod entropy;
pub mod index;
