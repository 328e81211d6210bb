//! By which gateway an agent goes, and by which next when that one fails.
//!
//! Invariant: it goes by a spare one only if each of the others has failed and rests.

use std::time::Duration;

use crate::kernel::Instant;

/// How long one that failed is passed over while there is another.
const REST: Duration = Duration::from_secs(30);
/// One has to have so many clients more than another before it is left for that one.
const SLACK: u64 = 4;

/// One gateway, as the agent was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// Its address: a host and a port.
    pub address: String,
    /// Whether it is for the time when none of the others is there.
    pub is_spare: bool,
    /// How many clients it had then.
    pub load: u64,
}

/// The gateways that an agent knows, and where it is.
#[derive(Clone, Debug)]
pub struct Itinerary {
    /// The best first; the one that a person named is the last, if nobody else named it.
    stops: Vec<(Stop, Option<Instant>)>,
    named: String,
    at: usize,
}

impl Itinerary {
    /// Begins at the one that a person named.
    pub fn new(named: String) -> Self {
        let stop = Stop {
            address: named.clone(),
            is_spare: false,
            load: 0,
        };
        Self {
            stops: vec![(stop, None)],
            named,
            at: 0,
        }
    }

    /// Where it is.
    pub fn current(&self) -> &str {
        self.stops
            .get(self.at)
            .map_or(self.named.as_str(), |(stop, _)| &stop.address)
    }

    /// How many it knows.
    pub const fn count(&self) -> usize {
        self.stops.len()
    }

    /// Takes a new list in, best first. It stays where it is if that is listed, and not much worse
    /// than the best; or if that is the one that a person named, which may be a name for others.
    pub fn learn(&mut self, listed: Vec<Stop>) {
        let here = self.current().to_owned();
        let failed = |address: &str| {
            let known = self.stops.iter().find(|(stop, _)| stop.address == address);
            known.and_then(|(_, failed)| *failed)
        };
        let named = Stop {
            address: self.named.clone(),
            is_spare: false,
            load: 0,
        };
        let is_listed = |address: &str| listed.iter().any(|stop| stop.address == address);
        let more = (!is_listed(&self.named)).then_some(named);
        let stops = listed.iter().cloned().chain(more);
        let stops = stops.map(|stop| {
            let failed = failed(&stop.address);
            (stop, failed)
        });
        let stops: Vec<_> = stops.collect();
        let stays = stops.iter().position(|(stop, _)| stop.address == here);
        let best = stops.iter().position(|(_, failed)| failed.is_none());
        let load = |at: usize| stops.get(at).map_or(0, |(stop, _)| stop.load);
        self.at = match (stays, best) {
            (Some(here), Some(best)) => {
                let is_spare = |at: usize| stops.get(at).is_some_and(|(stop, _)| stop.is_spare);
                let leaves_spare = is_spare(here) && !is_spare(best);
                let is_better = is_spare(here) == is_spare(best)
                    && load(here) > load(best).saturating_mul(2).saturating_add(SLACK);
                if leaves_spare || is_better {
                    best
                } else {
                    here
                }
            }
            (Some(here), None) => here,
            (None, best) => best.unwrap_or(0),
        };
        self.stops = stops;
    }

    /// The one at this address failed. If it is there, it goes on to the next.
    pub fn failed(&mut self, now: Instant, address: &str) {
        for (stop, failed) in &mut self.stops {
            if stop.address == address {
                *failed = Some(now);
            }
        }
        if self.current() != address {
            return;
        }
        let fit = |(_, failed): &(Stop, Option<Instant>)| {
            failed.is_none_or(|failed| failed + REST <= now)
        };
        let stops = || self.stops.iter().enumerate();
        let regular = stops().find(|(_, it)| !it.0.is_spare && fit(it));
        let spare = || stops().find(|(_, it)| it.0.is_spare && fit(it));
        // All have failed: another, the one that had the longest rest.
        let others = || stops().filter(|(_, (stop, _))| stop.address != address);
        let rested = || others().min_by_key(|(at, (_, failed))| (*failed, *at));
        let next = regular.or_else(spare).or_else(rested);
        self.at = next.map_or(0, |(at, _)| at);
    }

    /// The one at this address answers.
    pub fn answered(&mut self, address: &str) {
        for (stop, failed) in &mut self.stops {
            if stop.address == address {
                *failed = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stop(address: &str, is_spare: bool, load: u64) -> Stop {
        Stop {
            address: address.to_owned(),
            is_spare,
            load,
        }
    }

    fn at(seconds: u64) -> Instant {
        Instant::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn it_goes_round_and_comes_back_after_a_rest() {
        let mut way = Itinerary::new("a".to_owned());
        way.failed(at(0), "a");
        assert_eq!(way.current(), "a", "there is no other");
        way.learn(vec![
            stop("a", false, 0),
            stop("b", false, 0),
            stop("c", true, 0),
        ]);
        way.failed(at(1), "a");
        assert_eq!(way.current(), "b");
        way.failed(at(2), "a");
        assert_eq!(way.current(), "b", "it is not there any more");
        way.failed(at(3), "b");
        assert_eq!(way.current(), "c", "the others rest");
        way.failed(at(4), "c");
        assert_eq!(way.current(), "a", "it has rested longest");
        way.failed(at(40), "a");
        assert_eq!(way.current(), "b", "it has rested long enough");
    }

    #[test]
    fn it_goes_to_the_least_loaded_if_that_is_worth_it() {
        let mut way = Itinerary::new("a".to_owned());
        way.learn(vec![stop("b", false, 1), stop("a", false, 5)]);
        assert_eq!(way.current(), "a");
        way.learn(vec![stop("b", false, 1), stop("a", false, 7)]);
        assert_eq!(way.current(), "b");
    }

    #[test]
    fn it_leaves_a_spare_one_when_another_is_there() {
        let mut way = Itinerary::new("free".to_owned());
        way.learn(vec![stop("own", false, 9), stop("free", true, 0)]);
        assert_eq!(way.current(), "own");
    }

    #[derive(Clone, Debug)]
    enum Step {
        Learn(Vec<(u8, bool, u64)>),
        Fail(u64),
        Pass(u64),
        Answer,
    }

    fn step() -> impl Strategy<Value = Step> {
        let listed = prop::collection::vec((0..5_u8, any::<bool>(), 0..20_u64), 0..5);
        prop_oneof![
            1 => listed.prop_map(Step::Learn),
            4 => (0..3_u64).prop_map(Step::Fail),
            2 => (0..40_u64).prop_map(Step::Pass),
            1 => Just(Step::Answer),
        ]
    }

    proptest! {
        #[test]
        fn a_failure_leads_to_one_that_did_not_fail_and_to_spare_ones_last(
            steps in prop::collection::vec(step(), 0..60),
        ) {
            let mut way = Itinerary::new("named".to_owned());
            let mut now = 0;
            for step in steps {
                match step {
                    Step::Learn(list) => {
                        let mut list = list;
                        list.sort_by_key(|(number, ..)| *number);
                        list.dedup_by_key(|(number, ..)| *number);
                        let stops = list.iter();
                        let stops = stops.map(|(n, spare, load)| {
                            stop(&n.to_string(), *spare, *load)
                        });
                        way.learn(stops.collect());
                        prop_assert!(way.stops.iter().any(|(stop, _)| stop.address == "named"));
                    }
                    Step::Fail(wait) => {
                        now += wait;
                        let left = way.current().to_owned();
                        way.failed(at(now), &left);
                        let fit = |it: &&(Stop, Option<Instant>)| {
                            it.1.is_none_or(|failed| failed + REST <= at(now))
                        };
                        let here = &way.stops[way.at];
                        let mut regular = way.stops.iter().filter(|it| !it.0.is_spare);
                        let regular = regular.any(|it| fit(&it));
                        if regular {
                            prop_assert!(!here.0.is_spare && fit(&here));
                        }
                        if way.count() > 1 {
                            let moved = here.0.address != left;
                            prop_assert!(moved, "{:?}", way);
                        }
                    }
                    Step::Pass(wait) => now += wait,
                    Step::Answer => {
                        let here = way.current().to_owned();
                        way.answered(&here);
                    }
                }
            }
        }
    }
}
