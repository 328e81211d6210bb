//! What the flight recorder shows of calls: kinds, ids and lengths, and never much at once.

use std::fmt;

use super::{Effect, Event, Execution, News, Outcome};

/// Of many things of a kind so many are shown.
const SHOWN: usize = 4;

/// The first ones, and how many more there are.
fn some<T>(
    f: &mut fmt::Formatter<'_>,
    all: &[T],
    show: impl Fn(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    for (number, one) in all.iter().take(SHOWN).enumerate() {
        if number > 0 {
            f.write_str(", ")?;
        }
        show(f, one)?;
    }
    match all.len().checked_sub(SHOWN) {
        Some(more @ 1..) => write!(f, " and {more} more"),
        Some(0) | None => Ok(()),
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        some(f, &self.0, |f, news| write!(f, "{news:?}"))
    }
}

impl fmt::Debug for News {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsent { to, envelopes, why } => {
                write!(f, "Unsent {to} {why:?}: ")?;
                some(f, envelopes, |f, it| write!(f, "{it:?}"))
            }
            Self::Heard { from, envelopes } => {
                write!(f, "Heard {from}: ")?;
                some(f, envelopes, |f, it| write!(f, "{it:?}"))
            }
            Self::Garbled(from) => write!(f, "Garbled {from}"),
            Self::Down(peer) => write!(f, "Down {peer}"),
            Self::Room(peer) => write!(f, "Room {peer}"),
            Self::Closed => f.write_str("Closed"),
            Self::Serves(service) => write!(f, "Serves {service}"),
            Self::Done {
                from,
                ticket,
                outcome,
            } => write!(f, "Done {from} {ticket} {outcome:?}"),
            Self::Ended {
                from,
                ticket,
                passing,
            } => write!(f, "Ended {from} {ticket} {passing:?}"),
            Self::Asked(ask) => {
                let (ticket, to, service, within) = (ask.ticket, ask.to, ask.service, ask.within);
                let bytes = ask.body.len();
                write!(
                    f,
                    "Asked {ticket} {to} {service} {bytes} B within {within:?}"
                )
            }
            Self::Watches { ticket, node, path } => {
                let path = String::from_utf8_lossy(path);
                write!(f, "Watches {ticket} {node} {path}")
            }
            Self::TurnedAway(ticket) => write!(f, "TurnedAway {ticket}"),
        }
    }
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer(body) => write!(f, "Answer {} B", body.len()),
            Self::Rejected(_) => f.write_str("Rejected"),
            Self::Lost => f.write_str("Lost"),
        }
    }
}

impl fmt::Debug for Execution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, ticket, service, bytes) =
            (self.from, self.ticket, self.service, self.body.len());
        write!(f, "{from} {ticket} {service} {bytes} B")
    }
}

impl fmt::Debug for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send { to, envelopes } => {
                write!(f, "Send {to}: ")?;
                some(f, envelopes, |f, it| write!(f, "{it:?}"))
            }
            Self::Conclude(all) => {
                f.write_str("Conclude ")?;
                some(f, all, |f, (ticket, result)| match result {
                    Ok(body) => write!(f, "{ticket} {} B", body.len()),
                    Err(error) => write!(f, "{ticket} {error:?}"),
                })
            }
            Self::Execute(all) => {
                f.write_str("Execute ")?;
                some(f, all, |f, it| write!(f, "{it:?}"))
            }
            Self::Drop(all) => {
                f.write_str("Drop ")?;
                some(f, all, |f, (from, ticket)| write!(f, "{from} {ticket}"))
            }
            Self::Mourn { from, ticket, path } => {
                let path = String::from_utf8_lossy(path);
                write!(f, "Mourn {from} {ticket} {path}")
            }
            Self::Tell(ticket, passing) => write!(f, "Tell {ticket} {passing:?}"),
        }
    }
}
