//! What a scenario expects of its run: a sentence that is true of the trace, or not.
//!
//! ```text
//! [not] "WHO's WHAT" done|refused ["REASON"] [at least "N"] [within "TIME"] [after "EVENT"]
//! ```
//!
//! WHO is a login (`acme`, `acme+laptop`), a user of a register (`node-6`), `anybody`,
//! `the operator` or `the node`. WHAT is `upload`, `deletion`, `listing`, `reading`, `look`,
//! `writing` (of a register) or `request` of a client, each but the last
//! with `of KIND` behind it if wanted; `command` of the operator; `start` or `end` of the node.
//! EVENT is a time since the run began, or the first `power cut`, `kill` or `clock step`. Without
//! one, TIME counts from the begin.

use std::fmt;
use std::time::Duration;

use crate::cluster;
use crate::fleet::member;
use crate::line::{Line, Told, Who};
use crate::plan::{Members, Plan};
use crate::scenario::units::{spelled, time};

/// An expectation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    is_denied: bool,
    who: String,
    what: String,
    outcome: Outcome,
    least: u64,
    within: Option<Duration>,
    after: Option<After>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    Done,
    Refused(Option<String>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum After {
    Time(Duration),
    /// The first line of the world with these words in it, and how a scenario calls it.
    Event(&'static str, &'static str),
}

/// What may be done by whom: the word of a scenario, and the one of the trace.
const ACTS: [(&str, &str); 7] = [
    ("upload", "store"),
    ("deletion", "delete"),
    ("listing", "list"),
    ("reading", "read"),
    ("writing", "write"),
    ("look", "stat"),
    ("request", ""),
];
const EVENTS: [(&str, &str); 3] = [
    ("power cut", "Power ends life"),
    ("kill", "Kill ends life"),
    ("clock step", "the wall clock steps"),
];
const ANYBODY: &str = "anybody";
const OPERATOR: &str = "the operator";
const NODE: &str = "the node";

impl Expectation {
    /// Reads an expectation.
    ///
    /// # Errors
    /// With a sentence about the first word that makes no sense.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut words = words(text)?.into_iter().peekable();
        let is_denied = words.next_if_eq(&Word::Plain("not")).is_some();
        let subject = quoted(words.next(), "\"WHO's WHAT\"")?;
        let (who, what) = subject
            .rsplit_once("'s ")
            .ok_or_else(|| format!("'{subject}' is not of the form WHO's WHAT"))?;
        let outcome = match words.next() {
            Some(Word::Plain("done")) => Outcome::Done,
            Some(Word::Plain("refused")) => {
                let reason = words.next_if(|word| matches!(word, Word::Quoted(_)));
                Outcome::Refused(reason.map(|word| word.text().to_owned()))
            }
            other => return Err(unexpected(other, "done or refused")),
        };
        let mut expectation = Self {
            is_denied,
            who: who.to_owned(),
            what: what.to_owned(),
            outcome,
            least: 1,
            within: None,
            after: None,
        };
        while let Some(word) = words.next() {
            match word.text() {
                "at" if words.next_if_eq(&Word::Plain("least")).is_some() => {
                    let count = quoted(words.next(), "a number")?;
                    let count = count.parse().ok().filter(|count| *count > 0);
                    expectation.least = count.ok_or("'at least' takes a number from 1")?;
                }
                "within" => {
                    let within = time(quoted(words.next(), "a time")?);
                    expectation.within = Some(within.map_err(|error| error.to_string())?);
                }
                "after" => {
                    let event = quoted(words.next(), "a time or an event")?;
                    expectation.after = Some(After::parse(event)?);
                }
                _ => return Err(unexpected(Some(word), "at least, within or after")),
            }
        }
        expectation.checked()
    }

    /// The same, if those it speaks of exist in a plan.
    ///
    /// # Errors
    /// With a sentence about who does not exist.
    pub fn about(self, plan: &Plan) -> Result<Self, String> {
        let mut logins = Vec::new();
        if let Some(Members::Register {
            replicas, clients, ..
        }) = plan.fleet.as_ref().map(|fleet| &fleet.members)
        {
            logins.extend((*replicas..replicas + clients).map(|user| member(user).to_string()));
        }
        if let Some(Members::Cluster { tenants, .. }) = plan.fleet.as_ref().map(|it| &it.members) {
            logins.extend((0..*tenants).map(|tenant| cluster::tenant(tenant as usize)));
        }
        for (number, tenant) in plan.tenants.iter().enumerate() {
            let name = tenant.called(number);
            if tenant.subtenant_clients > 0 {
                logins.push(format!("{name}+laptop"));
            }
            logins.push(name);
        }
        if [ANYBODY, OPERATOR, NODE].contains(&&*self.who) || logins.contains(&self.who) {
            return Ok(self);
        }
        let logins = logins.join(", ");
        Err(format!(
            "there is no '{}'; there is {ANYBODY}, {OPERATOR}, {NODE}, {logins}",
            self.who
        ))
    }

    /// The opposite.
    #[must_use]
    pub fn negated(mut self) -> Self {
        self.is_denied = !self.is_denied;
        self
    }

    /// Whether it is true of a trace.
    pub fn holds<'a>(&self, lines: impl IntoIterator<Item = &'a str>) -> bool {
        let lines: Vec<Line<'_>> = lines.into_iter().filter_map(Line::parse).collect();
        let begin = match &self.after {
            None => Some(0),
            Some(After::Time(time)) => Some(micros(*time)),
            Some(After::Event(_, said)) => lines
                .iter()
                .find(|line| line.who == Who::World && line.what.starts_with(said))
                .map(|line| line.at),
        };
        let seen = begin.is_some_and(|begin| {
            let end = self
                .within
                .map_or(u64::MAX, |within| begin.saturating_add(micros(within)));
            let matching = lines
                .iter()
                .filter(|line| (begin..=end).contains(&line.at) && self.is_seen(line));
            matching.count() as u64 >= self.least
        });
        seen != self.is_denied
    }

    fn checked(self) -> Result<Self, String> {
        let (act, kind) = self.act();
        let known = match &*self.who {
            OPERATOR => act == "command",
            NODE => matches!(act, "start" | "end") && self.outcome == Outcome::Done,
            _ => ACTS.iter().any(|(word, _)| *word == act),
        };
        if !known
            || (kind.is_some() && (act == "request" || [OPERATOR, NODE].contains(&&*self.who)))
        {
            return Err(format!(
                "'{}' is nothing that {} can do so",
                self.what, self.who
            ));
        }
        Ok(self)
    }

    /// What is done, and with which kind of objects.
    fn act(&self) -> (&str, Option<&str>) {
        match self.what.split_once(" of ") {
            Some((act, kind)) => (act, Some(kind)),
            None => (&self.what, None),
        }
    }

    fn is_seen(&self, line: &Line<'_>) -> bool {
        let (act, kind) = self.act();
        let is_theirs = match line.who {
            Who::World if self.who == NODE => {
                return match act {
                    "start" => line.what == "check after recovery",
                    _ => line.what.starts_with("the node ended"),
                };
            }
            Who::World => false,
            Who::Operator => self.who == OPERATOR,
            Who::Client(_, user) | Who::User(user) => self.who == ANYBODY || self.who == user,
            Who::Network => false,
        };
        let mut words = line.what.split([' ', '/']);
        let (did, of) = (words.next(), words.next());
        let wanted = ACTS
            .iter()
            .find(|(word, _)| *word == act)
            .map_or("", |(_, did)| did);
        is_theirs
            && (wanted.is_empty() || did == Some(wanted))
            && kind.is_none_or(|kind| of == Some(kind))
            && match (&self.outcome, line.told) {
                (Outcome::Done, Some(Told::Done(_))) => true,
                (Outcome::Refused(None), Some(Told::Refused(_))) => true,
                (Outcome::Refused(Some(wanted)), Some(Told::Refused(reason))) => wanted == reason,
                _ => false,
            }
    }
}

impl After {
    fn parse(event: &str) -> Result<Self, String> {
        if let Some((name, said)) = EVENTS.iter().find(|(name, _)| *name == event) {
            return Ok(Self::Event(name, said));
        }
        let names = EVENTS.map(|(name, _)| name).join(", ");
        time(event)
            .map(Self::Time)
            .map_err(|error| format!("{error}; or one of {names}"))
    }
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_denied {
            f.write_str("not ")?;
        }
        write!(f, "\"{}'s {}\" ", self.who, self.what)?;
        match &self.outcome {
            Outcome::Done => f.write_str("done")?,
            Outcome::Refused(None) => f.write_str("refused")?,
            Outcome::Refused(Some(reason)) => write!(f, "refused \"{reason}\"")?,
        }
        if self.least > 1 {
            write!(f, " at least \"{}\"", self.least)?;
        }
        if let Some(within) = self.within {
            write!(f, " within \"{}\"", spelled(within))?;
        }
        match &self.after {
            None => Ok(()),
            Some(After::Time(time)) => write!(f, " after \"{}\"", spelled(*time)),
            Some(After::Event(name, _)) => write!(f, " after \"{name}\""),
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// A word, with or without quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word<'a> {
    Plain(&'a str),
    Quoted(&'a str),
}

impl<'a> Word<'a> {
    const fn text(self) -> &'a str {
        match self {
            Self::Plain(text) | Self::Quoted(text) => text,
        }
    }
}

fn words(text: &str) -> Result<Vec<Word<'_>>, String> {
    let mut words = Vec::new();
    // Every second part stands between quotes.
    let parts: Vec<&str> = text.split('"').collect();
    if parts.len().is_multiple_of(2) {
        return Err("a quote is not closed".to_owned());
    }
    for (at, part) in parts.into_iter().enumerate() {
        if at % 2 == 1 {
            words.push(Word::Quoted(part));
        } else {
            words.extend(part.split_whitespace().map(Word::Plain));
        }
    }
    Ok(words)
}

fn quoted<'a>(word: Option<Word<'a>>, wanted: &str) -> Result<&'a str, String> {
    match word {
        Some(Word::Quoted(text)) => Ok(text),
        other => Err(unexpected(other, &format!("{wanted} in quotes"))),
    }
}

fn unexpected(word: Option<Word<'_>>, wanted: &str) -> String {
    match word {
        Some(word) => format!("'{}' stands where {wanted} should", word.text()),
        None => format!("{wanted} is missing at the end"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: [&str; 4] = [
        "     0.500000 client 0 acme store data/00000000 4KiB Whole: ()",
        "     2.000000 Power ends life 1",
        "     3.000000 check after recovery",
        "     4.500000 client 0 acme store data/00000000 4KiB Whole: lease-expired",
    ];

    fn holds(text: &str) -> bool {
        let expectation = Expectation::parse(text).unwrap();
        assert_eq!(expectation.to_string(), text);
        let opposite = expectation.clone().negated();
        assert_ne!(expectation.holds(LINES), opposite.holds(LINES), "{text}");
        expectation.holds(LINES)
    }

    #[test]
    fn an_expectation_is_true_of_a_trace_or_not() {
        assert!(holds(
            r#""acme's upload" refused "lease-expired" within "3s" after "power cut""#
        ));
        assert!(!holds(
            r#""acme's upload" refused "lease-expired" within "2s" after "power cut""#
        ));
        assert!(!holds(
            r#""acme's upload" refused "lease-expired" within "1s""#
        ));
        assert!(!holds(r#""acme's upload" refused "busy""#));
        assert!(holds(r#""acme's upload of data" done"#));
        assert!(!holds(r#""acme's upload of locks" done"#));
        assert!(!holds(r#""acme's upload" done after "1s""#));
        assert!(holds(r#"not "bob's request" done"#));
        assert!(holds(r#""anybody's request" refused"#));
        assert!(!holds(r#""anybody's request" refused at least "2""#));
        assert!(holds(
            r#""the node's start" done within "1s" after "power cut""#
        ));
        assert!(!holds(r#""the node's end" done"#));
        assert!(!holds(r#""acme's upload" done after "kill""#));
    }

    #[test]
    fn a_sentence_that_makes_no_sense_is_refused_with_its_first_such_word() {
        for (text, complaint) in [
            ("", "\"WHO's WHAT\" in quotes is missing at the end"),
            ("\"acme's upload", "a quote is not closed"),
            (
                "acme upload done",
                "'acme' stands where \"WHO's WHAT\" in quotes should",
            ),
            (
                "\"acme upload\" done",
                "'acme upload' is not of the form WHO's WHAT",
            ),
            (
                "\"acme's dance\" done",
                "'dance' is nothing that acme can do so",
            ),
            (
                "\"the node's start\" refused",
                "'start' is nothing that the node can do so",
            ),
            (
                "\"acme's upload\" ok",
                "'ok' stands where done or refused should",
            ),
            (
                "\"acme's upload\" done soon",
                "'soon' stands where at least, within or after should",
            ),
            (
                "\"acme's upload\" done at least \"0\"",
                "'at least' takes a number from 1",
            ),
        ] {
            assert_eq!(Expectation::parse(text).unwrap_err(), complaint, "{text}");
        }
        let late = Expectation::parse("\"acme's upload\" done within \"soon\"").unwrap_err();
        assert!(late.starts_with("'soon' is no time"), "{late}");
    }
}
