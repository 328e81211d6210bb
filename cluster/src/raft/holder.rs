//! The lease under which one life of this node acts for it.
//!
//! It is asked for and renewed through the catalog, and lasts, on this node's own monotonic clock,
//! from before it was asked for: so it ends here before it ends in the catalog's time, whatever
//! becomes of the answer. A clock may be one part in a hundred too slow or too fast.
//!
//! A life that ends in order gives it back, so that nobody waits for its end: from before that is
//! asked for it is not held here any more, and it is never asked for again.
//!
//! Invariant: while it is held here, no other life of the node is granted it.

use std::time::Duration;

use holdfast_actors::catalog::command::{ClusterCommand, Command, LeaseCommand};
use holdfast_actors::catalog::rows::{ClockRow, Speaks};
use holdfast_actors::catalog::{Catalog, LEASE, Outcome, Refused, SubmitError};
use holdfast_actors::kernel::{Acts, Epoch, Instant, Machine, Never, NodeId, Now, Timestamp};
use holdfast_actors::ports::Pending;
use holdfast_actors::recall::CutOff;
use holdfast_actors::repository::Tenure;
use holdfast_actors::shell::{Context, Fault, Hands};
use serde_json::json;
use tokio::sync::{oneshot, watch};

/// How often it is renewed.
const RENEW: Duration = Duration::from_millis(400);
/// How long nobody is asked after a refusal.
const PAUSE: Duration = Duration::from_millis(200);

/// How long a lease is held, counted from before it was asked for: less than it lasts by as much as
/// two clocks may differ that are each one part in a hundred off.
const fn held() -> Duration {
    let micros = LEASE.as_micros() as u64;
    Duration::from_micros(micros * 99 / 101)
}

/// A lease that is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Under which the node writes.
    pub epoch: Epoch,
    /// When it stops, unless it is renewed.
    pub until: Instant,
}

impl Held {
    /// Whether it is held at this moment.
    pub fn is_held(&self, now: Instant) -> bool {
        now < self.until
    }

    /// Whether the node hears no majority any more, so that it could not renew this. One that was
    /// told by a majority that its lease is lost holds none.
    pub fn cut_off(&self, now: Now, clock: ClockRow) -> Option<CutOff> {
        CutOff::of(now, self.until, held(), clock)
    }

    /// What the right to a repository is worth that was acquired under this epoch, by a life of
    /// this node. Epochs are places in one log: one that is not behind the lease's was had under
    /// another.
    pub fn tenure(&self, now: Instant, epoch: Epoch) -> Tenure {
        match epoch > self.epoch {
            true if self.is_held(now) => Tenure::Held,
            true => Tenure::Doubted,
            false => Tenure::Lost,
        }
    }
}

/// The lease of one life.
#[derive(Debug)]
pub(super) struct Holder {
    node: NodeId,
    incarnation: u64,
    speaks: Speaks,
    held: Option<Held>,
    /// When it was asked for last, while there is no answer.
    asked: Option<Instant>,
    due: Instant,
    leaving: Leaving,
}

/// Whether this life ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaving {
    No,
    /// As soon as what was asked before is answered.
    Soon,
    /// The lease is given back.
    Now,
    /// Nothing is asked any more.
    Done,
}

#[derive(Debug)]
pub(super) enum Event {
    /// The catalog said this to what was asked last.
    Answered(Answer),
    /// This life ends.
    Leave,
}

#[derive(Debug)]
pub(super) enum Answer {
    Granted(Epoch),
    /// The epoch is not good any more, or never will be.
    Lost,
    /// Nobody said anything, or another life's still runs.
    Later,
}

#[derive(Debug)]
pub(super) enum Effect {
    Ask(LeaseCommand),
    Tell(Option<Held>),
    /// There is nothing to give back, or no more.
    Left,
}

impl Holder {
    pub(super) fn new(node: NodeId, incarnation: u64, speaks: Speaks) -> Self {
        Self {
            node,
            incarnation,
            speaks,
            held: None,
            asked: None,
            due: Instant::default(),
            leaving: Leaving::No,
        }
    }

    /// Gives the lease back, if there is one.
    fn give_back(&mut self, now: Now, acts: &mut Acts<Self>) {
        if let Some(Held { epoch, .. }) = self.held.take() {
            self.leaving = Leaving::Now;
            self.asked = Some(now.monotonic);
            acts.show(Effect::Tell(None));
            acts.show(Effect::Ask(LeaseCommand::Release { epoch }));
        } else {
            self.leaving = Leaving::Done;
            acts.show(Effect::Left);
        }
    }

    fn ask(&mut self, now: Now, acts: &mut Acts<Self>) {
        let wall = now.wall;
        let command = match self.held {
            Some(Held { epoch, .. }) => LeaseCommand::Renew { epoch, wall },
            None => LeaseCommand::Begin {
                incarnation: self.incarnation,
                wall,
                speaks: self.speaks,
            },
        };
        self.asked = Some(now.monotonic);
        acts.show(Effect::Ask(command));
    }
}

impl Machine for Holder {
    type Event = Event;
    type Record = Never;
    type Effect = Effect;

    fn step(&mut self, now: Now, event: Event, acts: &mut Acts<Self>) {
        let answer = match (event, self.leaving) {
            (Event::Answered(answer), _) => answer,
            (Event::Leave, Leaving::No) if self.asked.is_none() => {
                return self.give_back(now, acts);
            }
            (Event::Leave, Leaving::No) => {
                self.leaving = Leaving::Soon;
                return;
            }
            (Event::Leave, Leaving::Done) => return acts.show(Effect::Left),
            (Event::Leave, Leaving::Soon | Leaving::Now) => return,
        };
        let Some(asked) = self.asked.take() else {
            return;
        };
        if self.leaving == Leaving::Now {
            // Whatever it was: if it is not given back, it ends by itself.
            self.leaving = Leaving::Done;
            return acts.show(Effect::Left);
        }
        match answer {
            Answer::Granted(epoch) => {
                let until = asked + held();
                self.held = Some(Held { epoch, until });
                self.due = asked + RENEW;
                acts.show(Effect::Tell(self.held));
            }
            Answer::Lost => {
                self.held = None;
                self.due = now.monotonic + PAUSE;
                acts.show(Effect::Tell(None));
            }
            Answer::Later => self.due = now.monotonic + PAUSE,
        }
        if self.leaving == Leaving::Soon {
            return self.give_back(now, acts);
        }
        self.wake(now, acts);
    }

    fn apply(&mut self, record: &Never) {
        match *record {}
    }

    fn deadline(&self) -> Option<Instant> {
        let waits = self.asked.is_none() && self.leaving == Leaving::No;
        waits.then_some(self.due)
    }

    fn wake(&mut self, now: Now, acts: &mut Acts<Self>) {
        if self.deadline().is_some_and(|due| due <= now.monotonic) {
            self.ask(now, acts);
        }
    }

    fn observe(&self) -> serde_json::Value {
        json!({
            "node": self.node.to_string(),
            "epoch": self.held.map(|held| held.epoch.raw()),
            "until": self.held.map(|held| held.until.as_micros()),
            "asked": self.asked.map(Instant::as_micros),
        })
    }

    fn waits(&self) -> Vec<String> {
        let waits = self.held.is_none() && self.leaving == Leaving::No;
        let sentence = || "the lease of this node".to_owned();
        waits.then(sentence).into_iter().collect()
    }
}

/// The hands of a [`Holder`].
pub(super) struct HolderHands {
    pub(super) node: NodeId,
    pub(super) catalog: Catalog,
    pub(super) publish: watch::Sender<Option<Held>>,
    /// Who waits for the lease to be given back.
    pub(super) leaving: Vec<oneshot::Sender<()>>,
}

/// What is said to a [`Holder`].
pub(super) enum Message {
    Answer(Answer),
    /// This life ends: say when the lease is given back, or cannot be.
    Leave(oneshot::Sender<()>),
}

impl Hands for HolderHands {
    type Machine = Holder;
    type Message = Message;

    fn admit(&mut self, message: Message, _: &Context<Self>) -> Option<Event> {
        Some(match message {
            Message::Answer(answer) => Event::Answered(answer),
            Message::Leave(reply) => {
                self.leaving.push(reply);
                Event::Leave
            }
        })
    }

    fn persist(&mut self, record: Never, _: &Context<Self>) -> Pending<Result<(), Fault>> {
        match record {}
    }

    fn perform(
        &mut self,
        effect: Effect,
        _: &Context<Self>,
    ) -> Result<Option<Pending<Message>>, Fault> {
        let command = match effect {
            Effect::Tell(held) => {
                self.publish.send_replace(held);
                return Ok(None);
            }
            Effect::Left => {
                // Who does not wait any more need not know.
                for reply in self.leaving.drain(..) {
                    let _ = reply.send(());
                }
                return Ok(None);
            }
            Effect::Ask(command) => command,
        };
        let at = match command {
            LeaseCommand::Acquire { wall, .. }
            | LeaseCommand::Begin { wall, .. }
            | LeaseCommand::Renew { wall, .. } => wall,
            LeaseCommand::Release { .. } => Timestamp::default(),
        };
        let command = Command::Cluster(ClusterCommand::Lease(self.node, command));
        let decided = self.catalog.order(at, command);
        Ok(Some(Box::pin(async move {
            Message::Answer(match decided.await {
                Ok((Outcome::Epoch { epoch }, _)) => Answer::Granted(epoch),
                Err(SubmitError::Refused(Refused::LeaseLost(..) | Refused::NoNode(_))) => {
                    Answer::Lost
                }
                Ok(_) | Err(SubmitError::Refused(_) | SubmitError::Gone(_)) => Answer::Later,
            })
        })))
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use holdfast_actors::kernel::Act;

    use super::*;

    /// Lines of `milliseconds: wake | granted EPOCH | lost | later | leave`.
    fn check(script: &str, expected: &Expect) {
        let mut holder = Holder::new(NodeId::new(1), 7, Speaks::default());
        let mut told = String::new();
        for line in script.lines() {
            let (at, what) = line.trim().split_once(": ").unwrap();
            let micros = at.parse::<u64>().unwrap() * 1000;
            let now = Now {
                monotonic: Instant::from_micros(micros),
                wall: Timestamp::from_millis(5),
            };
            let mut acts = Acts::default();
            let answer = match what.split_whitespace().collect::<Vec<_>>()[..] {
                ["leave"] => {
                    holder.step(now, Event::Leave, &mut acts);
                    told += &shown(at, acts);
                    continue;
                }
                ["wake"] => None,
                ["granted", epoch] => Some(Answer::Granted(Epoch::new(epoch.parse().unwrap()))),
                ["lost"] => Some(Answer::Lost),
                ["later"] => Some(Answer::Later),
                _ => panic!("{what}"),
            };
            match answer {
                Some(answer) => holder.step(now, Event::Answered(answer), &mut acts),
                None => holder.wake(now, &mut acts),
            }
            told += &shown(at, acts);
        }
        expected.assert_eq(&told);
    }

    fn shown(at: &str, acts: Acts<Holder>) -> String {
        let mut told = String::new();
        for act in acts {
            if let Act::Show(effect) = act {
                told += &format!("{at}: {effect:?}\n");
            }
        }
        told
    }

    #[test]
    fn a_life_that_ends_gives_it_back_once_and_asks_for_nothing_more() {
        check(
            "0: wake
             1: granted 3
             100: leave
             101: leave
             110: later
             500: wake
             600: leave",
            &expect![[r#"
                0: Ask(Begin { incarnation: 7, wall: 1970-01-01T00:00:00.005Z, speaks: Speaks { oldest: 0, newest: 0 } })
                1: Tell(Some(Held { epoch: epoch-3, until: 1.470297s }))
                100: Tell(None)
                100: Ask(Release { epoch: epoch-3 })
                110: Left
                600: Left
            "#]],
        );
    }

    #[test]
    fn what_is_asked_already_is_waited_for_before_it_is_given_back() {
        check(
            "0: wake
             1: leave
             2: granted 3
             3: later
             900: wake",
            &expect![[r#"
                0: Ask(Begin { incarnation: 7, wall: 1970-01-01T00:00:00.005Z, speaks: Speaks { oldest: 0, newest: 0 } })
                2: Tell(Some(Held { epoch: epoch-3, until: 1.470297s }))
                2: Tell(None)
                2: Ask(Release { epoch: epoch-3 })
                3: Left
            "#]],
        );
        check(
            "0: wake
             1: leave
             2: lost
             900: wake",
            &expect![[r#"
                0: Ask(Begin { incarnation: 7, wall: 1970-01-01T00:00:00.005Z, speaks: Speaks { oldest: 0, newest: 0 } })
                2: Tell(None)
                2: Left
            "#]],
        );
    }

    #[test]
    fn a_lease_lasts_from_before_it_was_asked_for_and_is_renewed() {
        check(
            "0: wake
             300: granted 9
             399: wake
             400: wake
             900: granted 9",
            &expect![[r#"
                0: Ask(Begin { incarnation: 7, wall: 1970-01-01T00:00:00.005Z, speaks: Speaks { oldest: 0, newest: 0 } })
                300: Tell(Some(Held { epoch: epoch-9, until: 1.470297s }))
                400: Ask(Renew { epoch: epoch-9, wall: 1970-01-01T00:00:00.005Z })
                900: Tell(Some(Held { epoch: epoch-9, until: 1.870297s }))
                900: Ask(Renew { epoch: epoch-9, wall: 1970-01-01T00:00:00.005Z })
            "#]],
        );
    }

    #[test]
    fn one_that_was_lost_is_told_and_asked_for_anew() {
        check(
            "0: wake
             1: granted 3
             400: wake
             450: lost
             650: wake
             651: later
             851: wake",
            &expect![[r#"
                0: Ask(Begin { incarnation: 7, wall: 1970-01-01T00:00:00.005Z, speaks: Speaks { oldest: 0, newest: 0 } })
                1: Tell(Some(Held { epoch: epoch-3, until: 1.470297s }))
                400: Ask(Renew { epoch: epoch-3, wall: 1970-01-01T00:00:00.005Z })
                450: Tell(None)
                650: Ask(Begin { incarnation: 7, wall: 1970-01-01T00:00:00.005Z, speaks: Speaks { oldest: 0, newest: 0 } })
                851: Ask(Begin { incarnation: 7, wall: 1970-01-01T00:00:00.005Z, speaks: Speaks { oldest: 0, newest: 0 } })
            "#]],
        );
    }
}
