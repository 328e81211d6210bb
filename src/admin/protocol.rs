//! The lines that cross the admin socket, and their limits. Nothing is sent or read here.

use std::fmt;

use holdfast_actors::catalog::{Class, Refused};
use holdfast_actors::names::OperatorName;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::commands::Order;

/// The version of this protocol.
pub const VERSION: u32 = 1;
/// The longest line of an order in bytes: a certificate with its chain fits.
pub const ORDER_MAX: usize = 256 << 10;
/// The longest line of an answer in bytes: all decisions of an actor fit.
pub const ANSWER_MAX: usize = 4 << 20;

/// One order with what is needed to understand it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// [`VERSION`].
    pub version: u32,
    /// As which operator the caller wants to speak.
    #[serde(rename = "as", default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<OperatorName>,
    /// What to do.
    pub command: Order,
}

impl Call {
    /// Reads the line of a call.
    ///
    /// # Errors
    /// When the line is of another version, or no call; the problem says which.
    pub fn parse(line: &[u8]) -> Result<Self, Problem> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let wrong = |error: serde_json::Error| {
            Problem::new(ProblemClass::Usage, "malformed", error.to_string())
        };
        let versioned: Versioned = serde_json::from_slice(line).map_err(wrong)?;
        if versioned.version != VERSION {
            let theirs = versioned.version;
            let message = format!("the order is of version {theirs}; this node knows {VERSION}");
            return Err(Problem::new(ProblemClass::Usage, "version", message));
        }
        serde_json::from_slice(line).map_err(wrong)
    }
}

/// One line of an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Line {
    /// A row of a list, or an event.
    Item(Value),
    /// How far it is.
    Progress(Progress),
    /// The end: it is done.
    Done(Value),
    /// The end: it is not done.
    Error(Problem),
}

/// How far something long is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Progress {
    /// So much of it is done, in bytes.
    pub done: u64,
    /// Of so much.
    pub total: u64,
    /// What is being done.
    pub what: String,
}

/// Why an order was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[error("{message}")]
pub struct Problem {
    /// The word for programs.
    pub reason: String,
    /// The sentence for people: lower case, without a full stop.
    pub message: String,
    /// What kind of problem it is; decides the exit code.
    pub class: ProblemClass,
}

/// What kind of problem it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemClass {
    /// The order makes no sense.
    Usage,
    /// What it names does not exist.
    NotFound,
    /// A rule says no.
    Refused,
    /// Something else is already so.
    Conflict,
    /// The node could not, through no fault of the order.
    Failed,
    /// The node could not, because others do not answer.
    Unavailable,
}

impl Problem {
    /// A problem of a class.
    pub fn new(class: ProblemClass, reason: &str, message: impl fmt::Display) -> Self {
        Self {
            reason: reason.to_owned(),
            message: message.to_string(),
            class,
        }
    }

    /// The node could not, through no fault of the order.
    pub fn failed(message: impl fmt::Display) -> Self {
        Self::new(ProblemClass::Failed, "failed", message)
    }

    /// The reason of [`Self::unread`].
    pub const UNREAD: &'static str = "unread";

    /// Objects could not be read, because the nodes that hold them do not answer now.
    pub fn unread(message: impl fmt::Display) -> Self {
        Self::new(ProblemClass::Unavailable, Self::UNREAD, message)
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let class = match refused.class() {
            Class::NotFound => ProblemClass::NotFound,
            Class::Conflict => ProblemClass::Conflict,
            Class::Rule => ProblemClass::Refused,
            Class::Usage => ProblemClass::Usage,
        };
        Self::new(class, refused.reason(), refused)
    }
}

#[cfg(test)]
mod tests {
    use holdfast_actors::names::TenantName;

    use super::*;
    use crate::commands::{shell, tenant};

    fn call(line: &str) -> String {
        match Call::parse(line.as_bytes()) {
            Ok(call) => serde_json::to_string(&call).unwrap(),
            Err(problem) => serde_json::to_string(&problem).unwrap(),
        }
    }

    #[test]
    fn a_call_is_what_its_line_says() {
        let line = r#"{"version":1,"as":"mara","command":{"tenant":{"show":{"name":"acme"}}}}"#;
        assert_eq!(call(line), line);
        let named = tenant::Named {
            name: TenantName::parse("acme").unwrap(),
        };
        let order = Order::Tenant(tenant::Tenant::Show(named));
        assert_eq!(Call::parse(line.as_bytes()).unwrap().command, order);
        let tree = r#"{"version":1,"command":{"shell":{"tree":{}}}}"#;
        let order = Order::Shell(shell::Look::Tree(shell::Tree::default()));
        assert_eq!(Call::parse(tree.as_bytes()).unwrap().command, order);
    }

    #[test]
    fn what_is_unknown_is_refused() {
        let newer = call(r#"{"version":2,"command":{"dance":{}}}"#);
        assert!(
            newer.starts_with(r#"{"reason":"version","message":"#),
            "{newer}"
        );
        for unknown in [
            r#"{"version":1,"command":"status","more":1}"#,
            r#"{"version":1,"command":{"dance":{}}}"#,
            r#"{"version":1,"command":{"tenant":{"show":{"name":"acme","more":1}}}}"#,
            r#"{"version":1,"command":{"tenant":{"add":{"name":"a","terms":{"more":1}}}}}"#,
            r#"{"version":1,"command":{"tenant":{"show":{"name":"a+b"}}}}"#,
            r#"{"version":1}"#,
            "",
        ] {
            assert!(Call::parse(unknown.as_bytes()).is_err(), "{unknown}");
        }
    }

    #[test]
    fn a_refusal_keeps_its_word_and_its_class() {
        let refused = Refused::NoTenant(TenantName::parse("acme").unwrap());
        let line = Line::Error(Problem::from(refused));
        let shown = serde_json::to_string(&line).unwrap();
        assert!(shown.contains(r#""reason":"no-tenant""#), "{shown}");
        assert!(shown.contains(r#""class":"not-found""#), "{shown}");
    }
}
