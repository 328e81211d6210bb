//! Timed faults: one line of time for the whole run, cut into the lives of a plan.

use serde::Deserialize;
use serde_json::json;
use toml::Spanned;

use super::error::ScenarioError;
use super::units::{Kib, Millis, Step};
use crate::plan::{self, End, Life, Loss, Plan};

/// One fault, and when it strikes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Fault {
    at: Spanned<Millis>,
    pub(super) kind: Spanned<Kind>,
    pub(super) node: Option<Spanned<String>>,
    pub(super) off: Option<Spanned<Millis>>,
    pub(super) index: Option<Spanned<String>>,
    pub(super) by: Option<Spanned<Step>>,
    pub(super) count: Option<Spanned<u32>>,
    pub(super) capacity: Option<Spanned<Kib>>,
    pub(super) nodes: Option<Spanned<Vec<String>>>,
    pub(super) ways: Option<Spanned<String>>,
    pub(super) times: Option<Spanned<u64>>,
    pub(super) time: Option<Spanned<Millis>>,
    pub(super) tenant: Option<Spanned<u32>>,
    pub(super) days: Option<Spanned<i64>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    PowerCut,
    Kill,
    ClockStep,
    DiskFull,
    SyncFailure,
    WriteFailure,
    BitRot,
    Misdirection,
    Cut,
    SlowLink,
    Heal,
    Disconnect,
    HalfOpen,
    Pause,
    DiskHang,
    SlowDisk,
    Join,
    Drain,
    Undrain,
    Remove,
    Expel,
    LeaseEnd,
}

impl Kind {
    const fn ends_a_life(self) -> Option<End> {
        if matches!(self, Self::PowerCut) {
            Some(End::Power)
        } else if matches!(self, Self::Kill) {
            Some(End::Kill)
        } else {
            None
        }
    }

    /// Whether it comes as often as somebody says.
    pub(super) const fn counts(self) -> bool {
        matches!(
            self,
            Self::SyncFailure | Self::WriteFailure | Self::BitRot | Self::Misdirection
        )
    }

    /// Whether operators of a cluster order it.
    pub(super) const fn is_ordered(self) -> bool {
        matches!(
            self,
            Self::Join | Self::Drain | Self::Undrain | Self::Remove | Self::Expel | Self::LeaseEnd
        )
    }

    /// Whether it befalls only one of many nodes, or the network between them.
    const fn needs_a_fleet(self) -> bool {
        !matches!(
            self,
            Self::PowerCut
                | Self::Kill
                | Self::ClockStep
                | Self::DiskFull
                | Self::SyncFailure
                | Self::WriteFailure
                | Self::BitRot
                | Self::Misdirection
        )
    }
}

/// The lives between these faults instead of those that the seed has drawn.
pub(super) fn settle(
    text: &str,
    faults: &[Spanned<Fault>],
    nodes: &[String],
    rounds: Option<Vec<u64>>,
    plan: &mut Plan,
) -> Result<(), ScenarioError> {
    let mut sorted: Vec<&Spanned<Fault>> = faults.iter().collect();
    sorted.sort_by_key(|fault| fault.get_ref().at.get_ref().0);
    let drawn = plan.lives.first().map(|life| life.rounds.clone());
    let rounds = rounds.or(drawn).unwrap_or_else(|| vec![0]);
    let mut lives = vec![quiet(&rounds)];
    let (mut began, mut wall) = (0, plan.wall);
    for spanned in sorted {
        let fault = spanned.get_ref();
        fault.agree(text, spanned.span(), nodes)?;
        let at = fault.at.get_ref().0;
        let Some(life) = lives.last_mut() else { break };
        if at < began {
            let message = format!("the node is off from then until {}", Millis(began));
            return Err(ScenarioError::at(text, fault.at.span(), message));
        }
        if let Some(end) = fault.kind.get_ref().ends_a_life() {
            life.end = end;
            life.cut = Some(at - began);
            // The last round waits until the life is cut.
            if let Some(last) = life.rounds.last_mut() {
                *last = (*last).max(at - began);
            }
            life.off = fault.off.as_ref().map_or(1_000, |off| off.get_ref().0);
            life.index = fault.loss(text)?;
            began = at + life.off;
            lives.push(quiet(&rounds));
        } else {
            fault.befall(text, life, at - began, &mut wall)?;
        }
    }
    plan.lives = lives;
    Ok(())
}

/// A life without any fault. What a plan may have one day and does not name is not in it.
pub(super) fn quiet(rounds: &[u64]) -> Life {
    let life = json!({
        "rounds": rounds, "cut": null, "end": "Power", "off": 0, "index": "None", "steps": [],
        "faults": { "after": 0, "syncs": 0, "writes": 0, "full_kib": null },
    });
    #[expect(
        clippy::expect_used,
        reason = "these are the fields that a life has, and no others"
    )]
    serde_json::from_value(life).expect("a life without faults is one")
}

impl Fault {
    /// When it strikes, in milliseconds since the run began.
    pub(super) fn at(&self) -> u64 {
        self.at.get_ref().0
    }

    /// Whether it has all that its kind needs, and no more, and strikes somebody.
    fn agree(
        &self,
        text: &str,
        whole: std::ops::Range<usize>,
        nodes: &[String],
    ) -> Result<(), ScenarioError> {
        let kind = *self.kind.get_ref();
        if kind.needs_a_fleet() {
            let message = "this befalls one of many nodes; write [fleet] first";
            return Err(ScenarioError::at(text, self.kind.span(), message));
        }
        let ends = kind.ends_a_life().is_some();
        let counts = kind.counts();
        let fields = [
            ("off", self.off.as_ref().map(Spanned::span), ends),
            ("index", self.index.as_ref().map(Spanned::span), ends),
            (
                "by",
                self.by.as_ref().map(Spanned::span),
                kind == Kind::ClockStep,
            ),
            ("count", self.count.as_ref().map(Spanned::span), counts),
            (
                "capacity",
                self.capacity.as_ref().map(Spanned::span),
                kind == Kind::DiskFull,
            ),
            ("nodes", self.nodes.as_ref().map(Spanned::span), false),
            ("ways", self.ways.as_ref().map(Spanned::span), false),
            ("times", self.times.as_ref().map(Spanned::span), false),
            ("time", self.time.as_ref().map(Spanned::span), false),
            ("tenant", self.tenant.as_ref().map(Spanned::span), false),
            ("days", self.days.as_ref().map(Spanned::span), false),
        ];
        for (name, span, fits) in fields {
            if let (Some(span), false) = (span, fits) {
                let message = format!("a fault of this kind has no '{name}'");
                return Err(ScenarioError::at(text, span, message));
            }
        }
        if kind == Kind::ClockStep && self.by.is_none() {
            let message = "a clock step needs 'by', for example by = \"-2h\"";
            return Err(ScenarioError::at(text, whole, message));
        }
        match &self.node {
            Some(node) if !nodes.contains(node.get_ref()) => {
                let there = nodes.join(", ");
                let message = format!("there is no node '{}'; there is {there}", node.get_ref());
                Err(ScenarioError::at(text, node.span(), message))
            }
            _ => Ok(()),
        }
    }

    /// What else becomes of the index.
    fn loss(&self, text: &str) -> Result<Loss, ScenarioError> {
        let Some(index) = &self.index else {
            return Ok(Loss::None);
        };
        let words: Vec<&str> = index.get_ref().split(' ').collect();
        match words[..] {
            ["kept"] => Ok(Loss::None),
            ["lost"] => Ok(Loss::All),
            ["lost", "last", batches] if batches.parse::<u16>().is_ok() => {
                Ok(Loss::Last(batches.parse().unwrap_or_default()))
            }
            _ => {
                let message = "write \"kept\", \"lost\" or \"lost last 3\" (batches)";
                Err(ScenarioError::at(text, index.span(), message))
            }
        }
    }

    /// Strikes a life that goes on, so many milliseconds after its begin.
    fn befall(
        &self,
        text: &str,
        life: &mut Life,
        after: u64,
        wall: &mut u64,
    ) -> Result<(), ScenarioError> {
        if let Some(by) = &self.by {
            let step = by.get_ref().0;
            *wall = wall.checked_add_signed(step).ok_or_else(|| {
                let message = "the wall clock would show a time before 1970";
                ScenarioError::at(text, by.span(), message)
            })?;
            life.steps.push(plan::Step {
                at: after,
                by: step,
            });
            return Ok(());
        }
        let faults = &mut life.faults;
        let fails = faults.syncs > 0 || faults.writes > 0 || faults.full_kib.is_some();
        let has_begun = fails || !faults.rot.is_none();
        if has_begun && faults.after != after {
            let message = "the disk fails once in each life of the node: give both the same time";
            return Err(ScenarioError::at(text, self.at.span(), message));
        }
        faults.after = after;
        let count = self.count.as_ref().map_or(1, |count| *count.get_ref());
        let kind = *self.kind.get_ref();
        if kind == Kind::SyncFailure {
            faults.syncs += count;
        } else if kind == Kind::WriteFailure {
            faults.writes += count;
        } else if kind == Kind::BitRot {
            faults.rot.bits += count;
        } else if kind == Kind::Misdirection {
            faults.rot.sectors += count;
        } else if kind == Kind::DiskFull {
            faults.full_kib = Some(self.capacity.as_ref().map_or(0, |kib| kib.get_ref().0));
        }
        Ok(())
    }
}
