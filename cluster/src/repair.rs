//! Keeps the replicas of extents in line with the catalog.
//!
//! Two actors do it. On each node [`reconcile`] makes its own replicas what the catalog says: it
//! cuts, removes, copies, reads back. On the node that leads the catalog [`leader`] sees to it that
//! the catalog says what it should: where copies are missing, which are too many, what had better
//! lie elsewhere. They speak through the catalog's rows alone, so either may end at any time.
//!
//! **Extents that nobody writes to and nobody sealed.** Only sealed extents are copied, and only
//! the owner of a repository seals. The leader could not do it in its place: an owner that lives
//! may be about to acknowledge what the leader has just fenced off, and the epoch that keeps the
//! two apart is given with the ownership. So what is needed is an owner. Where the replicas on a
//! node count as lost and the owner is gone, the node that is the home of the repository is to take
//! it over, which fences, seals, and ends there;
//! [`Rows::forsaken`](holdfast_actors::catalog::rows::Rows::forsaken) says to each node which those
//! are, and [`reconcile::Parts::visit`] is called for each. It is safe, since it is what a first
//! request after the loss does.

pub mod digests;
pub(crate) mod frames;
mod pace;

pub mod leader;
pub mod reconcile;
