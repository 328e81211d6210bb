//! The bytes of envelopes.

use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use holdfast_actors::kernel::Ticket;
use holdfast_actors::ports::COPIED_MAX;

use super::{ENVELOPES_MAX, Envelope, HEAD, MAJOR, MINOR, OPENING, REST_MIN, TEXT_MAX};
use crate::calls::Passing;

/// Kinds from here on answer.
const ANSWERS: u8 = 128;

const CREDIT: u8 = 1;
const CALL: u8 = 2;
const CANCEL: u8 = 3;
const WATCH: u8 = 4;
const ANSWER: u8 = 129;
const REJECTED: u8 = 130;
const NO_SERVICE: u8 = 131;
const BUSY: u8 = 132;
const LOST: u8 = 133;
const DOWN: u8 = 134;
const UNFAMILIAR: u8 = 135;

/// Why bytes are no frame of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Another form altogether; nodes of two major versions do not speak to each other.
    #[error("a frame of version {0}; this program speaks version {MAJOR}")]
    Version(u8),
    /// It ends in the middle.
    #[error("a frame that is cut short")]
    Short,
    /// An envelope that does not fit its form.
    #[error("an envelope that does not fit its form")]
    Form,
    /// More than [`ENVELOPES_MAX`].
    #[error("too many envelopes in a frame")]
    Many,
}

/// The bytes of a frame with these envelopes, which [`fit`](Envelope::fits) together, in parts:
/// large bodies are not copied.
pub fn encode(envelopes: &[Envelope]) -> Vec<Bytes> {
    let length: usize = envelopes.iter().map(Envelope::copied).sum();
    let (mut parts, mut small) = (Vec::new(), BytesMut::with_capacity(OPENING + length));
    small.put_u8(MAJOR);
    small.put_u8(MINOR);
    for envelope in envelopes {
        envelope.write(&mut small);
        if let Some(body) = envelope.large() {
            parts.push(small.split().freeze());
            parts.push(body.clone());
        }
    }
    if !small.is_empty() {
        parts.push(small.freeze());
    }
    parts
}

/// The envelopes of a frame.
///
/// # Errors
/// When the bytes are of another major version, cut, damaged or too many. Nothing of such a frame
/// may be used.
pub fn decode(mut frame: Bytes) -> Result<Vec<Envelope>, FrameError> {
    if frame.len() < OPENING {
        return Err(FrameError::Short);
    }
    let (major, _) = (frame.get_u8(), frame.get_u8());
    if major != MAJOR {
        return Err(FrameError::Version(major));
    }
    let mut envelopes = Vec::with_capacity(4);
    while !frame.is_empty() {
        if envelopes.len() == ENVELOPES_MAX {
            return Err(FrameError::Many);
        }
        if frame.len() < HEAD {
            return Err(FrameError::Short);
        }
        let length = frame.get_u32_le() as usize;
        if length < REST_MIN {
            return Err(FrameError::Form);
        }
        if length > frame.len() {
            return Err(FrameError::Short);
        }
        envelopes.push(read(frame.split_to(length))?);
    }
    Ok(envelopes)
}

/// One envelope behind its length: its kind and id are there.
fn read(mut rest: Bytes) -> Result<Envelope, FrameError> {
    let (kind, id) = (rest.get_u8(), Ticket::new(rest.get_u64_le()));
    Ok(match kind {
        CREDIT if rest.len() == 3 => {
            let (window, code) = (rest.get_u16_le(), rest.get_u8());
            if code > 1 || id != Ticket::new(0) {
                return Err(FrameError::Form);
            }
            let is_greeted = code == 1;
            Envelope::Credit { window, is_greeted }
        }
        CALL if rest.len() >= 6 => {
            let within = Duration::from_millis(rest.get_u32_le().into());
            let service = rest.get_u16_le() as usize;
            if service > TEXT_MAX || service > rest.len() {
                return Err(FrameError::Form);
            }
            let service = rest.split_to(service);
            let body = rest;
            Envelope::Call {
                id,
                within,
                service,
                body,
            }
        }
        WATCH if rest.len() <= TEXT_MAX => Envelope::Watch { id, path: rest },
        ANSWER => Envelope::Answer { id, body: rest },
        REJECTED if rest.len() <= TEXT_MAX => Envelope::Rejected { id, why: rest },
        DOWN if rest.len() == 1 => {
            let passing = passing_of(rest.get_u8()).ok_or(FrameError::Form)?;
            Envelope::Down { id, passing }
        }
        CANCEL if rest.is_empty() => Envelope::Cancel { id },
        NO_SERVICE if rest.is_empty() => Envelope::NoService { id },
        BUSY if rest.is_empty() => Envelope::Busy { id },
        LOST if rest.is_empty() => Envelope::Lost { id },
        UNFAMILIAR if rest.is_empty() => Envelope::Unfamiliar { id },
        CREDIT..=WATCH | ANSWER..=UNFAMILIAR => return Err(FrameError::Form),
        _ => Envelope::Strange {
            id,
            asks: kind < ANSWERS,
        },
    })
}

const fn passing_code(passing: Passing) -> u8 {
    match passing {
        Passing::Stopped => 1,
        Passing::Failed => 2,
        Passing::Absent => 3,
        Passing::Refused => 4,
        // Whoever lost its connection has said so to nobody.
        Passing::NoConnection => 0,
    }
}

const fn passing_of(code: u8) -> Option<Passing> {
    match code {
        1 => Some(Passing::Stopped),
        2 => Some(Passing::Failed),
        3 => Some(Passing::Absent),
        4 => Some(Passing::Refused),
        _ => None,
    }
}

/// A body that is copied; of a large one nothing.
fn small(body: &Bytes) -> &[u8] {
    if body.len() > COPIED_MAX { &[] } else { body }
}

impl Envelope {
    const fn kind(&self) -> u8 {
        match self {
            Self::Credit { .. } => CREDIT,
            Self::Call { .. } => CALL,
            Self::Cancel { .. } => CANCEL,
            Self::Watch { .. } => WATCH,
            Self::Answer { .. } => ANSWER,
            Self::Rejected { .. } => REJECTED,
            Self::NoService { .. } => NO_SERVICE,
            Self::Busy { .. } => BUSY,
            Self::Lost { .. } => LOST,
            Self::Down { .. } => DOWN,
            // What is strange is never written; as an answer nobody waits for it does no harm.
            Self::Unfamiliar { .. } | Self::Strange { .. } => UNFAMILIAR,
        }
    }

    /// The body that a frame has as a part of its own, at the end of this.
    fn large(&self) -> Option<&Bytes> {
        let (Self::Call { body, .. } | Self::Answer { body, .. }) = self else {
            return None;
        };
        (body.len() > COPIED_MAX).then_some(body)
    }

    /// How many bytes of it are copied.
    fn copied(&self) -> usize {
        self.length() - self.large().map_or(0, Bytes::len)
    }

    /// All of it but a large body.
    fn write(&self, frame: &mut BytesMut) {
        let length = self.length() - 4;
        frame.put_u32_le(u32::try_from(length).unwrap_or(u32::MAX));
        frame.put_u8(self.kind());
        frame.put_u64_le(self.id().raw());
        match self {
            Self::Credit { window, is_greeted } => {
                frame.put_u16_le(*window);
                frame.put_u8(u8::from(*is_greeted));
            }
            Self::Call {
                within,
                service,
                body,
                ..
            } => {
                frame.put_u32_le(u32::try_from(within.as_millis()).unwrap_or(u32::MAX));
                frame.put_u16_le(u16::try_from(service.len()).unwrap_or(u16::MAX));
                frame.put_slice(service);
                frame.put_slice(small(body));
            }
            Self::Watch { path: text, .. } | Self::Rejected { why: text, .. } => {
                frame.put_slice(text);
            }
            Self::Answer { body, .. } => frame.put_slice(small(body)),
            Self::Down { passing, .. } => frame.put_u8(passing_code(*passing)),
            Self::Cancel { .. }
            | Self::NoService { .. }
            | Self::Busy { .. }
            | Self::Lost { .. }
            | Self::Unfamiliar { .. }
            | Self::Strange { .. } => {}
        }
    }
}
