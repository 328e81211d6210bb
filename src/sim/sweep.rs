//! Many seeds, one process each: progress, failures as they come, and what to do with them.

use std::collections::BTreeSet;
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::time::Duration;

use holdfast_actors::kernel::Instant;
use holdfast_actors::ports::{Clock as _, Entropy as _};
use holdfast_simulations::mutation::Mutation;
use holdfast_simulations::scenario::{SEEDS_END, Scenario};
use holdfast_simulations::verdict::Figures;
use serde::Serialize;

use super::arguments::{Kind, Run};
use super::child::{Breach, Job, Outcome};
use super::{broken, corpus, interrupt, pool, source, wrong};
use crate::cli::progress::Progress;
use crate::cli::{Exit, Failure, Screen};
use crate::clock::SystemClock;
use crate::entropy::SystemEntropy;

/// How many seeds are run when nobody says.
const COUNT: u64 = 100;
/// Fresh seeds lie above those that anybody writes down, with room behind the last.
const FRESH: Range<u64> = (1 << 32)..(1 << 62);

/// What came of all runs.
#[derive(Debug, Default, Serialize)]
struct Tally {
    first: u64,
    /// Behind the last seed of which something is known.
    #[serde(skip)]
    end: u64,
    runs: u64,
    seconds: f64,
    figures: Figures,
    failed: Vec<Failed>,
}

/// A run that broke a promise.
#[derive(Debug, Serialize)]
struct Failed {
    seed: u64,
    broken: Vec<Breach>,
    file: PathBuf,
}

/// What is fixed in all runs.
struct Frame {
    scenario: Option<(PathBuf, String)>,
    kind: Option<Kind>,
    bug: Option<Mutation>,
    folder: PathBuf,
}

pub(super) fn run(run: &Run, screen: &mut Screen) -> Result<(), Failure> {
    let frame = Frame::of(run)?;
    let seeds = chosen(run);
    // Whatever is wrong with the file is wrong with all seeds; say it before any process starts.
    frame.plan(seeds.start)?;
    let mut tally = Tally {
        first: seeds.start,
        end: seeds.start,
        ..Tally::default()
    };
    if !screen.json {
        let end = run.time.is_none().then(|| seeds.end.to_string());
        screen.line(format!(
            "seeds {}..{}",
            seeds.start,
            end.unwrap_or_default()
        ))?;
    }
    interrupt::listen().map_err(wrong)?;
    let clock = SystemClock::new();
    let ended = sweep(run, &frame, seeds, &clock, &mut tally, screen);
    tally.seconds = since_start(&clock).as_secs_f64();
    ended?;
    tell(run, &tally, screen)?;
    match tally.failed.len() {
        failed if interrupt::came() => {
            let message = format!(
                "interrupted after {} runs, of which {failed} broke a promise",
                tally.runs
            );
            Err(Failure::new(Exit::Interrupted, "interrupted", message))
        }
        0 => Ok(()),
        failed => {
            let message = format!("{failed} of {} runs broke a promise", tally.runs);
            Err(broken(message))
        }
    }
}

fn sweep(
    run: &Run,
    frame: &Frame,
    seeds: Range<u64>,
    clock: &SystemClock,
    tally: &mut Tally,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let is_in_time = |_: &u64| run.time.is_none_or(|time| since_start(clock) < time);
    // How many there is time for is not known before.
    let total = if run.time.is_none() {
        seeds.end - seeds.start
    } else {
        0
    };
    let mut progress = Progress::counting(!screen.json);
    let mut ended = Ok(());
    pool::each(
        pool::jobs(run.jobs),
        seeds.take_while(is_in_time),
        |seed| {
            frame
                .plan(seed)
                .and_then(|plan| Ok((seed, Job::of(&plan).run()?)))
        },
        |_, result| {
            if interrupt::came() {
                // This one may have been ended by that, which proves nothing.
                return ControlFlow::Break(());
            }
            let told = result.and_then(|(seed, outcome)| {
                let failures = tally.failed.len();
                tally.take(seed, frame, outcome)?;
                progress.advance(
                    tally.runs,
                    total.max(tally.runs),
                    &format!("{} broken", tally.failed.len()),
                );
                match tally.failed.get(failures) {
                    Some(failed) if !screen.json => progress.aside(|| failed.tell(screen)),
                    _ => Ok(()),
                }
            });
            ended = told;
            match ended {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        },
    );
    progress.clear();
    ended
}

fn since_start(clock: &SystemClock) -> Duration {
    Instant::default().until(clock.now().monotonic)
}

/// The seeds to run: those that were named, or fresh ones.
fn chosen(run: &Run) -> Range<u64> {
    if let Some(seeds) = &run.seeds {
        return seeds.clone();
    }
    let count = match (run.count, run.time) {
        (Some(count), _) => count,
        (None, None) => COUNT,
        (None, Some(_)) => SEEDS_END - FRESH.end,
    };
    let mut bytes = [0; 8];
    SystemEntropy.fill(&mut bytes);
    let first = FRESH.start + u64::from_le_bytes(bytes) % (FRESH.end - FRESH.start);
    first..first + count
}

fn tell(run: &Run, tally: &Tally, screen: &mut Screen) -> Result<(), Failure> {
    if screen.json {
        return screen.object(tally);
    }
    let (runs, failed, figures) = (tally.runs, tally.failed.len(), &tally.figures);
    let rate = runs as f64 / tally.seconds.max(0.001);
    screen.line(format!(
        "{runs} runs, {failed} broke a promise; {rate:.1} runs/s; {} requests done, {} refused, \
         {} ends of a node, {} checks",
        figures.done, figures.refused, figures.crashes, figures.checks,
    ))?;
    match tally.failed.first() {
        Some(failed) => {
            let file = failed.file.display();
            screen.line(format!("reproduce: holdfast sim replay {file}"))
        }
        None => {
            let file = run
                .scenario
                .as_ref()
                .map(|file| format!(" --scenario {}", file.display()));
            let file = file.unwrap_or_default();
            let options = source::options(run.kind, source::bug(run.bug.as_deref())?);
            let first = tally.first;
            let seeds = format!("{first}..{}", tally.end);
            screen.line(format!(
                "reproduce: holdfast sim run --seeds {seeds}{file}{options}"
            ))
        }
    }
}

impl Tally {
    fn take(&mut self, seed: u64, frame: &Frame, outcome: Outcome) -> Result<(), Failure> {
        self.runs += 1;
        self.end = self.end.max(seed + 1);
        self.figures += outcome.figures;
        if outcome.broken.is_empty() {
            return Ok(());
        }
        let file = corpus::keep(
            &frame.folder,
            &frame.name(seed),
            &frame.plan(seed)?,
            &outcome,
        )?;
        self.failed.push(Failed {
            seed,
            broken: outcome.broken,
            file,
        });
        Ok(())
    }
}

impl Failed {
    fn tell(&self, screen: &mut Screen) -> Result<(), Failure> {
        let mut told = BTreeSet::new();
        for breach in &self.broken {
            if told.insert(&breach.invariant) {
                screen.line(format!(
                    "seed {} {}: {}",
                    self.seed, breach.invariant, breach.story
                ))?;
            }
        }
        screen.line(format!("  kept as {}", self.file.display()))
    }
}

impl Frame {
    fn of(run: &Run) -> Result<Self, Failure> {
        let read = |file: &PathBuf| source::text(file).map(|text| (file.clone(), text));
        Ok(Self {
            scenario: run.scenario.as_ref().map(read).transpose()?,
            kind: run.kind,
            bug: source::bug(run.bug.as_deref())?,
            folder: corpus::folder(run.corpus.as_deref()),
        })
    }

    /// The scenario with this seed.
    fn plan(&self, seed: u64) -> Result<Scenario, Failure> {
        let mut scenario = match &self.scenario {
            None => source::of_seed(seed, self.kind, self.bug),
            Some((file, text)) => {
                Scenario::parse(text, Some(seed)).map_err(|error| source::refused(file, &error))?
            }
        };
        scenario.bug = self.bug.or(scenario.bug);
        Ok(scenario)
    }

    /// What a run with this seed is called.
    fn name(&self, seed: u64) -> String {
        let stem = self
            .scenario
            .as_ref()
            .and_then(|(file, _)| Path::file_stem(file));
        let stem = stem.map(|stem| format!("{}-", stem.to_string_lossy()));
        format!("{}seed-{seed}", stem.unwrap_or_default())
    }
}
