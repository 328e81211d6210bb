//! The debug shell inside of a run: the operators' looks, at any moment, forward and back.
//!
//! A run is a function of its plan, so nothing is halted: one run writes down all that happens, and
//! each look is a run that takes a picture on its way. So no look changes what comes after it.

use std::sync::Arc;
use std::time::Duration;

use clap::{Parser, Subcommand};
use holdfast_actors::shell::Standing;
use holdfast_simulations::record::{Camera, Decision, Entry, Picture, Stand, merged};
use holdfast_simulations::scenario::Scenario;
use holdfast_simulations::scenario::units::{TimeError, time};
use holdfast_simulations::world::{self, Options};
use serde_json::{Value, json};

use super::arguments::Debug;
use super::{replay, source};
use crate::cli::{Exit, Failure, Screen};
use crate::commands::shell::{At, Look};
use crate::inspect;

/// What stands before each line.
const PROMPT: &str = "sim> ";
/// What may be left out of a path.
const ROOT: &str = "node/";
/// Below it on a node stand the tenants, and below each of them its sessions.
const TENANTS: &str = "tenants/";

/// One line of the shell.
#[derive(Debug, Parser)]
#[command(no_binary_name = true, name = "", disable_version_flag = true)]
struct Typed {
    #[command(subcommand)]
    word: Word,
}

#[derive(Debug, Subcommand)]
enum Word {
    #[command(flatten)]
    Look(Look),
    /// Go on by one thing that happens, or by so many
    Step {
        /// How many
        #[arg(default_value_t = 1)]
        count: usize,
    },
    /// Go back by one, or by so many
    Back {
        /// How many
        #[arg(default_value_t = 1)]
        count: usize,
    },
    /// Go on to this time of the run, for example 3s
    RunUntil {
        /// Since the run began
        #[arg(value_parser = length)]
        time: Duration,
    },
    /// Stop from now on where this text stands; without one, show where 'run' stops
    Break {
        /// Part of an event, an act or a line of the trace
        text: Option<String>,
    },
    /// Forget where to stop
    Clear,
    /// Go on to the next place to stop, or to the end
    Run,
    /// What has just happened, and the few things before it
    Where,
}

fn length(text: &str) -> Result<Duration, TimeError> {
    time(text)
}

/// Where somebody stands in a run.
struct Debugger<'a> {
    scenario: &'a Scenario,
    all: Vec<Entry<'a>>,
    /// How many things have happened.
    place: usize,
    stops: Vec<String>,
}

pub(super) fn run(debug: &Debug, screen: &mut Screen) -> Result<(), Failure> {
    let scenario = source::load(&debug.one, screen)?;
    screen.remark(format!("seed {}", scenario.plan.seed));
    let (verdict, decisions) = replay::recorded(&scenario);
    let mut debugger = Debugger {
        scenario: &scenario,
        all: merged(verdict.trace.lines(), &decisions),
        place: 0,
        stops: Vec::new(),
    };
    if let Some(at) = debug.at {
        debugger.place = debugger.until(at);
    }
    if debug.commands.is_empty() {
        let obey = &mut |line: &str, screen: &mut Screen| debugger.obey(line, screen);
        return inspect::converse(PROMPT, obey, screen);
    }
    debug
        .commands
        .iter()
        .try_for_each(|line| debugger.obey(line, screen))
}

impl Debugger<'_> {
    fn obey(&mut self, line: &str, screen: &mut Screen) -> Result<(), Failure> {
        let Some(Typed { word }) = inspect::typed(line, screen)? else {
            return Ok(());
        };
        match word {
            Word::Look(look) => return self.look(&look, screen),
            Word::Step { count } => self.place = (self.place + count).min(self.all.len()),
            Word::Back { count } => self.place = self.place.saturating_sub(count),
            Word::RunUntil { time } => self.place = self.until(time).max(self.place),
            Word::Run => {
                let behind = self.all[self.place..].iter();
                let is_stop = |entry: &Entry<'_>| self.stops.iter().any(|stop| entry.has(stop));
                let stop = behind.clone().position(is_stop);
                self.place = stop.map_or(self.all.len(), |stop| self.place + stop + 1);
            }
            Word::Break { text: Some(text) } => {
                self.stops.push(text);
                return Ok(());
            }
            Word::Break { text: None } => {
                return self.stops.iter().try_for_each(|s| screen.line(s));
            }
            Word::Clear => {
                self.stops.clear();
                return Ok(());
            }
            Word::Where => return self.tell(5, screen),
        }
        self.tell(1, screen)
    }

    /// How many things have happened at a time.
    fn until(&self, time: Duration) -> usize {
        let time = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.all.partition_point(|entry| entry.at() <= time)
    }

    /// The last things that happened, the present one last.
    fn tell(&self, count: usize, screen: &mut Screen) -> Result<(), Failure> {
        let total = self.all.len();
        if self.place == 0 {
            return screen.line(format!("0/{total} nothing has happened yet"));
        }
        for place in self.place.saturating_sub(count)..self.place {
            let entry = &self.all[place];
            if screen.json {
                let text = entry.to_string();
                screen.object(&json!({ "place": place + 1, "at": entry.at(), "text": text }))?;
            } else {
                screen.line(format!("{}/{total} {entry}", place + 1))?;
            }
        }
        Ok(())
    }

    /// All decisions so far.
    fn decisions(&self) -> impl Iterator<Item = &Decision> {
        let happened = self.all[..self.place].iter();
        happened.filter_map(|entry| match entry {
            Entry::Decision(decision) => Some(*decision),
            Entry::Line(_) => None,
        })
    }

    fn picture(&self) -> Picture {
        if self.decisions().next().is_none() {
            return Picture::default();
        }
        let camera = Arc::new(Camera::after(&self.all[..self.place]));
        let options = Options {
            mutation: self.scenario.bug,
            keeps_lines: false,
        };
        world::run_before(Some(camera.clone()), &self.scenario.plan, options);
        camera.picture()
    }

    fn look(&self, look: &Look, screen: &mut Screen) -> Result<(), Failure> {
        let picture = self.picture();
        match look {
            Look::Tree(_) => rows(&tree(&picture), inspect::tree, screen),
            Look::Show(at) => {
                let (_, stand) = stand(&picture, at)?;
                match screen.json {
                    true => screen.object(&stand.state),
                    false => screen.text(&inspect::state(&stand.state)),
                }
            }
            Look::Why(at) => {
                let waits = stand(&picture, at)?.1.waits.iter();
                let waits: Vec<Value> = waits.map(|wait| Value::from(wait.clone())).collect();
                rows(&waits, inspect::waits, screen)
            }
            Look::Trace(at) => {
                let (path, _) = stand(&picture, at)?;
                rows(&self.decided(path), inspect::trace, screen)
            }
            Look::Sessions => rows(&sessions(&picture), inspect::sessions, screen),
            Look::Watch(_) | Look::Stop(_) | Look::Restart(_) => {
                let message = "a run is what its plan says: look at it, and write another plan";
                Err(Failure::new(Exit::Refused, "fixed", message))
            }
        }
    }

    /// What an actor has decided since it was started.
    fn decided(&self, path: &str) -> Vec<Value> {
        let mine = self.decisions().filter(|decision| decision.path == path);
        let mine: Vec<&Decision> = mine.collect();
        let start = mine.iter().rposition(|decision| decision.event.is_none());
        let since = mine.into_iter().skip(start.map_or(0, |start| start + 1));
        since
            .map(|decision| {
                let (seconds, micros) = (decision.at / 1_000_000, decision.at % 1_000_000);
                let at = format!("{seconds}.{micros:06}");
                json!({ "at": at, "event": decision.event, "acts": decision.acts })
            })
            .collect()
    }
}

/// How an actor stands, and its path; among several nodes each has the root's name to itself.
fn stand<'a>(picture: &'a Picture, at: &'a At) -> Result<(&'a str, &'a Stand), Failure> {
    let typed = at.path.as_str();
    let below = typed.strip_prefix(ROOT).unwrap_or(typed);
    let find = |path| Some((path, picture.stands.get(path)?));
    find(typed).or_else(|| find(below)).ok_or_else(|| {
        let message = format!("no actor runs at {}", at.path);
        Failure::new(Exit::NotFound, "no-actor", message)
    })
}

fn tree(picture: &Picture) -> Vec<Value> {
    let row = |one: &holdfast_actors::shell::Listing| {
        json!({
            "path": one.path, "state": one.standing, "restarts": one.restarts,
            "mailbox": one.depth,
        })
    };
    picture.tree.iter().map(row).collect()
}

/// The sessions of all tenants: what stands two levels below the tenants of a node.
fn sessions(picture: &Picture) -> Vec<Value> {
    let mut rows = Vec::new();
    for one in picture
        .tree
        .iter()
        .filter(|one| one.standing == Standing::Running)
    {
        let below = one.path.as_str().split_once('/');
        let below = below.and_then(|(_, below)| below.strip_prefix(TENANTS));
        if below.is_some_and(|below| below.split('/').count() == 2)
            && let Some(stand) = picture.stands.get(one.path.as_str())
        {
            rows.push(json!({ "path": one.path, "session": stand.state }));
        }
    }
    rows
}

fn rows(rows: &[Value], spell: fn(&[Value]) -> String, screen: &mut Screen) -> Result<(), Failure> {
    match screen.json {
        true => screen.object(&rows),
        false => screen.text(&spell(rows)),
    }
}
