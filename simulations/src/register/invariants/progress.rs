//! Nothing hangs for ever: once a majority is up and connected, every client reads and writes
//! within [`PATIENCE`]; and no replica ends by itself but for a fault of its disk.

use holdfast_actors::kernel::NodeId;

use super::super::history::Pages;
use crate::trace::Micros;

/// The id of this invariant.
pub(in crate::register) const ID: &str = "register-progress";

/// How long a client may need once there is a core, in microseconds.
pub(in crate::register) const PATIENCE: Micros = 60_000_000;

/// There has been a core for long enough.
pub(in crate::register) fn check(pages: &mut Pages, clients: &[NodeId], now: Micros) {
    let stuck = clients
        .iter()
        .filter(|client| !pages.settled.contains(client));
    let stuck: Vec<NodeId> = stuck.copied().collect();
    if !stuck.is_empty() {
        let story = format_args!("{stuck:?} got no answers from a core");
        pages.breach(ID, now, story);
    }
}
