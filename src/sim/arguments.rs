//! The arguments of the simulator: what to run, from which seed or file, and what to show of it.

use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use holdfast_simulations::plan::Plan;
use holdfast_simulations::scenario::SEEDS_END;
use holdfast_simulations::scenario::units::{TimeError, time};

use crate::commands::values::ValueError;

/// What can be done with simulated runs.
#[derive(Clone, Debug, Subcommand)]
pub enum Sim {
    /// Run many seeds, each in a process of its own, and keep those that break a promise
    #[command(after_help = "Examples:\n  holdfast sim run --seeds 0..500\n  \
                      holdfast sim run --for 10m --jobs 2\n  \
                      holdfast sim run --count 50 --scenario \
                      simulations/scenarios/power-cut.toml\n\n\
                      Ends with 1 when a promise was broken.")]
    Run(Run),
    /// Run one plan and print its trace, the same bytes each time
    #[command(after_help = "Examples:\n  holdfast sim replay 17\n  \
                      holdfast sim replay --until 30s --trace \
                      simulations/corpus/seed-17-I5.toml\n\n\
                      The trace is all of stdout; all else is on stderr. Ends with 1 when a \
                      promise was broken.")]
    Replay(Replay),
    /// Find the smallest plan that still breaks the same promise
    #[command(after_help = "Example: holdfast sim shrink 17 -o small.toml")]
    Shrink(Shrink),
    /// Tell the story of a run: what was broken, then what led to it
    #[command(after_help = "Example: holdfast sim explain small.toml -o story.html")]
    Explain(Explain),
    /// Look into the actors at any moment of a run, forward and back
    #[command(after_help = "Example: holdfast sim shell 17 --at 3s")]
    Shell(Debug),
    /// Count which events, effects and refusals of each machine many seeds reach, and which never
    #[command(after_help = "Example: holdfast sim coverage --count 100 --json")]
    Coverage(Coverage),
    /// What the simulator starts itself with: one plan on stdin, its verdict on stdout
    #[command(hide = true)]
    Child(Child),
}

/// Many seeds.
#[derive(Clone, Debug, Args)]
pub struct Run {
    /// Which seeds to run: A..B, without B
    #[arg(long, value_name = "A..B", value_parser = seeds, conflicts_with = "count")]
    pub seeds: Option<Range<u64>>,
    /// How many seeds to run that nobody has run before; 100 if nothing else is said
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..1_000_000_000))]
    pub count: Option<u64>,
    /// What this file says of the plan is so in every run; the rest comes from the seeds
    #[arg(long, value_name = "FILE")]
    pub scenario: Option<PathBuf>,
    /// Processes at once; as many as there are cores if nothing is said
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,
    /// Begin no run after this time
    #[arg(long = "for", value_name = "TIME", value_parser = length)]
    pub time: Option<Duration>,
    /// Where plans are kept that broke a promise; simulations/corpus or corpus if nothing is said
    #[arg(long, value_name = "DIR")]
    pub corpus: Option<PathBuf>,
    /// Draw only plans of this kind from seeds, and not now and then each
    #[arg(long, value_name = "KIND", value_enum)]
    pub kind: Option<Kind>,
    /// A planted bug, to see the simulator find it.
    #[arg(long, hide = true, value_name = "NAME")]
    pub bug: Option<String>,
}

/// One run.
#[derive(Clone, Debug, Args)]
pub struct Replay {
    /// What to run.
    #[command(flatten)]
    pub one: One,
    /// Print nothing that happens after this time of the run
    #[arg(long, value_name = "TIME", value_parser = length)]
    pub until: Option<Duration>,
    /// Print what each actor decides, too
    #[arg(long)]
    pub trace: bool,
}

/// One run to make small.
#[derive(Clone, Debug, Args)]
pub struct Shrink {
    /// What to run.
    #[command(flatten)]
    pub one: One,
    /// Where to write the smallest plan
    #[arg(short = 'o', long, value_name = "FILE")]
    pub output: PathBuf,
    /// Be content after this time with what is found
    #[arg(long = "for", value_name = "TIME", value_parser = length, default_value = "1m")]
    pub time: Duration,
    /// Processes at once; as many as there are cores if nothing is said
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,
}

/// One run to tell of.
#[derive(Clone, Debug, Args)]
pub struct Explain {
    /// What to run.
    #[command(flatten)]
    pub one: One,
    /// Write one page of HTML that needs nothing else, instead of text
    #[arg(short = 'o', long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// One run to look into.
#[derive(Clone, Debug, Args)]
pub struct Debug {
    /// What to run.
    #[command(flatten)]
    pub one: One,
    /// Where to stand first; at the begin if nothing is said
    #[arg(long, value_name = "TIME", value_parser = length)]
    pub at: Option<Duration>,
    /// Do one command and end; may be given more than once
    #[arg(short = 'c', value_name = "COMMAND")]
    pub commands: Vec<String>,
}

/// What many seeds reach.
#[derive(Clone, Debug, Args)]
pub struct Coverage {
    /// How many seeds, from 0 on
    #[arg(long, value_name = "N", default_value_t = 100,
        value_parser = clap::value_parser!(u64).range(1..1_000_000_000))]
    pub count: u64,
    /// Processes at once; as many as there are cores if nothing is said
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,
}

/// A plan: that of a seed, or of a file.
#[derive(Clone, Debug, Args)]
pub struct One {
    /// A seed, or a file with a scenario
    #[arg(value_name = "SEED|FILE", value_parser = source)]
    pub source: Source,
    /// Draw only plans of this kind from seeds, and not now and then each
    #[arg(long, value_name = "KIND", value_enum)]
    pub kind: Option<Kind>,
    /// A planted bug, to see the simulator find it.
    #[arg(long, hide = true, value_name = "NAME")]
    pub bug: Option<String>,
}

/// What kind of plan a seed draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// One node, its tenants and its operators
    Single,
    /// Several nodes, each on its own, and clients that go from one to another
    Several,
    /// A replicated register on nodes that a network joins
    Register,
    /// The replicated catalog on nodes that a network joins
    Catalog,
    /// Nodes that call each other and watch each other's actors
    Calls,
    /// Whole nodes that are one cluster, with tenants' clients at each
    Cluster,
    /// The same as calls over the link of production, with datagrams below it
    Wire,
    /// One node with a tape library, and people who archive, bring back and handle cartridges
    Tape,
}

impl Kind {
    /// The plan that a seed draws.
    pub fn plan(self, seed: u64) -> Plan {
        match self {
            Self::Single => Plan::single(seed),
            Self::Several => Plan::several(seed),
            Self::Register => Plan::register(seed),
            Self::Catalog => Plan::catalog(seed),
            Self::Calls => Plan::calls(seed),
            Self::Cluster => Plan::cluster(seed),
            Self::Wire => Plan::wire(seed),
            Self::Tape => Plan::tape(seed),
        }
    }

    /// As the command line has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Several => "several",
            Self::Register => "register",
            Self::Catalog => "catalog",
            Self::Calls => "calls",
            Self::Cluster => "cluster",
            Self::Wire => "wire",
            Self::Tape => "tape",
        }
    }
}

/// Where a plan comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// This seed draws all of it.
    Seed(u64),
    /// This file says what it is.
    File(PathBuf),
}

/// A process of the pool.
#[derive(Clone, Debug, Args)]
pub struct Child {
    /// The process to die with.
    #[arg(long, value_name = "PID")]
    pub of: u32,
}

fn source(text: &str) -> Result<Source, ValueError> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return seed(text).map(Source::Seed);
    }
    Ok(Source::File(PathBuf::from(text)))
}

fn seed(text: &str) -> Result<u64, ValueError> {
    let seed = text.parse().ok().filter(|seed| *seed < SEEDS_END);
    seed.ok_or_else(|| ValueError::new(text, "a seed, a number below 2^63"))
}

fn seeds(text: &str) -> Result<Range<u64>, ValueError> {
    let wanted = "seeds, for example 0..500";
    let (first, end) = text
        .split_once("..")
        .ok_or_else(|| ValueError::new(text, wanted))?;
    let range = seed(first)?..seed(end)?;
    if range.is_empty() {
        return Err(ValueError::new(
            text,
            "a range with a seed in it, for example 0..500",
        ));
    }
    Ok(range)
}

fn length(text: &str) -> Result<Duration, TimeError> {
    time(text)
}
