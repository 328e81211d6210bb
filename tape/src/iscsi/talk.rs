//! One session once it is open: what is sent for a command, and what the target's answers mean.
//!
//! A machine: orders, messages and the time go in; messages, data and the answer come out. One
//! command is in flight. A command whose time is up is aborted, then its device is reset, then
//! the session is given up; nothing is ever sent twice, and an answer that did not come is
//! [`Answer::Lost`].

use std::ops::Range;
use std::time::Duration;

use holdfast_actors::kernel::Instant;

use super::Refused;
use super::limits::Limits;
use super::login::{Agreed, FIRST_COMMAND};
use super::pdu::{Head, Message, NO_TAG, opcode};
use super::task::Task;
use crate::scsi::Answer;

/// Silence after which we ask whether the target is there.
pub(super) const IDLE: Duration = Duration::from_secs(5);
/// Silence of a target that works, after which we ask the same.
const WORKING: Duration = Duration::from_secs(30);
/// Silence after that question which means that it is not.
const PONG: Duration = Duration::from_secs(60);
/// How long an abort and a reset may take.
const ABORT: Duration = Duration::from_secs(10);

/// What is to be done, in order.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Send this header with these bytes of the command's data.
    Send(Head, Range<usize>),
    /// Put these bytes there in the command's buffer.
    Place(usize, Vec<u8>),
    /// The command is over.
    Answer(Answer),
}

/// A command and what travels with it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Order<'a> {
    pub(super) cdb: &'a [u8],
    /// Bytes to the device.
    pub(super) out: usize,
    /// Bytes from the device.
    pub(super) into: usize,
    /// How long it may take.
    pub(super) limit: Duration,
}

/// What is done about a command whose time is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Aborting,
    Resetting,
}

impl Ending {
    /// The function of the protocol.
    fn function(self) -> u8 {
        match self {
            Self::Aborting => 1,
            Self::Resetting => 5,
        }
    }
}

/// What is known of the command in flight.
#[derive(Debug)]
struct Flight {
    task: Task,
    /// Number of its command.
    command: u32,
    /// When it is given up, or what is done about it is.
    until: Instant,
    ending: Option<(Ending, u32)>,
    /// It answered while it was aborted.
    answer: Option<Answer>,
}

/// A session that is open.
#[derive(Debug)]
pub(super) struct Talk {
    unit: u8,
    pub(super) limits: Limits,
    /// Number of the next command for the target's order.
    command: u32,
    /// The last number that the target would take.
    window: u32,
    /// Number of the answer that is expected next.
    status: u32,
    tag: u32,
    flight: Option<Flight>,
    /// A command that was given up; what still comes of it is passed over.
    given_up: Option<u32>,
    /// The question whether the target is there, and when it was asked.
    ping: Option<(u32, Instant)>,
    /// When the target was heard last.
    heard: Instant,
    /// It wants us to leave.
    leaving: bool,
}

impl Talk {
    pub(super) fn new(now: Instant, unit: u8, agreed: Agreed) -> Self {
        Self {
            unit,
            limits: agreed.limits,
            command: FIRST_COMMAND,
            window: agreed.window,
            status: agreed.status,
            tag: 1,
            flight: None,
            given_up: None,
            ping: None,
            heard: now,
            leaving: false,
        }
    }

    /// Whether the target would take another command.
    pub(super) fn may_order(&self) -> bool {
        !is_after(self.command, self.window)
    }

    /// Whether the target wants us to leave.
    pub(super) fn is_leaving(&self) -> bool {
        self.leaving
    }

    /// Whether the question whether the target is there is still open.
    pub(super) fn is_asked(&self) -> bool {
        self.ping.is_some()
    }

    fn draw(&mut self) -> u32 {
        let tag = self.tag;
        self.tag = tag.wrapping_add(1);
        if self.tag == NO_TAG {
            self.tag = 1;
        }
        tag
    }

    /// A header with what all of them carry.
    fn head(&self, opcode: u8, tag: u32) -> Head {
        let mut head = Head::of(opcode);
        head.bytes[1] = 0x80;
        head.set(16, tag);
        head.set(24, self.command);
        head.set(28, self.status);
        head
    }

    /// Begins a command.
    pub(super) fn order(&mut self, now: Instant, order: Order<'_>) -> Vec<Effect> {
        let tag = self.draw();
        let task = Task::new(tag, self.unit, order.out, order.into);
        let mut head = self.head(opcode::COMMAND, tag);
        for (place, byte) in head.bytes[32..48].iter_mut().zip(order.cdb) {
            *place = *byte;
        }
        let mut flight = Flight {
            task,
            command: self.command,
            until: now + order.limit,
            ending: None,
            answer: None,
        };
        let effects = flight.task.begin(head, &self.limits, self.status);
        self.heard = now;
        self.command = self.command.wrapping_add(1);
        self.flight = Some(flight);
        effects
    }

    /// Asks whether the target is there.
    pub(super) fn ask(&mut self, now: Instant) -> Vec<Effect> {
        let tag = self.draw();
        self.ping = Some((tag, now));
        let mut head = self.head(opcode::NOP_OUT | opcode::IMMEDIATE, tag);
        head.set(20, NO_TAG);
        vec![Effect::Send(head, 0..0)]
    }

    /// When [`wake`](Self::wake) is due.
    pub(super) fn deadline(&self) -> Instant {
        let silence = match (self.ping, &self.flight) {
            (Some((_, asked)), Some(_)) => asked.max(self.heard) + PONG,
            // Whatever else it says, it has to answer this.
            (Some((_, asked)), None) => asked + PONG,
            (None, Some(_)) => self.heard + WORKING,
            (None, None) => self.heard + IDLE,
        };
        let until = self.flight.as_ref().map(|flight| flight.until);
        until.map_or(silence, |until| until.min(silence))
    }

    /// Until when the target has to take what is sent at this time.
    pub(super) fn takes_until(&self, now: Instant) -> Instant {
        let flight = self.flight.as_ref();
        flight.map_or(now, |flight| flight.until.max(now)) + ABORT
    }

    /// Time has passed.
    pub(super) fn wake(&mut self, now: Instant) -> Result<Vec<Effect>, Refused> {
        if now < self.deadline() {
            return Ok(Vec::new());
        }
        let is_late = self
            .flight
            .as_ref()
            .is_some_and(|flight| flight.until <= now);
        match (is_late, self.ping) {
            (true, _) => self.escalate(now),
            (false, Some(_)) => Err(Refused::Silent),
            (false, None) => Ok(self.ask(now)),
        }
    }

    /// The time of the command, or of what was done about it, is up.
    fn escalate(&mut self, now: Instant) -> Result<Vec<Effect>, Refused> {
        let ending = self.flight.as_ref().and_then(|flight| flight.ending);
        let next = match ending {
            None => Ending::Aborting,
            Some((Ending::Aborting, _)) => Ending::Resetting,
            Some((Ending::Resetting, _)) => return Err(Refused::Silent),
        };
        let tag = self.draw();
        let mut head = self.head(opcode::TASK | opcode::IMMEDIATE, tag);
        head.bytes[1] = 0x80 | next.function();
        head.bytes[9] = self.unit;
        let Some(flight) = &mut self.flight else {
            return Ok(Vec::new());
        };
        flight.ending = Some((next, tag));
        flight.until = now + ABORT;
        head.set(20, NO_TAG);
        if next == Ending::Aborting {
            head.set(20, flight.task.tag);
            head.set(32, flight.command);
        }
        Ok(vec![Effect::Send(head, 0..0)])
    }

    /// What follows from a message of the target. An error ends the session.
    pub(super) fn hear(&mut self, now: Instant, message: Message) -> Result<Vec<Effect>, Refused> {
        let head = message.head;
        self.heard = now;
        self.count(&head);
        match head.opcode() {
            opcode::NOP_IN => Ok(self.nop(&head)),
            opcode::ASYNC => self.notice(&head),
            opcode::REJECT => self.reject(now, &message),
            opcode::TASK_DONE => self.ended(now, &head),
            opcode::DATA_IN | opcode::READY | opcode::RESPONSE => self.progress(message),
            _ => Err(Refused::Nonsense("something else than an answer")),
        }
    }

    /// Keeps the numbers of commands and answers.
    fn count(&mut self, head: &Head) {
        let (expected, last) = (head.number(28), head.number(32));
        let is_window = !is_after(expected, last.wrapping_add(1));
        if is_window && is_after(last, self.window) {
            self.window = last;
        }
        let has_status = match head.opcode() {
            opcode::NOP_IN => head.number(16) != NO_TAG,
            opcode::DATA_IN => head.bytes[1] & 0x01 != 0,
            opcode::READY => false,
            _ => true,
        };
        if has_status {
            self.status = head.number(24).wrapping_add(1);
        }
    }

    /// The target asks whether we are there, or says that it is.
    fn nop(&mut self, asked: &Head) -> Vec<Effect> {
        if self.ping.is_some_and(|(tag, _)| tag == asked.number(16)) {
            self.ping = None;
        }
        if asked.number(20) == NO_TAG {
            return Vec::new();
        }
        let mut head = self.head(opcode::NOP_OUT | opcode::IMMEDIATE, NO_TAG);
        head.bytes[8..16].copy_from_slice(&asked.bytes[8..16]);
        head.set(20, asked.number(20));
        vec![Effect::Send(head, 0..0)]
    }

    /// The target tells what nobody asked.
    fn notice(&mut self, head: &Head) -> Result<Vec<Effect>, Refused> {
        match head.bytes[36] {
            // It wants us to log out, or to agree anew; who connects anew does both.
            1 | 4 => self.leaving = true,
            2 | 3 => return Err(Refused::Dropped),
            _ => {}
        }
        Ok(Vec::new())
    }

    /// The target does not take what we sent; the body is the header of it.
    fn reject(&mut self, now: Instant, message: &Message) -> Result<Vec<Effect>, Refused> {
        let tag = crate::scsi::number(&message.body, 16, 4);
        let is = |other: u32| u64::from(other) == tag;
        let flight = self.flight.as_ref();
        if flight
            .and_then(|flight| flight.ending)
            .is_some_and(|(_, tag)| is(tag))
        {
            return self.escalate(now);
        }
        if self.ping.is_some_and(|(tag, _)| is(tag)) {
            // Somebody is there.
            self.ping = None;
            return Ok(Vec::new());
        }
        match flight {
            Some(flight) if is(flight.task.tag) => Err(Refused::Rejected(message.head.bytes[2])),
            _ => Ok(Vec::new()),
        }
    }

    /// An abort or a reset is over.
    fn ended(&mut self, now: Instant, head: &Head) -> Result<Vec<Effect>, Refused> {
        let flight = self
            .flight
            .take_if(|flight| flight.ending.is_some_and(|(_, tag)| tag == head.number(16)));
        let Some(flight) = flight else {
            // Of an abort that was given up for a reset.
            return Ok(Vec::new());
        };
        // 1 means that there is no such command any more.
        let is_over = match flight.ending {
            Some((Ending::Aborting, _)) => head.bytes[2] <= 1,
            _ => head.bytes[2] == 0,
        };
        if !is_over {
            self.flight = Some(flight);
            return self.escalate(now);
        }
        self.given_up = Some(flight.task.tag);
        let lost = || Answer::Lost {
            why: match flight.ending {
                Some((Ending::Resetting, _)) => "no answer in time; the device was reset",
                _ => "no answer in time; the command was aborted",
            }
            .into(),
        };
        Ok(vec![Effect::Answer(flight.answer.unwrap_or_else(lost))])
    }

    /// Something of a command.
    fn progress(&mut self, message: Message) -> Result<Vec<Effect>, Refused> {
        let tag = message.head.number(16);
        let Some(flight) = self.flight.as_mut().filter(|flight| flight.task.tag == tag) else {
            return match self.given_up == Some(tag) {
                true => Ok(Vec::new()),
                false => Err(Refused::Nonsense("an answer to no question")),
            };
        };
        if flight.answer.is_some() {
            return Err(Refused::Nonsense("more than one answer"));
        }
        let mut effects = flight.task.hear(message, &self.limits, self.status)?;
        // While it is aborted, the answer waits for the end of that.
        let is_ending = flight.ending.is_some();
        match effects.pop() {
            Some(Effect::Answer(answer)) if is_ending => flight.answer = Some(answer),
            Some(Effect::Answer(answer)) => {
                self.flight = None;
                effects.push(Effect::Answer(answer));
            }
            other => effects.extend(other),
        }
        Ok(effects)
    }

    /// The message with which we leave.
    pub(super) fn leave(&mut self) -> Head {
        let tag = self.draw();
        self.head(opcode::LOGOUT | opcode::IMMEDIATE, tag)
    }
}

/// Whether one number comes after the other, as numbers go round.
fn is_after(one: u32, other: u32) -> bool {
    one != other && one.wrapping_sub(other) < 1 << 31
}
