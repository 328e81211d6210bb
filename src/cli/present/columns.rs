//! What is shown of each kind of thing, from left to right or from top to bottom.

use super::super::layout::{Column, bytes, plain, rate};

pub(super) const PENDING: &[Column] = &[plain("state"), plain("approval"), plain("grant")];
pub(super) const TENANTS: &[Column] = &[
    plain("name"),
    plain("state"),
    plain("lease"),
    bytes("quota"),
    plain("tasks"),
    rate("bandwidth"),
    plain("bin-days"),
    plain("last-session"),
];
pub(super) const TENANT: &[Column] = &[
    plain("name"),
    plain("state"),
    plain("reason"),
    plain("lease"),
    plain("lease-days-left"),
    plain("restore-grace"),
    plain("purge-hold"),
    plain("tasks"),
    rate("bandwidth"),
    plain("bin-days"),
    bytes("bin-limit"),
    bytes("quota"),
    plain("pools"),
    plain("fail-over"),
    plain("last-session"),
    plain("description"),
];
pub(super) const SUBTENANT: &[Column] = &[
    plain("tenant"),
    plain("name"),
    plain("state"),
    plain("mode"),
    bytes("slices"),
    plain("reason"),
    plain("description"),
];
pub(super) const CREDENTIALS: &[Column] = &[
    plain("id"),
    plain("tenant"),
    plain("scope"),
    plain("expires"),
    plain("made"),
    plain("view"),
    plain("label"),
];
pub(super) const OPERATOR: &[Column] = &[plain("name"), plain("role"), plain("uid")];
pub(super) const APPROVALS: &[Column] = &[
    plain("id"),
    plain("state"),
    plain("by"),
    plain("at"),
    plain("text"),
];
pub(super) const REPOSITORY: &[Column] = &[
    plain("id"),
    plain("tenant"),
    plain("name"),
    bytes("quota"),
    bytes("used"),
    bytes("charged"),
    bytes("stored"),
    bytes("reclaimable"),
    bytes("bin"),
    plain("objects"),
    plain("hold-days"),
    plain("min-copies"),
    plain("made"),
    plain("removed"),
    plain("verified"),
    plain("damaged"),
];
pub(super) const REPOSITORY_FIGURES: &[Column] = &[
    plain("id"),
    plain("tenant"),
    plain("name"),
    bytes("quota"),
    bytes("used"),
    bytes("charged"),
    bytes("stored"),
    bytes("bin"),
    plain("objects"),
    plain("hold-days"),
];
pub(super) const BIN: &[Column] = &[
    plain("tenant"),
    plain("repository"),
    plain("objects"),
    bytes("bin"),
    bytes("charged"),
    plain("oldest"),
    plain("reach"),
];
pub(super) const MOVED: &[Column] = &[plain("objects"), bytes("bytes")];
pub(super) const VERIFIED: &[Column] = &[
    plain("tenant"),
    plain("repository"),
    plain("objects"),
    bytes("bytes"),
    plain("damaged"),
    plain("unread"),
];
pub(super) const TOKENS: &[Column] = &[
    plain("id"),
    plain("state"),
    plain("expires"),
    plain("used-by"),
];
pub(super) const NODES: &[Column] = &[
    plain("id"),
    plain("name"),
    plain("state"),
    plain("zone"),
    plain("roles"),
    plain("pool"),
    plain("replicas"),
    plain("addresses"),
];
pub(super) const NODE: &[Column] = &[
    plain("id"),
    plain("name"),
    plain("state"),
    plain("zone"),
    plain("roles"),
    plain("pool"),
    plain("replicas"),
    plain("addresses"),
    plain("key"),
];
pub(super) const POOLS: &[Column] = &[
    plain("name"),
    plain("gateways"),
    plain("down"),
    plain("tenants"),
    plain("description"),
];
pub(super) const POOL: &[Column] = &[
    plain("name"),
    plain("gateways"),
    plain("down"),
    plain("tenants"),
    plain("given-to"),
    plain("made"),
    plain("description"),
];
pub(super) const USAGE: &[Column] = &[plain("tenant"), plain("month"), plain("byte-seconds")];
pub(super) const EVENTS: &[Column] = &[
    plain("at"),
    plain("code"),
    plain("severity"),
    plain("actor"),
    plain("tenant"),
    plain("text"),
    plain("reason"),
];
pub(super) const MAINTENANCE: &[Column] = &[plain("maintenance"), plain("text")];
pub(super) const CLOCK: &[Column] = &[plain("today"), plain("wall"), plain("doubted")];
pub(super) const CERTIFICATE: &[Column] = &[
    plain("thumbprint"),
    plain("subject"),
    plain("names"),
    plain("not-before"),
    plain("not-after"),
    plain("self-signed"),
    plain("next"),
    plain("switch"),
];
