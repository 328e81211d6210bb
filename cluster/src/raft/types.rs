//! The names under which consensus knows our things.

use std::fmt;

use holdfast_actors::catalog::command::Submission;
use openraft::impls::EmptyNode;
use serde::{Deserialize, Serialize};

use super::tasks::Tasks;

openraft::declare_raft_types!(
    /// A catalog whose commands a majority agrees on. Nodes are called by number alone: how they
    /// are reached is for the link to know. At most one node leads in a term.
    pub Kind:
        D = Proposal,
        R = (),
        NodeId = u64,
        Node = EmptyNode,
        Term = u64,
        LeaderId = openraft::impls::leader_id_std::LeaderId<u64, u64>,
        AsyncRuntime = Tasks,
);

/// A command on its way into the log. What comes of it is said by each replica when it gets there,
/// and nowhere else, so it has no answer of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal(pub Submission);

impl fmt::Display for Proposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Submission {
            client, sequence, ..
        } = &self.0;
        write!(f, "command {sequence} of client {client}")
    }
}

pub(super) type Entry = openraft::alias::EntryOf<Kind>;
pub(super) type LogId = openraft::alias::LogIdOf<Kind>;
pub(super) type Vote = openraft::alias::VoteOf<Kind>;
pub(super) type Membership = openraft::alias::StoredMembershipOf<Kind>;
pub(super) type SnapshotMeta = openraft::alias::SnapshotMetaOf<Kind>;
