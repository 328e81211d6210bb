//! A replicated register, written to prove the world in which clusters will be simulated.
//!
//! Every replica keeps one value with a tag and can serve any client. A read asks a majority for
//! what they keep, lets a majority keep the newest of it, and only then answers; a write does the
//! same with a tag of its own above all it was told. (Attiya, Bar-Noy and Dolev; with tags that
//! outlive a crash.) Replicas run on the production shell and journal, over the `Link` port.
//!
//! It is no part of the product.

mod client;
mod hands;
mod history;
mod invariants;
mod machine;
mod replica;
mod run;
mod word;

pub(crate) use run::{Shape, run, travel};

use crate::mutation::Mutation;

/// A value; 0 is what the register holds before anybody writes.
type Value = u64;

/// The order of writes, and whose each is: a round, the node that wrote, and which life of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tag {
    pub(crate) round: u64,
    pub(crate) node: u64,
    pub(crate) life: u64,
}

/// What a replica keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) tag: Tag,
    pub(crate) value: Value,
}

/// A planted bug of the register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// A replica says that it keeps a value before that is durable.
    EarlyKept,
    /// A read answers before a majority keeps what it read.
    BareRead,
    /// One replica less than a majority is taken for one.
    SmallQuorum,
    /// A replica that starts again has forgotten what it kept.
    ForgottenTag,
}

impl Flaw {
    /// Each with the mutation that plants it.
    const ALL: [(Mutation, Self); 4] = [
        (Mutation::EarlyKept, Self::EarlyKept),
        (Mutation::BareRead, Self::BareRead),
        (Mutation::SmallQuorum, Self::SmallQuorum),
        (Mutation::ForgottenTag, Self::ForgottenTag),
    ];

    /// The flaw that a mutation plants, if it is one of the register.
    pub(crate) fn of(mutation: Mutation) -> Option<Self> {
        let planted = Self::ALL.iter().find(|(planted, _)| *planted == mutation);
        planted.map(|(_, flaw)| *flaw)
    }
}
