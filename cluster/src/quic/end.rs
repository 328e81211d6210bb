//! Why a connection ends, in a number and in a sentence.

use quinn::{ConnectionError, TransportErrorCode, VarInt};

use super::hello::Older;
use super::lives::BadLife;

/// Why this node closes a connection, or does not make one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum End {
    /// The node ends.
    #[error("the node ends")]
    Leaving,
    /// Its greeting, its life or its version does not do.
    #[error("{0}")]
    Refused(String),
    /// An earlier run of it is alive. It tries again.
    #[error("{0}")]
    Waits(BadLife),
    /// Another connection serves.
    #[error("another connection serves")]
    Superseded,
    /// It is not in the node table any more.
    #[error("it {REMOVED}")]
    Removed,
    /// The peer, which proved who it is, says that this node is not of the cluster any more.
    #[error("the peer says that this node {REMOVED}")]
    Dismissed,
    /// The peer, which proved who it is, says that another run of this node counts.
    #[error("the peer refuses: {0}")]
    Doubled(String),
    /// It speaks an older version than the cluster.
    #[error(transparent)]
    Older(Older),
    /// The peer, which proved who it is, says that this node speaks an older version than the
    /// cluster.
    #[error("the peer refuses: {0}")]
    Outdated(String),
    /// One of both does not know the other yet, and will when it has the catalog.
    #[error("{STARTING}")]
    Starting,
    /// It breaks the protocol.
    #[error("it breaks the protocol: {0}")]
    Broken(String),
    /// This node was told to cut the connection.
    #[error("cut on this node")]
    Severed,
    /// The table has no such node, or no address of it.
    #[error("no way there: {0}")]
    NoWay(&'static str),
    /// It took too long.
    #[error("no answer in time")]
    Late,
    /// The peer, or the network, ended it.
    #[error("{0}")]
    Lost(String),
    /// The peer refused, and said why.
    #[error("the peer refuses: {0}")]
    RefusedBy(String),
}

/// What is said of a removed node, after its number. A node that hears it of itself believes it,
/// so the words stay as they are.
pub(super) const REMOVED: &str = "was removed from the cluster";
/// What is said to whom a node that has just begun does not know. It is no refusal: both try again.
pub(super) const STARTING: &str = "the node that was asked starts, and does not know all yet";
/// What is said of who shows a certificate of another root.
pub(super) const FOREIGN: &str = "its certificate is of another cluster";

const LEAVING: u32 = 0;
const REFUSED: u32 = 1;
const SUPERSEDED: u32 = 2;
const GONE: u32 = 3;
const BROKEN: u32 = 4;
const SEVERED: u32 = 5;
const OUTDATED: u32 = 6;
const WAITS: u32 = 7;

/// The numbers by which QUIC tells what TLS says.
const OF_TLS: std::ops::Range<u64> = 0x100..0x200;

/// The longest sentence of a peer that is shown.
const SENTENCE_MAX: usize = 200;

impl End {
    /// Its number on the wire.
    pub(super) fn code(&self) -> VarInt {
        VarInt::from_u32(match self {
            Self::Refused(_) | Self::RefusedBy(_) | Self::Dismissed | Self::Doubled(_) => REFUSED,
            Self::Superseded => SUPERSEDED,
            Self::Older(_) | Self::Outdated(_) => OUTDATED,
            Self::Removed => GONE,
            Self::Broken(_) => BROKEN,
            Self::Severed => SEVERED,
            Self::Waits(_) => WAITS,
            Self::Leaving | Self::NoWay(_) | Self::Late | Self::Lost(_) | Self::Starting => LEAVING,
        })
    }

    /// Whether an operator should hear that somebody was refused.
    pub(super) const fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Refused(_)
                | Self::RefusedBy(_)
                | Self::Removed
                | Self::Dismissed
                | Self::Doubled(_)
                | Self::Older(_)
                | Self::Outdated(_)
                | Self::Broken(_)
        )
    }

    /// Why a handshake came to nothing. Before it is done nobody knows who sent what, and datagrams
    /// of an earlier connection may come late: what TLS says refuses somebody, and nothing else.
    pub(super) fn of_handshake(error: ConnectionError) -> Self {
        let code = match &error {
            ConnectionError::TransportError(error) => Some(error.code),
            ConnectionError::ConnectionClosed(close) => Some(close.error_code),
            ConnectionError::VersionMismatch
            | ConnectionError::ApplicationClosed(_)
            | ConnectionError::Reset
            | ConnectionError::TimedOut
            | ConnectionError::LocallyClosed
            | ConnectionError::CidsExhausted => None,
        };
        match code.map(u64::from) {
            Some(code) if !OF_TLS.contains(&code) => Self::Lost(error.to_string()),
            Some(_) | None => Self::from(error),
        }
    }

    /// The same after the handshake, when it is certain who the peer is: a node that is told then
    /// that it was removed was.
    pub(super) fn proved(self) -> Self {
        if let Self::RefusedBy(said) = &self
            && said.ends_with(REMOVED)
        {
            return Self::Dismissed;
        }
        self
    }
}

impl From<BadLife> for End {
    fn from(bad: BadLife) -> Self {
        match bad {
            BadLife::Waits(_) => Self::Waits(bad),
            BadLife::Earlier(_) | BadLife::Twice(_) | BadLife::Own(_) => {
                Self::Refused(bad.to_string())
            }
        }
    }
}

impl From<ConnectionError> for End {
    fn from(error: ConnectionError) -> Self {
        let ConnectionError::ApplicationClosed(close) = &error else {
            return match error {
                ConnectionError::TransportError(_) => match plain(&error.to_string()) {
                    said if said.contains(STARTING) => Self::Starting,
                    said => Self::Refused(said),
                },
                // It gave up before both knew each other.
                ConnectionError::ConnectionClosed(close)
                    if close.error_code == TransportErrorCode::APPLICATION_ERROR =>
                {
                    Self::Lost("the peer gave up".to_owned())
                }
                ConnectionError::ConnectionClosed(close) => {
                    let said = format!("{} {}", close.error_code, sentence(&close.reason));
                    match plain(&said) {
                        said if said.contains(STARTING) => Self::Starting,
                        said => Self::RefusedBy(said),
                    }
                }
                ConnectionError::TimedOut => Self::Late,
                ConnectionError::VersionMismatch
                | ConnectionError::ApplicationClosed(_)
                | ConnectionError::Reset
                | ConnectionError::LocallyClosed
                | ConnectionError::CidsExhausted => Self::Lost(error.to_string()),
            };
        };
        let said = sentence(&close.reason);
        match u32::try_from(close.error_code.into_inner()) {
            Ok(SUPERSEDED) => Self::Superseded,
            Ok(GONE) => Self::Dismissed,
            Ok(OUTDATED) => Self::Outdated(said),
            Ok(REFUSED) if BadLife::is_told(&said) => Self::Doubled(said),
            Ok(REFUSED | BROKEN) => Self::RefusedBy(said),
            Ok(_) | Err(_) => Self::Lost(format!("closed by the peer: {said}")),
        }
    }
}

/// What TLS says of a certificate, in the words of this trade.
fn plain(said: &str) -> String {
    const WORDS: [(&str, &str); 6] = [
        ("UnknownIssuer", FOREIGN),
        ("BadSignature", FOREIGN),
        ("Expired", "its certificate has expired"),
        ("NotValidYet", "its certificate is not good yet"),
        ("any known protocol", "it speaks another protocol"),
        ("error 120", "it speaks another protocol"),
    ];
    let own = said.split_once("Other(OtherError(");
    if let Some((own, _)) = own.and_then(|(_, own)| own.rsplit_once("))")) {
        return own.to_owned();
    }
    let known = WORDS.iter().find(|(word, _)| said.contains(word));
    known.map_or_else(|| said.to_owned(), |(_, words)| (*words).to_owned())
}

/// What a peer says, cut to what a log may hold.
fn sentence(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(&said[..said.len().min(SENTENCE_MAX)]);
    text.chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_gives_up_in_the_middle_of_a_handshake_refuses_nobody() {
        let why = |error_code| {
            ConnectionError::ConnectionClosed(quinn::ConnectionClose {
                error_code,
                frame_type: None,
                reason: bytes::Bytes::new(),
            })
        };
        let closed = |code| End::from(why(code));
        let closed_in_handshake = |code| End::of_handshake(why(code));
        let refusals = |code| [closed(code), closed_in_handshake(code)].map(|end| end.is_refusal());
        let (gave_up, busy) = (
            TransportErrorCode::APPLICATION_ERROR,
            TransportErrorCode::CONNECTION_REFUSED,
        );
        assert_eq!(refusals(gave_up), [false, false]);
        assert_eq!(refusals(busy), [true, false]);
        assert_eq!(refusals(TransportErrorCode::crypto(120)), [true, true]);
    }

    #[test]
    fn what_a_peer_says_is_cut_and_cleaned() {
        assert_eq!(sentence(b"a\x1b[2Jb\n"), "a [2Jb ");
        assert_eq!(sentence(&[b'x'; 1_000]).len(), SENTENCE_MAX);
        assert_eq!(sentence(b"\xff"), "\u{fffd}");
    }
}
