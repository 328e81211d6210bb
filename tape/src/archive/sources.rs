//! What a job archives, and to which media set.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use holdfast_actors::catalog::rows::{MediaPool, Mixing, Rows, Set, Share, Source};
use holdfast_actors::kernel::RepositoryId;
use holdfast_actors::names::TenantName;
use holdfast_actors::tape::media::Content;
use holdfast_actors::tape::{MediaSet, SetId};

use super::Order;

/// Repositories that share a media set, in the order of the job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    /// With whom they share it.
    pub(super) share: Share,
    pub(super) repositories: VecDeque<RepositoryId>,
}

/// What there is for a group already.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The set to go on with.
    pub(super) set: Option<SetId>,
    /// Sets that nobody goes on with.
    pub(super) stale: Vec<SetId>,
    /// Repositories that this run has on tape.
    pub(super) done: BTreeSet<RepositoryId>,
}

/// The groups of a job (`R10.11`), in the order in which its sources first name them.
pub(super) fn groups(rows: &Rows, sources: &[Source], mixing: Mixing) -> VecDeque<Group> {
    let mut groups: VecDeque<Group> = VecDeque::new();
    let mut seen = BTreeSet::new();
    for id in sources.iter().flat_map(|source| named(rows, source)) {
        let Some(row) = rows.repositories.get(&id).filter(|_| seen.insert(id)) else {
            continue;
        };
        let share = rows.tape.share(mixing, row.tenant);
        match groups.iter_mut().find(|group| group.share == share) {
            Some(group) => group.repositories.push_back(id),
            None => groups.push_back(Group {
                share,
                repositories: [id].into(),
            }),
        }
    }
    groups
}

/// The repositories of a source, by the names of tenants and then their own. Whether a tenant is
/// served is of no account: its data is kept as long as it is there.
fn named(rows: &Rows, source: &Source) -> Vec<RepositoryId> {
    let mut named: BTreeMap<_, RepositoryId> = BTreeMap::new();
    for (id, row) in rows.repositories.iter() {
        let is_meant = match source {
            Source::All => true,
            Source::Tenant(tenant) => row.tenant == *tenant,
            Source::Repository(one) => id == one,
        };
        if let (true, None, Some(tenant)) = (is_meant, &row.removed, tenant(rows, row.tenant)) {
            named.insert((tenant, &row.name, id), *id);
        }
    }
    named.into_values().collect()
}

/// How a tenant is called now.
pub(super) fn tenant(rows: &Rows, id: u64) -> Option<&TenantName> {
    let found = rows.tenants.iter().find(|(_, row)| row.id == id);
    found.map(|(name, _)| name)
}

/// The set of a group. A daily set goes on until somebody closes it; what stands on its own has a
/// set for each run, unless the pool appends (`R10.3`).
pub(super) fn find(rows: &Rows, order: &Order, pool: &MediaPool, share: &Share) -> Found {
    let appends = pool.rules.sets.get(&order.set).is_some_and(|it| it.appends);
    let sets = rows
        .tape
        .sets
        .iter()
        .filter(|(_, row)| (row.pool, row.set) == (pool.id, order.set))
        .filter(|(id, row)| rows.tape.shared(**id, row) == *share);
    let mut found = Found::default();
    let mut last = None;
    for (id, set) in sets {
        let own = set.runs.iter().filter(|run| order.is_of_run(run));
        let is_of_run = own.clone().next().is_some();
        if order.set.is_whole() {
            let done = own.filter(|run| run.done.is_some());
            found.done.extend(done.map(|run| run.repository));
        }
        if set.closed.is_some() {
            continue;
        }
        let is_blank = set.runs.is_empty() && set.media.is_empty();
        let goes_on = order.set == MediaSet::Daily || appends || is_of_run || is_blank;
        let is_mine = set.runs.iter().all(|run| run.job == order.job);
        if goes_on && !is_planned_away(rows, set, appends) {
            last = last.max(Some((is_of_run, set.opened, *id)));
        } else if goes_on || is_mine {
            found.stale.push(*id);
        }
    }
    found.set = last.map(|(.., id)| id);
    found
}

/// The cartridge that would be gone on with is off line, so a new set is begun (10.8).
fn is_planned_away(rows: &Rows, set: &Set, appends: bool) -> bool {
    let last = set.media.last().and_then(|id| rows.tape.media.get(id));
    last.is_some_and(|row| {
        let is_closed = matches!(row.medium.content, Content::Written(it) if it.is_closed);
        appends && !is_closed && !row.medium.is_online
    })
}
