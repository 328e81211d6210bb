//! The changer beside a robot that fails in every way; no real one is asked.

use proptest::prelude::*;

use super::*;
use crate::kernel::Act;

const PICKER: Element = Element(0);
const DRIVE: Element = Element(1);
const PLACES: u16 = 5;

/// What the robot does with an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// Moves, and says so.
    None,
    /// Moves, and the answer is lost.
    Unheard,
    /// Does nothing, and says that something went wrong.
    Refuses,
    /// Takes it up, and stops.
    HalfWay,
}

/// A robot, the changer that orders it about, and what is durable.
struct World {
    changer: Changer,
    durable: Vec<Record>,
    now: Now,
    places: BTreeMap<Element, Held>,
    faults: VecDeque<Fault>,
    orders: Vec<(Element, Element)>,
    answers: Vec<(u64, Result<(), Failed>)>,
    vanished: usize,
    /// What the changer waits for.
    work: VecDeque<Effect>,
}

fn tape(number: u16) -> Held {
    Held::Cartridge(Barcode::parse(&format!("BK000{number}L9")).ok())
}

impl World {
    /// The arm, a drive and three slots, two of them with cartridges.
    fn new() -> Self {
        let mut places: BTreeMap<_, _> =
            (0..PLACES).map(|it| (Element(it), Held::Nothing)).collect();
        places.insert(Element(2), tape(2));
        places.insert(Element(3), tape(3));
        Self {
            changer: Changer::default(),
            durable: Vec::new(),
            now: Now::default(),
            places,
            faults: VecDeque::new(),
            orders: Vec::new(),
            answers: Vec::new(),
            vanished: 0,
            work: VecDeque::new(),
        }
    }

    fn step(&mut self, event: Event) {
        let mut acts = Acts::default();
        self.changer.step(self.now, event, &mut acts);
        self.note(acts);
    }

    fn note(&mut self, acts: Acts<Changer>) {
        for act in acts {
            match act {
                Act::Persist(record) => self.durable.push(record),
                Act::Start(effect) | Act::Show(effect) => match effect {
                    Effect::Answer(ticket, outcome) => self.answers.push((ticket.raw(), outcome)),
                    Effect::Vanished(_) => self.vanished += 1,
                    Effect::Twins(_) => {}
                    Effect::Ask | Effect::Go { .. } => self.work.push_back(effect),
                },
            }
        }
    }

    fn go(&mut self, from: u16, to: u16) {
        let ticket = Ticket::new(self.orders.len() as u64);
        let (from, to) = (Element(from), Element(to));
        self.step(Event::Move { ticket, from, to });
    }

    /// Does what the changer waits for; whether there was anything.
    fn works(&mut self) -> bool {
        assert!(self.work.len() < 2, "one thing at a time: {:?}", self.work);
        match self.work.pop_front() {
            None => return false,
            Some(Effect::Go { from, to }) => {
                self.orders.push((from, to));
                let fault = self.faults.pop_front().unwrap_or(Fault::None);
                self.obeys(fault, from, to);
                self.step(Event::Moved(fault == Fault::None));
            }
            Some(_) => {
                let (picker, places) = (PICKER, self.places.clone());
                self.step(Event::Status(Some(Inventory { picker, places })));
            }
        }
        true
    }

    fn obeys(&mut self, fault: Fault, from: Element, to: Element) {
        let to = match fault {
            Fault::None | Fault::Unheard => to,
            Fault::Refuses => return,
            Fault::HalfWay => PICKER,
        };
        let held = self.places.insert(from, Held::Nothing).unwrap();
        assert!(
            matches!(held, Held::Cartridge(_)),
            "an order to move nothing"
        );
        let taken = self.places.insert(to, held);
        assert!(
            taken == Some(Held::Nothing),
            "an order to move onto another"
        );
    }

    /// The process ends and begins again with what is durable.
    fn crash(&mut self) {
        self.work.clear();
        self.changer = Changer::default();
        for record in &self.durable {
            self.changer.apply(record);
        }
        let mut acts = Acts::default();
        self.changer.wake(self.now, &mut acts);
        self.note(acts);
    }

    fn settles(&mut self) {
        for _ in 0..100 {
            if !self.works() {
                return;
            }
        }
        panic!("it never comes to rest");
    }
}

#[test]
fn a_cartridge_is_moved_once_and_what_is_known_needs_no_asking() {
    let mut world = World::new();
    world.go(2, 1);
    world.settles();
    world.go(1, 4);
    world.settles();
    assert_eq!(world.orders, [(Element(2), DRIVE), (DRIVE, Element(4))]);
    assert_eq!(world.places[&Element(4)], tape(2));
    assert_eq!(world.answers, [(0, Ok(())), (1, Ok(()))]);
}

#[test]
fn a_move_whose_answer_was_lost_is_looked_for_and_not_done_again() {
    let mut world = World::new();
    world.faults.push_back(Fault::Unheard);
    world.go(2, 1);
    world.settles();
    assert_eq!(
        (world.orders.len(), &world.answers[..]),
        (1, &[(0, Ok(()))][..])
    );
}

#[test]
fn a_move_that_the_robot_did_not_make_is_answered_so() {
    let mut world = World::new();
    world.faults.push_back(Fault::Refuses);
    world.go(2, 1);
    world.settles();
    assert_eq!(world.answers, [(0, Err(Failed::NotMoved))]);
    assert_eq!(world.orders.len(), 1);
}

#[test]
fn one_that_was_left_on_the_arm_goes_on_to_where_it_should() {
    let mut world = World::new();
    world.faults.push_back(Fault::HalfWay);
    world.go(2, 1);
    world.settles();
    assert_eq!(world.orders, [(Element(2), DRIVE), (PICKER, DRIVE)]);
    assert_eq!(world.answers, [(0, Ok(()))]);
}

#[test]
fn one_that_stays_on_the_arm_is_said() {
    let mut world = World::new();
    world.faults.extend([Fault::HalfWay, Fault::Refuses]);
    world.go(2, 1);
    world.settles();
    assert_eq!(world.answers, [(0, Err(Failed::OnTheArm))]);
}

#[test]
fn one_that_is_nowhere_is_said_to_the_operator() {
    let mut world = World::new();
    world.faults.push_back(Fault::Refuses);
    world.go(2, 1);
    assert!(world.works());
    world.places.insert(Element(2), Held::Nothing);
    assert!(world.works());
    world.places.insert(Element(2), Held::Nothing);
    world.settles();
    assert_eq!(
        (world.vanished, &world.answers[..]),
        (1, &[(0, Err(Failed::Vanished))][..])
    );
}

#[test]
fn what_makes_no_sense_is_refused_before_the_robot_hears_of_it() {
    let mut world = World::new();
    for (from, to) in [(4, 1), (2, 3), (9, 1), (2, 9)] {
        world.go(from, to);
        world.settles();
    }
    let said: Vec<_> = world
        .answers
        .iter()
        .map(|(_, it)| it.unwrap_err())
        .collect();
    let expected = [
        Failed::FromEmpty,
        Failed::ToTaken,
        Failed::NoPlace,
        Failed::NoPlace,
    ];
    assert_eq!((said.as_slice(), world.orders.len()), (&expected[..], 0));
}

#[test]
fn what_people_did_behind_its_door_is_asked_for_before_a_move_is_refused() {
    let mut world = World::new();
    world.go(2, 1);
    world.settles();
    // Somebody takes a cartridge out of its slot, and puts one where another came from.
    world.places.insert(Element(3), Held::Nothing);
    world.places.insert(Element(2), tape(3));
    world.go(1, 3);
    world.settles();
    world.go(1, 2);
    world.settles();
    let refused = Err(Failed::FromEmpty);
    assert_eq!(world.answers, [(0, Ok(())), (1, Ok(())), (2, refused)]);
}

#[test]
fn of_two_with_one_barcode_neither_is_moved() {
    let mut world = World::new();
    world.places.insert(Element(4), tape(2));
    world.go(2, 1);
    world.settles();
    world.go(3, 1);
    world.settles();
    assert_eq!(world.answers, [(0, Err(Failed::Twin)), (0, Ok(()))]);
}

#[test]
fn a_robot_that_does_not_say_where_things_are_is_asked_again_later() {
    let mut world = World::new();
    world.go(2, 1);
    world.work.clear();
    world.step(Event::Status(None));
    assert!(world.work.is_empty());
    let due = world.changer.deadline().unwrap();
    assert_eq!(due, Instant::default() + ASK_AGAIN);
    world.now.monotonic = due;
    let mut acts = Acts::default();
    world.changer.wake(world.now, &mut acts);
    world.note(acts);
    world.settles();
    assert_eq!(world.answers, [(0, Ok(()))]);
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        Just(Fault::None),
        Just(Fault::Unheard),
        Just(Fault::Refuses),
        Just(Fault::HalfWay),
    ]
}

proptest! {
    /// The robot itself refuses in [`World::obeys`] what would break a cartridge.
    #[test]
    fn whatever_fails_and_whenever_it_ends_no_move_is_made_twice_and_no_cartridge_is_lost(
        moves in prop::collection::vec((0..PLACES, 0..PLACES, fault(), 0..4_usize), 0..30),
    ) {
        let mut world = World::new();
        for (from, to, fault, crash_after) in moves {
            if world.places[&PICKER] != Held::Nothing {
                // Somebody opens the library and puts it where there is room.
                let held = world.places.insert(PICKER, Held::Nothing).unwrap();
                let room = world.places.iter().position(|(at, it)| {
                    *at != PICKER && *it == Held::Nothing
                });
                world.places.insert(Element(u16::try_from(room.unwrap()).unwrap()), held);
                world.crash();
                world.settles();
            }
            let before = world.orders.len();
            world.faults.push_back(fault);
            world.go(from, to);
            for _ in 0..crash_after {
                world.works();
            }
            if crash_after < 3 {
                world.crash();
            }
            world.settles();
            world.faults.clear();
            let again = &world.orders[before..];
            let given = again.iter().filter(|order| **order == (Element(from), Element(to)));
            prop_assert!(given.count() < 2, "{again:?}");
            let cartridges = world.places.values().filter(|it| matches!(it, Held::Cartridge(_)));
            prop_assert_eq!(cartridges.count(), 2);
            prop_assert_eq!(world.vanished, 0);
            prop_assert!(world.changer.intent.is_none() && world.changer.ticket.is_none());
        }
    }
}
