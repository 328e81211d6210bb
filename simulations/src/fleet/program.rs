//! What runs on a node of a fleet.

use std::pin::Pin;
use std::sync::Arc;

use holdfast_actors::kernel::NodeId;
use holdfast_actors::ports::Link;
use holdfast_cluster::quic::Datagrams;

use crate::dice::Dice;
use crate::disk::Disk;
use crate::plan::{End, Order, Rot};
use crate::timepiece::Timepiece;
use crate::trace::Micros;
use crate::yields::Yields;

/// How long a node is off that ended by itself, unless its program knows better.
const REST: Micros = 100_000;

/// One life of a node at work. It is over when this is ready.
pub(crate) type Main = Pin<Box<dyn Future<Output = ()>>>;

/// A node's program and all that outlives its lives, such as its disk.
pub(crate) trait Program {
    /// Begins a life; called inside of its runtime. None if there is no life left to live.
    fn live(&mut self, stand: Stand) -> Option<Main>;

    /// A life is over: nothing of it may reach what outlives it from now on, and the disk judges.
    /// Called inside of its runtime, before anything of it is dropped. The end is the program's own
    /// to choose if none is told.
    fn over(&mut self, end: Option<End>);

    /// How long the node is off when a life ended by itself.
    fn rest(&self) -> Micros {
        REST
    }

    /// The disk, if it has one.
    fn disk(&self) -> Option<&Disk> {
        None
    }

    /// Lets something of what the disk holds rot, while the present life goes on.
    fn rot(&mut self, _rot: Rot) {}

    /// Operators order something of the node, whether it is up or not.
    fn order(&mut self, _order: Order) {}

    /// Ends the connections with another node that the present life has made itself; called inside
    /// of its runtime.
    fn sever(&mut self, _peer: NodeId) {}

    /// Operators let a tenant's lease end so many days after the day on which the run began, or
    /// never.
    fn term(&mut self, _tenant: u32, _days: Option<i64>) {}

    /// Sets the wall clock of the present life; called inside of its runtime.
    fn step_wall(&mut self, _by: i64) {}
}

/// What the world gives to one life of a node.
pub(crate) struct Stand {
    /// The way to the others.
    pub(crate) link: Arc<dyn Link>,
    /// The way to the others for datagrams.
    pub(crate) datagrams: Arc<dyn Datagrams>,
    /// The world's time.
    pub(crate) time: Timepiece,
    /// This life's own dice.
    pub(crate) dice: Dice,
    /// Where tasks of the node step back.
    pub(crate) yields: Yields,
}
