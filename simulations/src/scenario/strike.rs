//! What a fault of a scenario is to one of many nodes, or to the network.

use std::ops::Range;

use toml::Spanned;

use super::error::ScenarioError;
use super::timeline::{Fault, Kind};
use crate::plan::{End, Members, Mishap, Order, Ways};

/// Milliseconds that a node is off, or stands still, if nothing is said.
const SOON: u64 = 1_000;
/// How much slower something is, if nothing is said.
const TIMES: u64 = 10;

impl Fault {
    /// As a plan has it.
    pub(super) fn mishap(
        &self,
        text: &str,
        whole: Range<usize>,
        (names, members): (&[String], &Members),
    ) -> Result<Mishap, ScenarioError> {
        self.fits(text, members)?;
        let node = || self.struck(text, whole.clone(), names);
        let pair = || self.pair(text, whole.clone(), names);
        let millis = self.time.as_ref().map_or(SOON, |time| time.get_ref().0);
        let times = self.times.as_ref().map_or(TIMES, |times| *times.get_ref());
        let count = self.count.as_ref().map_or(1, |count| *count.get_ref());
        Ok(match self.kind.get_ref() {
            Kind::PowerCut => self.crash(node()?, End::Power),
            Kind::Kill => self.crash(node()?, End::Kill),
            Kind::ClockStep => {
                let by = self.by.as_ref().ok_or_else(|| {
                    let message = "a clock step needs 'by', for example by = \"-2h\"";
                    ScenarioError::at(text, whole.clone(), message)
                })?;
                let by = by.get_ref().0;
                Mishap::Step { node: node()?, by }
            }
            Kind::DiskFull => {
                let capacity = self.capacity.as_ref().map_or(0, |kib| kib.get_ref().0);
                disk(node()?, 0, 0, Some(capacity))
            }
            Kind::SyncFailure => disk(node()?, count, 0, None),
            Kind::WriteFailure => disk(node()?, 0, count, None),
            Kind::BitRot => rot(node()?, count, 0),
            Kind::Misdirection => rot(node()?, 0, count),
            Kind::Cut => Mishap::Part {
                side: self.side(text, whole.clone(), names)?,
                ways: self.direction(text)?,
            },
            Kind::SlowLink => {
                let (one, other) = pair()?;
                Mishap::Slow { one, other, times }
            }
            Kind::Heal => Mishap::Heal,
            Kind::Disconnect => {
                let (one, other) = pair()?;
                Mishap::Kill { one, other }
            }
            Kind::HalfOpen => {
                let (node, peer) = pair()?;
                Mishap::Forget { node, peer }
            }
            Kind::Pause => Mishap::Sleep {
                node: node()?,
                millis,
            },
            Kind::DiskHang => Mishap::Hang {
                node: node()?,
                millis,
            },
            Kind::SlowDisk => Mishap::Drag {
                node: node()?,
                times,
            },
            Kind::Join => order(node()?, Order::Join),
            Kind::Drain => order(node()?, Order::Drain),
            Kind::Undrain => order(node()?, Order::Undrain),
            Kind::Remove => order(node()?, Order::Remove),
            Kind::Expel => order(node()?, Order::Expel),
            Kind::LeaseEnd => Mishap::Term {
                tenant: self.tenant(text, whole.clone(), members)?,
                days: self.days.as_ref().map(|days| *days.get_ref()),
            },
        })
    }

    /// The tenant of a cluster whose lease it is.
    fn tenant(
        &self,
        text: &str,
        whole: Range<usize>,
        members: &Members,
    ) -> Result<u32, ScenarioError> {
        let tenants = if let Members::Cluster { tenants, .. } = members {
            *tenants
        } else {
            0
        };
        match &self.tenant {
            Some(tenant) if *tenant.get_ref() < tenants => Ok(*tenant.get_ref()),
            Some(tenant) => {
                let message = format!("the cluster has {tenants} tenants, counted from 0");
                Err(ScenarioError::at(text, tenant.span(), message))
            }
            None => {
                let message = "this needs 'tenant', counted from 0, for example tenant = 0";
                Err(ScenarioError::at(text, whole, message))
            }
        }
    }

    /// Whether it has no more than its kind needs, and is for such a fleet.
    fn fits(&self, text: &str, members: &Members) -> Result<(), ScenarioError> {
        let kind = *self.kind.get_ref();
        if kind.is_ordered() && !matches!(members, Members::Cluster { .. }) {
            let message = "operators order this of a cluster; write kind = \"cluster\" in [fleet]";
            return Err(ScenarioError::at(text, self.kind.span(), message));
        }
        let is_term = kind == Kind::LeaseEnd;
        let ends = matches!(kind, Kind::PowerCut | Kind::Kill);
        let joins = matches!(kind, Kind::SlowLink | Kind::Disconnect | Kind::HalfOpen);
        let counts = kind.counts();
        let drags = matches!(kind, Kind::SlowLink | Kind::SlowDisk);
        let lasts = matches!(kind, Kind::Pause | Kind::DiskHang);
        let is_cut = kind == Kind::Cut;
        let has_node = !joins && !is_cut && !is_term && kind != Kind::Heal;
        let fields = [
            ("node", span(&self.node), has_node),
            ("nodes", span(&self.nodes), joins || is_cut),
            ("off", span(&self.off), ends),
            // A node of a fleet keeps what its index has.
            ("index", span(&self.index), false),
            ("by", span(&self.by), kind == Kind::ClockStep),
            ("count", span(&self.count), counts),
            ("capacity", span(&self.capacity), kind == Kind::DiskFull),
            ("ways", span(&self.ways), is_cut),
            ("times", span(&self.times), drags),
            ("time", span(&self.time), lasts),
            ("tenant", span(&self.tenant), is_term),
            ("days", span(&self.days), is_term),
        ];
        for (name, span, fits) in fields {
            if let (Some(span), false) = (span, fits) {
                let message = format!("a fault of this kind has no '{name}'");
                return Err(ScenarioError::at(text, span, message));
            }
        }
        Ok(())
    }

    fn crash(&self, node: u32, end: End) -> Mishap {
        let off = self.off.as_ref().map_or(SOON, |off| off.get_ref().0);
        Mishap::Crash {
            node,
            end,
            off,
            again: 0,
            after: 0,
        }
    }

    /// The node that it strikes.
    fn struck(
        &self,
        text: &str,
        whole: Range<usize>,
        names: &[String],
    ) -> Result<u32, ScenarioError> {
        let Some(node) = &self.node else {
            let message = "this fault needs 'node', for example node = \"node-1\"";
            return Err(ScenarioError::at(text, whole, message));
        };
        number(text, node.span(), node.get_ref(), names)
    }

    /// The two nodes between which it strikes.
    fn pair(
        &self,
        text: &str,
        whole: Range<usize>,
        names: &[String],
    ) -> Result<(u32, u32), ScenarioError> {
        match self.side(text, whole.clone(), names)?[..] {
            [one, other] if one != other => Ok((one, other)),
            _ => {
                let span = span(&self.nodes).unwrap_or(whole);
                Err(ScenarioError::at(
                    text,
                    span,
                    "this strikes between two nodes",
                ))
            }
        }
    }

    /// The nodes on one side of it.
    fn side(
        &self,
        text: &str,
        whole: Range<usize>,
        names: &[String],
    ) -> Result<Vec<u32>, ScenarioError> {
        let Some(nodes) = &self.nodes else {
            let message = "this fault needs 'nodes', for example nodes = [\"node-1\", \"node-2\"]";
            return Err(ScenarioError::at(text, whole, message));
        };
        let number = |name: &String| number(text, nodes.span(), name, names);
        nodes.get_ref().iter().map(number).collect()
    }

    fn direction(&self, text: &str) -> Result<Ways, ScenarioError> {
        let Some(ways) = &self.ways else {
            return Ok(Ways::Both);
        };
        match &**ways.get_ref() {
            "both" => Ok(Ways::Both),
            "out" => Ok(Ways::Out),
            "in" => Ok(Ways::In),
            _ => {
                let message = "write \"both\", \"out\" or \"in\"";
                Err(ScenarioError::at(text, ways.span(), message))
            }
        }
    }
}

const fn order(node: u32, order: Order) -> Mishap {
    Mishap::Order { node, order }
}

const fn disk(node: u32, syncs: u32, writes: u32, full_kib: Option<u64>) -> Mishap {
    Mishap::Disk {
        node,
        syncs,
        writes,
        full_kib,
    }
}

const fn rot(node: u32, bits: u32, sectors: u32) -> Mishap {
    Mishap::Rot {
        node,
        bits,
        sectors,
    }
}

fn span<T>(field: &Option<Spanned<T>>) -> Option<Range<usize>> {
    field.as_ref().map(Spanned::span)
}

/// The place of a name among those of a fleet.
fn number(
    text: &str,
    span: Range<usize>,
    name: &str,
    names: &[String],
) -> Result<u32, ScenarioError> {
    let place = names.iter().position(|other| other == name);
    let place = place.and_then(|place| u32::try_from(place).ok());
    place.ok_or_else(|| {
        let last = names.last().map_or("nobody", |last| last);
        let message = format!("there is no node '{name}'; there is node-1 to {last}");
        ScenarioError::at(text, span, message)
    })
}
