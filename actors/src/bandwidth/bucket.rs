//! Bytes per second, shared evenly by whoever has a piece waiting (R15.20, R15.21).
//!
//! A bucket fills at the tenant's rate. Whoever was served least is served next, so that equal
//! shares come out whatever the size of the pieces. A piece may overdraw the bucket once; the next
//! waits until the debt is paid. So in any span at most the rate times the span moves, and a
//! tenth of a second, and one piece.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::kernel::{Instant, Rate, Size, Ticket};

/// How long the bucket fills while nobody takes from it.
const BURST: Duration = Duration::from_millis(100);
const MICROS: i128 = 1_000_000;

/// The shares of those named by a `K`.
#[derive(Debug)]
pub(crate) struct Bucket<K> {
    /// The most pieces of one that wait.
    pieces_max: usize,
    rate: Option<Rate>,
    /// What may be taken, in millionths of a byte; below zero while a debt is paid.
    credit: i128,
    /// As of when.
    at: Instant,
    flows: BTreeMap<K, Flow>,
    /// What the flow served last had got: a flow that comes back claims nothing for its absence.
    floor: u64,
}

#[derive(Debug, Default)]
struct Flow {
    served: u64,
    waiting: VecDeque<(Ticket, u64)>,
}

impl<K: Ord + Clone> Bucket<K> {
    /// Without a limit, and with so many pieces of each that may wait.
    pub(crate) const fn new(pieces_max: usize) -> Self {
        Self {
            pieces_max,
            rate: None,
            credit: 0,
            at: Instant::from_micros(0),
            flows: BTreeMap::new(),
            floor: 0,
        }
    }

    /// Sets the limit from now on.
    pub(crate) fn limit(&mut self, now: Instant, rate: Option<Rate>) {
        if self.rate != rate {
            self.fill(now);
            self.rate = rate;
            self.credit = self.credit.min(self.burst());
        }
    }

    /// Queues a piece; false when too many wait already.
    pub(crate) fn charge(&mut self, key: K, ticket: Ticket, size: Size) -> bool {
        let flow = self.flows.entry(key).or_default();
        if flow.waiting.len() == self.pieces_max {
            return false;
        }
        if flow.waiting.is_empty() {
            flow.served = flow.served.max(self.floor);
        }
        flow.waiting.push_back((ticket, size.as_bytes()));
        true
    }

    /// The next piece that may move now, and whose.
    pub(crate) fn next(&mut self, now: Instant) -> Option<(K, Ticket, Size)> {
        self.fill(now);
        if self.rate.is_some() && self.credit <= 0 {
            return None;
        }
        let waiting = self
            .flows
            .iter_mut()
            .filter(|(_, flow)| !flow.waiting.is_empty());
        // The first of those that were served least: keys come in order.
        let (key, flow) = waiting.min_by_key(|(_, flow)| flow.served)?;
        let key = key.clone();
        let (ticket, bytes) = flow.waiting.pop_front()?;
        self.floor = flow.served;
        flow.served = flow.served.saturating_add(bytes);
        if self.rate.is_some() {
            self.credit -= i128::from(bytes) * MICROS;
        }
        Some((key, ticket, Size::bytes(bytes)))
    }

    /// One is gone; returns its tickets that waited.
    pub(crate) fn leave(&mut self, key: &K) -> Vec<Ticket> {
        let flow = self.flows.remove(key).unwrap_or_default();
        flow.waiting.into_iter().map(|(ticket, _)| ticket).collect()
    }

    /// Drops whoever waits for nothing and is not ahead of those who wait.
    pub(crate) fn forget(&mut self) {
        if self.waiting() == 0 {
            return self.flows.clear();
        }
        let floor = self.floor;
        self.flows
            .retain(|_, flow| !flow.waiting.is_empty() || flow.served > floor);
    }

    /// How many are known.
    pub(crate) fn flows(&self) -> usize {
        self.flows.len()
    }

    /// When the next piece may move.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let rate = i128::from(self.rate?.as_size().as_bytes());
        if self.waiting() == 0 {
            return None;
        }
        let missing = (1 - self.credit).max(0);
        let micros = u64::try_from(missing.div_euclid(rate) + 1).unwrap_or(u64::MAX);
        Some(self.at + Duration::from_micros(micros))
    }

    /// How many pieces wait.
    pub(crate) fn waiting(&self) -> usize {
        self.flows.values().map(|flow| flow.waiting.len()).sum()
    }

    fn fill(&mut self, now: Instant) {
        if let Some(rate) = self.rate {
            let micros = i128::try_from(self.at.until(now).as_micros()).unwrap_or(i128::MAX);
            let filled = micros.saturating_mul(i128::from(rate.as_size().as_bytes()));
            self.credit = self.credit.saturating_add(filled).min(self.burst());
        }
        self.at = self.at.max(now);
    }

    fn burst(&self) -> i128 {
        let rate = self.rate.map_or(0, |rate| rate.as_size().as_bytes());
        i128::from(rate) * i128::try_from(BURST.as_micros()).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: u64) -> Instant {
        Instant::from_micros(micros)
    }

    /// Runs transfers that always have a piece waiting, each with pieces of its size; says how much
    /// each got in `seconds`.
    fn shares(rate: &str, pieces: &[u64], seconds: u64) -> Vec<u64> {
        let mut bandwidth = Bucket::new(16);
        bandwidth.limit(at(0), Some(Rate::parse(rate).unwrap()));
        let mut got = vec![0; pieces.len()];
        for (flow, piece) in pieces.iter().enumerate() {
            bandwidth.charge(flow, Ticket::new(0), Size::bytes(*piece));
        }
        let mut now = at(0);
        while now < at(seconds * 1_000_000) {
            while let Some((flow, _, size)) = bandwidth.next(now) {
                got[flow] += size.as_bytes();
                bandwidth.charge(flow, Ticket::new(0), size);
            }
            now = bandwidth.deadline().unwrap();
        }
        got
    }

    #[test]
    fn two_transfers_get_half_each_whatever_the_size_of_their_pieces() {
        let got = shares("1MB/s", &[1 << 16, 1 << 20], 60);
        let sum: u64 = got.iter().sum();
        assert!(sum.abs_diff(60_000_000) < 1_200_000, "{got:?}");
        assert!(got[0].abs_diff(got[1]) < 1_200_000, "{got:?}");
    }

    #[test]
    fn three_transfers_together_never_pass_the_limit() {
        let got = shares("1MB/s", &[100_000; 3], 10);
        assert!(
            got.iter().sum::<u64>() <= 10_000_000 + 100_000 + 100_000,
            "{got:?}"
        );
        assert!(
            got.iter().max().unwrap() - got.iter().min().unwrap() <= 100_000,
            "{got:?}"
        );
    }

    #[test]
    fn without_a_limit_everything_moves_at_once() {
        let mut bandwidth = Bucket::new(16);
        bandwidth.charge(1, Ticket::new(1), Size::gib(1));
        bandwidth.charge(1, Ticket::new(2), Size::gib(1));
        assert!(bandwidth.next(at(0)).is_some());
        assert!(bandwidth.next(at(0)).is_some());
        assert_eq!(bandwidth.deadline(), None);
    }

    #[test]
    fn a_transfer_that_comes_late_claims_nothing_for_the_time_before() {
        let mut bandwidth = Bucket::new(16);
        bandwidth.limit(at(0), Rate::parse("1KB/s").ok());
        let mut now = at(0);
        for _ in 0..10 {
            bandwidth.charge(1, Ticket::new(1), Size::bytes(1000));
            now = bandwidth.deadline().unwrap();
            assert!(bandwidth.next(now).is_some());
        }
        for _ in 0..4 {
            bandwidth.charge(1, Ticket::new(1), Size::bytes(1000));
            bandwidth.charge(2, Ticket::new(2), Size::bytes(1000));
        }
        let mut order = Vec::new();
        while let Some(due) = bandwidth.deadline() {
            now = now.max(due);
            order.extend(bandwidth.next(now).map(|(flow, ..)| flow));
        }
        assert_eq!(order, [2, 1, 2, 1, 2, 1, 2, 1]);
    }

    #[test]
    fn taking_the_limit_away_frees_what_waits() {
        let mut bandwidth = Bucket::new(16);
        bandwidth.limit(at(0), Rate::parse("1B/s").ok());
        bandwidth.charge(1, Ticket::new(1), Size::gib(1));
        assert_eq!(bandwidth.next(at(0)), None);
        bandwidth.limit(at(5), None);
        assert!(bandwidth.next(at(5)).is_some());
    }
}
