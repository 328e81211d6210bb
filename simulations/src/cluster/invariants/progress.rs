//! Nothing hangs for ever: once nothing goes wrong any more, every tenant reads back all that it
//! has and stores something new within [`PATIENCE`], at whatever node it is at home; and no node
//! ends by itself.

use super::super::book::Pages;
use crate::trace::Micros;

/// The id of this invariant.
pub(in crate::cluster) const ID: &str = "cluster-progress";

/// How long a tenant may need once all is calm, in microseconds: a repository that failed too often
/// is out of service for a minute.
pub(in crate::cluster) const PATIENCE: Micros = 120_000_000;

/// It has been calm for long enough.
pub(in crate::cluster) fn check(pages: &mut Pages, now: Micros) {
    let tenants = 0..pages.things.len();
    let stuck: Vec<usize> = tenants.filter(|it| !pages.settled.contains(it)).collect();
    if !stuck.is_empty() {
        pages.breach(ID, now, format_args!("tenants {stuck:?} do not get on"));
    }
}
