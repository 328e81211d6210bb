//! What a plan says of a fleet: who is in it, what joins them, and what befalls them.

use serde::{Deserialize, Serialize};

use super::{End, Life, Wire};

/// Many nodes at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fleet {
    /// Microseconds of one turn; not above the wire's least delay. Long ones are fast.
    pub quantum: u64,
    /// How nodes reach each other.
    #[serde(default)]
    pub wire: Wire,
    /// Who is in it. Members are counted from 0.
    pub members: Members,
    /// By how many millionths each member's clock is too fast; for the others it is right.
    #[serde(default)]
    pub drifts: Vec<i64>,
    /// Milliseconds in which things go wrong; then a core is healed and everybody must get on.
    pub millis: u64,
    /// What goes wrong, in order of time.
    #[serde(default)]
    pub mishaps: Vec<Timed>,
}

/// Who is in a fleet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Members {
    /// Nodes as in production, each on its own, with the plan's tenants on each of them; their
    /// clients go from one to another.
    Holdfast {
        /// Each node's lives.
        lives: Vec<Vec<Life>>,
    },
    /// A small replicated register: first its replicas, then its clients.
    Register {
        /// How many keep it.
        replicas: u32,
        /// How many use it.
        clients: u32,
        /// Milliseconds between two requests of a client at most.
        pause: u64,
        /// Once in so many requests is a write, the others are reads.
        writes: u64,
    },
    /// Nodes that keep the replicated catalog together, with clients on each.
    Catalog {
        /// How many keep it.
        nodes: u32,
        /// How many clients each node has.
        clients: u32,
        /// Milliseconds between two requests of a client at most.
        pause: u64,
    },
    /// Whole nodes that are one cluster, with a client of every tenant at each.
    Cluster {
        /// How many at first.
        nodes: u32,
        /// How many more may join; they are counted behind the others.
        #[serde(default)]
        joins: u32,
        /// Whom they serve.
        tenants: u32,
        /// Milliseconds between two requests of a client at most.
        pause: u64,
    },
    /// Nodes that call each other and watch each other's actors.
    Calls {
        /// How many.
        nodes: u32,
        /// Callers on each, and as many watchers.
        callers: u32,
        /// Milliseconds between two calls of one at most.
        pause: u64,
        /// Calls of one node to one service of another under way at once.
        window: u16,
    },
    /// The same over the link of production, QUIC and TLS and all, which has datagrams below it.
    Wire {
        /// How many, at most 8.
        nodes: u32,
        /// Callers on each, and as many watchers.
        callers: u32,
        /// Milliseconds between two calls of one at most, and between two frames of chatter.
        pause: u64,
        /// Calls of one node to one service of another under way at once.
        window: u16,
        /// Once in so many datagrams is lost; 0 for never.
        #[serde(default)]
        lost: u64,
        /// Once in so many datagrams comes twice; 0 for never.
        #[serde(default)]
        twice: u64,
    },
}

/// Something that goes wrong, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timed {
    /// Milliseconds since the run began.
    pub at: u64,
    /// What.
    pub mishap: Mishap,
}

/// Something that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Mishap {
    /// A node's life ends.
    Crash {
        /// Which node.
        node: u32,
        /// How.
        end: End,
        /// Milliseconds until the next start.
        off: u64,
        /// How many more times it crashes, each time soon after its start.
        #[serde(default)]
        again: u32,
        /// Milliseconds after such a start.
        #[serde(default)]
        after: u64,
    },
    /// Some members are cut off from the others.
    Part {
        /// Those on one side.
        side: Vec<u32>,
        /// Which ways are cut.
        ways: Ways,
    },
    /// All cuts and slow links are healed.
    Heal,
    /// The connection between two members dies.
    Kill {
        /// One of them.
        one: u32,
        /// The other.
        other: u32,
    },
    /// A member loses a connection, and its peer does not notice.
    Forget {
        /// The one that loses it.
        node: u32,
        /// The one that still believes in it.
        peer: u32,
    },
    /// Everything between two members takes many times as long.
    Slow {
        /// One of them.
        one: u32,
        /// The other.
        other: u32,
        /// How many times.
        times: u64,
    },
    /// A node stands still, as a laptop does whose lid is shut.
    Sleep {
        /// Which.
        node: u32,
        /// Milliseconds.
        millis: u64,
    },
    /// A node's disk does not answer.
    Hang {
        /// Which.
        node: u32,
        /// Milliseconds.
        millis: u64,
    },
    /// A node's disk takes many times as long from now on.
    Drag {
        /// Which.
        node: u32,
        /// How many times; 1 for as usual.
        times: u64,
    },
    /// A node's disk fails from now on.
    Disk {
        /// Which.
        node: u32,
        /// Syncs that fail.
        #[serde(default)]
        syncs: u32,
        /// Writes that fail.
        #[serde(default)]
        writes: u32,
        /// KiB at which it is full.
        #[serde(default)]
        full_kib: Option<u64>,
    },
    /// What a node's disk holds rots while it works.
    Rot {
        /// Which.
        node: u32,
        /// Bits that flip.
        #[serde(default)]
        bits: u32,
        /// Sectors that hold what belongs elsewhere.
        #[serde(default)]
        sectors: u32,
    },
    /// Operators of a cluster order something of a node.
    Order {
        /// Of which.
        node: u32,
        /// What.
        order: Order,
    },
    /// Operators of a cluster let a tenant's lease end.
    Term {
        /// Of which tenant.
        tenant: u32,
        /// On which day, counted from that on which the run begins; none for never.
        days: Option<i64>,
    },
    /// A node's wall clock is set.
    Step {
        /// Which.
        node: u32,
        /// By how many milliseconds, forward or back.
        by: i64,
    },
}

/// What operators order of a cluster's node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Order {
    /// It is let in.
    Join,
    /// It gets nothing new, and gives away what it has.
    Drain,
    /// It gets work again.
    Undrain,
    /// It is of the cluster no more, once it is empty.
    Remove,
    /// It is of the cluster no more, whatever it has.
    Expel,
}

impl Mishap {
    /// Whether it ends a life of this member.
    pub(crate) const fn ends(&self, member: u32) -> bool {
        matches!(self, Self::Crash { node, .. } if *node == member)
    }
}

/// Which ways a cut lets nothing pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ways {
    /// Both.
    Both,
    /// From the side to the others.
    Out,
    /// From the others to the side.
    In,
}
