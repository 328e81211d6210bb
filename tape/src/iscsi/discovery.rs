//! Which targets there are behind a portal, and where: SendTargets.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use super::chap::Account;
use super::login::{Agreed, FIRST_COMMAND, Purpose};
use super::pdu::{Head, Message, NO_TAG, opcode};
use super::text::{Gathered, is_name, say};
use super::wire::{Line, Tcp, Wire};
use super::{Names, OPENING, Refused, enter};

/// Where a target can be reached.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Portal {
    /// An address, or a name to be looked up.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Portals of one group serve one session together.
    pub group: u16,
}

impl Portal {
    /// To connect to, when the host is an address.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        let host: IpAddr = self.host.parse().ok()?;
        Some(SocketAddr::new(host, self.port))
    }

    /// Reads `host[:port][,group]`, the host perhaps in brackets.
    fn parse(said: &str) -> Option<Self> {
        let (place, group) = said.rsplit_once(',').unwrap_or((said, "1"));
        let group = group.parse().ok()?;
        let (host, port) = match place.strip_prefix('[') {
            Some(rest) => {
                let (host, rest) = rest.split_once(']')?;
                (host, rest.strip_prefix(':'))
            }
            None => match place.rsplit_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (place, None),
            },
        };
        let port = port.map_or(Ok(PORT), str::parse).ok()?;
        is_name(host).then(|| Self {
            host: host.to_owned(),
            port,
            group,
        })
    }
}

/// The targets by name; one without portals is reached where it was asked for.
pub type Targets = BTreeMap<String, Vec<Portal>>;

/// The port of iSCSI.
const PORT: u16 = 3_260;
/// The longest list of targets, in bytes.
const TEXT_MAX: usize = 1 << 20;

/// A question for targets on its way. A machine.
#[derive(Debug)]
struct Question {
    status: u32,
    gathered: Gathered,
}

/// What follows.
#[derive(Debug)]
enum Next {
    Say(Head),
    Wait,
    Done(Targets),
}

const TAG: u32 = 1;

impl Question {
    fn new(agreed: Agreed) -> Self {
        Self {
            status: agreed.status,
            gathered: Gathered::new(TEXT_MAX),
        }
    }

    fn head(&self, opcode: u8, tag: u32, transfer: u32) -> Head {
        let mut head = Head::of(opcode | opcode::IMMEDIATE);
        head.bytes[1] = 0x80;
        head.set(16, tag);
        head.set(20, transfer);
        head.set(24, FIRST_COMMAND);
        head.set(28, self.status);
        head
    }

    /// What follows from a message of the target.
    fn hear(&mut self, message: &Message) -> Result<Next, Refused> {
        let head = &message.head;
        match head.opcode() {
            opcode::NOP_IN if head.number(20) == NO_TAG => return Ok(Next::Wait),
            opcode::NOP_IN => {
                let mut pong = self.head(opcode::NOP_OUT, NO_TAG, head.number(20));
                pong.bytes[8..16].copy_from_slice(&head.bytes[8..16]);
                return Ok(Next::Say(pong));
            }
            opcode::REJECT => return Err(Refused::Rejected(head.bytes[2])),
            opcode::TEXT_BACK if head.number(16) == TAG => {}
            _ => return Err(Refused::Nonsense("something else than targets")),
        }
        self.status = head.number(24).wrapping_add(1);
        self.gathered.add(&message.body)?;
        let (is_last, transfer) = (head.bytes[1] & 0x80 != 0, head.number(20));
        match (is_last, transfer) {
            (true, _) => Ok(Next::Done(targets(&self.gathered.pairs()?)?)),
            (false, NO_TAG) => Err(Refused::Nonsense("a list that stops in the middle")),
            (false, _) => Ok(Next::Say(self.head(opcode::TEXT, TAG, transfer))),
        }
    }
}

fn targets(pairs: &[(String, String)]) -> Result<Targets, Refused> {
    let mut found = Targets::new();
    let mut last: Option<&mut Vec<Portal>> = None;
    for (key, value) in pairs {
        match (key.as_str(), &mut last) {
            ("TargetName", _) if is_name(value) => {
                last = Some(found.entry(value.clone()).or_default());
            }
            ("TargetAddress", Some(portals)) => {
                let portal = Portal::parse(value);
                let portal = portal.ok_or(Refused::Nonsense("a portal that is none"))?;
                if !portals.contains(&portal) {
                    portals.push(portal);
                }
            }
            ("TargetName" | "TargetAddress", _) => {
                return Err(Refused::Nonsense("a target without a name"));
            }
            _ => {}
        }
    }
    Ok(found)
}

/// Asks a portal for its targets; of the names only the initiator's is used.
///
/// # Errors
/// When the portal cannot be reached, refuses, or has not answered within 30 seconds.
pub fn discover(
    portal: SocketAddr,
    names: &Names,
    account: Option<&Account>,
) -> Result<Targets, Refused> {
    discover_over(Tcp::connect(portal, OPENING)?, names, account)
}

/// The same over a stream.
///
/// # Errors
/// As [`discover`].
pub fn discover_over(
    wire: impl Wire,
    names: &Names,
    account: Option<&Account>,
) -> Result<Targets, Refused> {
    let mut line = Line::new(wire);
    let until = line.now() + OPENING;
    let agreed = enter(&mut line, names, account, Purpose::Discovery)?;
    let mut question = Question::new(agreed);
    let mut text = String::new();
    say(&mut text, "SendTargets", "All");
    let head = question.head(opcode::TEXT, TAG, NO_TAG);
    line.send(head, text.as_bytes(), until)?;
    loop {
        let message = line.receive(until)?.ok_or(Refused::Silent)?;
        match question.hear(&message)? {
            Next::Say(head) => line.send(head, &[], until)?,
            Next::Wait => {}
            Next::Done(targets) => {
                // Whether this is heard does not matter any more.
                let _ = line.send(question.head(opcode::LOGOUT, TAG + 1, 0), &[], until);
                return Ok(targets);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn portal(host: &str, port: u16, group: u16) -> Option<Portal> {
        let host = host.to_owned();
        Some(Portal { host, port, group })
    }

    #[test]
    fn a_portal_is_read_as_the_standard_writes_it() {
        assert_eq!(Portal::parse("10.0.0.1:860,2"), portal("10.0.0.1", 860, 2));
        assert_eq!(
            Portal::parse("tape.example"),
            portal("tape.example", PORT, 1)
        );
        assert_eq!(
            Portal::parse("[fe80::1]:3261,1"),
            portal("fe80::1", 3_261, 1)
        );
        assert_eq!(Portal::parse("[fe80::1]"), portal("fe80::1", PORT, 1));
        for odd in ["", "a:b", "a:1,b", "[a:1", ":1,1", "a:99999"] {
            assert_eq!(Portal::parse(odd), None, "{odd}");
        }
        let address = Portal::parse("[::1]:1").and_then(|portal| portal.address());
        assert_eq!(address, "[::1]:1".parse().ok());
    }

    #[test]
    fn portals_belong_to_the_target_before_them() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let told = [
            pair("TargetName", "iqn.b"),
            pair("TargetAddress", "10.0.0.1,1"),
            pair("TargetAddress", "10.0.0.2,1"),
            pair("TargetAddress", "10.0.0.2,1"),
            pair("TargetName", "iqn.a"),
        ];
        let found = targets(&told).expect("targets");
        assert_eq!((found["iqn.a"].len(), found["iqn.b"].len()), (0, 2));
        assert!(targets(&told[1..]).is_err(), "whose portal is this?");
    }

    proptest! {
        #[test]
        fn no_portal_is_too_strange(said in "[\\[\\]:,a0-9é]{0,12}") {
            let _ = Portal::parse(&said);
        }
    }
}
