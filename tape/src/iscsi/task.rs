//! One command on its way: its data in order, and its answer.

use std::ops::Range;

use super::Refused;
use super::limits::Limits;
use super::pdu::{Head, Message, NO_TAG, opcode};
use super::talk::Effect;
use crate::scsi::{Answer, number};

/// A command that was sent.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) tag: u32,
    unit: u8,
    /// Bytes to the device, and how many of them were sent.
    out: usize,
    sent: usize,
    /// Bytes from the device at most, and how many of them came.
    into: usize,
    came: usize,
}

impl Task {
    pub(super) fn new(tag: u32, unit: u8, out: usize, into: usize) -> Self {
        Self {
            tag,
            unit,
            out,
            sent: 0,
            into,
            came: 0,
        }
    }

    /// The command itself, with the data that nobody has to ask for.
    pub(super) fn begin(&mut self, mut head: Head, limits: &Limits, status: u32) -> Vec<Effect> {
        let first = self.out.min(limits.first_burst);
        let immediate = match limits.immediate {
            true => first.min(limits.receives),
            false => 0,
        };
        let unasked = if limits.waits { immediate } else { first };
        head.bytes[1] = 0x01
            | u8::from(unasked == immediate) << 7
            | u8::from(self.into > 0) << 6
            | u8::from(self.out > 0) << 5;
        head.bytes[9] = self.unit;
        head.set(
            20,
            u32::try_from(self.out.max(self.into)).unwrap_or(u32::MAX),
        );
        let mut effects = vec![Effect::Send(head, 0..immediate)];
        if unasked > immediate {
            effects.extend(self.give(immediate..unasked, NO_TAG, limits, status));
        }
        self.sent = unasked;
        effects
    }

    /// A part of the data, in pieces that the target can take.
    fn give(
        &self,
        range: Range<usize>,
        transfer: u32,
        limits: &Limits,
        status: u32,
    ) -> impl Iterator<Item = Effect> {
        let starts = range.clone().step_by(limits.receives);
        let (tag, unit, receives) = (self.tag, self.unit, limits.receives);
        (0..).zip(starts).map(move |(number, at)| {
            let end = range.end.min(at + receives);
            let mut head = Head::of(opcode::DATA_OUT);
            head.bytes[1] = u8::from(end == range.end) << 7;
            head.bytes[9] = unit;
            head.set(16, tag);
            head.set(20, transfer);
            head.set(28, status);
            head.set(36, number);
            head.set(40, u32::try_from(at).unwrap_or(u32::MAX));
            Effect::Send(head, at..end)
        })
    }

    /// What follows from a message about this command.
    pub(super) fn hear(
        &mut self,
        message: Message,
        limits: &Limits,
        status: u32,
    ) -> Result<Vec<Effect>, Refused> {
        let Message { head, body } = message;
        match head.opcode() {
            opcode::DATA_IN => self.take(&head, body),
            opcode::READY => {
                let (at, length) = (head.count(40), head.count(44));
                let end = at.saturating_add(length);
                if length == 0 || end > self.out {
                    return Err(Refused::Nonsense("a wish beyond the data"));
                }
                if at != self.sent {
                    return Err(Refused::Nonsense("a wish out of order"));
                }
                self.sent = end;
                Ok(self
                    .give(at..end, head.number(20), limits, status)
                    .collect())
            }
            _ if head.bytes[2] != 0 => Ok(lost("the target failed")),
            _ => Ok(vec![Effect::Answer(self.answer(&head, &body)?)]),
        }
    }

    fn take(&mut self, head: &Head, body: Vec<u8>) -> Result<Vec<Effect>, Refused> {
        let at = head.count(40);
        let is_last = head.bytes[1] & 0x01 != 0;
        if body.len() > self.into.saturating_sub(self.came) {
            return Err(Refused::Nonsense("data beyond the buffer"));
        }
        if at != self.came && !body.is_empty() {
            return Err(Refused::Nonsense("data out of order"));
        }
        self.came += body.len();
        let mut effects = vec![Effect::Place(at, body)];
        // The answer may ride on the last data.
        if is_last {
            effects.push(Effect::Answer(self.answer(head, &[])?));
        }
        Ok(effects)
    }

    fn answer(&self, head: &Head, body: &[u8]) -> Result<Answer, Refused> {
        let signed = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let asked = self.out.max(self.into);
        let told = i64::from(head.number(44));
        let residual = match head.bytes[1] & 0x06 {
            0x02 => told.min(signed(asked)),
            0x04 => -told,
            _ => 0,
        };
        // What did not come was not moved, whatever the target says.
        let missing = if self.into > 0 {
            self.into - self.came
        } else {
            0
        };
        let residual = match missing {
            0 => residual,
            missing => residual.max(signed(missing)),
        };
        Ok(match head.bytes[3] {
            0x00 if self.sent < self.out && residual <= 0 => {
                return Err(Refused::Nonsense("done before it took the data"));
            }
            0x00 => Answer::Good { residual },
            0x02 => {
                let length = usize::try_from(number(body, 0, 2)).unwrap_or(0);
                let sense = body.get(2..).unwrap_or_default();
                let sense = sense[..length.min(sense.len())].to_vec();
                Answer::Check { sense, residual }
            }
            0x08 | 0x28 => Answer::Busy,
            0x18 => Answer::Conflict,
            0x40 => Answer::Lost {
                why: "the device aborted the command".into(),
            },
            other => Answer::Lost {
                why: format!("status {other:02x}"),
            },
        })
    }
}

fn lost(why: &str) -> Vec<Effect> {
    vec![Effect::Answer(Answer::Lost { why: why.into() })]
}
