//! How a command ends that did not do what it was asked for.

use std::fmt;
use std::io::ErrorKind;

use crate::admin::client::CallError;
use crate::admin::{Problem, ProblemClass};

/// The exit codes of the command line; they are a contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Anything that is not below.
    Other = 1,
    /// The arguments make no sense.
    Usage = 2,
    /// What is named does not exist.
    NotFound = 3,
    /// A rule says no, or not before a second operator agrees.
    Refused = 4,
    /// Something else is already so.
    Conflict = 5,
    /// The node does not answer.
    NoAnswer = 6,
    /// An interrupt ended it, as shells have it.
    Interrupted = 130,
}

impl Exit {
    /// The exit code of this number; anything unknown is [`Exit::Other`].
    pub fn from_code(code: u8) -> Self {
        match code {
            0 => Self::Done,
            2 => Self::Usage,
            3 => Self::NotFound,
            4 => Self::Refused,
            5 => Self::Conflict,
            6 => Self::NoAnswer,
            130 => Self::Interrupted,
            _ => Self::Other,
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// The word for programs.
    pub reason: String,
    /// The sentence for people: lower case, without a full stop.
    pub message: String,
}

impl Failure {
    /// A failure with an exit code.
    pub fn new(exit: Exit, reason: &str, message: impl fmt::Display) -> Self {
        Self {
            exit,
            reason: reason.to_owned(),
            message: message.to_string(),
        }
    }

    /// The arguments make no sense.
    pub fn usage(message: impl fmt::Display) -> Self {
        Self::new(Exit::Usage, "usage", message)
    }

    /// Something went wrong that has no exit code of its own.
    pub fn other(reason: &str, message: impl fmt::Display) -> Self {
        Self::new(Exit::Other, reason, message)
    }

    /// The order is written down and not done: the four-eyes rule wants a second operator.
    pub(super) fn pending(approval: u64) -> Self {
        let message = format!("not done yet: another operator has to grant request {approval}");
        Self::new(Exit::Refused, "pending", message)
    }

    /// The node of a data directory did not do it.
    pub(super) fn of_call(error: &CallError, data: &std::path::Path) -> Self {
        let data = data.display();
        match error {
            CallError::Problem(problem) => Self::from(problem),
            CallError::NoAnswer(cause) if cause.kind() == ErrorKind::PermissionDenied => {
                let message = format!(
                    "only root, the user who owns {data} and the group of 'serve --admin-group' \
                     speak to its node"
                );
                Self::new(Exit::Refused, "not-allowed", message)
            }
            CallError::NoAnswer(cause) => {
                let message = format!("the node of {data} does not answer: {cause}");
                Self::new(Exit::NoAnswer, "no-answer", message)
            }
            CallError::Malformed(cause) => Self::other("malformed", format!("{error}: {cause}")),
            CallError::TooLong => Self::other("malformed", error),
        }
    }
}

impl From<&Problem> for Failure {
    fn from(problem: &Problem) -> Self {
        let exit = match problem.class {
            ProblemClass::Usage => Exit::Usage,
            ProblemClass::NotFound => Exit::NotFound,
            ProblemClass::Refused => Exit::Refused,
            ProblemClass::Conflict => Exit::Conflict,
            ProblemClass::Failed => Exit::Other,
            ProblemClass::Unavailable => Exit::NoAnswer,
        };
        Self::new(exit, &problem.reason, &problem.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_not_reach_the_node_is_not_told_to_start_it() {
        let told = |kind: ErrorKind| {
            let error = CallError::NoAnswer(kind.into());
            let failure = Failure::of_call(&error, std::path::Path::new("/srv/holdfast"));
            (failure.exit, failure.reason)
        };
        let shut = told(ErrorKind::PermissionDenied);
        assert_eq!(shut, (Exit::Refused, "not-allowed".to_owned()));
        let nobody = told(ErrorKind::ConnectionRefused);
        assert_eq!(nobody, (Exit::NoAnswer, "no-answer".to_owned()));
    }
}
