//! What a plan does to a fleet, each thing at its time.

use std::collections::BTreeMap;

use holdfast_actors::kernel::NodeId;

use super::Fleet;
use crate::disk::Faults;
use crate::plan::{End, Mishap, Rot, Timed, Ways};
use crate::trace::Micros;

const MILLI: Micros = 1_000;

/// The identity of a member of a plan.
pub(crate) fn member(number: u32) -> NodeId {
    NodeId::new(u64::from(number) + 1)
}

/// What is still to come.
pub(crate) struct Timetable {
    mishaps: Vec<Timed>,
    done: usize,
    members: u32,
    later: BTreeMap<(Micros, u64), Later>,
    last: u64,
}

/// What follows from a mishap.
enum Later {
    Start(NodeId, Option<Again>),
    Crash(NodeId, Again),
    Wake(NodeId),
    Answer(NodeId),
}

/// A crash, and how often it comes again soon after the start that follows.
#[derive(Clone, Copy)]
struct Again {
    end: End,
    off: Micros,
    times: u32,
    after: Micros,
}

impl Timetable {
    /// The mishaps of a plan with so many members.
    pub(crate) fn new(mishaps: Vec<Timed>, members: u32) -> Self {
        Self {
            mishaps,
            done: 0,
            members,
            later: BTreeMap::new(),
            last: 0,
        }
    }

    /// Lets the fleet run until then, and all that is due happen.
    pub(crate) fn run_until(&mut self, fleet: &mut Fleet, then: Micros) {
        while fleet.now() < then {
            let next = self.next().map_or(then, |next| next.min(then));
            for node in fleet.run_until(next) {
                self.later(fleet.now() + fleet.rest(node), Later::Start(node, None));
            }
            self.happen(fleet);
        }
    }

    /// Nothing goes wrong any more; who is off stays off, who sleeps stays asleep.
    pub(crate) fn forget(&mut self) {
        self.mishaps.clear();
        self.done = 0;
        self.later.clear();
    }

    fn next(&self) -> Option<Micros> {
        let mishap = self.mishaps.get(self.done).map(|timed| timed.at * MILLI);
        let later = self.later.keys().next().map(|(at, _)| *at);
        mishap.into_iter().chain(later).min()
    }

    fn happen(&mut self, fleet: &mut Fleet) {
        while let Some(first) = self.later.first_entry() {
            if first.key().0 > fleet.now() {
                break;
            }
            let later = first.remove();
            self.follow(fleet, later);
        }
        while let Some(timed) = self.mishaps.get(self.done).cloned() {
            if timed.at * MILLI > fleet.now() {
                break;
            }
            self.done += 1;
            let mishap = &timed.mishap;
            fleet.log.say(fleet.now(), format_args!("mishap: {mishap}"));
            self.strike(fleet, timed.mishap);
        }
    }

    fn follow(&mut self, fleet: &mut Fleet, later: Later) {
        match later {
            Later::Start(node, again) => {
                fleet.start(node);
                if let Some(again) = again.filter(|again| again.times > 0) {
                    let times = again.times - 1;
                    let again = Again { times, ..again };
                    self.later(fleet.now() + again.after, Later::Crash(node, again));
                }
            }
            Later::Crash(node, again) => self.crash(fleet, node, again),
            Later::Wake(node) => fleet.wake(node),
            Later::Answer(node) => fleet.hang(node, false),
        }
    }

    fn crash(&mut self, fleet: &mut Fleet, node: NodeId, again: Again) {
        fleet.crash(node, Some(again.end));
        self.later(fleet.now() + again.off, Later::Start(node, Some(again)));
    }

    fn part(&self, fleet: &Fleet, side: &[u32], ways: Ways) {
        let now = fleet.now();
        let others = (0..self.members).filter(|member| !side.contains(member));
        for other in others.map(member) {
            for one in side.iter().copied().map(member) {
                if matches!(ways, Ways::Both | Ways::Out) {
                    fleet.network.cut(one, other, now);
                }
                if matches!(ways, Ways::Both | Ways::In) {
                    fleet.network.cut(other, one, now);
                }
            }
        }
    }

    fn later(&mut self, at: Micros, later: Later) {
        self.last += 1;
        self.later.insert((at, self.last), later);
    }

    fn strike(&mut self, fleet: &mut Fleet, mishap: Mishap) {
        let now = fleet.now();
        match mishap {
            Mishap::Crash {
                node,
                end,
                off,
                again,
                after,
            } => {
                let (off, after) = (off * MILLI, after * MILLI);
                let again = Again {
                    end,
                    off,
                    times: again,
                    after,
                };
                self.crash(fleet, member(node), again);
            }
            Mishap::Part { side, ways } => self.part(fleet, &side, ways),
            Mishap::Heal => fleet.network.heal(now),
            Mishap::Kill { one, other } => fleet.kill(member(one), member(other), true),
            Mishap::Forget { node, peer } => fleet.kill(member(node), member(peer), false),
            Mishap::Slow { one, other, times } => {
                fleet.network.slow(member(one), member(other), times);
            }
            Mishap::Sleep { node, millis } => {
                fleet.sleep(member(node));
                self.later(now + millis * MILLI, Later::Wake(member(node)));
            }
            Mishap::Hang { node, millis } => {
                fleet.hang(member(node), true);
                self.later(now + millis * MILLI, Later::Answer(member(node)));
            }
            Mishap::Drag { node, times } => fleet.drag(member(node), times),
            Mishap::Disk {
                node,
                syncs,
                writes,
                full_kib,
            } => fleet.spoil(
                member(node),
                Faults {
                    capacity: full_kib.map(|kib| kib << 10),
                    failing_syncs: syncs,
                    failing_writes: writes,
                    ..Faults::default()
                },
            ),
            Mishap::Rot {
                node,
                bits,
                sectors,
            } => fleet.rot(member(node), Rot { bits, sectors }),
            Mishap::Order { node, order } => fleet.order(member(node), order),
            Mishap::Term { tenant, days } => fleet.term(tenant, days),
            Mishap::Step { node, by } => fleet.step_wall(member(node), by),
        }
    }
}
