//! Makes a plan small: takes away whatever a failure does not need.
//!
//! A plan is taken as data: elements of its lists can go, numbers can become 0, flags can fall,
//! choices can be left open. So what plans gain one day is made small without a word here. First go
//! the faults and lives, then habits and operators, then tenants, then rounds; what is left of the
//! numbers is halved. Each step is tried in groups, the largest first (ddmin).

use serde_json::Value;

use crate::plan::{Fleet, Life, Members, Plan};

/// What no failure depends on, or all do; and without which a world of many nodes does not turn.
const KEPT: [&str; 8] = [
    "seed", "wall", "end", "name", "quantum", "least", "silence", "replicas",
];
/// Below it a number makes no sense, by the key.
const LEAST: [(&str, u64); 6] = [
    ("tasks", 1),
    ("packs", 1),
    ("drives", 1),
    ("cartridges", 4),
    ("capacity_kib", 9 << 10),
    ("pause", 1),
];
/// Passes over everything at most.
const PASSES: usize = 4;

/// Tells which of several plans fails as the first one did, if any: the first in order.
pub type Fails<'a> = &'a mut dyn FnMut(&[Plan]) -> Option<usize>;

/// The smallest plan found that still fails.
pub fn shrink(plan: &Plan, fails: Fails<'_>) -> Plan {
    let Ok(mut best) = serde_json::to_value(plan) else {
        return plan.clone();
    };
    for _ in 0..PASSES {
        let before = best.clone();
        for part in [Part::Faults, Part::Knobs, Part::Tenants, Part::Rounds] {
            best = without(best, part, fails);
        }
        best = halved(best, fails);
        if best == before {
            break;
        }
    }
    serde_json::from_value(best).unwrap_or_else(|_| plan.clone())
}

/// How many faults a plan has: ends of lives, losses of the index, what befalls disk and clock; of
/// many nodes also what befalls them and the network, and clocks that are wrong.
pub fn faults(plan: &Plan) -> usize {
    let count = |life: &Life| {
        let faults = &life.faults;
        let flags = [
            life.cut.is_some(),
            life.index != crate::plan::Loss::None,
            faults.syncs > 0,
            faults.writes > 0,
            faults.full_kib.is_some(),
            faults.left_kib.is_some(),
            !faults.rot.is_none(),
        ];
        life.steps.len() + flags.iter().filter(|flag| **flag).count()
    };
    let alone = plan.lives.iter().map(count).sum::<usize>();
    let of_tape = plan.tape.as_ref().map_or(0, |tape| tape.faults);
    let alone = alone + usize::try_from(of_tape).unwrap_or_default();
    let Some(fleet) = &plan.fleet else {
        return alone;
    };
    let drifts = fleet.drifts.iter().filter(|drift| **drift != 0).count();
    alone + lives(fleet).map(count).sum::<usize>() + drifts + fleet.mishaps.len()
}

/// The lives of all nodes of a fleet.
fn lives(fleet: &Fleet) -> impl Iterator<Item = &Life> {
    let of_nodes = match &fleet.members {
        Members::Holdfast { lives } => &**lives,
        Members::Register { .. }
        | Members::Catalog { .. }
        | Members::Calls { .. }
        | Members::Wire { .. }
        | Members::Cluster { .. } => &[],
    };
    of_nodes.iter().flatten()
}

/// What there is in a plan: faults, lives of nodes, and who uses them.
pub fn size(plan: &Plan) -> Size {
    let fleet = plan.fleet.as_ref();
    let users = match fleet.map(|fleet| &fleet.members) {
        Some(Members::Register { clients, .. } | Members::Catalog { clients, .. }) => {
            *clients as usize
        }
        Some(Members::Calls { callers, .. } | Members::Wire { callers, .. }) => *callers as usize,
        Some(Members::Cluster { tenants, .. }) => *tenants as usize,
        Some(Members::Holdfast { .. }) | None => {
            let of_tape = plan.tape.as_ref().map_or(0, |tape| tape.tenants);
            plan.tenants.len() + usize::try_from(of_tape).unwrap_or_default()
        }
    };
    Size {
        faults: faults(plan),
        lives: plan.lives.len() + fleet.map_or(0, |fleet| lives(fleet).count()),
        users,
    }
}

/// How large a plan is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// What goes wrong.
    pub faults: usize,
    /// Lives of nodes; those of a register's are not in its plan.
    pub lives: usize,
    /// Tenants, or clients of a register.
    pub users: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Faults,
    Knobs,
    Tenants,
    Rounds,
}

/// Where something stands in a plan: keys and places from the top.
type Path = Vec<String>;

/// One thing that can be taken away.
#[derive(Clone, Debug, PartialEq)]
enum Cut {
    /// An element of a list.
    Element(Path),
    /// A value, for a simpler one.
    Value(Path, Value),
}

impl Cut {
    const fn path(&self) -> &Path {
        match self {
            Self::Element(path) | Self::Value(path, _) => path,
        }
    }

    fn part(&self) -> Part {
        let path = self.path();
        let has = |key: &str| path.iter().any(|step| step == key);
        if has("rounds") {
            Part::Rounds
        } else if has("tenants") || has("Register") || has("Catalog") || has("Cluster") {
            Part::Tenants
        } else if has("habits") || has("operators") || has("wire") || path.len() < 3 {
            Part::Knobs
        } else {
            Part::Faults
        }
    }
}

/// The plan without all that can go of one part.
fn without(plan: Value, part: Part, fails: Fails<'_>) -> Value {
    let mut cuts = Vec::new();
    list(&plan, &mut Vec::new(), &mut cuts);
    cuts.retain(|cut| cut.part() == part);
    for cut in &mut cuts {
        open(&plan, cut);
    }
    // What is still to be tried, and what is known to be needed.
    let (mut best, mut done) = (plan.clone(), Vec::new());
    let mut size = cuts.len();
    while size > 0 && !cuts.is_empty() {
        let groups: Vec<&[Cut]> = cuts.chunks(size).collect();
        let tried: Vec<Value> = groups
            .iter()
            .map(|group| cut(&plan, &[&done, group]))
            .collect();
        match first_failing(&tried, &best, fails) {
            Some(at) => {
                best = tried[at].clone();
                done.extend_from_slice(groups[at]);
                cuts.drain(at * size..((at + 1) * size).min(cuts.len()));
            }
            None if size == 1 => break,
            None => size = size.div_ceil(2),
        }
        size = size.min(cuts.len());
    }
    best
}

/// What may be left open is left open, not made 0.
fn open(plan: &Value, cut: &mut Cut) {
    let Cut::Value(path, simpler) = cut else {
        return;
    };
    let mut tried = plan.clone();
    if let Some(slot) = at_mut(&mut tried, path) {
        *slot = Value::Null;
    }
    if serde_json::from_value::<Plan>(tried).is_ok() {
        *simpler = Value::Null;
    }
}

/// Numbers as small as halving makes them.
fn halved(mut plan: Value, fails: Fails<'_>) -> Value {
    let mut places = Vec::new();
    list(&plan, &mut Vec::new(), &mut places);
    for place in places
        .iter()
        .filter(|place| matches!(place, Cut::Value(..)))
    {
        while let Some(number) = at(&plan, place.path()).and_then(Value::as_i64) {
            let mut half = plan.clone();
            let Some(slot) = at_mut(&mut half, place.path()).filter(|_| number.abs() > 1) else {
                break;
            };
            *slot = Value::from(number / 2);
            if first_failing(std::slice::from_ref(&half), &plan, fails).is_none() {
                break;
            }
            plan = half;
        }
    }
    plan
}

/// Which of these fails, of those that are plans and no longer `best`.
fn first_failing(tried: &[Value], best: &Value, fails: Fails<'_>) -> Option<usize> {
    let read = |(place, value): (usize, &Value)| {
        let plan = serde_json::from_value::<Plan>(value.clone()).ok();
        plan.filter(|_| value != best).map(|plan| (place, plan))
    };
    let (places, plans): (Vec<usize>, Vec<Plan>) =
        tried.iter().enumerate().filter_map(read).unzip();
    if plans.is_empty() {
        return None;
    }
    fails(&plans).and_then(|at| places.get(at).copied())
}

/// All that can be taken away, the larger before what is in it.
fn list(value: &Value, path: &mut Path, cuts: &mut Vec<Cut>) {
    let key = path
        .iter()
        .rfind(|step| step.parse::<usize>().is_err())
        .cloned();
    let key = key.unwrap_or_default();
    if KEPT.contains(&key.as_str()) {
        return;
    }
    if key == "index" {
        if value != "None" {
            cuts.push(Cut::Value(path.clone(), Value::from("None")));
        }
        return;
    }
    let least = LEAST
        .iter()
        .find(|(name, _)| *name == key)
        .map_or(0, |(_, least)| *least);
    match value {
        Value::Null | Value::Bool(false) | Value::String(_) => {}
        Value::Bool(true) => cuts.push(Cut::Value(path.clone(), Value::from(false))),
        Value::Number(number) => {
            // A 0 may be left open yet.
            if number.as_u64() != Some(least) || least == 0 {
                cuts.push(Cut::Value(path.clone(), Value::from(least)));
            }
        }
        Value::Array(elements) => {
            for (place, element) in elements.iter().enumerate() {
                path.push(place.to_string());
                // Somebody must be there, and a life has a round.
                if elements.len() > 1 || !["tenants", "rounds"].contains(&key.as_str()) {
                    cuts.push(Cut::Element(path.clone()));
                }
                list(element, path, cuts);
                path.pop();
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                path.push(name.clone());
                list(field, path, cuts);
                path.pop();
            }
        }
    }
}

/// The plan after these cuts: values first, then elements from the last to the first.
fn cut(plan: &Value, groups: &[&[Cut]]) -> Value {
    let mut plan = plan.clone();
    let mut elements = Vec::new();
    for one in groups.iter().copied().flatten() {
        match one {
            Cut::Value(path, simpler) => {
                if let Some(slot) = at_mut(&mut plan, path) {
                    *slot = simpler.clone();
                }
            }
            Cut::Element(path) => {
                let place = |step: &String| (step.parse::<usize>().ok(), step.clone());
                elements.push(path.iter().map(place).collect::<Vec<_>>());
            }
        }
    }
    elements.sort();
    for path in elements.iter().rev() {
        let Some(((Some(place), _), above)) = path.split_last() else {
            continue;
        };
        let above: Path = above.iter().map(|(_, step)| step.clone()).collect();
        if let Some(Value::Array(list)) = at_mut(&mut plan, &above)
            && *place < list.len()
            && (list.len() > 1 || !["tenants", "rounds"].contains(&above.last().map_or("", |k| k)))
        {
            list.remove(*place);
        }
    }
    plan
}

fn at<'a>(value: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, step| {
        if value.is_array() {
            return value.get(step.parse::<usize>().ok()?);
        }
        value.get(step)
    })
}

fn at_mut<'a>(value: &'a mut Value, path: &[String]) -> Option<&'a mut Value> {
    path.iter().try_fold(value, |value, step| {
        if value.is_array() {
            return value.get_mut(step.parse::<usize>().ok()?);
        }
        value.get_mut(step)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{End, Faults, Loss, Mishap, Rot, Step};

    fn life() -> Life {
        Life {
            rounds: vec![0, 5],
            cut: Some(3_000),
            end: End::Power,
            off: 7,
            index: Loss::All,
            faults: Faults {
                after: 5,
                syncs: 1,
                writes: 2,
                full_kib: Some(9),
                left_kib: Some(4),
                rot: Rot {
                    bits: 3,
                    sectors: 1,
                },
            },
            steps: vec![Step { at: 1, by: 2 }; 3],
        }
    }

    fn shrunk(plan: &Plan, fails: impl Fn(&Plan) -> bool) -> (Plan, usize) {
        let mut runs = 0;
        let smallest = shrink(plan, &mut |plans| {
            runs += plans.len();
            plans.iter().position(&fails)
        });
        assert!(fails(&smallest));
        (smallest, runs)
    }

    #[test]
    fn a_plan_of_many_faults_is_cut_down_to_the_two_that_matter() {
        let mut plan = Plan::single(3);
        plan.lives = vec![life(); 8];
        plan.lives[2].steps[1].by = -77;
        plan.lives[5].faults.writes = 3;
        assert!(faults(&plan) > 60);
        let fails = |plan: &Plan| {
            let turned = plan
                .lives
                .iter()
                .position(|life| life.steps.iter().any(|step| step.by == -77));
            let failing = plan.lives.iter().rposition(|life| life.faults.writes == 3);
            turned.is_some() && turned < failing
        };
        let (smallest, runs) = shrunk(&plan, fails);
        assert_eq!(faults(&smallest), 2, "{smallest:#?}");
        assert_eq!((smallest.lives.len(), smallest.tenants.len()), (2, 1));
        assert_eq!(
            smallest.habits.cut + smallest.habits.prune + smallest.habits.large,
            0
        );
        assert!(smallest.lives.iter().all(|life| life.rounds == [0]));
        assert!(runs < 400, "{runs}");
    }

    #[test]
    fn what_a_failure_needs_stays() {
        let plan = Plan::single(11);
        let (smallest, _) = shrunk(&plan, |plan| plan.tenants[0].hold_days >= 2);
        assert!((2..4).contains(&smallest.tenants[0].hold_days));
        assert!(smallest.tenants[0].tasks >= 1);
        assert_eq!(
            (smallest.lives.len(), smallest.seed, smallest.wall),
            (0, 11, plan.wall)
        );
    }

    #[test]
    fn a_plan_that_needs_everything_stays_as_it_is() {
        let plan = Plan::single(5);
        assert_eq!(shrunk(&plan, |tried| *tried == plan).0, plan);
    }

    #[test]
    fn what_befalls_a_fleet_is_counted_and_taken_away() {
        let mut plan = Plan::register(7);
        let fleet = plan.fleet.as_mut().unwrap();
        fleet.drifts = vec![0, 300, -5];
        fleet.mishaps.insert(
            3,
            crate::plan::Timed {
                at: fleet.mishaps[2].at,
                mishap: Mishap::Drag { node: 1, times: 77 },
            },
        );
        let mishaps = fleet.mishaps.len();
        assert_eq!(faults(&plan), mishaps + 2);
        let drags = |plan: &Plan| {
            let mut mishaps = plan.fleet.iter().flat_map(|fleet| &fleet.mishaps);
            mishaps.any(|timed| timed.mishap == Mishap::Drag { node: 1, times: 77 })
        };
        let (smallest, _) = shrunk(&plan, drags);
        let expected = Size {
            faults: 1,
            lives: 0,
            users: 0,
        };
        assert_eq!(size(&smallest), expected);
    }
}
