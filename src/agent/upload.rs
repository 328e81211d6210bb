//! Objects on their way to the server: one that was cut goes on where it was, by another gateway if
//! need be.
//!
//! Only servers that tell their gateways are asked what they hold: another one would take the
//! question for an empty object.

use bytes::Bytes;
use hyper::header::HeaderValue;
use hyper::{Method, StatusCode};

use super::client::{Ask, Client, Reply, Tried};
use super::connection::Answer;
use super::failure::{Failure, REASON};
use super::patience::Patience;
use crate::rest::resume::{HELD, UPLOAD};

/// Smaller objects are just sent again.
const PIECE: u64 = 256 << 10;

impl Client {
    /// Sends an object; `ask` has no body yet.
    ///
    /// # Errors
    /// When the server does not answer in time, or is not trusted.
    pub(super) fn upload(&self, ask: Ask) -> Result<Reply, Failure> {
        let length: u64 = ask.body.iter().map(|piece| piece.len() as u64).sum();
        if length <= PIECE || !self.is_resuming() {
            return self.ask(&ask);
        }
        self.run(self.upload_on(&ask, length))
    }

    async fn upload_on(&self, ask: &Ask, length: u64) -> Result<Reply, Failure> {
        let (mut from, mut patience, mut repeated) = (0, Patience::fresh(), false);
        loop {
            let tried = self.try_once(&part(ask, from, length)).await;
            match self.judge(tried, &patience) {
                Tried::Final(answer) if !is_elsewhere(&answer, from) => {
                    return Ok(Reply { answer, repeated });
                }
                Tried::Final(_) => {}
                Tried::Failed(failure) => return Err(failure),
                Tried::Again(again) => {
                    if let Some(last) = self.pause(again, &mut patience).await {
                        return last.map(|answer| Reply { answer, repeated });
                    }
                }
            }
            repeated = true;
            let held = self.held(ask, length).await?;
            let Some(held) = held.known else {
                return Ok(held.reply);
            };
            if held > from {
                patience.renew();
            }
            if held > 0 {
                self.count_resumed();
            }
            from = held;
        }
    }

    /// How many bytes of an object the server holds, or that it has all of it, or what else it
    /// says.
    async fn held(&self, ask: &Ask, length: u64) -> Result<Held, Failure> {
        let mut question = Ask::new(Method::POST, ask.path.clone());
        question.headers = ask.headers.clone();
        question
            .headers
            .push((UPLOAD, value(&format!("?/{length}"))));
        let reply = self.ask_patiently(&question).await?;
        let held = reply.answer.headers.get(HELD);
        let held = held.and_then(|held| held.to_str().ok()?.parse().ok());
        let known = match reply.answer.status {
            StatusCode::ACCEPTED => Some(held.filter(|held| *held <= length).unwrap_or(0)),
            _ => None,
        };
        Ok(Held { known, reply })
    }
}

struct Held {
    known: Option<u64>,
    reply: Reply,
}

/// The request for what is behind the first bytes.
fn part(ask: &Ask, from: u64, length: u64) -> Ask {
    let mut skipped = from;
    let rest = ask.body.iter().filter_map(|piece| {
        let skip = skipped.min(piece.len() as u64);
        skipped -= skip;
        // No longer than the piece is.
        let rest: Bytes = piece.slice(usize::try_from(skip).unwrap_or(piece.len())..);
        (!rest.is_empty()).then_some(rest)
    });
    let mut part = Ask {
        body: rest.collect(),
        ..ask.clone()
    };
    part.headers
        .push((UPLOAD, value(&format!("{from}/{length}"))));
    part
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}

/// Whether other bytes are held than those before the part: the owner of the object is another now.
fn is_elsewhere(answer: &Answer, from: u64) -> bool {
    let reason = answer.headers.get(REASON).map(HeaderValue::as_bytes);
    from > 0 && answer.status == StatusCode::BAD_REQUEST && reason == Some(b"bad-length")
}
