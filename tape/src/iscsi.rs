//! A way to a device over iSCSI (RFC 7143): one session, one connection, one command in flight.
//!
//! A session that failed once is dead: every later command is lost at once, and nothing is ever
//! sent again. Whoever connects anew asks the device where its tape stands.
//!
//! What is sent and what an answer means is decided by machines (`login`, `talk` and the
//! question in `discovery`); this file and `wire` carry it out. Sums of messages, proofs by the
//! target and targets that move are not spoken.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use holdfast_actors::kernel::NodeId;

use crate::scsi::{Answer, Data, Patience, Scsi};
use login::{Agreed, Login, Next, Purpose};
use talk::{Effect, Order, Talk};
use wire::Line;

pub use awake::Awake;
pub use chap::Account;
pub use discovery::{Portal, Targets, discover, discover_over};
pub use wire::{Tcp, Wire};

mod awake;
mod chap;
mod discovery;
mod limits;
mod login;
mod pdu;
mod talk;
mod task;
mod text;
mod wire;

/// Why there is no session, or none any more.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The target cannot be reached, or the connection broke.
    #[error("the target cannot be reached")]
    Unreachable(#[from] io::Error),
    /// The target is reached and does not answer.
    #[error("the target does not answer")]
    Silent,
    /// The target said no: its class and detail.
    #[error(
        "the target refused the login: {} ({class:02x}{detail:02x})",
        login::meaning(*.0, *.1),
        class = .0,
        detail = .1
    )]
    Login(u8, u8),
    /// A name or a secret is too long, empty, or has characters that cannot be sent.
    #[error("{0:?} is no name that can be sent, or its secret cannot")]
    Name(String),
    /// The target speaks otherwise than agreed.
    #[error("the target answered nonsense: {0}")]
    Nonsense(&'static str),
    /// The target did not take a message, for this reason of the protocol.
    #[error("the target rejected a message (reason {0:02x})")]
    Rejected(u8),
    /// The target ended the session.
    #[error("the target dropped the session")]
    Dropped,
    /// The target asked us to end the session.
    #[error("the target asked us to leave")]
    Asked,
}

/// Whom to speak to, and as whom.
#[derive(Clone, Debug)]
pub struct Names {
    /// Our own name, `iqn.…`.
    pub initiator: String,
    /// The target's name.
    pub target: String,
    /// Number of this session among those of our name; a target ends an older session of the
    /// same number.
    pub session: u16,
    /// The device behind the target.
    pub unit: u8,
}

/// The name by which this machine, or this node of it, is known to targets.
#[must_use]
pub fn own_name(node: Option<NodeId>) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let mut name = format!("{OWN}:{}", fitting(&host));
    if let Some(node) = node {
        name.push_str(&format!(".{node}"));
    }
    name
}

/// How our names begin.
const OWN: &str = "iqn.2026-11.local.holdfast";

/// What of a machine's name can stand in ours.
fn fitting(host: &str) -> String {
    let letters = host.trim().chars().take(64);
    let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.');
    letters
        .filter(|letter| fits(*letter))
        .map(|letter| letter.to_ascii_lowercase())
        .collect()
}

/// A session with one device.
pub struct Session<W: Wire> {
    line: Line<W>,
    talk: Talk,
    dead: Option<String>,
}

impl<W: Wire> fmt::Debug for Session<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "session: {:?}", self.talk)
    }
}

/// Most time until a session is open.
const OPENING: Duration = Duration::from_secs(30);
/// Most time for a farewell.
const FAREWELL: Duration = Duration::from_secs(1);

impl Session<Tcp> {
    /// Connects and logs in, to a target that wants no proof of who we are.
    ///
    /// # Errors
    /// When the target cannot be reached or refuses.
    pub fn connect(portal: SocketAddr, names: &Names) -> Result<Self, Refused> {
        Self::open(Tcp::connect(portal, OPENING)?, names, None)
    }

    /// The same, with a proof if the target wants one.
    ///
    /// # Errors
    /// As [`connect`](Self::connect), and when name or secret are wrong.
    pub fn prove(portal: SocketAddr, names: &Names, account: &Account) -> Result<Self, Refused> {
        Self::open(Tcp::connect(portal, OPENING)?, names, Some(account))
    }
}

/// Logs in over a line, within the time for it.
fn enter(
    line: &mut Line<impl Wire>,
    names: &Names,
    account: Option<&Account>,
    purpose: Purpose,
) -> Result<Agreed, Refused> {
    let until = line.now() + OPENING;
    let (mut login, mut sent) = Login::begin(names, account, purpose)?;
    loop {
        line.send(sent.head, sent.body.as_bytes(), until)?;
        let message = line.receive(until)?.ok_or(Refused::Silent)?;
        match login.hear(&message)? {
            Next::Say(next) => sent = next,
            Next::Done(agreed) => {
                line.allow(agreed.takes);
                return Ok(agreed);
            }
        }
    }
}

impl<W: Wire> Session<W> {
    /// Logs in over a stream.
    ///
    /// # Errors
    /// When the target refuses, or the session is not open within 30 seconds.
    pub fn open(wire: W, names: &Names, account: Option<&Account>) -> Result<Self, Refused> {
        let mut line = Line::new(wire);
        let agreed = enter(&mut line, names, account, Purpose::Devices)?;
        let talk = Talk::new(line.now(), names.unit, agreed);
        Ok(Self {
            line,
            talk,
            dead: None,
        })
    }

    /// Why the session is over; none while it lives.
    #[must_use]
    pub fn over(&self) -> Option<&str> {
        self.dead.as_deref()
    }

    /// Answers what the target asked since the last command, and after 5 seconds of silence asks
    /// whether it is there. A target that does not answer that within a minute ends the session.
    /// [`Awake`] calls this again and again.
    pub fn look_after(&mut self) {
        if self.dead.is_some() {
            return;
        }
        if let Err(refused) = self.listen() {
            self.die(&refused);
        }
    }

    /// Hears what is there already, and asks when it is time to.
    fn listen(&mut self) -> Result<(), Refused> {
        let mut data = Data::None;
        let until = self.line.now() + MOMENT;
        while let Some(message) = self.line.receive(until)? {
            let effects = self.talk.hear(self.line.now(), message)?;
            self.perform(effects, &mut data)?;
        }
        let effects = self.talk.wake(self.line.now())?;
        self.perform(effects, &mut data)?;
        self.part()
    }

    /// Waits until the target has said that it is there.
    fn ask(&mut self) -> Result<(), Refused> {
        let mut effects = self.talk.ask(self.line.now());
        loop {
            self.perform(effects, &mut Data::None)?;
            if !self.talk.is_asked() {
                return Ok(());
            }
            effects = self.next()?;
        }
    }

    /// What follows from the next message, or from its absence.
    fn next(&mut self) -> Result<Vec<Effect>, Refused> {
        let heard = self.line.receive(self.talk.deadline())?;
        let now = self.line.now();
        match heard {
            Some(message) => self.talk.hear(now, message),
            None => self.talk.wake(now),
        }
    }

    /// Does what the machine wants, until the command is over.
    fn perform(
        &mut self,
        effects: Vec<Effect>,
        data: &mut Data<'_>,
    ) -> Result<Option<Answer>, Refused> {
        for effect in effects {
            match (effect, &mut *data) {
                (Effect::Send(head, range), Data::Out(bytes)) => {
                    let body = bytes.get(range).unwrap_or_default();
                    let until = self.talk.takes_until(self.line.now());
                    self.line.send(head, body, until)?;
                }
                (Effect::Send(head, _), Data::None | Data::In(_)) => {
                    let until = self.talk.takes_until(self.line.now());
                    self.line.send(head, &[], until)?;
                }
                (Effect::Place(at, bytes), Data::In(buffer)) => {
                    let place = buffer.get_mut(at..at + bytes.len());
                    let place = place.ok_or(Refused::Nonsense("data beyond the buffer"))?;
                    place.copy_from_slice(&bytes);
                }
                (Effect::Place(..), Data::None | Data::Out(_)) => {}
                (Effect::Answer(answer), _) => return Ok(Some(answer)),
            }
        }
        Ok(None)
    }

    fn exchange(
        &mut self,
        cdb: &[u8],
        data: &mut Data<'_>,
        patience: Patience,
    ) -> Result<Answer, Refused> {
        if !self.talk.may_order() {
            // Its answer says how many commands it would take now.
            self.ask()?;
            if !self.talk.may_order() {
                return Ok(Answer::Busy);
            }
        }
        let (out, into) = match data {
            Data::Out(bytes) => (bytes.len(), 0),
            Data::In(buffer) => (0, buffer.len()),
            Data::None => (0, 0),
        };
        let limit = patience.limit();
        let order = Order {
            cdb,
            out,
            into,
            limit,
        };
        let mut effects = self.talk.order(self.line.now(), order);
        loop {
            if let Some(answer) = self.perform(effects, data)? {
                return Ok(answer);
            }
            effects = self.next()?;
        }
    }

    /// Leaves, if the target wants us to.
    fn part(&mut self) -> Result<(), Refused> {
        match self.talk.is_leaving() {
            true => Err(Refused::Asked),
            false => Ok(()),
        }
    }

    fn die(&mut self, refused: &Refused) {
        if matches!(refused, Refused::Asked) {
            self.farewell();
        }
        let why = match refused {
            Refused::Unreachable(error) => format!("{refused}: {error}"),
            Refused::Silent
            | Refused::Login(..)
            | Refused::Name(_)
            | Refused::Nonsense(_)
            | Refused::Rejected(_)
            | Refused::Dropped
            | Refused::Asked => refused.to_string(),
        };
        self.dead = Some(why);
    }

    fn farewell(&mut self) {
        let until = self.line.now() + FAREWELL;
        let head = self.talk.leave();
        // Whether this is heard does not matter any more.
        let _ = self.line.send(head, &[], until);
    }
}

/// The least time for which one listens.
const MOMENT: Duration = Duration::from_millis(1);

impl<W: Wire> Drop for Session<W> {
    fn drop(&mut self) {
        if self.dead.is_none() {
            self.farewell();
        }
    }
}

impl<W: Wire> Scsi for Session<W> {
    fn execute(&mut self, cdb: &[u8], mut data: Data<'_>, patience: Patience) -> Answer {
        if let Some(why) = &self.dead {
            return Answer::Lost { why: why.clone() };
        }
        let outcome = self.exchange(cdb, &mut data, patience);
        let parted = self.part();
        match (outcome, parted) {
            (Ok(answer), Ok(())) => answer,
            (Ok(answer), Err(asked)) => {
                self.die(&asked);
                answer
            }
            (Err(refused), _) => {
                self.die(&refused);
                let why = self.dead.clone().unwrap_or_default();
                Answer::Lost { why }
            }
        }
    }
}

#[cfg(test)]
mod tests;
