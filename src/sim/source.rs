//! From a seed or a file to a scenario.

use std::path::Path;

use holdfast_simulations::mutation::Mutation;
use holdfast_simulations::scenario::{Scenario, ScenarioError};

use super::arguments::{Kind, One, Source};
use super::corpus;
use crate::cli::{Exit, Failure, Screen};

/// The longest scenario file.
const FILE_MAX: u64 = 1 << 20;

/// The text of a scenario file.
pub(super) fn text(file: &Path) -> Result<String, Failure> {
    let read = std::fs::metadata(file).and_then(|metadata| {
        if metadata.len() > FILE_MAX {
            return Err(std::io::Error::other(format!(
                "longer than {FILE_MAX} bytes"
            )));
        }
        std::fs::read_to_string(file)
    });
    read.map_err(|error| {
        let message = format!("{}: {error}", file.display());
        if error.kind() == std::io::ErrorKind::NotFound {
            Failure::new(Exit::NotFound, "no-file", message)
        } else {
            Failure::usage(message)
        }
    })
}

/// An error of a file, as a compiler would say it.
pub(super) fn refused(file: &Path, error: &ScenarioError) -> Failure {
    Failure::new(
        Exit::Usage,
        "bad-scenario",
        format!("{}:{error}", file.display()),
    )
}

/// The planted bug that was asked for.
pub(super) fn bug(name: Option<&str>) -> Result<Option<Mutation>, Failure> {
    let parse = |name: &str| {
        let names = Mutation::ALL
            .map(|(mutation, _)| format!("{mutation:?}"))
            .join(", ");
        let message = format!("there is no planted bug '{name}'; there is {names}");
        Mutation::parse(name).ok_or_else(|| Failure::usage(message))
    };
    name.map(parse).transpose()
}

/// The scenario of a seed: of the kind that is wanted, or one in which a planted bug can show.
pub(super) fn of_seed(seed: u64, kind: Option<Kind>, bug: Option<Mutation>) -> Scenario {
    match (kind, bug) {
        (Some(kind), _) => Scenario::of_plan(kind.plan(seed)),
        (None, Some(bug)) => Scenario::of_plan(bug.plan(seed)),
        (None, None) => Scenario::of_seed(seed),
    }
}

/// The scenario of a seed or file; a remark says if another build stored it.
pub(super) fn load(one: &One, screen: &mut Screen) -> Result<Scenario, Failure> {
    let mut scenario = match &one.source {
        Source::Seed(seed) => of_seed(*seed, one.kind, bug(one.bug.as_deref())?),
        Source::File(file) => {
            let text = text(file)?;
            Scenario::parse(&text, None).map_err(|error| refused(file, &error))?
        }
    };
    if let (Some(found), Source::File(file)) = (&scenario.found, &one.source) {
        let here = corpus::commit();
        if found.commit != here {
            screen.remark(format!(
                "{} was stored at commit {} (version {}), and this is {here}: its plan is run, \
                 and what comes of it is this build's",
                file.display(),
                found.commit,
                found.version,
            ));
        }
    }
    if let Some(bug) = bug(one.bug.as_deref())? {
        scenario.bug = Some(bug);
    }
    Ok(scenario)
}

/// How somebody else gets the same run.
pub(super) fn reproduce(one: &One, scenario: &Scenario) -> String {
    match &one.source {
        Source::Seed(seed) => {
            let options = options(one.kind, scenario.bug);
            format!("reproduce: holdfast sim replay {seed}{options}")
        }
        Source::File(file) => format!("reproduce: holdfast sim replay {}", file.display()),
    }
}

/// The options with which a seed draws the same plan.
pub(super) fn options(kind: Option<Kind>, bug: Option<Mutation>) -> String {
    let kind = kind.map(|kind| format!(" --kind {}", kind.as_str()));
    let bug = bug.map(|bug| format!(" --bug {bug:?}"));
    kind.unwrap_or_default() + &bug.unwrap_or_default()
}
