//! The folder in which plans are kept that broke a promise, so that they can be run for ever.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use holdfast_simulations::scenario::{Origin, Scenario};

use super::child::Outcome;
use super::wrong;
use crate::cli::Failure;

/// Where an engineer's tree keeps them.
const TREE: &str = "simulations/corpus";
/// Where they are kept elsewhere.
const HERE: &str = "corpus";
/// How much of a commit's name is enough.
const COMMIT: &str = "--short=12";

/// The folder that counts.
pub(super) fn folder(wanted: Option<&Path>) -> PathBuf {
    match wanted {
        Some(folder) => folder.to_owned(),
        None if Path::new(TREE).is_dir() => PathBuf::from(TREE),
        None => PathBuf::from(HERE),
    }
}

/// The commit of the tree that this runs in.
pub(super) fn commit() -> String {
    let told = Command::new("git")
        .args(["rev-parse", COMMIT, "HEAD"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    let told = told.ok().filter(|told| told.status.success());
    let name = told.and_then(|told| String::from_utf8(told.stdout).ok());
    name.map_or_else(|| "unknown".to_owned(), |name| name.trim().to_owned())
}

/// Keeps a scenario with what it broke; tells where.
pub(super) fn keep(
    folder: &Path,
    name: &str,
    scenario: &Scenario,
    outcome: &Outcome,
) -> Result<PathBuf, Failure> {
    let mut kept = scenario.clone();
    kept.found = Some(origin(outcome));
    let first = outcome
        .broken
        .first()
        .map_or("nothing", |breach| &breach.invariant);
    let file = folder.join(format!("{name}-{first}.toml"));
    write(&file, &kept)?;
    Ok(file)
}

/// Which run, of which build, broke what.
pub(super) fn origin(outcome: &Outcome) -> Origin {
    let broken: BTreeSet<String> = outcome
        .broken
        .iter()
        .map(|breach| breach.invariant.clone())
        .collect();
    Origin {
        commit: commit(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        broken: broken.into_iter().collect(),
        story: outcome
            .broken
            .first()
            .map(|breach| breach.story.clone())
            .unwrap_or_default(),
    }
}

/// Writes a scenario to a file, whole or not at all.
pub(super) fn write(file: &Path, scenario: &Scenario) -> Result<(), Failure> {
    let whole = || {
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        let fresh = file.with_extension("toml.new");
        fs::write(&fresh, scenario.written())?;
        fs::rename(&fresh, file)
    };
    whole().map_err(|error: std::io::Error| wrong(format!("{}: {error}", file.display())))
}
