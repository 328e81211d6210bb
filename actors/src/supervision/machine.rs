//! The supervisor's decisions.
//!
//! A part starts when the first message for it arrives, and rests when it says that it is idle and
//! has seen all that was passed to it, so that no message is lost between the two. A part that
//! fails is started again when it is wanted, after a pause that doubles; one that fails too often
//! goes out of service, visibly, and the others go on.
//!
//! Invariant: messages wait only for a part that is starting, stopping or pausing.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::time::Duration;

use serde_json::json;

use super::{OutOfService, Policy};
use crate::kernel::{Acts, Instant, Machine, Never, Now, Ticket};

/// The most messages that wait for one part.
const WAITING_MAX: usize = 1024;
/// The pause after the first failure; each further one doubles it.
const PAUSE: Duration = Duration::from_millis(100);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// How a part ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was stopped.
    Stopped,
    /// A fault ended it, or kept it from starting.
    Failed,
    /// Nothing is wrong with it, but it cannot start here and now: whoever waits may come again.
    Withheld,
}

/// What a supervisor learns.
#[derive(Debug)]
pub enum Event<K> {
    /// A message for the part has arrived; the hands hold it.
    Wanted {
        /// The part.
        key: K,
        /// The message.
        ticket: Ticket,
    },
    /// The part runs.
    Started(K),
    /// The part is gone.
    Ended(K, Outcome),
    /// The part has had nothing to do for as long as it likes to be idle.
    Idle {
        /// The part.
        key: K,
        /// How many messages it has seen from its supervisor in this life.
        seen: u64,
    },
    /// An operator wants the part back in service.
    Restart(K),
}

/// What a supervisor wants done.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect<K> {
    /// Start the part.
    Spawn(K),
    /// Give the message to the part, which runs.
    Pass(K, Ticket),
    /// Answer the message: the part is out of service, or too many wait for it.
    Refuse(K, Ticket),
    /// Stop the part, which is idle.
    Stop(K),
    /// Tell the operator: the part failed too often and is out of service.
    GiveUp(K),
    /// The part has been put away, and nobody wants it: what was kept for it may go.
    Rest(K),
}

/// The parts of one supervisor by key.
#[derive(Debug)]
pub struct Supervisor<K> {
    policy: Policy,
    parts: BTreeMap<K, Part>,
}

#[derive(Debug)]
struct Part {
    state: State,
    /// When it failed, oldest first.
    failures: VecDeque<Instant>,
    waiting: VecDeque<Ticket>,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    /// Nobody wants it.
    Resting,
    /// It failed and may start again then, if it is wanted.
    Pausing(Instant),
    Starting,
    /// It runs and has been passed so many messages.
    Running(u64),
    /// It was asked to stop.
    Stopping,
    /// It failed too often; until then, or until an operator restarts it.
    OutOfService(Option<Instant>),
}

impl<K: Ord + Clone + fmt::Debug + fmt::Display + Send + 'static> Machine for Supervisor<K> {
    type Event = Event<K>;
    type Record = Never;
    type Effect = Effect<K>;

    fn step(&mut self, now: Now, event: Event<K>, acts: &mut Acts<Self>) {
        match event {
            Event::Wanted { key, ticket } => self.want(now.monotonic, key, ticket, acts),
            Event::Started(key) => self.started(key, acts),
            Event::Ended(key, outcome) => self.ended(now.monotonic, key, &outcome, acts),
            Event::Idle { key, seen } => {
                if let Some(part) = self.parts.get_mut(&key)
                    && part.state == State::Running(seen)
                {
                    part.state = State::Stopping;
                    acts.start(Effect::Stop(key));
                }
            }
            Event::Restart(key) => {
                if let Some(part) = self.parts.get_mut(&key)
                    && matches!(part.state, State::OutOfService(_) | State::Pausing(_))
                {
                    part.failures.clear();
                    part.rest(key, acts);
                }
            }
        }
    }

    fn apply(&mut self, record: &Never) {
        match *record {}
    }

    fn deadline(&self) -> Option<Instant> {
        let due = |part: &Part| match part.state {
            State::Pausing(until) => Some(until).filter(|_| !part.waiting.is_empty()),
            State::Resting
            | State::Starting
            | State::Running(_)
            | State::Stopping
            | State::OutOfService(_) => None,
        };
        self.parts.values().filter_map(due).min()
    }

    fn wake(&mut self, now: Now, acts: &mut Acts<Self>) {
        for (key, part) in &mut self.parts {
            if let State::Pausing(until) = part.state
                && until <= now.monotonic
            {
                part.rest(key.clone(), acts);
            }
        }
    }

    fn observe(&self) -> serde_json::Value {
        let count = |wanted: fn(&State) -> bool| {
            self.parts
                .values()
                .filter(|part| wanted(&part.state))
                .count()
        };
        let parts = self.parts.iter();
        let out = parts.filter(|(_, part)| matches!(part.state, State::OutOfService(_)));
        json!({
            "running": count(|state| matches!(state, State::Running(_) | State::Starting)),
            "resting": count(|state| matches!(state, State::Resting | State::Stopping)),
            "pausing": count(|state| matches!(state, State::Pausing(_))),
            "out-of-service": out.map(|(key, _)| key.to_string()).collect::<Vec<_>>(),
        })
    }

    fn waits(&self) -> Vec<String> {
        let waiting = self
            .parts
            .iter()
            .filter(|(_, part)| !part.waiting.is_empty());
        let sentence = |(key, part): (&K, &Part)| {
            format!(
                "{} messages wait for {key}, which is {}",
                part.waiting.len(),
                part.word()
            )
        };
        waiting.map(sentence).collect()
    }
}

impl<K: Ord + Clone + fmt::Debug + fmt::Display + Send + 'static> Supervisor<K> {
    /// A supervisor with no part running.
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            parts: BTreeMap::new(),
        }
    }

    /// What the part is doing, as one word; `None` if nobody ever wanted it.
    pub fn state(&self, key: &K) -> Option<&'static str> {
        self.parts.get(key).map(Part::word)
    }

    fn want(&mut self, now: Instant, key: K, ticket: Ticket, acts: &mut Acts<Self>) {
        let part = self.parts.entry(key.clone()).or_insert_with(Part::new);
        match &mut part.state {
            State::Running(passed) => {
                *passed += 1;
                acts.start(Effect::Pass(key, ticket));
            }
            State::OutOfService(until) if until.is_none_or(|until| now < until) => {
                acts.show(Effect::Refuse(key, ticket));
            }
            _ if part.waiting.len() == WAITING_MAX => acts.show(Effect::Refuse(key, ticket)),
            State::Starting | State::Stopping => part.waiting.push_back(ticket),
            State::Pausing(until) if now < *until => part.waiting.push_back(ticket),
            State::Resting | State::Pausing(_) | State::OutOfService(_) => {
                part.waiting.push_back(ticket);
                part.rest(key, acts);
            }
        }
    }

    fn started(&mut self, key: K, acts: &mut Acts<Self>) {
        let Some(part) = self.parts.get_mut(&key) else {
            return;
        };
        if part.state != State::Starting {
            return;
        }
        let waiting = std::mem::take(&mut part.waiting);
        part.state = State::Running(waiting.len() as u64);
        for ticket in waiting {
            acts.start(Effect::Pass(key.clone(), ticket));
        }
    }

    fn ended(&mut self, now: Instant, key: K, outcome: &Outcome, acts: &mut Acts<Self>) {
        let policy = self.policy;
        let Some(part) = self.parts.get_mut(&key) else {
            return;
        };
        match outcome {
            Outcome::Stopped => {
                part.rest(key.clone(), acts);
                if part.state == State::Resting {
                    acts.start(Effect::Rest(key));
                }
            }
            Outcome::Failed => part.fail(now, policy, key, acts),
            Outcome::Withheld => {
                part.state = State::Resting;
                for ticket in std::mem::take(&mut part.waiting) {
                    acts.show(Effect::Refuse(key.clone(), ticket));
                }
            }
        }
    }
}

impl Part {
    const fn new() -> Self {
        Self {
            state: State::Resting,
            failures: VecDeque::new(),
            waiting: VecDeque::new(),
        }
    }

    /// Starts again if it is wanted, and rests if not.
    fn rest<K>(&mut self, key: K, acts: &mut Acts<Supervisor<K>>)
    where
        Supervisor<K>: Machine<Effect = Effect<K>>,
    {
        if self.waiting.is_empty() {
            self.state = State::Resting;
        } else {
            self.state = State::Starting;
            acts.start(Effect::Spawn(key));
        }
    }

    fn fail<K: Clone>(
        &mut self,
        now: Instant,
        policy: Policy,
        key: K,
        acts: &mut Acts<Supervisor<K>>,
    ) where
        Supervisor<K>: Machine<Effect = Effect<K>>,
    {
        self.failures.retain(|at| at.until(now) <= policy.within);
        self.failures.push_back(now);
        let failures = u32::try_from(self.failures.len()).unwrap_or(u32::MAX);
        if failures <= policy.restarts {
            let doubled = PAUSE.saturating_mul(1 << (failures - 1).min(16));
            self.state = State::Pausing(now + doubled.min(PAUSE_MAX));
            return;
        }
        self.failures.clear();
        self.state = State::OutOfService(match policy.exhausted {
            OutOfService::For(pause) => Some(now + pause),
            OutOfService::UntilRestarted => None,
        });
        for ticket in std::mem::take(&mut self.waiting) {
            acts.show(Effect::Refuse(key.clone(), ticket));
        }
        acts.show(Effect::GiveUp(key));
    }

    const fn word(&self) -> &'static str {
        match self.state {
            State::Resting => "resting",
            State::Pausing(_) => "pausing",
            State::Starting => "starting",
            State::Running(_) => "running",
            State::Stopping => "stopping",
            State::OutOfService(_) => "out-of-service",
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    const POLICY: Policy = Policy {
        restarts: 2,
        within: Duration::from_secs(60),
        exhausted: OutOfService::For(Duration::from_secs(30)),
    };

    /// Each line is `MILLIS: EVENT [NUMBER]` about the part `a`.
    fn check(script: &str, expected: &Expect) {
        let mut machine = Supervisor::new(POLICY);
        let mut lines = String::new();
        for line in script.lines() {
            let (at, event) = line.trim().split_once(": ").unwrap();
            let now = Now {
                monotonic: Instant::from_micros(at.parse::<u64>().unwrap() * 1000),
                ..Now::default()
            };
            let (word, number) = event.split_once(' ').unwrap_or((event, "0"));
            let number = number.parse().unwrap();
            let key = 'a';
            let event = match word {
                "want" => Event::Wanted {
                    key,
                    ticket: Ticket::new(number),
                },
                "started" => Event::Started(key),
                "stopped" => Event::Ended(key, Outcome::Stopped),
                "failed" => Event::Ended(key, Outcome::Failed),
                "idle" => Event::Idle { key, seen: number },
                "restart" => Event::Restart(key),
                _ => {
                    let mut acts = Acts::default();
                    machine.wake(now, &mut acts);
                    acts.iter()
                        .for_each(|act| lines += &format!("{at}: {act:?}\n"));
                    continue;
                }
            };
            let mut acts = Acts::default();
            machine.step(now, event, &mut acts);
            acts.iter()
                .for_each(|act| lines += &format!("{at}: {act:?}\n"));
        }
        lines += &format!(
            "{} {:?}\n",
            machine.state(&'a').unwrap(),
            machine.deadline()
        );
        expected.assert_eq(&lines);
    }

    #[test]
    fn the_first_message_starts_a_part_and_all_that_came_meanwhile_follow_in_order() {
        check(
            "0: want 1
             0: want 2
             5: started
             6: want 3",
            &expect![[r#"
                0: Start Spawn('a')
                5: Start Pass('a', ticket-1)
                5: Start Pass('a', ticket-2)
                6: Start Pass('a', ticket-3)
                running None
            "#]],
        );
    }

    #[test]
    fn an_idle_part_rests_only_when_it_has_seen_everything() {
        check(
            "0: want 1
             1: started
             2: want 2
             3: idle 1
             4: idle 2
             5: want 3
             6: stopped
             7: started",
            &expect![[r#"
                0: Start Spawn('a')
                1: Start Pass('a', ticket-1)
                2: Start Pass('a', ticket-2)
                4: Start Stop('a')
                6: Start Spawn('a')
                7: Start Pass('a', ticket-3)
                running None
            "#]],
        );
    }

    #[test]
    fn a_part_that_fails_pauses_twice_as_long_each_time_and_then_goes_out_of_service() {
        check(
            "0: want 1
             0: failed
             0: want 2
             99: wake
             100: wake
             100: failed
             300: wake
             300: failed
             400: want 3
             30300: want 4
             30301: started",
            &expect![[r#"
                0: Start Spawn('a')
                100: Start Spawn('a')
                300: Start Spawn('a')
                300: Show Refuse('a', ticket-1)
                300: Show Refuse('a', ticket-2)
                300: Show GiveUp('a')
                400: Show Refuse('a', ticket-3)
                30300: Start Spawn('a')
                30301: Start Pass('a', ticket-4)
                running None
            "#]],
        );
    }

    #[test]
    fn an_operator_brings_a_part_back_into_service() {
        check(
            "0: want 1
             0: failed
             0: failed
             0: failed
             1: restart
             2: want 5",
            &expect![[r#"
                0: Start Spawn('a')
                0: Show Refuse('a', ticket-1)
                0: Show GiveUp('a')
                2: Start Spawn('a')
                starting None
            "#]],
        );
    }

    #[test]
    fn failures_long_ago_are_forgotten() {
        check(
            "0: want 1
             0: failed
             0: failed
             70000: failed
             70000: want 2",
            &expect![[r#"
                0: Start Spawn('a')
                pausing Some(70.100000s)
            "#]],
        );
    }
}
