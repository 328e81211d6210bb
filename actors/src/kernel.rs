//! The contract between a machine and whatever drives it.
//!
//! A machine is plain data. Events go in, acts come out, and time is an argument. It never awaits,
//! locks, logs, reads a clock or draws a number, and it panics on no input: a refusal is an effect.

mod date;
mod id;
mod time;
mod units;
mod version;

use std::fmt;

pub use date::{Date, DateError};
pub use id::{
    CredentialId, Epoch, ExtentId, NodeId, NodeName, RepositoryId, RestoreId, Sequence, Space,
    Ticket,
};
pub use time::{Instant, Now, Timestamp};
pub use units::{Rate, Size, SizeError};
pub use version::Version;

/// A deterministic participant: all it learns is an event, all it wants is an act.
///
/// Durable state changes in [`Machine::apply`] alone, so that recovery, which applies all records
/// again, ends in the state that was left. What is not durable (callers, reservations, queues) may
/// change in `step` and `wake`, and is gone after a crash, like its callers.
pub trait Machine: Sized + Send + 'static {
    /// What the world tells the machine. Its `Debug` form goes into the flight recorder, so it
    /// shows kinds, ids and lengths, never bytes and never secrets.
    type Event: fmt::Debug + Send + 'static;
    /// A fact that must outlive the process.
    type Record: fmt::Debug + Send + 'static;
    /// What the machine asks of the world. Its `Debug` form is held to the same rule.
    type Effect: fmt::Debug + Send + 'static;

    /// Takes one event. Runs to completion, never blocks, never fails.
    fn step(&mut self, now: Now, event: Self::Event, acts: &mut Acts<Self>);

    /// Takes one fact into the state. Called when the fact is made, and again at recovery.
    fn apply(&mut self, record: &Self::Record);

    /// When [`Machine::wake`] is next due. Waking early is a no-op.
    fn deadline(&self) -> Option<Instant> {
        None
    }

    /// Lets time pass.
    fn wake(&mut self, _now: Now, _acts: &mut Acts<Self>) {}

    /// The invariant that the state breaks, by a word that stays the same, if it breaks one. Asked
    /// after every step, so it costs next to nothing; what it says is counted and stops nobody.
    fn broken(&self) -> Option<&'static str> {
        None
    }

    /// What an operator sees: figures and states, no secrets.
    fn observe(&self) -> serde_json::Value;

    /// What the machine waits for, a sentence each.
    fn waits(&self) -> Vec<String> {
        Vec::new()
    }
}

/// One thing a machine wants done.
pub enum Act<M: Machine> {
    /// Make a fact durable. The machine has applied it already.
    Persist(M::Record),
    /// Begin work that nobody can see yet: a read, an append that no record names, a child.
    Start(M::Effect),
    /// Do what others can see: a reply, a grant, a send. Waits until every fact that this machine
    /// has persisted so far is durable.
    Show(M::Effect),
}

impl<M: Machine> fmt::Debug for Act<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Persist(record) => write!(f, "Persist {record:?}"),
            Self::Start(effect) => write!(f, "Start {effect:?}"),
            Self::Show(effect) => write!(f, "Show {effect:?}"),
        }
    }
}

/// The acts of one step, in the order in which they must happen.
#[derive(Debug)]
pub struct Acts<M: Machine>(Vec<Act<M>>);

impl<M: Machine> Default for Acts<M> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<M: Machine> Acts<M> {
    /// Applies a fact to the machine and asks for it to be made durable.
    pub fn persist(&mut self, machine: &mut M, record: M::Record) {
        machine.apply(&record);
        self.0.push(Act::Persist(record));
    }

    /// Asks for work that nobody can see yet.
    pub fn start(&mut self, effect: M::Effect) {
        self.0.push(Act::Start(effect));
    }

    /// Asks for something that others can see, once all facts so far are durable.
    pub fn show(&mut self, effect: M::Effect) {
        self.0.push(Act::Show(effect));
    }

    /// Whether nothing was asked for.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Looks at the acts without taking them.
    pub fn iter(&self) -> impl Iterator<Item = &Act<M>> {
        self.0.iter()
    }
}

impl<M: Machine> IntoIterator for Acts<M> {
    type Item = Act<M>;
    type IntoIter = std::vec::IntoIter<Act<M>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// For machines that keep nothing durable: a record that cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Never {}
