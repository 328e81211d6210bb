//! Two pairs and all that may happen between them, in any order.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// What is on its way to an end.
#[derive(Clone, Copy, Debug)]
enum Mail {
    Hello { attempt: u64 },
    Answer { attempt: u64, given_up: u64 },
    Closed(Way),
}

/// Two ends; a connection is known by who dialled it and by its attempt.
struct Pairs {
    ends: [Pair; 2],
    mail: Vec<(usize, Mail)>,
    used: [Option<Way>; 2],
    downs: [u32; 2],
    dead: BTreeSet<(usize, u64)>,
}

impl Pairs {
    fn new() -> Self {
        Self {
            ends: [Pair::new(true), Pair::new(false)],
            mail: Vec::new(),
            used: [None; 2],
            downs: [0; 2],
            dead: BTreeSet::new(),
        }
    }

    /// The connection, by who dialled it.
    fn key(end: usize, way: Way) -> (usize, u64) {
        match way {
            Way::Dialled(attempt) => (end, attempt),
            Way::Offered(attempt) => (1 - end, attempt),
        }
    }

    fn mirrored(way: Way) -> Way {
        match way {
            Way::Dialled(attempt) => Way::Offered(attempt),
            Way::Offered(attempt) => Way::Dialled(attempt),
        }
    }

    fn step(&mut self, end: usize, event: Event) {
        let mut effects = Vec::new();
        self.ends[end].step(event, &mut effects);
        for effect in effects {
            match effect {
                Effect::Dial { attempt } => self.mail.push((1 - end, Mail::Hello { attempt })),
                Effect::Use { way, given_up } => {
                    assert_eq!(self.used[end], None, "one connection at a time");
                    self.used[end] = Some(way);
                    if let Way::Offered(attempt) = way {
                        let answer = Mail::Answer { attempt, given_up };
                        self.mail.push((1 - end, answer));
                    }
                }
                Effect::Decline(way) => self.close(end, way),
                Effect::End(way) => {
                    assert_eq!(self.used[end].take(), Some(way));
                    self.close(end, way);
                }
                Effect::Down => {
                    self.used[end] = None;
                    self.downs[end] += 1;
                }
            }
        }
    }

    /// An end closes a connection: the other hears of it behind all that was said on it.
    fn close(&mut self, end: usize, way: Way) {
        if self.dead.insert(Self::key(end, way)) {
            self.mail.push((1 - end, Mail::Closed(Self::mirrored(way))));
        }
    }

    /// A connection dies in the middle: both hear of it.
    fn cut(&mut self, end: usize, way: Way) {
        if self.dead.insert(Self::key(end, way)) {
            self.mail.push((end, Mail::Closed(way)));
            self.mail.push((1 - end, Mail::Closed(Self::mirrored(way))));
        }
    }

    /// Delivers one piece of mail; those of one connection to one end keep their order.
    fn deliver(&mut self, nth: usize) {
        let key = |(end, mail): &(usize, Mail)| match *mail {
            Mail::Hello { attempt } => (*end, Self::key(*end, Way::Offered(attempt))),
            Mail::Answer { attempt, .. } => (*end, Self::key(*end, Way::Dialled(attempt))),
            Mail::Closed(way) => (*end, Self::key(*end, way)),
        };
        let chosen = key(&self.mail[nth % self.mail.len()]);
        let first = self.mail.iter().position(|one| key(one) == chosen).unwrap();
        let (end, mail) = self.mail.remove(first);
        let life = Life::default();
        match mail {
            Mail::Hello { attempt } => {
                let way = Way::Offered(attempt);
                self.step(end, Event::Offered(Offer { way, attempt }, life));
            }
            Mail::Answer { attempt, given_up } => {
                let answered = Event::Answered {
                    attempt,
                    given_up,
                    life,
                };
                self.step(end, answered);
            }
            Mail::Closed(way) => {
                self.step(end, Event::Died(way));
                self.step(end, Event::Withdrawn(way));
                if let Way::Dialled(attempt) = way {
                    self.step(end, Event::Failed { attempt });
                }
            }
        }
    }

    fn settle(&mut self) {
        while !self.mail.is_empty() {
            self.deliver(0);
        }
    }

    fn is_joined(&self) -> bool {
        let [one, other] = self.used;
        one.is_some() && one.map(Self::mirrored) == other
    }
}

#[derive(Clone, Debug)]
enum Move {
    Want(usize),
    Deliver(usize),
    Cut(usize),
    Told(usize),
}

fn moves(faults: bool) -> impl Strategy<Value = Vec<Move>> {
    let calm = prop_oneof![
        (0..2_usize).prop_map(Move::Want),
        (0..20_usize).prop_map(Move::Deliver),
    ];
    let rough = prop_oneof![
        2 => (0..2_usize).prop_map(Move::Want),
        4 => (0..20_usize).prop_map(Move::Deliver),
        1 => (0..2_usize).prop_map(Move::Cut),
        1 => (0..2_usize).prop_map(Move::Told),
    ];
    let one = if faults { rough.boxed() } else { calm.boxed() };
    prop::collection::vec(one, 0..60)
}

fn play(pairs: &mut Pairs, moves: Vec<Move>) {
    for one in moves {
        match one {
            Move::Want(end) => pairs.step(end, Event::Wanted),
            Move::Deliver(nth) if !pairs.mail.is_empty() => pairs.deliver(nth),
            Move::Deliver(_) => {}
            Move::Cut(end) => {
                let dialled = pairs.ends[end].attempt;
                let way = pairs.used[end].unwrap_or(Way::Dialled(dialled));
                if way != Way::Dialled(0) {
                    pairs.cut(end, way);
                }
            }
            Move::Told(end) => pairs.step(end, Event::Told),
        }
    }
}

proptest! {
    #[test]
    fn while_nothing_fails_nobody_hears_of_a_death(moves in moves(false)) {
        let mut pairs = Pairs::new();
        play(&mut pairs, moves);
        pairs.step(0, Event::Wanted);
        pairs.settle();
        prop_assert!(pairs.is_joined(), "{:?}", pairs.used);
        prop_assert_eq!(pairs.downs, [0, 0]);
    }

    #[test]
    fn whatever_fails_two_that_want_to_talk_find_one_connection(
        moves in moves(true),
        who in 0..2_usize,
    ) {
        let mut pairs = Pairs::new();
        play(&mut pairs, moves);
        // A last death may lie between: what was answered to an end that had given up.
        for _ in 0..3 {
            pairs.settle();
            for end in 0..2 {
                while pairs.ends[end].sends_in_vain() {
                    pairs.step(end, Event::Told);
                }
            }
            pairs.step(who, Event::Wanted);
        }
        pairs.settle();
        prop_assert!(pairs.is_joined(), "{:?} {:?}", pairs.used, pairs.ends);
    }
}

#[test]
fn of_two_that_dial_at_once_the_lower_wins() {
    let mut pairs = Pairs::new();
    pairs.step(0, Event::Wanted);
    pairs.step(1, Event::Wanted);
    pairs.settle();
    assert_eq!(pairs.used, [Some(Way::Dialled(1)), Some(Way::Offered(1))]);
    assert_eq!(pairs.downs, [0, 0]);
}

#[test]
fn where_only_the_higher_gets_through_its_attempt_serves() {
    let mut pair = Pair::new(true);
    let mut effects = Vec::new();
    pair.step(Event::Wanted, &mut effects);
    let way = Way::Offered(5);
    let offer = Offer { way, attempt: 1 };
    pair.step(Event::Offered(offer, Life::default()), &mut effects);
    pair.step(Event::Failed { attempt: 1 }, &mut effects);
    let expected = [
        Effect::Dial { attempt: 1 },
        Effect::Use { way, given_up: 1 },
    ];
    assert_eq!(effects, expected);
}

#[test]
fn a_peer_that_begins_anew_ends_what_it_had_and_is_not_hindered_by_its_old_numbers() {
    let mut pair = Pair::new(true);
    let mut effects = Vec::new();
    let offered = |place, attempt, count| {
        let way = Way::Offered(place);
        Event::Offered(Offer { way, attempt }, Life { count, salt: 0 })
    };
    pair.step(offered(1, 9, 1), &mut effects);
    pair.step(offered(2, 9, 1), &mut effects);
    pair.step(offered(3, 1, 2), &mut effects);
    let expected = [
        Effect::Use {
            way: Way::Offered(1),
            given_up: 0,
        },
        Effect::Decline(Way::Offered(2)),
        Effect::End(Way::Offered(1)),
        Effect::Down,
        Effect::Use {
            way: Way::Offered(3),
            given_up: 0,
        },
    ];
    assert_eq!(effects, expected);
    assert!(pair.sends_in_vain());
}

#[test]
fn an_offer_made_after_the_answer_says_that_what_was_answered_is_dead() {
    for (given_up, expected) in [(4, Way::Offered(9)), (5, Way::Dialled(1))] {
        let mut pair = Pair::new(true);
        let mut effects = Vec::new();
        let (way, attempt, life) = (Way::Offered(9), 5, Life::default());
        pair.step(Event::Wanted, &mut effects);
        pair.step(Event::Offered(Offer { way, attempt }, life), &mut effects);
        let answered = Event::Answered {
            attempt: 1,
            given_up,
            life,
        };
        pair.step(answered, &mut effects);
        let used = effects.iter().find_map(|effect| match effect {
            Effect::Use { way, .. } => Some(*way),
            Effect::Dial { .. } | Effect::Decline(_) | Effect::End(_) | Effect::Down => None,
        });
        assert_eq!(used, Some(expected));
        assert_eq!(effects.len(), 3, "the other is declined: {effects:?}");
    }
}
