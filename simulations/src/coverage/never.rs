//! What no run reaches, by design, and why.

/// Something that is in the machines and that nothing in the world can bring about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Never {
    pub(super) machine: &'static str,
    pub(super) kind: &'static str,
    pub(super) name: &'static str,
    pub(super) why: &'static str,
}

const fn never(
    machine: &'static str,
    kind: &'static str,
    name: &'static str,
    why: &'static str,
) -> Never {
    Never {
        machine,
        kind,
        name,
        why,
    }
}

/// What concerns other nodes.
const ALONE: &str = "a keeper keeps the catalog of a node that stands alone";

/// What a node does that gives its repositories to another.
const STAYS: &str = "a node that stands alone has nobody to give a repository to";

/// What only clients ask for that go on where they left off.
const ANEW: &str = "a client of a node that stands alone sends an object anew, as restic does";

/// What a node does that stands by for others.
const UNFOLLOWED: &str = "a node that stands alone has nobody to stand by for";

/// What a node does that hears no majority.
const ALWAYS: &str = "a node that stands alone is its own majority";

/// What only a gateway among others says.
const GATEWAYS: &str = "a node that stands alone takes everybody, and there are no pools";

/// What only nodes with a library are asked.
const TAPELESS: &str = "no simulated node has a tape library yet";

/// All of them.
pub(super) const NEVER: &[Never] = &[
    never("Repository", "event", "Yield", STAYS),
    never("Repository", "effect", "Yielded", STAYS),
    never("Repository", "refusal", "Moving", STAYS),
    never("Repository", "event", "Park", ANEW),
    never("Repository", "event", "Resume", ANEW),
    never("Repository", "effect", "Held", ANEW),
    never("Repository", "refusal", "Settling", ANEW),
    never(
        "Extent",
        "refusal",
        "Short",
        "one disk writes what it is given, or says that it failed",
    ),
    never("Standbys", "event", "News", UNFOLLOWED),
    never("Standbys", "event", "Followed", UNFOLLOWED),
    never("Standbys", "event", "Written", UNFOLLOWED),
    never("Standbys", "event", "Asked", UNFOLLOWED),
    never("Standbys", "event", "Wake", UNFOLLOWED),
    never("Standbys", "effect", "Begin", UNFOLLOWED),
    never("Standbys", "effect", "CatchUp", UNFOLLOWED),
    never("Standbys", "effect", "Write", UNFOLLOWED),
    never("Standbys", "effect", "LeaveOff", UNFOLLOWED),
    never("Standbys", "effect", "Forget", UNFOLLOWED),
    never("Standbys", "effect", "Give", UNFOLLOWED),
    never("Standbys", "effect", "Refuse", UNFOLLOWED),
    never("Standbys", "effect", "Clear", UNFOLLOWED),
    never("Recall", "event", "Asked", ALWAYS),
    never("Recall", "event", "Loaded", ALWAYS),
    never("Recall", "event", "Wake", ALWAYS),
    never("Recall", "effect", "Load", ALWAYS),
    never("Recall", "effect", "Give", ALWAYS),
    never("Recall", "effect", "Refuse", ALWAYS),
    never("Recall", "effect", "Forget", ALWAYS),
    never(
        "Rotation",
        "event",
        "Failed",
        "the simulated certificates lie in memory, which takes every switch",
    ),
    never("Keeper", "fact", "Cluster", ALONE),
    never("Keeper", "fact", "Pool", ALONE),
    never("Keeper", "refusal", "Pool", ALONE),
    never("Keeper", "fact", "Tape", TAPELESS),
    never("Keeper", "refusal", "Tape", TAPELESS),
    never("Tenant", "refusal", "WrongGateway", GATEWAYS),
    never("Tenant", "refusal", "SpareGateway", GATEWAYS),
    never("Keeper", "refusal", "NoNode", ALONE),
    never("Keeper", "refusal", "NodeExists", ALONE),
    never("Keeper", "refusal", "NoToken", ALONE),
    never("Keeper", "refusal", "NodeName", ALONE),
    never("Keeper", "refusal", "NodeKey", ALONE),
    never("Keeper", "refusal", "TokenExists", ALONE),
    never("Keeper", "refusal", "TokenUsed", ALONE),
    never("Keeper", "refusal", "TokenExpired", ALONE),
    never("Keeper", "refusal", "NodeKeyRemoved", ALONE),
    never("Keeper", "refusal", "Alone", ALONE),
    never("Keeper", "refusal", "Address", ALONE),
    never("Keeper", "refusal", "Leased", ALONE),
    never("Keeper", "refusal", "LeaseLost", ALONE),
    never("Keeper", "refusal", "Owned", ALONE),
    never("Keeper", "refusal", "NotTaken", ALONE),
    never("Keeper", "refusal", "NotSpoken", ALONE),
    never("Keeper", "refusal", "Unversed", ALONE),
    never("Clients", "refusal", "wrong-gateway", GATEWAYS),
    never("Clients", "refusal", "spare-gateway", GATEWAYS),
    never("Keeper", "refusal", "Holds", ALONE),
    never("Keeper", "refusal", "NotDown", ALONE),
    never("Keeper", "refusal", "TooFew", ALONE),
    never(
        "Keeper",
        "refusal",
        "Open",
        "a writer drops extents that it has sealed, and no others",
    ),
    never(
        "Keeper",
        "refusal",
        "NotEmpty",
        "whoever destroys a repository has dropped its extents before it says so",
    ),
    never(
        "Journal",
        "refusal",
        "Busy",
        "the root asks for one snapshot at a time",
    ),
    never(
        "Journal",
        "refusal",
        "Stale",
        "the root asks for snapshots in the order of commands",
    ),
    never(
        "Journal",
        "refusal",
        "Ahead",
        "the root hears of commands once they are durable",
    ),
    never(
        "Journal",
        "effect",
        "RefuseSnapshot",
        "there is no reason to, see its refusals",
    ),
    never(
        "Journal",
        "refusal",
        "Ended",
        "a journal that failed ends the node before anybody asks it for a snapshot",
    ),
    never(
        "Repository",
        "event",
        "Sealed",
        "an extent ends whole at 256 MiB, which is more than a run writes",
    ),
    never(
        "Extent",
        "event",
        "Settle",
        "an object lies in two extents only where one ended whole",
    ),
    never(
        "Repository",
        "refusal",
        "Busy",
        "a tenant has fewer requests at once than a repository takes uploads",
    ),
    never(
        "Repository",
        "refusal",
        "Config",
        "nobody who wants to delete a config passes the tenant's door",
    ),
    never(
        "Extent",
        "refusal",
        "Fenced",
        "one node has one owner of a repository at a time",
    ),
    never(
        "Extent",
        "refusal",
        "Sealed",
        "a repository sends nothing to an extent that it seals",
    ),
    never(
        "Bandwidth",
        "effect",
        "Refuse",
        "a tenant has fewer requests at once than pieces that may wait",
    ),
    never(
        "Clients",
        "refusal",
        "invalid",
        "the counter of tenants says so, which faces have and the world has not",
    ),
];
