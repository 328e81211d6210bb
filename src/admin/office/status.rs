//! How the node is, and how its cluster is: what the nodes say of themselves, put together.

use std::collections::BTreeMap;
use std::time::Duration;

use holdfast_actors::catalog::rows::{ApprovalState, COPIES, Node, NodeState, Rows};
use holdfast_actors::kernel::{NodeId, Size};
use holdfast_actors::shell::{Inspection, Listing, Path, Standing};
use holdfast_cluster::raft;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::super::{Problem, answers};
use super::gather::Share;
use super::route::named;
use super::{Answer, Office, pools, value};
use crate::commands::values::Moment;

/// How long actors have to say what they wait for, all together.
const PATIENCE: Duration = Duration::from_secs(1);
/// How many actors are asked at most, those of the node before those of tenants.
const ASKED_MAX: usize = 500;
/// How many of their waits are told.
const WAITS_MAX: usize = 8;
/// Who keeps a node's replicas.
const KEEPER: &str = "node/replicas-kept";
/// Below it stand the tenants.
const TENANTS: &str = "node/tenants/";

/// What nodes said, as it was understood.
type Said = BTreeMap<NodeId, Result<answers::Share, Problem>>;

impl Office {
    /// How this node is.
    pub(super) async fn status(&self) -> Answer {
        let rows = self.books.rows();
        let mut status = self.own_status(&rows);
        status.trouble = alone(&status);
        let gone = self.share().await.out_of_service.into_iter();
        let gone = gone.map(|path| format!("{path} is out of service"));
        status.trouble.extend(gone);
        value(&status)
    }

    /// How this node and its cluster are, from what the nodes said.
    pub(super) fn status_with(&self, shares: &BTreeMap<NodeId, Share>) -> answers::Status {
        let rows = self.books.rows();
        let mut status = self.own_status(&rows);
        let standing = self.others.as_ref().map(|others| others.standing());
        let said = shares.iter().map(|(node, share)| {
            let read = share.end.clone().and_then(|said| {
                serde_json::from_value::<answers::Share>(said).map_err(Problem::failed)
            });
            (*node, read)
        });
        let said: Said = said.collect();
        if let (Some(here), Some(standing)) = (self.here(), standing) {
            let cluster = cluster(&rows, here, &standing, &said);
            status.trouble = alone(&status);
            status.trouble.extend(trouble(&rows, &cluster, &said));
            status.cluster = Some(cluster);
        }
        status
    }

    fn own_status(&self, rows: &Rows) -> answers::Status {
        let served = rows.repositories.values();
        let served: Vec<_> = served.filter(|row| row.removed.is_none()).collect();
        let read = served.iter().map(|row| row.verified.unwrap_or(row.made));
        let pending = |state| state == ApprovalState::Pending;
        answers::Status {
            node: self.services.node(),
            clock: answers::Clock::of(rows, self.services.wall()),
            maintenance: rows.maintenance.is_some(),
            tenants: rows.tenants.len(),
            repositories: served.len(),
            approvals: rows
                .approvals
                .values()
                .filter(|row| pending(row.state))
                .count(),
            verified: read.min().map(Moment),
            damaged: rows.scrubs.values().map(|scrub| scrub.damaged).sum(),
            violations: self.directory.violations().into_values().sum(),
            cluster: None,
            trouble: Vec::new(),
        }
    }

    /// What this node says of itself to another.
    pub(super) async fn share(&self) -> answers::Share {
        let tree = self.directory.tree();
        let gone = tree
            .iter()
            .filter(|listing| listing.standing == Standing::OutOfService);
        let out_of_service = gone.map(|listing| listing.path.to_string()).collect();
        let mut seen = self.inspections(tree).await;
        let keeper = seen.remove(KEEPER).flatten();
        let figure = |key: &str| {
            let state = keeper.as_ref().map(|it| &it.state);
            let figure = state.and_then(|state| state[key].as_u64());
            figure.unwrap_or_default()
        };
        let waits = keeper.iter().flat_map(|it| {
            let wait = |what: &String| (KEEPER.to_owned(), what.clone());
            it.waits.iter().map(wait)
        });
        let mut waits: Vec<(String, String)> = waits.collect();
        for (path, inspection) in seen {
            match inspection {
                Some(inspection) => {
                    waits.extend(inspection.waits.into_iter().map(|it| (path.clone(), it)));
                }
                None => waits.push((path, "the end of what it does; it does not look up".into())),
            }
        }
        let more_waits = waits.len().saturating_sub(WAITS_MAX);
        let waits = waits.into_iter().take(WAITS_MAX);
        let standing = self.others.as_ref().map(|others| others.standing());
        let standing = standing.unwrap_or_default();
        answers::Share {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            leader: standing.leader.map(NodeId::raw),
            term: standing.term,
            index: self.books.rows().index.raw(),
            waits: waits
                .map(|(path, what)| answers::Wait { path, what })
                .collect(),
            more_waits,
            out_of_service,
            copy_rate: figure("bytes-a-second"),
        }
    }

    /// What actors say of themselves; nothing of those who do not look up.
    async fn inspections(&self, tree: Vec<Listing>) -> BTreeMap<String, Option<Inspection>> {
        let mut running: Vec<Path> = tree
            .into_iter()
            .filter(Listing::is_running)
            .map(|listing| listing.path)
            .collect();
        running.sort_by_key(|path| path.as_str().starts_with(TENANTS));
        let mut asked = JoinSet::new();
        let mut seen = BTreeMap::new();
        for path in running.into_iter().take(ASKED_MAX) {
            let Some(inspection) = self.directory.inspect(&path) else {
                continue;
            };
            let path = path.to_string();
            seen.insert(path.clone(), None);
            asked.spawn(async move { (path, inspection.await.ok()) });
        }
        let all = async {
            while let Some(answer) = asked.join_next().await {
                match answer {
                    Ok((path, Some(inspection))) => {
                        seen.insert(path, Some(inspection));
                    }
                    // It has ended meanwhile.
                    Ok((path, None)) => {
                        seen.remove(&path);
                    }
                    Err(_) => {}
                }
            }
        };
        // Those who are late stay as they are.
        let _ = timeout(PATIENCE, all).await;
        seen
    }
}

/// What is wrong with a node, whether it stands alone or not.
fn alone(status: &answers::Status) -> Vec<String> {
    let mut trouble = Vec::new();
    if status.clock.doubted {
        let told = "the clock has jumped; nothing is deleted until 'clock confirm'";
        trouble.push(told.to_owned());
    }
    if let Some(as_of) = &status.node.reads_as_of {
        trouble.push(format!(
            "this node hears no majority: only logins that may only read are served, as of {as_of}"
        ));
    }
    if status.damaged > 0 {
        let damaged = status.damaged;
        trouble.push(format!(
            "{damaged} objects are not what they were; run 'verify'"
        ));
    }
    if let (Some(free), Some(reserve)) = (status.node.free, status.node.reserve)
        && free < reserve
    {
        let told = "the disk is full: new backups are refused until there is more than the reserve";
        trouble.push(told.to_owned());
    }
    trouble
}

/// The cluster from what its nodes said.
fn cluster(
    rows: &Rows,
    here: NodeId,
    standing: &raft::Standing,
    said: &Said,
) -> answers::ClusterStatus {
    let spoke: BTreeMap<NodeId, &answers::Share> = said
        .iter()
        .filter_map(|(node, said)| Some((*node, said.as_ref().ok()?)))
        .collect();
    // Who leads says so itself. One that was cut off may, too; then the later term counts.
    let leads = spoke
        .iter()
        .filter(|(node, share)| share.leader == Some(node.raw()));
    let leader = leads.max_by_key(|(_, share)| share.term);
    let reachable = standing.voters.iter().filter(|it| spoke.contains_key(it));
    let reachable = reachable.count();
    let lacking = rows.lacking();
    let replicas = rows.cluster.replicas.values();
    let copying: usize = replicas.map(|replicas| replicas.filling.len()).sum();
    let there = rows.cluster.nodes.iter();
    let there = there.filter(|(_, row)| row.state != NodeState::Removed);
    answers::ClusterStatus {
        here: here.to_string(),
        leader: leader.map(|(node, _)| node.to_string()),
        term: leader.map_or(standing.term, |(_, share)| share.term),
        voters: standing.voters.iter().map(ToString::to_string).collect(),
        reachable_voters: reachable,
        quorum: leader.is_some() && reachable * 2 > standing.voters.len(),
        under_replicated: lacking.extents,
        without_copy: lacking.none,
        bytes_to_copy: Size::bytes(lacking.bytes),
        copying: copying as u64,
        speaks: rows.cluster.version().to_string(),
        nodes: there.map(|(id, row)| node(rows, *id, row, said)).collect(),
    }
}

fn node(rows: &Rows, id: NodeId, row: &Node, said: &Said) -> answers::NodeStatus {
    let cluster = &rows.cluster;
    let silent = || Err(Problem::failed("it was not asked"));
    let share = said.get(&id).cloned().unwrap_or_else(silent);
    let lease = cluster.leases.get(&id);
    let left = lease.map(|lease| lease.until.saturating_sub(cluster.now));
    let owners = cluster.owners.values();
    let owns = owners.filter(|owner| {
        let is_current = lease.is_some_and(|lease| lease.epoch == owner.lease);
        owner.node == id && is_current
    });
    let replicas = cluster.replicas.values();
    let copying = replicas.filter(|replicas| replicas.filling.contains(&id));
    let spoke = share.as_ref().ok();
    let indexes = said.values().flatten().map(|share| share.index);
    let newest = indexes.max().unwrap_or_default();
    answers::NodeStatus {
        id: id.to_string(),
        name: row.name.clone(),
        state: row.state,
        answers: share.is_ok(),
        missing: share.as_ref().err().map(|problem| problem.message.clone()),
        lease: left
            .filter(|left| !left.is_zero())
            .map(|left| left.as_secs()),
        epoch: lease.map(|lease| lease.epoch.raw()),
        owns: owns.count() as u64,
        replicas: rows.holding(id),
        copying: copying.count() as u64,
        behind: spoke.map(|share| newest - share.index),
        copy_rate: spoke.map(|share| share.copy_rate),
        version: spoke.map(|share| share.version.clone()),
        speaks: answers::speaks(cluster, id),
        waits: spoke.map(|share| share.waits.clone()).unwrap_or_default(),
        more_waits: spoke.map(|share| share.more_waits).unwrap_or_default(),
    }
}

/// What is wrong with the cluster.
fn trouble(rows: &Rows, cluster: &answers::ClusterStatus, said: &Said) -> Vec<String> {
    let mut trouble = Vec::new();
    let (reachable, voters) = (cluster.reachable_voters, cluster.voters.len());
    if reachable * 2 <= voters {
        trouble.push(format!(
            "{reachable} of {voters} voters answer, which is no majority: nothing can be written"
        ));
    } else if cluster.leader.is_none() {
        trouble.push("nobody leads the catalog; the voters elect somebody".to_owned());
    }
    for (id, row) in &rows.cluster.nodes {
        let named = named(rows, *id);
        match (row.state, said.get(id)) {
            (NodeState::Removed, _) => {}
            (NodeState::Down, _) => trouble.push(format!("{named} is down")),
            (NodeState::Joining, _) => trouble.push(format!(
                "{named} was let in and has not been seen at work; start it with 'serve'"
            )),
            (NodeState::Active | NodeState::Draining, Some(Err(problem))) => {
                trouble.push(problem.message.clone());
            }
            (NodeState::Active | NodeState::Draining, Some(Ok(share))) => {
                let gone = share.out_of_service.iter();
                trouble.extend(gone.map(|path| format!("{named}: {path} is out of service")));
            }
            (NodeState::Active | NodeState::Draining, None) => {}
        }
    }
    for (id, room) in rows.cluster.rooms.iter().filter(|(_, room)| room.is_full) {
        let (named, free, total) = (named(rows, *id), room.free, room.total);
        trouble.push(format!(
            "{named} is full: {free} of {total} are free on its disk; give it room, or drain it"
        ));
    }
    trouble.extend(pools::trouble(rows));
    if cluster.without_copy > 0 {
        let count = cluster.without_copy;
        trouble.push(format!(
            "{count} extents have no copy on a node that is there; bring their nodes back"
        ));
    }
    if cluster.under_replicated > 0 {
        let (count, bytes) = (cluster.under_replicated, cluster.bytes_to_copy);
        let nodes = rows.cluster.stores();
        let more = match nodes as usize >= COPIES {
            true => String::new(),
            false => format!(
                ", once there are nodes for {COPIES} copies: {nodes} store; let more in with \
                 'holdfast join-token'"
            ),
        };
        trouble.push(format!(
            "{count} extents have too few copies; {bytes} are to be copied{more}"
        ));
    }
    trouble
}

#[cfg(test)]
mod tests;
