//! The story of a run: plain text, or one page that needs nothing else.

use std::fs;

use holdfast_simulations::story::Story;

use super::arguments::Explain;
use super::child::outcome;
use super::{replay, source, wrong};
use crate::cli::{Failure, Screen};

pub(super) fn run(explain: &Explain, screen: &mut Screen) -> Result<(), Failure> {
    let scenario = source::load(&explain.one, screen)?;
    let (verdict, decisions) = replay::recorded(&scenario);
    let outcome = outcome(&verdict, &scenario.expectations);
    let broken = outcome
        .broken
        .into_iter()
        .map(|breach| (breach.invariant, breach.story));
    let broken: Vec<_> = broken.collect();
    let story = Story::of(&scenario.plan, &broken, verdict.trace.lines(), &decisions);
    match &explain.output {
        Some(file) => {
            let written = fs::write(file, story.page());
            written.map_err(|error| wrong(format!("{}: {error}", file.display())))?;
            screen.remark(format!("written to {}", file.display()));
        }
        None if screen.json => screen.object(&story)?,
        None => screen.text(&story.text())?,
    }
    screen.remark(source::reproduce(&explain.one, &scenario));
    Ok(())
}
