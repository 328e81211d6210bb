//! Many nodes in a scenario: who is there, what joins them, and what befalls them and the network.

use serde::Deserialize;
use toml::Spanned;

use super::error::ScenarioError;
use super::timeline::{self, Fault};
use super::units::{Micros, Millis};
use crate::fleet::member;
use crate::plan::{Fleet, Life, Members, Plan, Timed};
use crate::wire;

/// The most nodes of a file, clients of a register included.
const NODES_MAX: u32 = 100;
/// The most nodes that join a cluster.
const JOINS_MAX: u32 = 8;
/// A turn of nodes whose faults have a time, in microseconds; longer ones would blur it.
const QUANTUM: u64 = 50_000;

/// Many nodes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct FleetPart {
    kind: Kind,
    nodes: Option<Spanned<u32>>,
    users: Option<Spanned<u32>>,
    pause: Option<Spanned<Millis>>,
    writes: Option<Spanned<u64>>,
    time: Option<Millis>,
    delay: Option<Micros>,
    jitter: Option<Micros>,
    silence: Option<Millis>,
    joins: Option<Spanned<u32>>,
    lost: Option<Spanned<u64>>,
    twice: Option<Spanned<u64>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Several,
    Register,
    Catalog,
    Cluster,
    Wire,
}

/// A fleet instead of the one node of a plan; the names of those who are in it.
pub(super) fn settle(
    text: &str,
    part: &FleetPart,
    faults: Option<&[Spanned<Fault>]>,
    rounds: Option<&[u64]>,
    plan: &mut Plan,
) -> Result<(), ScenarioError> {
    let drawn = match part.kind {
        Kind::Several => Plan::several(plan.seed),
        Kind::Register => Plan::register(plan.seed),
        Kind::Catalog => Plan::catalog(plan.seed),
        Kind::Cluster => Plan::cluster(plan.seed),
        Kind::Wire => Plan::wire(plan.seed),
    };
    let Some(mut fleet) = drawn.fleet else {
        return Ok(());
    };
    plan.lives.clear();
    if part.kind != Kind::Several {
        plan.tenants.clear();
    }
    part.join(&mut fleet);
    part.add(text, &mut fleet.members)?;
    part.fill(text, &mut fleet.members)?;
    let all = match &fleet.members {
        Members::Holdfast { lives } => u32::try_from(lives.len()).unwrap_or(NODES_MAX),
        Members::Register {
            replicas, clients, ..
        } => replicas + clients,
        Members::Catalog { nodes, .. }
        | Members::Calls { nodes, .. }
        | Members::Wire { nodes, .. } => *nodes,
        Members::Cluster { nodes, joins, .. } => nodes + joins,
    };
    fleet.drifts.truncate(all as usize);
    if let Some(faults) = faults {
        let names: Vec<String> = (0..all).map(|node| member(node).to_string()).collect();
        fleet.mishaps = mishaps(text, faults, (&names, &fleet.members))?;
        if part.kind == Kind::Several {
            fleet.quantum = QUANTUM;
            fleet.wire.least = fleet.wire.least.max(QUANTUM);
        }
    }
    if let Members::Holdfast { lives } = &mut fleet.members {
        for (node, lives) in (0..).zip(lives) {
            live(
                node,
                lives,
                faults.is_some().then_some(&fleet.mishaps),
                rounds,
            );
        }
    }
    plan.fleet = Some(fleet);
    Ok(())
}

/// What befalls the fleet, in order of time.
fn mishaps(
    text: &str,
    faults: &[Spanned<Fault>],
    who: (&[String], &Members),
) -> Result<Vec<Timed>, ScenarioError> {
    let timed = |fault: &Spanned<Fault>| {
        let mishap = fault.get_ref().mishap(text, fault.span(), who)?;
        let at = fault.get_ref().at();
        Ok(Timed { at, mishap })
    };
    let mut mishaps: Vec<Timed> = faults.iter().map(timed).collect::<Result<_, _>>()?;
    mishaps.sort_by_key(|timed| timed.at);
    Ok(mishaps)
}

/// The lives of one node: those that were drawn, or quiet ones, as many as it has crashes and one.
fn live(node: u32, lives: &mut Vec<Life>, given: Option<&Vec<Timed>>, rounds: Option<&[u64]>) {
    if let Some(mishaps) = given {
        let crashes = mishaps.iter().filter(|timed| timed.mishap.ends(node));
        let drawn = lives.first().map(|life| life.rounds.clone());
        let drawn = drawn.unwrap_or_else(|| vec![0]);
        *lives = vec![timeline::quiet(rounds.unwrap_or(&drawn)); crashes.count() + 1];
    } else if let Some(rounds) = rounds {
        for life in lives {
            life.rounds = rounds.to_vec();
        }
    }
}

/// How many there may be.
const fn most(members: &Members) -> u32 {
    match members {
        Members::Wire { .. } => wire::NODES_MAX,
        Members::Holdfast { .. }
        | Members::Register { .. }
        | Members::Catalog { .. }
        | Members::Calls { .. }
        | Members::Cluster { .. } => NODES_MAX / 2,
    }
}

impl FleetPart {
    /// Whether it says of how long something takes, or how fast.
    fn join(&self, fleet: &mut Fleet) {
        if let Some(Millis(time)) = self.time {
            fleet.millis = time;
        }
        if let Some(Micros(delay)) = self.delay {
            fleet.wire.least = delay.max(1);
            fleet.quantum = fleet.quantum.min(delay.max(1));
        }
        if let Some(Micros(more)) = self.jitter {
            fleet.wire.more = more;
        }
        if let Some(Millis(silence)) = self.silence {
            fleet.wire.silence = silence;
        }
    }

    /// Nobody may say what only fleets of another kind have.
    fn fits(&self, text: &str, members: &Members) -> Result<(), ScenarioError> {
        let joins = !matches!(members, Members::Cluster { .. });
        let datagrams = !matches!(members, Members::Wire { .. });
        let strange = [
            (self.joins.as_ref().map(Spanned::span), joins, "a cluster"),
            (self.lost.as_ref().map(Spanned::span), datagrams, "a wire"),
            (self.twice.as_ref().map(Spanned::span), datagrams, "a wire"),
        ];
        for (span, is_strange, whose) in strange {
            if let (Some(span), true) = (span, is_strange) {
                let message = format!("only {whose} has this");
                return Err(ScenarioError::at(text, span, message));
            }
        }
        Ok(())
    }

    /// What only one kind of fleet has.
    fn add(&self, text: &str, members: &mut Members) -> Result<(), ScenarioError> {
        self.fits(text, members)?;
        if let (Members::Cluster { joins, .. }, Some(given)) = (&mut *members, &self.joins) {
            if *given.get_ref() > JOINS_MAX {
                let message = format!("at most {JOINS_MAX} nodes join");
                return Err(ScenarioError::at(text, given.span(), message));
            }
            *joins = *given.get_ref();
        }
        if let Members::Wire { lost, twice, .. } = members {
            *lost = self.lost.as_ref().map_or(*lost, |given| *given.get_ref());
            *twice = self.twice.as_ref().map_or(*twice, |given| *given.get_ref());
        }
        Ok(())
    }

    fn fill(&self, text: &str, members: &mut Members) -> Result<(), ScenarioError> {
        let most = most(members);
        let count = |given: &Option<Spanned<u32>>, drawn: u32| match given {
            Some(given) if !(1..=most).contains(given.get_ref()) => {
                let message = format!("a fleet has 1 to {most} of them");
                Err(ScenarioError::at(text, given.span(), message))
            }
            Some(given) => Ok(*given.get_ref()),
            None => Ok(drawn),
        };
        match members {
            Members::Holdfast { lives } => {
                let strange = [
                    self.users.as_ref().map(Spanned::span),
                    self.pause.as_ref().map(Spanned::span),
                    self.writes.as_ref().map(Spanned::span),
                ];
                if let Some(span) = strange.into_iter().flatten().next() {
                    let message = "only a register has this; tenants have clients of theirs";
                    return Err(ScenarioError::at(text, span, message));
                }
                let nodes = count(&self.nodes, u32::try_from(lives.len()).unwrap_or(1))?;
                let drawn = lives.clone();
                *lives = drawn.into_iter().cycle().take(nodes as usize).collect();
            }
            Members::Register {
                replicas,
                clients,
                pause,
                writes,
            } => {
                *replicas = count(&self.nodes, *replicas)?;
                *clients = count(&self.users, *clients)?;
                if let Some(given) = &self.pause {
                    *pause = given.get_ref().0;
                }
                if let Some(given) = &self.writes {
                    *writes = *given.get_ref();
                }
            }
            Members::Catalog {
                nodes,
                clients: users,
                pause,
            }
            | Members::Cluster {
                nodes,
                tenants: users,
                pause,
                ..
            }
            | Members::Calls {
                nodes,
                callers: users,
                pause,
                ..
            }
            | Members::Wire {
                nodes,
                callers: users,
                pause,
                ..
            } => {
                *nodes = count(&self.nodes, *nodes)?;
                *users = count(&self.users, *users)?;
                if let Some(given) = &self.pause {
                    *pause = given.get_ref().0;
                }
            }
        }
        Ok(())
    }
}
