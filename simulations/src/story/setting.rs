//! What there was in a run, before anything happened: who, and what its plan has in store for them.

use std::fmt::Write as _;
use std::time::Duration;

use holdfast_actors::kernel::Timestamp;

use crate::fleet::member;
use crate::plan::{End, Fleet, Life, Loss, Members, Plan, Timed};
use crate::scenario::units::spelled;

/// What a plan says, a sentence each.
pub(super) fn told(plan: &Plan) -> Vec<String> {
    let wall = Timestamp::from_millis(plan.wall);
    let mut sentences = vec![format!(
        "Seed {}, at {wall} by the wall clock; the disk takes {} a step.",
        plan.seed,
        spelled(Duration::from_micros(plan.disk_micros)),
    )];
    for (number, tenant) in plan.tenants.iter().enumerate() {
        let lease = match tenant.lease_days {
            Some(days) => format!("a lease that ends {days} days after the first"),
            None => "no end of its lease".to_owned(),
        };
        sentences.push(format!(
            "{}: {} clients, {} of a subtenant; quota {} KiB, {} tasks, bin {} days, hold {} days, \
             {lease}.",
            tenant.called(number),
            tenant.clients,
            tenant.subtenant_clients,
            tenant.quota_kib,
            tenant.tasks,
            tenant.bin_days,
            tenant.hold_days,
        ));
    }
    let lives = plan.lives.iter().zip(1..);
    sentences.extend(lives.map(|(life, number)| lived(&format!("Life {number}"), life)));
    if let Some(fleet) = &plan.fleet {
        sentences.extend(of_fleet(fleet));
    }
    sentences
}

fn of_fleet(fleet: &Fleet) -> Vec<String> {
    let mut sentences = vec![members(&fleet.members)];
    let micros = |micros| spelled(Duration::from_micros(micros));
    let wire = &fleet.wire;
    if !matches!(fleet.members, Members::Holdfast { .. }) {
        let mut text = format!(
            "Each frame takes {} and up to {} more",
            micros(wire.least),
            micros(wire.more)
        );
        if wire.has_tail {
            text.push_str(", now and then much more");
        }
        if wire.is_uneven {
            text.push_str("; some nodes are far from each other");
        }
        if let Some(kib) = wire.kib_per_second {
            let _ = write!(text, "; {kib} KiB pass in a second");
        }
        let silence = spelled(Duration::from_millis(wire.silence));
        sentences.push(format!("{text}. After {silence} of silence nobody waits."));
    }
    for (drift, node) in fleet.drifts.iter().zip((0..).map(member)) {
        let way = if *drift < 0 { "slow" } else { "fast" };
        if *drift != 0 {
            let by = drift.unsigned_abs();
            sentences.push(format!("The clock of {node} is {by} millionths {way}."));
        }
    }
    if let Members::Holdfast { lives } = &fleet.members {
        for (lives, node) in lives.iter().zip((0..).map(member)) {
            let lives = lives.iter().zip(1..);
            sentences.extend(lives.map(|(life, n)| lived(&format!("Life {n} of {node}"), life)));
        }
    }
    for Timed { at, mishap } in &fleet.mishaps {
        let at = spelled(Duration::from_millis(*at));
        sentences.push(format!("After {at}: {mishap}."));
    }
    let all = spelled(Duration::from_millis(fleet.millis));
    sentences.push(format!("After {all} nothing goes wrong any more."));
    sentences
}

fn once_in(count: u64, what: &str) -> String {
    match count {
        0 => format!("none {what}"),
        count => format!("one in {count} {what}"),
    }
}

fn members(members: &Members) -> String {
    let to = |from: u32, count: u32| match count {
        0 => "nobody".to_owned(),
        1 => member(from).to_string(),
        _ => format!("{} to {}", member(from), member(from + count - 1)),
    };
    match members {
        Members::Holdfast { lives } => format!(
            "Nodes as in production, each on its own: {}; clients go from one to another.",
            to(0, u32::try_from(lives.len()).unwrap_or(u32::MAX))
        ),
        Members::Catalog {
            nodes,
            clients,
            pause,
        } => format!(
            "A catalog that {} keep together; each has {clients} clients, which ask at most \
             {pause} ms after their last request.",
            to(0, *nodes)
        ),
        Members::Cluster {
            nodes,
            joins,
            tenants,
            pause,
        } => format!(
            "A cluster: {}, and {joins} more may join; it serves {tenants} tenants, each with a \
             client at every node, which asks at most {pause} ms after its last request.",
            to(0, *nodes)
        ),
        Members::Calls {
            nodes,
            callers,
            pause,
            window,
        } => format!(
            "{} call each other, {callers} callers on each; {window} calls at once to a service, \
             and each at most {pause} ms after the last.",
            to(0, *nodes)
        ),
        Members::Wire {
            nodes,
            callers,
            pause,
            window,
            lost,
            twice,
        } => format!(
            "{} call each other over QUIC, {callers} callers on each; {window} calls at once to a \
             service, and each at most {pause} ms after the last. Of datagrams {}, {}.",
            to(0, *nodes),
            once_in(*lost, "is lost"),
            once_in(*twice, "comes twice"),
        ),
        Members::Register {
            replicas,
            clients,
            pause,
            writes,
        } => format!(
            "A register that {} keep and {} use, each at most {pause} ms after its last request; \
             one in {} is a write.",
            to(0, *replicas),
            to(*replicas, *clients),
            (*writes).max(1),
        ),
    }
}

fn lived(what: &str, life: &Life) -> String {
    let millis = |millis| spelled(Duration::from_millis(millis));
    let mut text = format!("{what}: {} rounds", life.rounds.len());
    for step in &life.steps {
        let (sign, by) = (
            if step.by < 0 { "back" } else { "forward" },
            step.by.unsigned_abs(),
        );
        let _ = write!(
            text,
            "; after {} the clock steps {sign} by {}",
            millis(step.at),
            millis(by)
        );
    }
    let faults = &life.faults;
    let begin = millis(faults.after);
    if faults.syncs > 0 {
        let _ = write!(text, "; after {begin} {} syncs fail", faults.syncs);
    }
    if faults.writes > 0 {
        let _ = write!(text, "; after {begin} {} writes fail", faults.writes);
    }
    if let Some(kib) = faults.full_kib {
        let _ = write!(text, "; after {begin} the disk holds {kib} KiB");
    }
    if let Some(kib) = faults.left_kib {
        let _ = write!(
            text,
            "; after {begin} the disk has {kib} KiB left beside the reserve"
        );
    }
    if !faults.rot.is_none() {
        let (bits, sectors) = (faults.rot.bits, faults.rot.sectors);
        let _ = write!(
            text,
            "; after {begin} {bits} bits flip and {sectors} sectors hold what belongs elsewhere"
        );
    }
    let end = match life.end {
        End::Power => "power is cut",
        End::Kill => "it is killed",
    };
    match life.cut {
        Some(cut) => {
            let _ = write!(text, "; after {} {end}", millis(cut));
        }
        None => {
            let _ = write!(text, "; at the end {end}");
        }
    }
    match life.index {
        Loss::None => {}
        Loss::Last(batches) => {
            let _ = write!(text, "; the last {batches} batches of the index are lost");
        }
        Loss::All => text.push_str("; the index is lost"),
    }
    let _ = write!(text, "; off for {}.", millis(life.off));
    text
}
