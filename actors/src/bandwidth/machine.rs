//! Which tenant's piece comes in next, when the node knows its bandwidth.
//!
//! Invariant: in any span the node takes in at most its rate times the span, a tenth of a second,
//! and one piece; a tenant that has a piece waiting got no less than any other, but for one piece.

use std::time::Duration;

use serde_json::json;

use super::Bucket;
use crate::kernel::{Acts, Instant, Machine, Never, Now, Rate, Size, Ticket};
use crate::names::TenantName;
use crate::refusal::{Reason, Refusal};

/// The most pieces of one tenant that wait: one for each request that a tenant may have let in.
const PIECES_MAX: usize = 512;
/// When a caller may try again that was too many.
const PAUSE: Duration = Duration::from_secs(5);

/// What it learns.
#[derive(Debug)]
pub enum Event {
    /// So many bytes of a tenant want to come in.
    Charge(Ticket, TenantName, Size),
}

/// What it wants done.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// Let the piece in.
    Proceed(Ticket),
    /// Too many wait already.
    Refuse(Ticket, Refusal),
}

/// The bandwidth of a node.
#[derive(Debug)]
pub struct Bandwidth {
    rate: Rate,
    bucket: Bucket<TenantName>,
}

impl Bandwidth {
    /// So much of it, from now on.
    pub fn new(rate: Rate, now: Now) -> Self {
        let mut bucket = Bucket::new(PIECES_MAX);
        bucket.limit(now.monotonic, Some(rate));
        Self { rate, bucket }
    }

    fn settle(&mut self, now: Now, acts: &mut Acts<Self>) {
        while let Some((_, ticket, _)) = self.bucket.next(now.monotonic) {
            acts.show(Effect::Proceed(ticket));
        }
        self.bucket.forget();
    }
}

impl Machine for Bandwidth {
    type Event = Event;
    type Record = Never;
    type Effect = Effect;

    fn step(&mut self, now: Now, event: Event, acts: &mut Acts<Self>) {
        let Event::Charge(ticket, tenant, size) = event;
        if !self.bucket.charge(tenant, ticket, size) {
            let sentence = "too many pieces of this tenant wait for bandwidth";
            let refusal = Refusal::retry(Reason::Busy, sentence, PAUSE);
            acts.show(Effect::Refuse(ticket, refusal));
        }
        self.settle(now, acts);
    }

    fn apply(&mut self, record: &Never) {
        match *record {}
    }

    fn deadline(&self) -> Option<Instant> {
        self.bucket.deadline()
    }

    fn wake(&mut self, now: Now, acts: &mut Acts<Self>) {
        self.settle(now, acts);
    }

    fn observe(&self) -> serde_json::Value {
        let (flows, waiting) = (self.bucket.flows(), self.bucket.waiting());
        json!({ "rate": self.rate.to_string(), "tenants": flows, "pieces-waiting": waiting })
    }

    fn waits(&self) -> Vec<String> {
        match self.bucket.waiting() {
            0 => Vec::new(),
            count => vec![format!("{count} pieces wait for the node's bandwidth")],
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::kernel::Act;

    /// Transfers, each of a tenant and with pieces of a size, that always have one piece waiting.
    fn shares(rate: &str, transfers: &[(&str, u64)], seconds: u64) -> Vec<u64> {
        let mut now = Now::default();
        let mut machine = Bandwidth::new(Rate::parse(rate).unwrap(), now);
        let mut got = vec![0; transfers.len()];
        let mut open: Vec<usize> = (0..transfers.len()).collect();
        while now.monotonic < Instant::from_micros(seconds * 1_000_000) {
            let mut acts = Acts::default();
            for transfer in std::mem::take(&mut open) {
                let (tenant, piece) = transfers[transfer];
                let (tenant, size) = (TenantName::parse(tenant).unwrap(), Size::bytes(piece));
                let ticket = Ticket::new(transfer as u64);
                machine.step(now, Event::Charge(ticket, tenant, size), &mut acts);
            }
            machine.wake(now, &mut acts);
            for act in acts {
                let (Act::Show(effect) | Act::Start(effect)) = act;
                let Effect::Proceed(ticket) = effect else {
                    panic!("{effect:?}");
                };
                let transfer = usize::try_from(ticket.raw()).unwrap();
                got[transfer] += transfers[transfer].1;
                open.push(transfer);
            }
            if open.is_empty() {
                now.monotonic = machine.deadline().unwrap();
            }
        }
        got
    }

    const PIECE: u64 = 1 << 18;

    #[test]
    fn tenants_get_half_each_and_transfers_of_one_split_its_half() {
        let transfers = [("acme", PIECE), ("acme", PIECE), ("globex", PIECE)];
        let got = shares("10MB/s", &transfers, 60);
        let sum: u64 = got.iter().sum();
        assert!(sum <= 600_000_000 + 1_000_000 + PIECE, "{got:?}");
        assert!(sum >= 599_000_000, "{got:?}");
        for (got, percent) in got.iter().zip([25, 25, 50]) {
            assert!((got * 100 / sum).abs_diff(percent) <= 1, "{got} of {sum}");
        }
    }

    #[test]
    fn a_tenant_with_a_hundred_transfers_takes_no_more_than_its_half() {
        let mut transfers = vec![("acme", PIECE); 100];
        transfers.push(("globex", 10_000));
        let got = shares("10MB/s", &transfers, 20);
        let acme: u64 = got[..100].iter().sum();
        assert!(acme.abs_diff(got[100]) <= 3 * PIECE, "{acme} {}", got[100]);
    }

    #[test]
    fn one_tenant_alone_has_all_of_it() {
        let got = shares("10MB/s", &[("acme", PIECE)], 10);
        assert!(got[0] >= 99_000_000, "{got:?}");
    }

    #[test]
    fn tenants_that_send_nothing_are_forgotten() {
        let mut machine = Bandwidth::new(Rate::parse("1GB/s").unwrap(), Now::default());
        let mut now = Now::default();
        let mut ends = BTreeMap::new();
        for number in 0..10_000 {
            let tenant = TenantName::parse(&format!("tenant-{number}")).unwrap();
            let event = Event::Charge(Ticket::new(number), tenant, Size::bytes(10_000));
            let mut acts = Acts::default();
            now.monotonic = now.monotonic + Duration::from_millis(1);
            machine.step(now, event, &mut acts);
            *ends.entry(acts.iter().count()).or_insert(0) += 1;
        }
        assert_eq!(ends, BTreeMap::from([(1, 10_000)]), "nobody waited");
        assert_eq!(machine.bucket.flows(), 0, "{}", machine.observe());
    }

    #[test]
    fn a_tenant_with_too_many_pieces_is_told_so_and_the_others_go_on() {
        let mut machine = Bandwidth::new(Rate::parse("1B/s").unwrap(), Now::default());
        let charge = |machine: &mut Bandwidth, number, tenant| {
            let tenant = TenantName::parse(tenant).unwrap();
            let event = Event::Charge(Ticket::new(number), tenant, Size::mib(1));
            let mut acts = Acts::default();
            machine.step(Now::default(), event, &mut acts);
            acts.iter()
                .map(|act| format!("{act:?}"))
                .collect::<Vec<_>>()
        };
        for number in 0..PIECES_MAX as u64 {
            assert_eq!(charge(&mut machine, number, "acme"), [""; 0]);
        }
        let refused = charge(&mut machine, 512, "acme");
        assert!(
            refused[0].starts_with("Show Refuse(ticket-512"),
            "{refused:?}"
        );
        assert_eq!(charge(&mut machine, 513, "globex"), [""; 0]);
        assert_eq!(
            machine.waits(),
            ["513 pieces wait for the node's bandwidth"]
        );
    }
}
