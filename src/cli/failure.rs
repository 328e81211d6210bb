//! How a command ends that did not do what it was asked for.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use holdfast_actors::shell::Fault;
use holdfast_cluster::identity::FolderError;

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

    /// A process cannot listen at an address, for these.
    pub(crate) fn deaf(whom: &str, address: SocketAddr, error: &io::Error) -> Self {
        let told = format!("cannot listen for {whom} at {address}");
        if error.kind() == ErrorKind::AddrInUse {
            let told = format!("{told}: another process has that port");
            return Self::other("port-taken", told);
        }
        if error.kind() == ErrorKind::AddrNotAvailable {
            let told = format!("{told}: this machine does not have that address");
            return Self::other("address-absent", told);
        }
        Self::other("io", format!("{told}: {error}"))
    }

    /// The order is written down and not done: the four-eyes rule wants a second operator.
    pub(super) fn pending(approval: u64) -> Self {
        let message = format!("not done yet: another operator has to grant request {approval}");
        Self::new(Exit::Refused, "pending", message)
    }

    /// The node of a data directory did not do it.
    pub(super) fn of_call(error: &CallError, path: &std::path::Path) -> Self {
        let data = path.display();
        match error {
            CallError::Problem(problem) => Self::from(problem),
            CallError::NoAnswer(cause) if cause.kind() == ErrorKind::PermissionDenied => {
                let message = format!(
                    "only root, the user who owns {data} and the group of 'serve --admin-group' \
                     speak to its node"
                );
                Self::new(Exit::Refused, "not-allowed", message)
            }
            CallError::NoAnswer(_) if !path.is_dir() => {
                let message = format!("there is no directory {data}");
                Self::new(Exit::NotFound, "not-a-node", message)
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

impl From<FolderError> for Failure {
    fn from(error: FolderError) -> Self {
        let reason = match &error {
            FolderError::File { source, .. } if source.kind() == ErrorKind::PermissionDenied => {
                "io"
            }
            FolderError::Open(_) => "io",
            FolderError::File { .. }
            | FolderError::Content(_)
            | FolderError::Identity { .. }
            | FolderError::Sealed { .. } => "cluster-files",
        };
        let told = format!("a file of this node of a cluster: {}", Fault::of(&error));
        Self::other(reason, told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_cannot_listen_is_told_why_and_where() {
        let address = SocketAddr::from(([127, 0, 0, 1], 7_443));
        let told = |kind: ErrorKind| {
            let failure = Failure::deaf("other nodes", address, &kind.into());
            (failure.reason, failure.message)
        };
        let (reason, sentence) = told(ErrorKind::AddrInUse);
        assert_eq!(reason, "port-taken");
        assert_eq!(
            sentence,
            "cannot listen for other nodes at 127.0.0.1:7443: another process has that port"
        );
        assert_eq!(told(ErrorKind::AddrNotAvailable).0, "address-absent");
        assert_eq!(told(ErrorKind::PermissionDenied).0, "io");
    }

    #[test]
    fn who_may_not_reach_the_node_is_not_told_to_start_it() {
        let told = |kind: ErrorKind| {
            let error = CallError::NoAnswer(kind.into());
            let failure = Failure::of_call(&error, &std::env::temp_dir());
            (failure.exit, failure.reason)
        };
        let shut = told(ErrorKind::PermissionDenied);
        assert_eq!(shut, (Exit::Refused, "not-allowed".to_owned()));
        let nobody = told(ErrorKind::ConnectionRefused);
        assert_eq!(nobody, (Exit::NoAnswer, "no-answer".to_owned()));
        let error = CallError::NoAnswer(ErrorKind::NotFound.into());
        let nowhere = Failure::of_call(&error, std::path::Path::new("/nowhere"));
        assert_eq!(nowhere.reason, "not-a-node");
    }
}
