//! Any schedule of events: two machines and the connection between them, which dies at any time.

use std::collections::{BTreeSet, VecDeque};

use bytes::Bytes;
use holdfast_actors::kernel::{Act, Timestamp};
use holdfast_actors::ports::Unsent;
use proptest::prelude::*;

use super::super::*;
use crate::calls::envelope::{decode, encode};

/// Frames that one side may have under way.
const PERMITS: usize = 2;
const NODES: [NodeId; 2] = [NodeId::new(1), NodeId::new(2)];
const LIMITS: Limits = Limits {
    window: 2,
    waiting: 4,
    waiting_bytes: 1 << 10,
};

/// One thing that befalls the two; a side is 0 or 1.
#[derive(Clone, Copy, Debug)]
enum Thing {
    /// Somebody calls the other side, or this one itself, for so many milliseconds.
    Ask(usize, bool, u64),
    /// The oldest or youngest caller that waits turns away.
    TurnAway(usize, bool),
    /// A frame arrives.
    Arrive(usize),
    /// A service ends its oldest or youngest call: it answers, or not.
    Serve(usize, bool, bool),
    /// The connection dies, and so many of the frames of each side still arrive.
    Die(usize, usize),
    /// A side hears that it died.
    Notice(usize),
    /// Milliseconds pass.
    Pass(u64),
}

fn thing() -> impl Strategy<Value = Thing> {
    let side = 0..2_usize;
    prop_oneof![
        6 => (side.clone(), prop::bool::weighted(0.2), 0..60_u64)
            .prop_map(|(side, own, millis)| Thing::Ask(side, own, millis)),
        1 => (side.clone(), any::<bool>()).prop_map(|(side, old)| Thing::TurnAway(side, old)),
        8 => side.clone().prop_map(Thing::Arrive),
        6 => (side.clone(), any::<bool>(), prop::bool::weighted(0.8))
            .prop_map(|(side, old, answers)| Thing::Serve(side, old, answers)),
        1 => (0..3_usize, 0..3_usize).prop_map(|(one, other)| Thing::Die(one, other)),
        3 => side.prop_map(Thing::Notice),
        2 => (1..30_u64).prop_map(Thing::Pass),
    ]
}

/// One side and what is on its way from it.
struct Side {
    machine: Switchboard,
    /// Each with the number of its connection.
    flying: VecDeque<(u64, Bytes)>,
    /// Connections that died and of which it has not heard.
    deaths: VecDeque<u64>,
    /// The last that it has heard of: what it sent on it holds no permits.
    died: u64,
    /// The link has refused a frame and has not said that there is room.
    wants_room: bool,
    unsent: Vec<News>,
    refused: bool,
    callers: BTreeSet<Ticket>,
    serving: Vec<(NodeId, Ticket)>,
}

impl Side {
    fn is_full(&self) -> bool {
        self.flying.iter().filter(|it| it.0 > self.died).count() >= PERMITS
    }
}

struct Pair {
    now: u64,
    connection: u64,
    sides: [Side; 2],
    next: u64,
    /// When each call must have ended.
    deadlines: BTreeMap<Ticket, u64>,
    results: BTreeMap<Ticket, Option<CallError>>,
    turned: BTreeSet<Ticket>,
    executed: BTreeSet<Ticket>,
}

impl Pair {
    fn new() -> Self {
        let side = |me| Side {
            machine: Switchboard::new(me, LIMITS),
            flying: VecDeque::new(),
            deaths: VecDeque::new(),
            died: 0,
            wants_room: false,
            unsent: Vec::new(),
            refused: false,
            callers: BTreeSet::new(),
            serving: Vec::new(),
        };
        let mut pair = Self {
            now: 0,
            connection: 1,
            sides: NODES.map(side),
            next: 0,
            deadlines: BTreeMap::new(),
            results: BTreeMap::new(),
            turned: BTreeSet::new(),
            executed: BTreeSet::new(),
        };
        for side in 0..2 {
            pair.tell(side, News::Serves("echo"));
        }
        pair
    }

    fn tell(&mut self, side: usize, news: News) {
        let mut all = std::mem::take(&mut self.sides[side].unsent);
        self.sides[side].refused = false;
        all.push(news);
        let now = self.time();
        let mut acts = Acts::default();
        self.sides[side].machine.step(now, Event(all), &mut acts);
        self.act(side, acts);
        if !self.sides[side].unsent.is_empty() {
            self.tell(side, News::Garbled(NODES[1 - side]));
        }
    }

    fn wake(&mut self, side: usize) {
        let now = self.time();
        let mut acts = Acts::default();
        self.sides[side].machine.wake(now, &mut acts);
        self.act(side, acts);
        if !self.sides[side].unsent.is_empty() {
            self.tell(side, News::Garbled(NODES[1 - side]));
        }
    }

    fn time(&self) -> Now {
        Now {
            monotonic: Instant::from_micros(self.now * 1_000),
            wall: Timestamp::from_millis(0),
        }
    }

    fn act(&mut self, side: usize, acts: Acts<Switchboard>) {
        for act in acts {
            let Act::Show(effect) = act else {
                panic!("{act:?}");
            };
            self.perform(side, effect);
        }
    }

    fn perform(&mut self, side: usize, effect: Effect) {
        match effect {
            Effect::Send { to, envelopes } => {
                assert_eq!(to, NODES[1 - side]);
                let here = &mut self.sides[side];
                if here.refused || here.is_full() {
                    here.refused = true;
                    here.wants_room = true;
                    let why = Unsent::NoPermit;
                    here.unsent.push(News::Unsent { to, envelopes, why });
                } else {
                    here.flying
                        .push_back((self.connection, encode(&envelopes).concat().into()));
                }
            }
            Effect::Conclude(all) => {
                for (ticket, result) in all {
                    assert!(self.sides[side].callers.remove(&ticket), "{ticket} twice");
                    let before = self.results.insert(ticket, result.err());
                    assert!(before.is_none(), "{ticket} has two results");
                }
            }
            Effect::Execute(all) => {
                for it in all {
                    let is_new = self.executed.insert(it.ticket);
                    assert!(is_new, "{} is executed twice", it.ticket);
                    self.sides[side].serving.push((it.from, it.ticket));
                }
                for from in NODES {
                    let of = self.sides[side].serving.iter().filter(|it| it.0 == from);
                    assert!(of.count() <= LIMITS.window.into(), "above the window");
                }
            }
            Effect::Drop(all) => self.sides[side].serving.retain(|it| !all.contains(it)),
            Effect::Mourn { .. } | Effect::Tell(..) => {}
        }
    }

    fn happen(&mut self, thing: Thing) {
        match thing {
            Thing::Ask(side, own, millis) => self.ask(side, own, millis),
            Thing::TurnAway(side, old) => {
                let callers = &mut self.sides[side].callers;
                let gone = if old {
                    callers.pop_first()
                } else {
                    callers.pop_last()
                };
                if let Some(ticket) = gone {
                    self.turned.insert(ticket);
                    self.tell(side, News::TurnedAway(ticket));
                }
            }
            Thing::Arrive(to) => self.arrive(to),
            Thing::Serve(side, old, answers) => {
                let serving = &mut self.sides[side].serving;
                if serving.is_empty() {
                    return;
                }
                let at = if old { 0 } else { serving.len() - 1 };
                let (from, ticket) = serving.remove(at);
                let outcome = if answers {
                    Outcome::Answer(Bytes::from(ticket.raw().to_le_bytes().to_vec()))
                } else {
                    Outcome::Lost
                };
                self.tell(
                    side,
                    News::Done {
                        from,
                        ticket,
                        outcome,
                    },
                );
            }
            Thing::Die(one, other) => {
                for (side, kept) in [(0, one), (1, other)] {
                    let died = self.connection;
                    let here = &mut self.sides[side];
                    let old = here.flying.iter().filter(|it| it.0 < died).count();
                    here.flying.truncate(old + kept);
                    here.deaths.push_back(died);
                }
                self.connection += 1;
            }
            Thing::Notice(side) => self.notice(side),
            Thing::Pass(millis) => {
                for _ in 0..millis {
                    self.now += 1;
                    self.wake(0);
                    self.wake(1);
                    self.nobody_is_late();
                }
            }
        }
    }

    fn ask(&mut self, side: usize, own: bool, millis: u64) {
        self.next += 1;
        let ticket = Ticket::new(self.next);
        self.deadlines.insert(ticket, self.now + millis);
        self.sides[side].callers.insert(ticket);
        let ask = Ask {
            ticket,
            to: NODES[if own { side } else { 1 - side }],
            service: "echo",
            body: Bytes::from(self.next.to_le_bytes().to_vec()),
            within: Duration::from_millis(millis),
        };
        self.tell(side, News::Asked(ask));
    }

    fn arrive(&mut self, to: usize) {
        let from = 1 - to;
        let Some((connection, _)) = self.sides[from].flying.front() else {
            return;
        };
        // A side hears of a death before it hears of what came after.
        if self.sides[to]
            .deaths
            .front()
            .is_some_and(|died| died < connection)
        {
            return self.notice(to);
        }
        if let Some((_, frame)) = self.sides[from].flying.pop_front() {
            let envelopes = decode(frame).unwrap();
            self.check_answers(&envelopes);
            let from = NODES[from];
            self.tell(to, News::Heard { from, envelopes });
        }
        let sender = &mut self.sides[from];
        if sender.wants_room && !sender.is_full() {
            sender.wants_room = false;
            self.tell(from, News::Room(NODES[to]));
        }
    }

    fn notice(&mut self, side: usize) {
        let from = 1 - side;
        if let Some(died) = self.sides[side].deaths.pop_front() {
            // Nothing of it arrives any more.
            self.sides[from].flying.retain(|it| it.0 > died);
            self.sides[side].died = died;
            self.sides[side].wants_room = false;
            self.tell(side, News::Down(NODES[from]));
        }
    }

    fn check_answers(&self, envelopes: &[Envelope]) {
        for envelope in envelopes {
            if let Envelope::Answer { id, body } = envelope {
                assert_eq!(
                    body.as_ref(),
                    id.raw().to_le_bytes(),
                    "an answer of another"
                );
            }
        }
    }

    fn nobody_is_late(&self) {
        for side in &self.sides {
            for ticket in &side.callers {
                assert!(self.deadlines[ticket] >= self.now, "{ticket} still waits");
            }
        }
    }

    /// Everything that was asked for has ended, and nothing was done that was said not to be.
    fn judge(&self) {
        for (ticket, error) in &self.results {
            match error {
                Some(CallError::Unknown(_)) | None => {}
                Some(other) => assert!(!self.executed.contains(ticket), "{ticket}: {other}"),
            }
            if error.is_none() {
                assert!(
                    self.executed.contains(ticket),
                    "{ticket} was answered by nobody"
                );
            }
        }
        let ended = self.results.len() + self.turned.len();
        assert_eq!(ended, self.deadlines.len(), "some calls have no end");
        for side in &self.sides {
            assert!(side.machine.calls.is_empty());
            for peer in side.machine.peers.values() {
                assert!(peer.serving.is_empty() && peer.waiting() == 0, "{peer:?}");
                assert!(peer.taken.values().all(|taken| *taken == 0), "{peer:?}");
                assert!(peer.lanes.values().all(|lane| lane.is_idle()), "{peer:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whatever_happens_each_call_ends_once_and_in_time(
        things in prop::collection::vec(thing(), 1..150),
    ) {
        let mut pair = Pair::new();
        for thing in things {
            pair.happen(thing);
        }
        // Peace: all that is under way arrives, and nobody asks any more.
        for _ in 0..3 {
            for side in 0..2 {
                while !pair.sides[side].deaths.is_empty() {
                    pair.happen(Thing::Notice(side));
                }
            }
            for side in [0, 1, 0, 1, 0, 1] {
                while !pair.sides[1 - side].flying.is_empty() {
                    pair.arrive(side);
                }
            }
            pair.happen(Thing::Pass(70));
        }
        pair.judge();
    }

    /// Without trouble everything is answered.
    #[test]
    fn in_peace_all_is_answered(count in 1..5_u64) {
        let mut pair = Pair::new();
        for _ in 0..count {
            pair.happen(Thing::Ask(0, false, 1_000));
        }
        for _ in 0..50 {
            pair.arrive(0);
            pair.arrive(1);
            pair.happen(Thing::Serve(1, true, true));
        }
        prop_assert!(pair.results.values().all(Option::is_none), "{:?}", pair.results);
        prop_assert_eq!(pair.results.len() as u64, count);
        pair.judge();
    }
}
