//! What runs on a node of a fleet.

use std::pin::Pin;
use std::sync::Arc;

use holdfast_actors::ports::Link;

use crate::dice::Dice;
use crate::disk::Disk;
use crate::plan::End;
use crate::timepiece::Timepiece;
use crate::yields::Yields;

/// One life of a node at work. It is over when this is ready.
pub(crate) type Main = Pin<Box<dyn Future<Output = ()>>>;

/// A node's program and all that outlives its lives, such as its disk.
pub(crate) trait Program {
    /// Begins a life; called inside of its runtime.
    fn live(&mut self, stand: Stand) -> Main;

    /// A life is over: nothing of it may reach what outlives it from now on, and the disk judges.
    /// Called inside of its runtime, before anything of it is dropped. The end is the program's own
    /// to choose if none is told.
    fn over(&mut self, end: Option<End>);

    /// The disk, if it has one.
    fn disk(&self) -> Option<&Disk> {
        None
    }

    /// Sets the wall clock of the present life; called inside of its runtime.
    fn step_wall(&mut self, _by: i64) {}
}

/// What the world gives to one life of a node.
pub(crate) struct Stand {
    /// The way to the others.
    pub(crate) link: Arc<dyn Link>,
    /// The world's time.
    pub(crate) time: Timepiece,
    /// This life's own dice.
    pub(crate) dice: Dice,
    /// Where tasks of the node step back.
    pub(crate) yields: Yields,
}
