//! The demonstration: the main job on a node of its own, with what it proves in figures; or a
//! cluster of three that loses nodes while tenants are at work; or tapes that bring back what was
//! lost.
//!
//! It starts this program's own nodes as child processes, gives it orders as an operator does, and
//! backs up, attacks and restores as tenants do. It needs nothing but this program, and ends with
//! an error at the first thing that is not as promised.
//!
//! Invariant of absence: no code of the node or of the agent knows that it is being demonstrated.

mod cluster;
mod figures;
mod node;
mod operator;
mod play;
mod stage;
mod tape;
mod tenant;
mod tree;

use serde::Serialize;

use crate::cli::{Failure, Screen};
use crate::commands::node::Demo;

use play::Play;
use stage::Stage;

/// Shows the main job, line by line, or its figures as one object at the end.
///
/// # Errors
/// With a sentence about the first thing that was not as promised.
pub fn run(demo: &Demo, screen: &mut Screen) -> Result<(), Failure> {
    if let Some(parent) = demo.child_of {
        return node::become_child(parent, demo);
    }
    let source = demo.source.as_deref().map(play::given).transpose()?;
    let stage = Stage::set(demo.keep.as_deref())?;
    if source
        .as_ref()
        .is_some_and(|source| stage.path.starts_with(source))
    {
        let message = "the demo's own files would lie in the directory to back up";
        return Err(Failure::usage(format!("{message}; name another one")));
    }
    if demo.cluster {
        let figures = cluster::play(&stage, screen)?;
        return shown(&figures, screen);
    }
    if demo.tape {
        let figures = tape::play(&stage, screen)?;
        return shown(&figures, screen);
    }
    let figures = Play::new(&stage, source, screen)?.through()?;
    shown(&figures, screen)
}

/// Figures are for programs; people have read it line by line.
fn shown(figures: &impl Serialize, screen: &mut Screen) -> Result<(), Failure> {
    match screen.json {
        true => screen.object(figures),
        false => Ok(()),
    }
}

/// An expectation that did not hold.
fn said(sentence: &str) -> Failure {
    Failure::other("demo", sentence)
}

/// Something that failed on the way, with its causes.
fn told(error: &dyn ToString) -> Failure {
    said(&error.to_string())
}
