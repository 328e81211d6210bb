//! One plan in a process of its own: a job on stdin, what came of it on stdout, both JSON.

use std::io::{self, Read as _};
use std::os::unix::process::CommandExt as _;
use std::process::{self, Command, Output, Stdio};
use std::sync::Arc;

use holdfast_simulations::coverage::{Counter, Coverage};
use holdfast_simulations::expect::Expectation;
use holdfast_simulations::mutation::Mutation;
use holdfast_simulations::plan::Plan;
use holdfast_simulations::scenario::Scenario;
use holdfast_simulations::verdict::{Figures, Verdict};
use holdfast_simulations::witness::Witness;
use holdfast_simulations::world::{self, Options};
use rustix::process::{
    Pid, Resource, Rlimit, Signal, getppid, set_parent_process_death_signal, setrlimit,
};
use serde::{Deserialize, Serialize};

use super::arguments::Child;
use super::interrupt::Ends;
use super::wrong;
use crate::cli::{Failure, Screen};

/// Seconds of the processor after which a run counts as one that never ends.
const CPU_SECONDS_MAX: u64 = 300;
/// What stands in the place of an invariant when an expectation of the scenario was not met.
const EXPECTATION: &str = "expectation";
/// What stands there when the process did not come to a verdict.
const PROCESS: &str = "process";

/// A plan to run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Job {
    plan: Plan,
    bug: Option<String>,
    expectations: Vec<String>,
    counts: bool,
    /// Seconds of the processor that it may take.
    cpu: u64,
}

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Breach {
    pub(super) invariant: String,
    pub(super) story: String,
}

/// What came of a run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Outcome {
    pub(super) broken: Vec<Breach>,
    pub(super) figures: Figures,
    /// What was reached, if it was to be counted.
    #[serde(default)]
    pub(super) coverage: Coverage,
}

impl Job {
    /// The run of a scenario.
    pub(super) fn of(scenario: &Scenario) -> Self {
        Self {
            plan: scenario.plan.clone(),
            bug: scenario.bug.map(|bug| format!("{bug:?}")),
            expectations: scenario
                .expectations
                .iter()
                .map(ToString::to_string)
                .collect(),
            counts: false,
            cpu: CPU_SECONDS_MAX,
        }
    }

    /// The same, if it takes no more seconds of the processor than these.
    pub(super) fn within(self, seconds: u64) -> Self {
        Self {
            cpu: seconds,
            ..self
        }
    }

    /// The same, and counts what it reaches.
    pub(super) fn counting(scenario: &Scenario) -> Self {
        Self {
            counts: true,
            ..Self::of(scenario)
        }
    }

    /// Has it run in a process of its own.
    ///
    /// # Errors
    /// When no process can be had. One that dies is a run that broke a promise.
    pub(super) fn run(&self) -> Result<Outcome, Failure> {
        let program = std::env::current_exe().map_err(wrong)?;
        let mut child = Command::new(program)
            .args(["sim", "child", "--of", &std::process::id().to_string()])
            .env_remove("RUST_BACKTRACE")
            // What the terminal interrupts is this process, which ends that one.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(wrong)?;
        let ends = Ends::on_interrupt(&mut child);
        let job = serde_json::to_vec(self).map_err(wrong)?;
        // A child that ended before it had read all of this says why below.
        let sent = child
            .stdin
            .take()
            .map(|mut stdin| std::io::Write::write_all(&mut stdin, &job));
        let output = output(child, ends).map_err(wrong)?;
        if let Ok(outcome) = serde_json::from_slice(&output.stdout) {
            return Ok(outcome);
        }
        let words = String::from_utf8_lossy(&output.stderr);
        let last = words
            .lines()
            .rfind(|line| !line.trim().is_empty())
            .unwrap_or("no word");
        let sent = sent
            .and_then(Result::err)
            .map(|error| format!(" ({error})"));
        let sent = sent.unwrap_or_default();
        let story = format!(
            "the process came to no verdict, {}: {last}{sent}",
            output.status
        );
        let breach = Breach {
            invariant: PROCESS.to_owned(),
            story,
        };
        Ok(Outcome {
            broken: vec![breach],
            ..Outcome::default()
        })
    }
}

/// All that a process says, and how it ended.
fn output(mut child: process::Child, ends: Ends) -> io::Result<Output> {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let (out, err) = (child.stdout.take(), child.stderr.take());
    std::thread::scope(|scope| {
        let errors = scope.spawn(|| err.map_or(Ok(0), |mut err| err.read_to_end(&mut stderr)));
        let read = out.map_or(Ok(0), |mut out| out.read_to_end(&mut stdout));
        let errors = errors.join().unwrap_or(Ok(0));
        read.and(errors)
    })?;
    // It has closed both: it ends now, and its number may be given to another.
    drop(ends);
    Ok(Output {
        status: child.wait()?,
        stdout,
        stderr,
    })
}

/// What came of a run in this process.
pub(super) fn outcome(verdict: &Verdict, expectations: &[Expectation]) -> Outcome {
    let breaches = verdict.violations.iter().map(|violation| Breach {
        invariant: violation.invariant.to_owned(),
        story: violation.story.clone(),
    });
    let lines = || verdict.trace.lines().iter().map(String::as_str);
    let missed = expectations
        .iter()
        .filter(|expected| !expected.holds(lines()));
    let missed = missed.map(|expected| Breach {
        invariant: EXPECTATION.to_owned(),
        story: format!("it did not come as expected: {expected}"),
    });
    Outcome {
        broken: breaches.chain(missed).collect(),
        figures: verdict.figures,
        coverage: Coverage::default(),
    }
}

/// What a process of the pool does.
pub(super) fn serve(child: &Child, screen: &mut Screen) -> Result<(), Failure> {
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(wrong)?;
    let parent = getppid().map(Pid::as_raw_nonzero);
    if parent.map(|pid| pid.get().unsigned_abs()) != Some(child.of) {
        return Err(wrong("the simulator that this process belongs to is gone"));
    }
    let mut job = String::new();
    std::io::stdin().read_to_string(&mut job).map_err(wrong)?;
    let job: Job = serde_json::from_str(&job).map_err(wrong)?;
    let limit = Rlimit {
        current: Some(job.cpu),
        maximum: Some(job.cpu + 1),
    };
    setrlimit(Resource::Cpu, limit).map_err(wrong)?;
    let expectations = job.expectations.iter().map(|text| Expectation::parse(text));
    let expectations: Vec<_> = expectations.collect::<Result<_, _>>().map_err(wrong)?;
    let options = Options {
        mutation: job.bug.as_deref().and_then(Mutation::parse),
        keeps_lines: job.counts || !expectations.is_empty(),
    };
    let counter = job.counts.then(|| Arc::new(Counter::default()));
    let witness = counter.clone().map(|counter| counter as Arc<dyn Witness>);
    let verdict = world::run_before(witness, &job.plan, options);
    let mut outcome = outcome(&verdict, &expectations);
    if let Some(counter) = counter {
        outcome.coverage = counter.counted(verdict.trace.lines().iter().map(String::as_str));
    }
    screen.object(&outcome)
}
