//! The command line's side of the admin socket: one order, one answer. It blocks, and knows no
//! command.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::protocol::{ANSWER_MAX, Call, Line, Problem, Progress};
use super::socket::Folder;

/// How long a node may be silent: it says at least an empty line every few seconds.
const SILENCE_MAX: Duration = Duration::from_secs(20);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Nobody listens, or the node is silent or gone.
    #[error("the node does not answer")]
    NoAnswer(#[source] io::Error),
    /// The answer is none of this protocol.
    #[error("the node's answer makes no sense")]
    Malformed(#[from] serde_json::Error),
    /// A line longer than any answer.
    #[error("the node's answer has a line of more than {ANSWER_MAX} bytes")]
    TooLong,
    /// The node answered, and did not do it.
    #[error(transparent)]
    Problem(#[from] Problem),
}

/// What comes on the way to the end of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// A row of a list, or an event.
    Item(Value),
    /// How far it is.
    Progress(Progress),
}

/// Gives an order to the node of `data` and waits for the end of its answer; `None` if `each`
/// turned away before the end came.
///
/// # Errors
/// When the node does not answer, answers nonsense, or did not do it.
pub fn call(
    data: &Path,
    order: &Call,
    each: &mut dyn FnMut(Part) -> ControlFlow<()>,
) -> Result<Option<Value>, CallError> {
    let mut line = serde_json::to_vec(order)?;
    line.push(b'\n');
    let stream = send(data, &line).map_err(CallError::NoAnswer)?;
    let mut answer = BufReader::new(stream);
    loop {
        let line = read_line(&mut answer)?;
        if line.is_empty() {
            continue;
        }
        let part = match serde_json::from_slice(&line)? {
            Line::Done(value) => return Ok(Some(value)),
            Line::Error(problem) => return Err(CallError::Problem(problem)),
            Line::Item(value) => Part::Item(value),
            Line::Progress(progress) => Part::Progress(progress),
        };
        if each(part).is_break() {
            return Ok(None);
        }
    }
}

fn send(data: &Path, line: &[u8]) -> io::Result<std::os::unix::net::UnixStream> {
    let mut stream = Folder::open(data)?.connect()?;
    stream.set_read_timeout(Some(SILENCE_MAX))?;
    stream.set_write_timeout(Some(SILENCE_MAX))?;
    match stream.write_all(line) {
        // A node that turns us away does so before it reads; its answer says why.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(stream),
        written => written.map(|()| stream),
    }
}

fn read_line(answer: &mut impl BufRead) -> Result<Vec<u8>, CallError> {
    let mut line = Vec::new();
    let most = ANSWER_MAX as u64 + 1;
    let read = answer.take(most).read_until(b'\n', &mut line);
    read.map_err(CallError::NoAnswer)?;
    match line.pop() {
        Some(b'\n') => Ok(line),
        Some(_) if line.len() >= ANSWER_MAX => Err(CallError::TooLong),
        _ => Err(CallError::NoAnswer(io::ErrorKind::UnexpectedEof.into())),
    }
}
