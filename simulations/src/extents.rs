//! Random schedules of extents on several nodes: the machines of production, and around them
//! nothing but a bag of messages, disks that forget, and a catalog that decides at once.
//!
//! Thousands of schedules cost less than one run of whole nodes, so what is rare is met here:
//! writers that were paused while others took over, replicas that start again in the middle of a
//! fence, answers that are lost on the way.
//!
//! That the longest answer to a fence counts in place of the shortest is not found, because other
//! rules make up for it: a replica that is shorter than its extent is not read, but copied.

mod catalog;
mod invariants;
mod node;
mod owner;
mod world;

use holdfast_actors::kernel::Instant;

pub use world::run;

/// What may be planted, and must be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Replicas are asked how long they are, and go on taking from the old writer.
    NoFence,
    /// A replica whose node started again takes from its writer, and knows of no fence.
    Forgetful,
    /// A replica says that it synced what it did not.
    NoSync,
    /// What two of three replicas have is taken for durable.
    TwoOfThree,
}

/// What came of one schedule.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Appends that their writers took for durable.
    pub acknowledged: u64,
    /// Extents that were sealed.
    pub sealed: u64,
    /// Times somebody took over.
    pub takeovers: u64,
    /// What was promised and not kept.
    pub violations: Vec<String>,
}

/// The world's time, in microseconds since it began.
type Micros = u64;

const MILLI: Micros = 1_000;
const SECOND: Micros = 1_000 * MILLI;

const fn instant(micros: Micros) -> Instant {
    Instant::from_micros(micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In how many of so many schedules something is violated.
    fn caught(flaw: Option<Flaw>, schedules: u64) -> (u64, u64) {
        let outcomes = (0..schedules).map(|seed| run(seed, flaw));
        let (mut caught, mut acknowledged) = (0, 0);
        for (seed, outcome) in outcomes.enumerate() {
            acknowledged += outcome.acknowledged;
            caught += u64::from(!outcome.violations.is_empty());
            if flaw.is_none() {
                assert_eq!(outcome.violations, [""; 0], "in schedule {seed}");
            }
        }
        (caught, acknowledged)
    }

    #[test]
    fn nothing_acknowledged_is_lost_in_any_schedule() {
        let (_, acknowledged) = caught(None, 500);
        assert!(acknowledged > 5_000, "{acknowledged} acknowledged");
    }

    #[test]
    fn one_seed_is_one_history() {
        for seed in 0..20 {
            let [once, again] = [0, 1].map(|_| format!("{:?}", run(seed, None)));
            assert_eq!(once, again);
        }
    }

    #[test]
    fn each_planted_flaw_is_found() {
        let flaws = [
            Flaw::NoFence,
            Flaw::Forgetful,
            Flaw::NoSync,
            Flaw::TwoOfThree,
        ];
        for flaw in flaws {
            let (caught, _) = caught(Some(flaw), 300);
            println!("{flaw:?}: {caught} of 300");
            assert!(caught > 0, "{flaw:?} is never found");
        }
    }
}
