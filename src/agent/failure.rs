//! What can go wrong, as a sentence for the tenant, a word for scripts and an exit code.

use hyper::StatusCode;
use rustic_core::RusticError;

use super::connection::Answer;

/// The header in which Holdfast says why it refuses.
pub(crate) const REASON: &str = "x-holdfast-reason";
/// The longest sentence taken from a server.
const SENTENCE_MAX: usize = 500;

/// Why a command ended early.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Failure {
    /// The server's address is none.
    #[error("the server's address is wrong: {rule}")]
    Address {
        /// What is wrong with it; never the address, which may hold a password.
        rule: String,
    },
    /// Something on this machine is not as it must be.
    #[error("{0}")]
    Setup(String),
    /// Something that was named is not on this machine.
    #[error("{0}")]
    Missing(String),
    /// The server showed a certificate that is not trusted.
    #[error("{server} is not trusted: {cause}")]
    Untrusted {
        /// The server's host and port.
        server: String,
        /// What the check said.
        cause: String,
    },
    /// No usable answer in time.
    #[error("{server} does not answer: {cause}")]
    Unreachable {
        /// The server's host and port.
        server: String,
        /// What the last try came to.
        cause: String,
    },
    /// The server said no, or said something strange.
    #[error("{sentence}")]
    Answered {
        /// The HTTP status.
        status: u16,
        /// Holdfast's own word for it, if it is Holdfast.
        reason: Option<String>,
        /// The server's sentence, or one in its place.
        sentence: String,
    },
    /// The server's answer makes no sense.
    #[error("the server's answer makes no sense: {0}")]
    Nonsense(String),
    /// Somebody else holds the repository.
    #[error("the repository is locked: {0}")]
    Locked(String),
    /// The password does not open the repository.
    #[error("the repository's password is wrong")]
    WrongPassword,
    /// The work is done, but not all of it.
    #[error("{0}")]
    Incomplete(String),
    /// The repository or the files here are at fault.
    #[error("{0}")]
    Repository(String),
}

impl Failure {
    /// What an answer with an unexpected status means.
    pub(crate) fn from_answer(answer: &Answer) -> Self {
        let reason = answer
            .headers
            .get(REASON)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        let sentence = sentence(answer)
            .unwrap_or_else(|| explain(answer.status, reason.as_deref()).to_owned());
        Self::Answered {
            status: answer.status.as_u16(),
            reason,
            sentence,
        }
    }

    /// What an error of the repository's library means; `recorded` is what the connection failed
    /// with, in case the library dropped it.
    pub(crate) fn from_rustic(error: &RusticError, recorded: Option<Self>) -> Self {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
        while let Some(error) = cause {
            if let Some(failure) = error.downcast_ref::<Self>() {
                return failure.clone();
            }
            cause = error.source();
        }
        if error.is_incorrect_password() {
            return Self::WrongPassword;
        }
        if let Some(failure) = recorded {
            return failure;
        }
        let text = error.display_log();
        let text = text.strip_prefix("Error: ").unwrap_or(&text);
        let message = brief(&text.replacen(" (kind: related to ", " (", 1));
        if message.contains("No suitable id found") || message.contains("not found") {
            Self::Missing(message)
        } else {
            Self::Repository(message)
        }
    }

    /// The exit code: 3 not found, 4 refused by a rule, 5 conflict, 6 no answer, 1 the rest.
    pub fn code(&self) -> u8 {
        match self {
            Self::Address { .. } => 2,
            Self::Missing(_) => 3,
            Self::Untrusted { .. } => 4,
            Self::Locked(_) => 5,
            Self::Unreachable { .. } => 6,
            Self::Answered { status, reason, .. } => match (status, reason.as_deref()) {
                (_, Some("exists")) | (409, _) => 5,
                (_, Some("unavailable")) | (502 | 504, _) | (503, None) => 6,
                (404, _) => 3,
                (401 | 403 | 413 | 423 | 429 | 503 | 507, _) => 4,
                _ => 1,
            },
            Self::Setup(_)
            | Self::Nonsense(_)
            | Self::WrongPassword
            | Self::Incomplete(_)
            | Self::Repository(_) => 1,
        }
    }

    /// One word for scripts.
    pub fn reason(&self) -> &str {
        match self {
            Self::Address { .. } => "address",
            Self::Setup(_) => "setup",
            Self::Missing(_) => "not-found",
            Self::Untrusted { .. } => "untrusted",
            Self::Unreachable { .. } => "no-answer",
            Self::Nonsense(_) => "protocol",
            Self::Locked(_) => "locked",
            Self::WrongPassword => "repository-password",
            Self::Incomplete(_) => "incomplete",
            Self::Repository(_) => "repository",
            Self::Answered { status, reason, .. } => match (reason, status) {
                (Some(reason), _) => reason,
                (None, 401) => "unauthenticated",
                (None, 404) => "not-found",
                (None, 403) => "refused",
                (None, 409) => "conflict",
                (None, 507) => "quota-exceeded",
                (None, _) => "server",
            },
        }
    }
}

/// The library's errors run over many lines, some down to a backtrace: what is worth reading.
pub(super) fn brief(text: &str) -> String {
    let (before, rest) = text
        .split_once("`rustic_core` experienced an error")
        .unwrap_or((text, ""));
    let message = rest
        .split_once("Message:\n")
        .map_or("", |(_, message)| message);
    let line = |text: &str| {
        text.lines()
            .next()
            .unwrap_or_default()
            .trim_end()
            .to_owned()
    };
    format!(
        "{}{}",
        line(before),
        if message.is_empty() {
            String::new()
        } else {
            format!(" {}", line(message))
        }
    )
}

/// The server's own words: one line of text, or the message of a JSON error.
fn sentence(answer: &Answer) -> Option<String> {
    answer.headers.get(REASON)?;
    let text = std::str::from_utf8(&answer.body).ok()?.trim();
    let said = serde_json::from_str::<crate::selfservice::ErrorBody>(text)
        .map_or_else(|_| text.to_owned(), |body| body.error.message);
    let plain = !said.is_empty() && said.len() <= SENTENCE_MAX && !said.contains(char::is_control);
    plain.then_some(said)
}

/// Our own words, where the server has none (an answer to HEAD has no body).
fn explain(status: StatusCode, reason: Option<&str>) -> &'static str {
    match (status.as_u16(), reason) {
        (_, Some("lease-expired")) => "the provider refuses: the lease has ended",
        (_, Some("quota-exceeded")) | (507, _) => "the provider refuses: the quota is used up",
        (_, Some("disabled")) => "the provider refuses: the account is disabled",
        (_, Some("maintenance")) => "the provider refuses: maintenance is under way",
        (_, Some("scope")) => "the provider refuses: this credential may not do that",
        (_, Some("wrong-gateway")) => {
            "this gateway does not serve this account; use the address that the provider gave you"
        }
        (_, Some("spare-gateway")) => {
            "this gateway takes this account only while none of its own works, and one does"
        }
        (_, Some("busy")) => "the provider refuses: too much is under way at once",
        (401, _) => "the server does not accept this name and password",
        (403, _) => "the server refuses",
        (404, _) => "there is no such thing at the server, or it is not for this account",
        (409, _) => "the server refuses: it is there already, or in use",
        (413, _) => "the server refuses: it is too large",
        (503, _) => "the server is not available now",
        (500..=599, _) => "the server failed",
        _ => "the server gave an answer that nobody expects",
    }
}
