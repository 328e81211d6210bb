//! A line of a trace, read back: when, who, what, and how it came out.
//!
//! Whatever a world says beside clients and operators is the world's own; it needs no word here.

use crate::trace::Micros;

/// How the lines begin in which the world makes trouble.
const FAULTS: [&str; 9] = [
    "BROKEN",
    "the wall clock",
    "the node ended",
    "cut off",
    "ends",
    "falls asleep",
    "fails: ",
    "mishap: ",
    "rotten",
];
/// How the lines begin in which a user of the register speaks.
const USES: [&str; 3] = ["asks to ", "was told to ", GIVES_UP];
const GIVES_UP: &str = "gives up to ";

/// One line of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Since the run began, in microseconds.
    pub at: Micros,
    /// At which of several nodes.
    pub node: Option<&'a str>,
    /// Who speaks.
    pub who: Who<'a>,
    /// What they asked for, or what happened.
    pub what: &'a str,
    /// What they were told, if they asked.
    pub told: Option<Told<'a>>,
}

/// Who speaks in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who<'a> {
    /// The world: lives, clocks, checks.
    World,
    /// The operator.
    Operator,
    /// A client by its number, and its login.
    Client(u64, &'a str),
    /// Who uses a register, and is a node itself.
    User(&'a str),
    /// The network, when it brings something to a node.
    Network,
}

/// What somebody was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told<'a> {
    /// It is done, with what came of it.
    Done(&'a str),
    /// It is refused, with the word for it.
    Refused(&'a str),
}

impl<'a> Line<'a> {
    /// Reads a line; none if it is no line of a trace.
    pub fn parse(line: &'a str) -> Option<Self> {
        let (at, said) = line.trim_start().split_once(' ')?;
        let (seconds, micros) = at.split_once('.')?;
        let at = seconds.parse::<u64>().ok()? * 1_000_000 + micros.parse::<u64>().ok()?;
        let (node, said) = at_node(said);
        let (who, rest) = if let Some(node) = node
            && let Some(rest) = USES.iter().find_map(|used| said.strip_prefix(used))
        {
            (Who::User(node), rest)
        } else if let Some(rest) = said.strip_prefix("operator ") {
            (Who::Operator, rest)
        } else if let Some(rest) = said.strip_prefix("client ") {
            let (number, rest) = rest.split_once(' ')?;
            let (user, rest) = rest.split_once(' ')?;
            (Who::Client(number.parse().ok()?, user), rest)
        } else {
            let is_brought = node.is_some() && said.starts_with("<- ");
            let who = if is_brought { Who::Network } else { Who::World };
            return Some(Self {
                at,
                node,
                who,
                what: said,
                told: None,
            });
        };
        let (what, told) = match rest.split_once(": ") {
            Some((what, told)) => (what, Some(Told::of(told))),
            None if said.starts_with(GIVES_UP) => (rest, Some(Told::Refused("no answer"))),
            None => (rest, None),
        };
        Some(Self {
            at,
            node,
            who,
            what,
            told,
        })
    }

    /// Whether it says that a promise was broken; then, which and how.
    pub fn breach(&self) -> Option<(&'a str, &'a str)> {
        self.what.strip_prefix("BROKEN ")?.split_once(": ")
    }

    /// Whether the world makes trouble here, or is cut off.
    pub fn is_fault(&self) -> bool {
        let ends_a_life = self.what.contains(" ends life ");
        self.who == Who::World
            && (ends_a_life || FAULTS.iter().any(|start| self.what.starts_with(start)))
    }
}

/// The node that a line names first, if it does, and what it says of it.
fn at_node(said: &str) -> (Option<&str>, &str) {
    let Some((first, rest)) = said.split_once(' ') else {
        return (None, said);
    };
    let number = first.strip_prefix("node-").unwrap_or_default();
    let is_node = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    if is_node {
        (Some(first), rest)
    } else {
        (None, said)
    }
}

impl<'a> Told<'a> {
    fn of(told: &'a str) -> Self {
        // Refusals are words for programs; what is done is shown as data.
        if told.starts_with(|first: char| first.is_ascii_lowercase()) {
            Self::Refused(told)
        } else {
            Self::Done(told)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Plan;

    #[test]
    fn a_line_is_read_back() {
        let line = Line::parse("     0.136000 client 4 acme+laptop stat keys/d4a2: None").unwrap();
        assert_eq!(line.at, 136_000);
        assert_eq!(line.who, Who::Client(4, "acme+laptop"));
        assert_eq!(
            (line.what, line.told),
            ("stat keys/d4a2", Some(Told::Done("None")))
        );
        let line = Line::parse("12.000001 operator Tasks(0, 2): no-tenant").unwrap();
        assert_eq!(
            (line.who, line.told),
            (Who::Operator, Some(Told::Refused("no-tenant")))
        );
        let line = Line::parse("12.000001 BROKEN I5: at 12s: a thing").unwrap();
        assert_eq!(line.breach(), Some(("I5", "at 12s: a thing")));
        assert!(line.is_fault());
        assert_eq!(Line::parse("seed 7"), None);
    }

    #[test]
    fn a_line_of_one_of_several_nodes_is_read_like_any_other() {
        let line = Line::parse("3.000001 node-12 client 0 acme list locks: busy").unwrap();
        assert_eq!(
            (line.node, line.who),
            (Some("node-12"), Who::Client(0, "acme"))
        );
        assert_eq!(line.told, Some(Told::Refused("busy")));
        let line = Line::parse("3.000001 node-12 falls asleep").unwrap();
        assert_eq!((line.who, line.what), (Who::World, "falls asleep"));
        assert!(line.is_fault());
    }

    #[test]
    fn who_uses_a_register_asks_and_is_told() {
        let asked = Line::parse("3.000001 node-12 asks to write 12000001").unwrap();
        assert_eq!(asked.who, Who::User("node-12"));
        assert_eq!((asked.what, asked.told), ("write 12000001", None));
        let told = Line::parse("3.000001 node-12 was told to read: 7 at 1.2.3").unwrap();
        assert_eq!(
            (told.what, told.told),
            ("read", Some(Told::Done("7 at 1.2.3")))
        );
        let left = Line::parse("3.000001 node-12 gives up to read").unwrap();
        assert_eq!(left.told, Some(Told::Refused("no answer")));
        let brought = Line::parse("3.000001 node-1 <- node-12: 41 B 00000000").unwrap();
        assert_eq!(brought.who, Who::Network);
    }

    #[test]
    fn every_mishap_of_a_fleet_is_a_fault() {
        let mut kinds = std::collections::BTreeSet::new();
        for seed in 0..20 {
            for timed in Plan::register(seed).fleet.unwrap().mishaps {
                let said = format!("1.000000 mishap: {}", timed.mishap);
                assert!(Line::parse(&said).unwrap().is_fault(), "{said}");
                let shown = format!("{:?}", timed.mishap);
                kinds.insert(shown.split(' ').next().unwrap().to_owned());
            }
        }
        // All but steps of the wall clock, which a register does not read.
        assert_eq!(kinds.len(), 10, "{kinds:?}");
    }
}
