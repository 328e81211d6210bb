//! The parts of a scenario file, and what each does to a plan.
//!
//! A part that is not there leaves its part of the plan to the seed. To let a scenario say more of
//! a plan, give a part here a field and [`File::settle`] a line; what has no words yet is reached
//! by its own name under `[plan]`.

use holdfast_actors::kernel::Timestamp;
use holdfast_actors::names::TenantName;
use serde::Deserialize;
use toml::Spanned;

use super::Origin;
use super::error::ScenarioError;
use super::fleet::{self, FleetPart};
use super::timeline::{self, Fault};
use super::units::{Days, Kib, Maybe, Micros, Millis};
use crate::plan::{Habits, Operators, Plan, Rot, Tenant};

/// What the world has at most.
const NODES_MAX: usize = 1;
const TENANTS_MAX: usize = 50;
const CLIENTS_MAX: u32 = 50;
/// The name of a node that has none in the file.
const NODE: &str = "node-1";

/// A whole file, but for `[plan]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct File {
    #[expect(dead_code, reason = "it was looked at before all else")]
    version: u64,
    #[serde(default)]
    pub(super) about: String,
    #[serde(default)]
    pub(super) seed: Option<u64>,
    start: Option<Spanned<String>>,
    disk: Option<DiskPart>,
    fleet: Option<FleetPart>,
    node: Option<Vec<Spanned<NodePart>>>,
    tenant: Option<Spanned<Vec<Spanned<TenantPart>>>>,
    clients: Option<ClientsPart>,
    operators: Option<OperatorsPart>,
    rounds: Option<Spanned<Vec<Millis>>>,
    rot: Option<Rot>,
    fault: Option<Vec<Spanned<Fault>>>,
    #[serde(default)]
    pub(super) expect: Vec<Spanned<String>>,
    pub(super) bug: Option<Spanned<String>>,
    pub(super) found: Option<Origin>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct DiskPart {
    latency: Option<Micros>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct NodePart {
    name: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct TenantPart {
    name: Option<Spanned<String>>,
    lease: Option<Maybe<Days>>,
    grace: Option<Days>,
    tasks: Option<u32>,
    quota: Option<Kib>,
    bin: Option<Days>,
    bin_limit: Option<Maybe<Kib>>,
    hold: Option<Days>,
    bandwidth: Option<Maybe<Kib>>,
    clients: Option<u32>,
    subtenant_clients: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ClientsPart {
    pause: Option<Millis>,
    packs: Option<u64>,
    large: Option<u64>,
    cut: Option<u64>,
    wrong: Option<u64>,
    replay: Option<u64>,
    prune: Option<u64>,
    trespass: Option<u64>,
    deaf: Option<u64>,
    dawdle: Option<u64>,
    restore: Option<u64>,
    undo: Option<u64>,
    absent: Option<u64>,
    misstate: Option<u64>,
    oversize: Option<u64>,
    heap: Option<u64>,
    hasty: Option<u64>,
    guess: Option<u64>,
    hog: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct OperatorsPart {
    pause: Option<Maybe<Millis>>,
    change: Option<Vec<Change>>,
    wrong: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Change {
    Lease,
    Quota,
    Bin,
    Tasks,
    Disable,
    Maintenance,
    Revoke,
    Remove,
    Undelete,
    Restart,
}

impl File {
    /// Puts what the file says into the plan of a seed.
    pub(super) fn settle(self, text: &str, plan: &mut Plan) -> Result<(), ScenarioError> {
        if let Some(start) = &self.start {
            plan.wall = wall(text, start)?;
        }
        if let Some(Micros(latency)) = self.disk.and_then(|disk| disk.latency) {
            plan.disk_micros = latency;
        }
        if let Some(tenants) = &self.tenant {
            plan.tenants = settled(text, tenants, &plan.tenants)?;
        }
        if let Some(clients) = &self.clients {
            clients.settle(&mut plan.habits);
        }
        if let Some(operators) = &self.operators {
            operators.settle(&mut plan.operators);
        }
        set(&mut plan.rot, self.rot);
        let rounds: Option<Vec<u64>> = match &self.rounds {
            Some(rounds) if rounds.get_ref().is_empty() => {
                let message = "a life of the node has at least one round";
                return Err(ScenarioError::at(text, rounds.span(), message));
            }
            Some(rounds) => Some(rounds.get_ref().iter().map(|millis| millis.0).collect()),
            None => None,
        };
        if let Some(part) = &self.fleet {
            let faults = self.fault.as_deref();
            return fleet::settle(text, part, faults, rounds.as_deref(), plan);
        }
        let nodes = nodes(text, self.node.as_deref().unwrap_or_default())?;
        match &self.fault {
            Some(faults) => {
                timeline::settle(text, faults, &nodes, rounds, plan)?;
            }
            None => {
                for life in &mut plan.lives {
                    life.rounds = rounds.clone().unwrap_or_else(|| life.rounds.clone());
                }
            }
        }
        Ok(())
    }
}

fn wall(text: &str, start: &Spanned<String>) -> Result<u64, ScenarioError> {
    let shown = start.get_ref();
    let parsed = Timestamp::parse(shown).ok_or_else(|| {
        let message = format!("'{shown}' is no time: write 2026-02-16T23:50:00Z");
        ScenarioError::at(text, start.span(), message)
    })?;
    Ok(parsed.as_millis())
}

/// The names of all nodes.
fn nodes(text: &str, given: &[Spanned<NodePart>]) -> Result<Vec<String>, ScenarioError> {
    if let Some(one_more) = given.get(NODES_MAX) {
        let message = format!("the world has {NODES_MAX} node, not {}", given.len());
        return Err(ScenarioError::at(text, one_more.span(), message));
    }
    if given.is_empty() {
        return Ok(vec![NODE.to_owned()]);
    }
    let name = |part: &Spanned<NodePart>| part.get_ref().name.get_ref().clone();
    Ok(given.iter().map(name).collect())
}

/// The tenants of the file, each over one that the seed has drawn.
fn settled(
    text: &str,
    given: &Spanned<Vec<Spanned<TenantPart>>>,
    drawn: &[Tenant],
) -> Result<Vec<Tenant>, ScenarioError> {
    let parts = given.get_ref();
    if parts.is_empty() || parts.len() > TENANTS_MAX {
        let message = format!("a scenario has 1 to {TENANTS_MAX} tenants");
        return Err(ScenarioError::at(text, given.span(), message));
    }
    let mut tenants: Vec<Tenant> = Vec::new();
    for (part, drawn) in parts.iter().zip(drawn.iter().cycle()) {
        let (span, part) = (part.span(), part.get_ref());
        if let Some(name) = &part.name {
            let (span, name) = (name.span(), name.get_ref());
            let parsed = TenantName::parse(name);
            parsed.map_err(|error| ScenarioError::at(text, span.clone(), error))?;
            if tenants
                .iter()
                .any(|other| other.name.as_ref() == Some(name))
            {
                let message = format!("two tenants are called '{name}'");
                return Err(ScenarioError::at(text, span, message));
            }
        }
        let tenant = part.over(drawn);
        if tenant.clients + tenant.subtenant_clients > CLIENTS_MAX {
            let message = format!("a tenant has at most {CLIENTS_MAX} clients");
            return Err(ScenarioError::at(text, span, message));
        }
        tenants.push(tenant);
    }
    Ok(tenants)
}

impl TenantPart {
    fn over(&self, drawn: &Tenant) -> Tenant {
        let mut tenant = drawn.clone();
        if let Some(name) = &self.name {
            tenant.name = Some(name.get_ref().clone());
        }
        if let Some(Maybe(lease)) = self.lease {
            tenant.lease_days = lease.map(|days| days.0);
        }
        set(&mut tenant.grace_days, self.grace.map(|days| days.0));
        set(&mut tenant.tasks, self.tasks);
        set(&mut tenant.quota_kib, self.quota.map(|kib| kib.0));
        set(&mut tenant.bin_days, self.bin.map(|days| days.0));
        if let Some(Maybe(limit)) = self.bin_limit {
            tenant.bin_limit_kib = limit.map(|kib| kib.0);
        }
        set(&mut tenant.hold_days, self.hold.map(|days| days.0));
        if let Some(Maybe(bandwidth)) = self.bandwidth {
            tenant.bandwidth_kib = bandwidth.map(|kib| kib.0);
        }
        set(&mut tenant.clients, self.clients);
        set(&mut tenant.subtenant_clients, self.subtenant_clients);
        tenant
    }
}

impl ClientsPart {
    fn settle(&self, habits: &mut Habits) {
        set(&mut habits.pause, self.pause.map(|millis| millis.0));
        set(&mut habits.packs, self.packs);
        set(&mut habits.large, self.large);
        set(&mut habits.cut, self.cut);
        set(&mut habits.wrong, self.wrong);
        set(&mut habits.replay, self.replay);
        set(&mut habits.prune, self.prune);
        set(&mut habits.trespass, self.trespass);
        set(&mut habits.deaf, self.deaf);
        set(&mut habits.dawdle, self.dawdle);
        set(&mut habits.restore, self.restore);
        set(&mut habits.undo, self.undo);
        set(&mut habits.absent, self.absent);
        set(&mut habits.misstate, self.misstate);
        set(&mut habits.oversize, self.oversize);
        set(&mut habits.heap, self.heap);
        set(&mut habits.hasty, self.hasty);
        set(&mut habits.guess, self.guess);
        set(&mut habits.hog, self.hog);
    }
}

impl OperatorsPart {
    fn settle(&self, operators: &mut Operators) {
        if let Some(Maybe(pause)) = self.pause {
            operators.pause = pause.map_or(0, |millis| millis.0);
        }
        set(&mut operators.wrong, self.wrong);
        let Some(changes) = &self.change else { return };
        let has = |change| changes.contains(&change);
        operators.lease = has(Change::Lease);
        operators.quota = has(Change::Quota);
        operators.bin = has(Change::Bin);
        operators.tasks = has(Change::Tasks);
        operators.disable = has(Change::Disable);
        operators.maintenance = has(Change::Maintenance);
        operators.revoke = has(Change::Revoke);
        operators.remove = has(Change::Remove);
        operators.undelete = has(Change::Undelete);
        operators.restart = has(Change::Restart);
    }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}
