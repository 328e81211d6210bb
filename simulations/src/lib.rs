//! x
pub mod clock;
pub mod dice;
pub mod disk;
pub mod entropy;
pub mod index;
