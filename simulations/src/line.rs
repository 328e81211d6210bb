//! A line of a trace, read back: when, who, what, and how it came out.
//!
//! Whatever a world says beside clients and operators is the world's own; it needs no word here.

use crate::trace::Micros;

/// One line of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Since the run began, in microseconds.
    pub at: Micros,
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
        let (who, rest) = if let Some(rest) = said.strip_prefix("operator ") {
            (Who::Operator, rest)
        } else if let Some(rest) = said.strip_prefix("client ") {
            let (number, rest) = rest.split_once(' ')?;
            let (user, rest) = rest.split_once(' ')?;
            (Who::Client(number.parse().ok()?, user), rest)
        } else {
            let (who, what, told) = (Who::World, said, None);
            return Some(Self {
                at,
                who,
                what,
                told,
            });
        };
        let (what, told) = match rest.split_once(": ") {
            Some((what, told)) => (what, Some(Told::of(told))),
            None => (rest, None),
        };
        Some(Self {
            at,
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
        let starts = [
            "the wall clock",
            "the node ended",
            "cut off",
            "BROKEN",
            "fault",
        ];
        let ends_a_life = self.what.contains(" ends life ");
        self.who == Who::World
            && (ends_a_life || starts.iter().any(|start| self.what.starts_with(start)))
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
}
