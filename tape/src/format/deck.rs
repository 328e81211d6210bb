//! Joins a writer and a medium: does its orders, brings it the answers.

use std::collections::VecDeque;

use bytes::Bytes;

use super::medium::{Fault, Medium};
use super::writer::{Effect, Event, Header, PIECE_MAX, Writer};

/// Brings one event and does all that follows, until the writer wants more or is at its end. What
/// is not for the drive is pushed on `told`, in order.
pub fn run(writer: &mut Writer, medium: &mut dyn Medium, event: Event, told: &mut Vec<Effect>) {
    let mut events = VecDeque::from([event]);
    let mut effects = Vec::new();
    while let Some(event) = events.pop_front() {
        writer.step(event, &mut effects);
        let mut has_stopped = false;
        for effect in effects.drain(..) {
            let answer = match &effect {
                Effect::Where | Effect::Write(_) | Effect::Filemark | Effect::Flush
                    if has_stopped =>
                {
                    continue;
                }
                Effect::Where => medium.position().map(Event::At),
                Effect::Write(block) => medium.write(block).map(|w| done(w.near_end)),
                Effect::Filemark => medium.filemark().map(|w| done(w.near_end)),
                Effect::Flush => medium.flush().map(|()| done(false)),
                Effect::Want
                | Effect::Committed(_)
                | Effect::Spoiled(_)
                | Effect::Again(_)
                | Effect::Ended(_)
                | Effect::Refuse(_) => {
                    told.push(effect);
                    continue;
                }
            };
            let answer = answer.unwrap_or_else(|fault| match fault {
                Fault::HardEnd => Event::HardEnd,
                Fault::Failed(_) | Fault::Unreadable(_) | Fault::Unsupported => Event::Failed,
            });
            has_stopped = matches!(answer, Event::HardEnd | Event::Failed);
            events.push_back(answer);
        }
    }
}

const fn done(near_end: bool) -> Event {
    Event::Done { near_end }
}

/// Brings a whole object or catalog that is at hand; stops where the writer does not want more.
pub fn put(
    writer: &mut Writer,
    medium: &mut dyn Medium,
    header: Header,
    bytes: &Bytes,
    told: &mut Vec<Effect>,
) {
    run(writer, medium, Event::Begin(header), told);
    for at in (0..bytes.len()).step_by(PIECE_MAX) {
        // Only an object under way is followed by nothing but a wish for more.
        if !matches!(told.last(), Some(Effect::Want)) {
            return;
        }
        let piece = bytes.slice(at..bytes.len().min(at + PIECE_MAX));
        run(writer, medium, Event::Piece(piece), told);
    }
}
