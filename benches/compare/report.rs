//! The figures of one run: medians, ratios, and what was promised of them.

use std::fs;
use std::io::{self, Write as _};

use serde_json::{Value, json};

use super::plan::Plan;
use super::server::Make;

/// What is promised of a row.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goal {
    /// Nothing; or nothing at this size.
    None,
    /// The ratio is at most this.
    AtMost(f64),
    /// The ratio is at least this.
    AtLeast(f64),
    /// The figure itself is at most this.
    Under(f64),
}

/// One thing that was measured, some times over.
#[derive(Debug)]
pub(crate) struct Row {
    name: String,
    unit: &'static str,
    goal: Goal,
    ours: Vec<f64>,
    other: Vec<f64>,
    beside: &'static str,
}

impl Row {
    /// Takes one figure.
    pub(crate) fn add(&mut self, make: Make, figure: f64) {
        match make {
            Make::Holdfast => self.ours.push(figure),
            Make::Peer => self.other.push(figure),
        }
    }

    /// Takes one figure of what the machine itself can do.
    pub(crate) fn beside(&mut self, figure: f64) {
        self.beside_a("machine", figure);
    }

    /// Takes one figure of something else that was measured in the same run.
    pub(crate) fn beside_a(&mut self, what: &'static str, figure: f64) {
        self.beside = what;
        self.other.push(figure);
    }

    fn ratio(&self) -> Option<f64> {
        Some(median(&self.ours)? / median(&self.other)?)
    }

    fn met(&self) -> Option<bool> {
        match self.goal {
            Goal::None => None,
            Goal::AtMost(most) => self.ratio().map(|ratio| ratio <= most),
            Goal::AtLeast(least) => self.ratio().map(|ratio| ratio >= least),
            Goal::Under(most) => median(&self.ours).map(|figure| figure <= most),
        }
    }

    fn promised(&self) -> String {
        match self.goal {
            Goal::None => String::new(),
            Goal::AtMost(most) => format!("ratio at most {most:.1}"),
            Goal::AtLeast(least) => format!("ratio at least {least:.1}"),
            Goal::Under(most) => format!("at most {most:.0} {}", self.unit),
        }
    }

    fn line(&self) -> String {
        let figure = |figures: &[f64]| {
            let shown = median(figures).map(|figure| format!("{figure:.3} {}", self.unit));
            shown.unwrap_or_default()
        };
        let ratio = self.ratio().map(|ratio| format!("{ratio:.2}"));
        let mut goal = self.promised();
        match self.met() {
            Some(true) => goal.push_str(", met"),
            Some(false) => goal.push_str(", NOT MET"),
            None => {}
        }
        let (ours, other) = (figure(&self.ours), figure(&self.other));
        let beside = if self.other.is_empty() {
            ""
        } else {
            self.beside
        };
        let ratio = ratio.unwrap_or_default();
        let line = format!(
            "{:<32} {ours:>14} {other:>14} {beside:<14} {ratio:>6}  {goal}",
            self.name
        );
        line.trim_end().to_owned()
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "unit": self.unit,
            "holdfast": self.ours,
            "other": self.other,
            "beside": self.beside,
            "ratio": self.ratio(),
            "goal": self.promised(),
            "met": self.met(),
        })
    }
}

/// All rows of a run.
#[derive(Debug)]
pub(crate) struct Report {
    full: bool,
    peer: bool,
    load_before: String,
    rows: Vec<Row>,
}

impl Report {
    /// An empty report.
    pub(crate) fn new(plan: &Plan, peer: bool) -> Self {
        Self {
            full: plan.full,
            peer,
            load_before: load(),
            rows: Vec::new(),
        }
    }

    /// An empty row.
    pub(crate) fn row(&self, name: &str, unit: &'static str, goal: Goal) -> Row {
        Row {
            name: name.to_owned(),
            unit,
            goal,
            ours: Vec::new(),
            other: Vec::new(),
            beside: Make::Peer.name(),
        }
    }

    /// Takes a row that is complete.
    pub(crate) fn take(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Prints all rows.
    pub(crate) fn print(&self, as_json: bool) -> io::Result<()> {
        let mut out = io::stdout().lock();
        let (before, after) = (&self.load_before, load());
        if as_json {
            let rows: Vec<Value> = self.rows.iter().map(Row::json).collect();
            let report = json!({
                "full": self.full, "peer": self.peer, "rows": rows,
                "load": { "before": before, "after": after },
            });
            return writeln!(out, "{report}");
        }
        let (measured, beside) = ("measured", "beside");
        writeln!(
            out,
            "{measured:<32} {:>14} {beside:>14} {:<14} {:>6}",
            "holdfast", "", "ratio"
        )?;
        for row in &self.rows {
            writeln!(out, "{}", row.line())?;
        }
        writeln!(out, "load of the machine: {before} before, {after} after")
    }
}

fn median(figures: &[f64]) -> Option<f64> {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        return sorted.get(middle).copied();
    }
    Some((sorted.get(middle.checked_sub(1)?)? + sorted.get(middle)?) / 2.0)
}

/// How busy the machine was in the last minute, by others too.
fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or_default().to_owned()
}
