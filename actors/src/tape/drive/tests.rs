//! The drive's rules one by one, and beside a naive model; no real drive is asked.

use proptest::prelude::*;

use super::*;
use crate::kernel::Act;

#[derive(Default)]
struct World {
    drive: Drive,
    now: Now,
    /// Orders that the drive was given, the last of them maybe under way.
    given: Vec<Order>,
    is_under_way: bool,
    loans: Vec<(u64, Loan)>,
    said: Vec<String>,
    answers: usize,
}

impl World {
    fn step(&mut self, event: Event) {
        let mut acts = Acts::default();
        self.drive.step(self.now, event, &mut acts);
        self.note(acts);
    }

    fn note(&mut self, acts: Acts<Drive>) {
        for act in acts {
            let (Act::Start(effect) | Act::Show(effect)) = act;
            self.said.push(format!("{effect:?}"));
            match effect {
                Effect::Perform(order) => {
                    assert!(!self.is_under_way, "two orders at once");
                    self.is_under_way = true;
                    self.given.push(order);
                }
                Effect::Reset => self.is_under_way = false,
                Effect::Lend(ticket, loan) => self.loans.push((ticket.raw(), loan)),
                Effect::Answer(..) => self.answers += 1,
                Effect::Refuse(..) | Effect::Alarm(_) | Effect::Recovered => {}
            }
        }
    }

    fn acquire(&mut self, ticket: u64, purpose: Purpose) {
        let ticket = Ticket::new(ticket);
        self.step(Event::Acquire { ticket, purpose });
    }

    fn loan(&self) -> Loan {
        self.loans.last().map(|(_, loan)| *loan).unwrap_or_default()
    }

    fn order(&mut self, order: Order) {
        let (ticket, loan) = (Ticket::new(1), self.loan());
        self.step(Event::Do {
            ticket,
            loan,
            order,
        });
    }

    fn done(&mut self, done: Result<(), Trouble>) {
        self.is_under_way = false;
        self.step(Event::Done(done));
    }

    fn wake(&mut self) {
        self.now.monotonic = self.drive.deadline().unwrap();
        let mut acts = Acts::default();
        self.drive.wake(self.now, &mut acts);
        self.note(acts);
    }

    /// What was said since this was asked last.
    fn said(&mut self) -> String {
        std::mem::take(&mut self.said).join("; ")
    }

    /// One that is lent, and stands where it said.
    fn ready() -> Self {
        let mut world = Self::default();
        world.acquire(1, Purpose::Archive);
        world.order(Order::Load { is_new: false });
        world.done(Ok(()));
        world.order(Order::Position);
        world.done(Ok(()));
        world.said();
        world
    }
}

#[test]
fn restores_come_before_archives_and_else_who_came_first() {
    let mut world = World::default();
    world.acquire(1, Purpose::Archive);
    world.acquire(2, Purpose::Archive);
    world.acquire(3, Purpose::Restore);
    world.acquire(4, Purpose::Restore);
    world.step(Event::Leave(Ticket::new(4)));
    for _ in 0..3 {
        world.step(Event::Release(world.loan()));
    }
    let order: Vec<_> = world.loans.iter().map(|(ticket, _)| *ticket).collect();
    assert_eq!(order, [1, 3, 2]);
}

#[test]
fn an_older_loan_does_nothing_any_more() {
    let mut world = World::ready();
    let old = world.loan();
    world.acquire(2, Purpose::Archive);
    world.step(Event::Release(old));
    world.said();
    world.step(Event::Do {
        ticket: Ticket::new(9),
        loan: old,
        order: Order::Rewind,
    });
    assert_eq!(world.said(), "Answer(ticket-9, Err(NotYours))");
    world.step(Event::Release(old));
    assert_eq!(world.drive.loan(), Some(world.loan()));
}

#[test]
fn after_an_answer_that_was_lost_nothing_is_written_before_the_tape_was_found_again() {
    let mut world = World::ready();
    world.order(Order::Write);
    world.done(Err(Trouble::Unknown));
    world.order(Order::Write);
    assert_eq!(
        world.said(),
        "Perform(Write); Answer(ticket-1, Err(Trouble(Unknown))); \
         Answer(ticket-1, Err(NotThere))"
    );
    world.order(Order::Position);
    world.done(Ok(()));
    world.order(Order::Write);
    assert_eq!(world.given.last(), Some(&Order::Write));
}

#[test]
fn the_end_of_a_tape_is_a_place_and_no_fault() {
    let mut world = World::ready();
    world.order(Order::Write);
    world.done(Err(Trouble::Full));
    world.order(Order::Mark { flushes: true });
    assert!(world.is_under_way);
}

#[test]
fn what_cannot_be_read_is_read_three_times_more() {
    let mut world = World::ready();
    world.given.clear();
    world.order(Order::Read);
    for _ in 0..READS_MAX {
        world.done(Err(Trouble::CannotRead));
        world.wake();
    }
    assert_eq!(world.answers, 2);
    world.done(Err(Trouble::CannotRead));
    assert_eq!((world.answers, world.given.len()), (3, 4));
}

#[test]
fn a_drive_that_is_not_ready_is_asked_until_its_time_is_over() {
    let mut world = World::default();
    world.acquire(1, Purpose::Archive);
    world.order(Order::Load { is_new: false });
    let limit = Order::Load { is_new: false }.limit();
    while world.is_under_way {
        world.done(Err(Trouble::NotReadyYet));
        world.wake();
    }
    assert_eq!(world.now.monotonic, Instant::default() + limit);
    assert_eq!(world.drive.health, Health::Hung);
}

#[test]
fn a_drive_that_hangs_is_left_alone_and_whoever_waits_hears_it() {
    let mut world = World::ready();
    world.acquire(2, Purpose::Restore);
    world.order(Order::Locate);
    world.said();
    world.wake();
    assert_eq!(
        world.said(),
        "Reset; Alarm(Hung); Refuse(ticket-2, OutOfService(Hung)); \
         Answer(ticket-1, Err(Trouble(Hung)))"
    );
    // What it says much later is nobody's.
    world.step(Event::Done(Ok(())));
    world.acquire(3, Purpose::Restore);
    assert_eq!(world.said(), "Refuse(ticket-3, OutOfService(Hung))");
    world.step(Event::Mended);
    assert_eq!(world.said(), "Recovered");
    world.step(Event::Mended);
    assert_eq!(world.said(), "", "it is in service");
    world.step(Event::Release(world.loan()));
    world.acquire(4, Purpose::Restore);
    assert_eq!(world.loans.last().unwrap().0, 4);
}

#[test]
fn a_dirty_drive_is_lent_to_nobody_until_it_was_cleaned() {
    let mut world = World::ready();
    world.order(Order::Write);
    world.done(Err(Trouble::Dirty));
    world.acquire(2, Purpose::Archive);
    assert!(
        world
            .said()
            .ends_with("Refuse(ticket-2, OutOfService(NeedsCleaning))")
    );
}

fn trouble() -> impl Strategy<Value = Result<(), Trouble>> {
    let all = [
        Trouble::Empty,
        Trouble::NotReadyYet,
        Trouble::Changed,
        Trouble::Unknown,
        Trouble::CannotWrite,
        Trouble::CannotRead,
        Trouble::Full,
        Trouble::WriteProtected,
        Trouble::NoKey,
        Trouble::Aborted,
        Trouble::Broken,
        Trouble::Dirty,
        Trouble::Reserved,
    ];
    prop_oneof![
        2 => Just(Ok(())),
        1 => (0..all.len()).prop_map(move |it| Err(all[it])),
    ]
}

fn order() -> impl Strategy<Value = Order> {
    prop_oneof![
        1 => Just(Order::Load { is_new: false }),
        1 => Just(Order::Position),
        4 => Just(Order::Write),
        1 => Just(Order::Mark { flushes: true }),
        1 => Just(Order::Read),
        1 => Just(Order::Locate),
        1 => Just(Order::Rewind),
        1 => Just(Order::Unload),
    ]
}

proptest! {
    /// A naive model: a tape that was lost is found by a look or a way to a known place alone.
    #[test]
    fn nothing_is_written_on_a_tape_that_was_lost_and_every_order_is_answered_once(
        steps in prop::collection::vec((order(), trouble(), any::<bool>()), 0..80),
    ) {
        let mut world = World::default();
        let mut found = false;
        for (before, (order, done, hangs)) in steps.into_iter().enumerate() {
            prop_assert_eq!(world.answers, before);
            if world.drive.loan().is_none() {
                world.step(Event::Mended);
                world.acquire(1, Purpose::Archive);
                found = false;
            }
            let given = world.given.len();
            world.order(order);
            if world.given.len() > given {
                prop_assert!(!order.writes() || found, "{order:?}");
            }
            while world.is_under_way {
                if hangs {
                    world.wake();
                    found = false;
                    continue;
                }
                world.done(done);
                let kept = matches!(
                    done,
                    Err(Trouble::Full | Trouble::WriteProtected | Trouble::NoKey | Trouble::Dirty)
                );
                found = match order {
                    Order::Position | Order::Rewind | Order::Locate => done.is_ok(),
                    Order::Load { .. } | Order::Unload => false,
                    Order::Write | Order::Mark { .. } | Order::Read | Order::Erase => {
                        found && (done.is_ok() || kept)
                    }
                };
                if world.drive.deadline().is_some() {
                    world.wake();
                }
            }
            if world.drive.health != Health::Well {
                world.step(Event::Release(world.loan()));
            }
        }
    }
}
