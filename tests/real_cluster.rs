//! Clusters of real nodes, with restic at work while nodes are killed, stopped, cut off, restarted,
//! drained and replaced: what was acknowledged is there afterwards, to the byte.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

#[path = "cluster/agent.rs"]
mod agent;
#[path = "cluster/certificates.rs"]
mod certificates;
#[path = "cluster/disks.rs"]
mod disks;
#[path = "cluster/face.rs"]
mod face;
#[path = "cluster/fill.rs"]
mod fill;
#[path = "cluster/growth.rs"]
mod growth;
#[path = "cluster/load.rs"]
mod load;
#[path = "cluster/losses.rs"]
mod losses;
#[path = "cluster/machines.rs"]
mod machines;
#[path = "cluster/member.rs"]
mod member;
#[path = "support/node.rs"]
#[expect(dead_code, reason = "other suites use the rest of it")]
mod node;
#[path = "cluster/nodes.rs"]
mod nodes;
#[path = "cluster/pace.rs"]
mod pace;
#[path = "cluster/pools.rs"]
mod pools;
#[path = "cluster/pulse.rs"]
mod pulse;
#[path = "cluster/recovery.rs"]
mod recovery;
#[path = "cluster/relay.rs"]
mod relay;
#[path = "cluster/restarts.rs"]
mod restarts;
#[path = "cluster/scrub.rs"]
mod scrub;
#[path = "cluster/setback.rs"]
mod setback;
#[path = "cluster/slowness.rs"]
mod slowness;
#[path = "cluster/spaces.rs"]
mod spaces;
#[path = "cluster/takeover.rs"]
mod takeover;
#[path = "cluster/tape.rs"]
mod tape;
#[path = "cluster/versions.rs"]
mod versions;
#[path = "cluster/weather.rs"]
mod weather;
#[path = "support/wire.rs"]
#[expect(dead_code, reason = "other suites use the rest of it")]
mod wire;
#[path = "cluster/work.rs"]
mod work;
