//! What the catalog says of a repository and its tenant.

use std::collections::BTreeMap;

use crate::catalog::rows::Rows;
use crate::kernel::{RepositoryId, Size, Space, Timestamp};

/// The part of the catalog by which a repository decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The most that may be charged.
    pub quota: Size,
    /// The most of it that one space may use.
    pub limits: BTreeMap<Space, Size>,
    /// Days within which every instant stays restorable.
    pub hold_days: u32,
    /// Days that a deleted object stays in the bin at least.
    pub bin_days: u32,
    /// Bytes in the bin that are not charged; none for as much as the quota.
    pub bin_limit: Option<Size>,
    /// The time by which the irreversible happens; none while the clock is in doubt.
    pub trusted: Option<Timestamp>,
    /// What was visible then or later stays: it is being archived.
    pub pin: Option<Timestamp>,
    /// What the system brings back may pass the quota: an operator said so of a restore.
    pub past_quota: bool,
}

impl Settings {
    /// The settings of one repository; `None` if there is none. One whose tenant was removed keeps
    /// what is in its bin: nothing is purged by its days any more, but by order only.
    pub fn of(rows: &Rows, id: RepositoryId) -> Option<Self> {
        let row = rows.repositories.get(&id)?;
        let tenant = rows.tenant_name(row.tenant);
        let tenant = tenant.and_then(|name| rows.tenants.get_key_value(name));
        let slices = tenant.map(|(name, _)| rows.subtenants_of(name));
        let limits = slices.into_iter().flatten().filter_map(|(_, subtenant)| {
            let limit = subtenant.slices.get(&id).copied().flatten()?;
            Some((subtenant.space, limit))
        });
        Some(Self {
            quota: row.quota,
            limits: limits.collect(),
            hold_days: row.hold_days,
            bin_days: tenant.map_or(0, |(_, tenant)| tenant.bin_days),
            bin_limit: tenant.and_then(|(_, tenant)| tenant.bin_limit),
            trusted: rows.clock.trusted().filter(|_| tenant.is_some()),
            pin: rows.tape.pinned(id),
            past_quota: rows.tape.is_past_quota(id),
        })
    }
}
