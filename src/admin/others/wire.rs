//! What crosses between two offices: JSON, a line each. Nothing is sent or read here.
//!
//! The first line of an answer is its [`Head`]; the others are those of the admin socket.

use holdfast_actors::kernel::Sequence;
use holdfast_actors::names::OperatorName;
use holdfast_actors::ports::FRAME_MAX;
use serde::{Deserialize, Serialize};

use super::super::protocol::{Line, ORDER_MAX, Problem, ProblemClass};
use super::Errand;
use crate::commands::Order;

/// The name of the service.
pub const SERVICE: &str = "office";
/// The most bytes of one answer; what does not fit comes with the next.
pub const REPLY_MAX: usize = FRAME_MAX - (16 << 10);
/// The version of these words.
const VERSION: u32 = 1;

/// What is asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Word {
    /// Begin to carry an order out.
    Begin {
        /// [`VERSION`].
        version: u32,
        /// Who speaks.
        by: OperatorName,
        /// How much of the catalog the asker knew.
        seen: u64,
        /// What to do. Read only if the version is ours.
        order: serde_json::Value,
    },
    /// Go on with it, and say what came of it meanwhile.
    Go {
        /// Which.
        ticket: u64,
    },
}

/// What is known of an answer before its lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    /// Where there is more to come.
    pub(super) ticket: Option<u64>,
}

/// The first call about an order.
pub(super) fn begin(errand: &Errand) -> Result<Vec<u8>, Problem> {
    let word = Word::Begin {
        version: VERSION,
        by: errand.by.clone(),
        seen: errand.seen.raw(),
        order: serde_json::to_value(&errand.order).map_err(Problem::failed)?,
    };
    let bytes = serde_json::to_vec(&word).map_err(Problem::failed)?;
    if bytes.len() > ORDER_MAX {
        let told = format!("an order of more than {ORDER_MAX} bytes is not passed to another node");
        return Err(Problem::new(ProblemClass::Usage, "too-long", told));
    }
    Ok(bytes)
}

/// The calls that follow.
pub(super) fn go(ticket: u64) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec(&Word::Go { ticket }).map_err(Problem::failed)
}

/// What a call asks for.
pub(super) enum Asked {
    /// To begin with it.
    Begin(Box<Errand>),
    /// To go on with that.
    Go(u64),
}

/// Reads a call; the sentence says what is wrong with it.
pub(super) fn asked(body: &[u8]) -> Result<Asked, String> {
    if body.len() > ORDER_MAX {
        return Err(format!("an order has {ORDER_MAX} bytes at most"));
    }
    let word = serde_json::from_slice(body).map_err(|error| format!("no order: {error}"))?;
    match word {
        Word::Go { ticket } => Ok(Asked::Go(ticket)),
        Word::Begin { version, .. } if version != VERSION => Err(format!(
            "the order is of version {version}, and this node knows {VERSION}; upgrade the older"
        )),
        Word::Begin {
            by, seen, order, ..
        } => {
            let order: Order = serde_json::from_value(order)
                .map_err(|error| format!("an order that this node does not know: {error}"))?;
            let seen = Sequence::new(seen);
            Ok(Asked::Begin(Box::new(Errand { by, seen, order })))
        }
    }
}

/// A line with its end, or that it was too long for one.
pub(super) fn line(line: &Line) -> Vec<u8> {
    let spelled = |line: &Line| {
        let mut bytes = serde_json::to_vec(line).ok()?;
        bytes.push(b'\n');
        (bytes.len() <= REPLY_MAX).then_some(bytes)
    };
    let long = || {
        let told = "a line of the answer is too long for another node; ask the node itself";
        let problem = Problem::new(ProblemClass::Failed, "answer-too-long", told);
        spelled(&Line::Error(problem)).unwrap_or_default()
    };
    spelled(line).unwrap_or_else(long)
}

/// An answer of these lines.
pub(super) fn reply(ticket: Option<u64>, lines: &[u8]) -> Vec<u8> {
    // A number or null cannot fail to become JSON.
    let mut bytes = serde_json::to_vec(&Head { ticket }).unwrap_or_default();
    bytes.push(b'\n');
    bytes.extend_from_slice(lines);
    bytes
}

/// Reads an answer.
pub(super) fn replied(body: &[u8]) -> Result<(Option<u64>, Vec<Line>), Problem> {
    let mut lines = body.split(|byte| *byte == b'\n');
    let wrong = |error: serde_json::Error| Problem::failed(format!("an answer is none: {error}"));
    let head: Head = serde_json::from_slice(lines.next().unwrap_or_default()).map_err(wrong)?;
    let lines = lines.filter(|line| !line.is_empty());
    let lines: Result<Vec<Line>, _> = lines.map(serde_json::from_slice).collect();
    Ok((head.ticket, lines.map_err(wrong)?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn errand() -> Errand {
        Errand {
            by: OperatorName::parse("mara").unwrap(),
            seen: Sequence::new(7),
            order: Order::Status,
        }
    }

    fn refusal(body: &[u8]) -> String {
        asked(body).err().unwrap()
    }

    #[test]
    fn an_order_arrives_as_it_was_passed() {
        let Ok(Asked::Begin(read)) = asked(&begin(&errand()).unwrap()) else {
            panic!("no order");
        };
        assert_eq!(*read, errand());
        assert!(matches!(asked(&go(9).unwrap()), Ok(Asked::Go(9))));
    }

    #[test]
    fn what_is_no_order_is_refused_with_a_sentence() {
        assert!(refusal(b"").starts_with("no order"));
        assert!(refusal(&vec![b' '; ORDER_MAX + 1]).contains("at most"));
        let mut newer = json!({"begin": {"version": 2, "by": "mara", "seen": 1, "order": "fly"}});
        assert!(refusal(newer.to_string().as_bytes()).contains("upgrade"));
        newer["begin"]["version"] = json!(1);
        assert!(refusal(newer.to_string().as_bytes()).contains("does not know"));
        newer["begin"]["by"] = json!("acme+laptop");
        assert!(refusal(newer.to_string().as_bytes()).starts_with("no order"));
    }

    #[test]
    fn an_answer_arrives_line_by_line() {
        let lines = [Line::Item(json!({"a": "x\ny"})), Line::Done(json!(null))];
        let bytes: Vec<u8> = lines.iter().flat_map(line).collect();
        let (ticket, read) = replied(&reply(Some(3), &bytes)).unwrap();
        assert_eq!((ticket, read.as_slice()), (Some(3), lines.as_slice()));
        assert_eq!(replied(&reply(None, b"")).unwrap(), (None, Vec::new()));
        assert!(replied(b"nonsense").is_err());
    }

    #[test]
    fn a_line_that_no_frame_holds_becomes_an_error() {
        let long = Line::Item(json!("x".repeat(REPLY_MAX)));
        let (_, read) = replied(&reply(None, &line(&long))).unwrap();
        assert!(matches!(&read[..], [Line::Error(problem)] if problem.reason == "answer-too-long"));
    }
}
