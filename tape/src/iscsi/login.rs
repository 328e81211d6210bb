//! The login: who we are, and what both sides can take.

use super::pdu::{BODY_MAX, Pdu, opcode};
use super::{Names, Refused, Wire};

/// What the target can take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Bytes in one body.
    pub(super) receives: usize,
    /// Bytes before it asks for more.
    pub(super) first_burst: usize,
    /// Data may ride on the command.
    pub(super) immediate: bool,
    /// Other data must be asked for.
    pub(super) waits: bool,
}

impl Default for Limits {
    /// As agreed where nothing is said.
    fn default() -> Self {
        Self {
            receives: 8_192,
            first_burst: 65_536,
            immediate: true,
            waits: true,
        }
    }
}

const WANTED: &str = "HeaderDigest=None\0DataDigest=None\0ErrorRecoveryLevel=0\0\
    InitialR2T=No\0ImmediateData=Yes\0MaxBurstLength=16776192\0FirstBurstLength=1048576\0\
    MaxOutstandingR2T=1\0MaxConnections=1\0DataPDUInOrder=Yes\0DataSequenceInOrder=Yes\0\
    DefaultTime2Wait=0\0DefaultTime2Retain=0\0";

/// Logs in; gives the limits and the number of the next answer.
pub(super) fn login(wire: &mut impl Wire, names: &Names) -> Result<(Limits, u32), Refused> {
    let Names {
        initiator, target, ..
    } = names;
    let who = format!(
        "InitiatorName={initiator}\0SessionType=Normal\0TargetName={target}\0AuthMethod=None\0"
    );
    let mut limits = Limits::default();
    let status = stage(wire, names, (0, 1, 0), &who, &mut limits)?;
    let what = format!("{WANTED}MaxRecvDataSegmentLength={BODY_MAX}\0");
    let status = stage(wire, names, (1, 3, status), &what, &mut limits)?;
    Ok((limits, status))
}

/// One stage: from which to which, with the answer that is expected.
fn stage(
    wire: &mut impl Wire,
    names: &Names,
    (from, to, status): (u8, u8, u32),
    text: &str,
    limits: &mut Limits,
) -> Result<u32, Refused> {
    let [high, low] = names.session.to_be_bytes();
    let mut head = Pdu::of(opcode::LOGIN | opcode::IMMEDIATE);
    head.bytes[1] = 0x80 | from << 2 | to;
    // A session of a random kind, told apart by its qualifier.
    head.bytes[8..14].copy_from_slice(&[0x80, 0, 0, 0x71, high, low]);
    head.set(24, 1);
    head.set(28, status);
    head.send(wire, text.as_bytes())?;
    let (head, body) = Pdu::receive(wire)?;
    if head.opcode() != opcode::LOGGED_IN {
        return Err(Refused::Nonsense("something else than a login"));
    }
    if head.bytes[36] != 0 {
        return Err(Refused::Login(head.bytes[36], head.bytes[37]));
    }
    if head.bytes[1] & 0x80 == 0 || head.bytes[1] & 0x03 != to {
        return Err(Refused::Nonsense("a login that does not go on"));
    }
    for pair in body.split(|byte| *byte == 0) {
        let pair = String::from_utf8_lossy(pair);
        if let Some((key, value)) = pair.split_once('=') {
            limits.agree(key, value);
        }
    }
    Ok(head.number(24).wrapping_add(1))
}

impl Limits {
    fn agree(&mut self, key: &str, value: &str) {
        // Shorter than this makes no sense for anybody.
        let number = value.parse().ok().filter(|number| *number >= 512);
        match key {
            "MaxRecvDataSegmentLength" => self.receives = number.unwrap_or(self.receives),
            "FirstBurstLength" => self.first_burst = number.unwrap_or(self.first_burst),
            "ImmediateData" => self.immediate = value == "Yes",
            "InitialR2T" => self.waits = value == "Yes",
            _ => {}
        }
    }
}
