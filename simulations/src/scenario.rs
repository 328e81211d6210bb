//! Scenario files: TOML that fixes any part of a plan and leaves the rest to the seed.
//!
//! What a file may say stands in `simulations/scenarios/README.md`. A wrong file is refused with an
//! error that points at the place; a file of a later version is refused whole.

mod error;
mod file;
mod fleet;
mod strike;
mod timeline;
pub mod units;
mod whole;

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use toml::de::DeTable;

use crate::expect::Expectation;
use crate::mutation::Mutation;
use crate::plan::Plan;

pub use error::ScenarioError;

/// The version of the format that this build reads and writes.
pub const VERSION: u64 = 1;
/// The first seed that TOML cannot write down.
pub const SEEDS_END: u64 = 1 << 63;

/// What a file says, for one seed.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What it is about, in a sentence.
    pub about: String,
    /// All that will happen.
    pub plan: Plan,
    /// A planted bug, to try the tools on.
    pub bug: Option<Mutation>,
    /// What must come of it, beside the invariants.
    pub expectations: Vec<Expectation>,
    /// Where it was found, if a run has stored it.
    pub found: Option<Origin>,
}

/// Which run stored a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Origin {
    /// The commit of the tree; "unknown" outside of one.
    pub commit: String,
    /// The version of the program.
    pub version: String,
    /// The ids of the invariants that were broken.
    pub broken: Vec<String>,
    /// The first broken promise.
    pub story: String,
}

impl Scenario {
    /// The plan of a seed, with nothing fixed.
    pub fn of_seed(seed: u64) -> Self {
        Self::of_plan(Plan::from_seed(seed))
    }

    /// A plan as it is.
    pub fn of_plan(plan: Plan) -> Self {
        Self {
            about: String::new(),
            plan,
            bug: None,
            expectations: Vec::new(),
            found: None,
        }
    }

    /// Reads a file; its own seed counts unless there is another.
    ///
    /// # Errors
    /// When it makes no sense, with the place of the first thing that does not.
    pub fn parse(text: &str, seed: Option<u64>) -> Result<Self, ScenarioError> {
        let document = DeTable::parse(text).map_err(|error| ScenarioError::of(text, &error))?;
        let span = document.span();
        let mut document = document.into_inner();
        check_version(text, &document)?;
        let given = document.remove("plan");
        let rest = toml::Deserializer::from(toml::Spanned::new(span, document));
        let mut file =
            file::File::deserialize(rest).map_err(|error| ScenarioError::of(text, &error))?;
        let named = given.as_ref().and_then(|plan| whole::seed(plan.get_ref()));
        let wanted = seed.or(file.seed).or(named);
        let mut plan = Plan::single(wanted.unwrap_or_default());
        if let Some(given) = given {
            plan = whole::over(text, &given, &plan)?;
        }
        plan.seed = wanted.unwrap_or_default();
        let about = std::mem::take(&mut file.about);
        let (expect, bug) = (std::mem::take(&mut file.expect), file.bug.take());
        let found = file.found.take();
        file.settle(text, &mut plan)?;
        let bug = match bug {
            Some(name) => Some(Mutation::parse(name.get_ref()).ok_or_else(|| {
                let message = format!("there is no planted bug '{}'", name.get_ref());
                ScenarioError::at(text, name.span(), message)
            })?),
            None => None,
        };
        let expectation = |line: &toml::Spanned<String>| {
            let parsed = Expectation::parse(line.get_ref());
            let known = parsed.and_then(|parsed| parsed.about(&plan));
            known.map_err(|error| ScenarioError::at(text, line.span(), error))
        };
        Ok(Self {
            about,
            expectations: expect.iter().map(expectation).collect::<Result<_, _>>()?,
            plan,
            bug,
            found,
        })
    }

    /// The file that says all of it: the plan whole, so that it comes back as it is whatever a
    /// later build draws from its seed.
    pub fn written(&self) -> String {
        let mut text = format!("version = {VERSION}\n");
        // Writing to a string cannot fail.
        let mut field = |name: &str, value: &str| {
            let _ = writeln!(text, "{name} = {}", toml::Value::from(value));
        };
        if !self.about.is_empty() {
            field("about", &self.about);
        }
        if let Some(bug) = self.bug {
            field("bug", &format!("{bug:?}"));
        }
        if !self.expectations.is_empty() {
            let lines = self.expectations.iter().map(ToString::to_string);
            let lines: Vec<toml::Value> = lines.map(toml::Value::from).collect();
            let _ = writeln!(text, "expect = {}", toml::Value::from(lines));
        }
        if let Some(found) = &self.found {
            let found = toml::to_string(found).unwrap_or_default();
            let _ = write!(text, "\n[found]\n{found}");
        }
        let _ = write!(
            text,
            "\n[plan]\n{}",
            below("plan", &whole::written(&self.plan))
        );
        text
    }
}

/// The same tables below another.
fn below(name: &str, text: &str) -> String {
    let line = |line: &str| {
        let opened = line.strip_prefix("[[").map(|rest| ("[[", rest));
        match opened.or_else(|| line.strip_prefix('[').map(|rest| ("[", rest))) {
            Some((bracket, rest)) => format!("{bracket}{name}.{rest}\n"),
            None => format!("{line}\n"),
        }
    };
    text.lines().map(line).collect()
}

/// A file of a later version may mean anything.
fn check_version(text: &str, document: &DeTable<'_>) -> Result<(), ScenarioError> {
    let Some(version) = document.get("version") else {
        let message =
            format!("the version of the format is missing: begin with version = {VERSION}");
        return Err(ScenarioError::at(text, 0..0, message));
    };
    let read = version.get_ref().as_integer();
    let read = read.and_then(|number| u64::from_str_radix(number.as_str(), number.radix()).ok());
    let message = match read {
        Some(VERSION) => return Ok(()),
        Some(later) if later > VERSION => {
            format!("this file is of version {later}; this build reads version {VERSION}")
        }
        _ => format!("there is no such version; this build reads version {VERSION}"),
    };
    Err(ScenarioError::at(text, version.span(), message))
}

#[cfg(test)]
mod tests;
