//! Planted bugs of calls: a machine around that of production, which spoils what it wants.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use holdfast_actors::kernel::{Act, Acts, Instant, Machine, Never, NodeId, Now, Ticket};
use holdfast_cluster::calls::envelope::Envelope;
use holdfast_cluster::calls::machine::{Ask, Effect, Event, Limits, News, Switchboard};
use holdfast_cluster::calls::{CallError, Passing};

use crate::mutation::Mutation;

/// A planted bug of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// A call without an answer is made again.
    RetriedUnknown,
    /// A call is given to its service twice.
    DoneTwice,
    /// Two answers in one frame change places.
    SwappedAnswers,
    /// Nobody looks at deadlines.
    ForgottenDeadline,
    /// What may have been done is said not to have been.
    HiddenDoing,
    /// Windows are four times as wide as was said.
    WideWindow,
    /// Watchers do not hear that a connection died.
    DeafWatcher,
}

impl Flaw {
    /// Each with the mutation that plants it.
    const ALL: [(Mutation, Self); 7] = [
        (Mutation::RetriedUnknown, Self::RetriedUnknown),
        (Mutation::DoneTwice, Self::DoneTwice),
        (Mutation::SwappedAnswers, Self::SwappedAnswers),
        (Mutation::ForgottenDeadline, Self::ForgottenDeadline),
        (Mutation::HiddenDoing, Self::HiddenDoing),
        (Mutation::WideWindow, Self::WideWindow),
        (Mutation::DeafWatcher, Self::DeafWatcher),
    ];

    /// The flaw that a mutation plants, if it is one of calls.
    pub(crate) fn of(mutation: Mutation) -> Option<Self> {
        let planted = Self::ALL.iter().find(|(planted, _)| *planted == mutation);
        planted.map(|(_, flaw)| *flaw)
    }
}

/// The machine of calls with one bug.
#[derive(Debug)]
pub(super) struct Spoilt {
    machine: Switchboard,
    flaw: Flaw,
    /// What was asked, to ask it again.
    asked: BTreeMap<Ticket, (NodeId, &'static str, Bytes, Duration)>,
    again: BTreeSet<Ticket>,
}

impl Spoilt {
    pub(super) const fn new(me: NodeId, mut limits: Limits, flaw: Flaw) -> Self {
        if matches!(flaw, Flaw::WideWindow) {
            limits.window *= 4;
        }
        Self {
            machine: Switchboard::new(me, limits),
            flaw,
            asked: BTreeMap::new(),
            again: BTreeSet::new(),
        }
    }

    fn remember(&mut self, event: &Event) {
        for news in &event.0 {
            if let News::Asked(ask) = news {
                let asked = (ask.to, ask.service, ask.body.clone(), ask.within);
                self.asked.insert(ask.ticket, asked);
            }
        }
    }

    fn pass_on(&mut self, now: Now, all: Acts<Switchboard>, acts: &mut Acts<Self>) {
        for act in all {
            match act {
                Act::Persist(never) => match never {},
                Act::Start(effect) | Act::Show(effect) => self.spoil(now, effect, acts),
            }
        }
    }

    fn spoil(&mut self, now: Now, effect: Effect, acts: &mut Acts<Self>) {
        match (self.flaw, effect) {
            (Flaw::RetriedUnknown, Effect::Conclude(all)) => self.retry(now, all, acts),
            (Flaw::DoneTwice, Effect::Execute(all)) => {
                let copy = |it: &holdfast_cluster::calls::machine::Execution| {
                    let (from, ticket, service, body) =
                        (it.from, it.ticket, it.service, it.body.clone());
                    holdfast_cluster::calls::machine::Execution {
                        from,
                        ticket,
                        service,
                        body,
                    }
                };
                let twice = all.iter().map(copy).collect();
                acts.show(Effect::Execute(all));
                acts.show(Effect::Execute(twice));
            }
            (Flaw::SwappedAnswers, Effect::Send { to, envelopes }) => {
                let envelopes = swap(envelopes);
                acts.show(Effect::Send { to, envelopes });
            }
            (Flaw::HiddenDoing, Effect::Conclude(mut all)) => {
                for (_, result) in &mut all {
                    if let Err(CallError::Unknown(to)) = result {
                        *result = Err(CallError::Unreachable(*to));
                    }
                }
                acts.show(Effect::Conclude(all));
            }
            (Flaw::DeafWatcher, Effect::Tell(_, Passing::NoConnection)) => {}
            (_, effect) => acts.show(effect),
        }
    }

    fn retry(
        &mut self,
        now: Now,
        all: Vec<(Ticket, Result<Bytes, CallError>)>,
        acts: &mut Acts<Self>,
    ) {
        let mut told = Vec::new();
        for (ticket, result) in all {
            let is_unknown = matches!(result, Err(CallError::Unknown(_)));
            let asked = self.asked.remove(&ticket);
            match asked.filter(|_| is_unknown && self.again.insert(ticket)) {
                Some((to, service, body, within)) => {
                    let ask = Ask {
                        ticket,
                        to,
                        service,
                        body,
                        within,
                    };
                    let mut more = Acts::default();
                    let event = Event(vec![News::Asked(ask)]);
                    self.machine.step(now, event, &mut more);
                    self.pass_on(now, more, acts);
                }
                None => told.push((ticket, result)),
            }
        }
        acts.show(Effect::Conclude(told));
    }
}

/// The first two answers change places.
fn swap(mut envelopes: Vec<Envelope>) -> Vec<Envelope> {
    let answers: Vec<usize> = (0..envelopes.len())
        .filter(|at| matches!(envelopes[*at], Envelope::Answer { .. }))
        .collect();
    if let [one, other, ..] = answers[..] {
        let ids = [envelopes[one].id(), envelopes[other].id()];
        if let Envelope::Answer { id, .. } = &mut envelopes[one] {
            *id = ids[1];
        }
        if let Envelope::Answer { id, .. } = &mut envelopes[other] {
            *id = ids[0];
        }
    }
    envelopes
}

impl Machine for Spoilt {
    type Event = Event;
    type Record = Never;
    type Effect = Effect;

    fn step(&mut self, now: Now, event: Event, acts: &mut Acts<Self>) {
        self.remember(&event);
        let mut all = Acts::default();
        self.machine.step(now, event, &mut all);
        self.pass_on(now, all, acts);
    }

    fn apply(&mut self, record: &Never) {
        match *record {}
    }

    fn deadline(&self) -> Option<Instant> {
        let deadline = self.machine.deadline();
        deadline.filter(|_| self.flaw != Flaw::ForgottenDeadline)
    }

    fn wake(&mut self, now: Now, acts: &mut Acts<Self>) {
        if self.flaw == Flaw::ForgottenDeadline {
            return;
        }
        let mut all = Acts::default();
        self.machine.wake(now, &mut all);
        self.pass_on(now, all, acts);
    }

    fn observe(&self) -> serde_json::Value {
        self.machine.observe()
    }
}
