//! One command and what came of it, for drives and changers alike.

use crate::scsi::{Answer, Data, Patience, Scsi, number};
use crate::sense::{Decision, Order, Sense};

/// Why a device did not do all that it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It said so.
    #[error("the device said {sense}: {decision}")]
    Told {
        /// What it said.
        sense: Sense,
        /// What follows.
        decision: Decision,
        /// Bytes that moved all the same.
        moved: usize,
    },
    /// It said no, and not why.
    #[error("the device refused and did not say why")]
    Silent,
    /// Another host has reserved it.
    #[error("another host has reserved the device")]
    Conflict,
    /// It is busy; nothing was begun.
    #[error("the device is busy")]
    Busy,
    /// Whether it obeyed is unknown.
    #[error("no answer, whether the device obeyed is unknown: {0}")]
    Lost(String),
    /// It answered what makes no sense.
    #[error("the device answered nonsense to {0}")]
    Nonsense(&'static str),
    /// Where the head stands is unknown, and the drive cannot tell.
    #[error("where the head stands is unknown")]
    Nowhere,
}

impl Failure {
    /// What follows, when the device said so.
    #[must_use]
    pub fn decision(&self) -> Option<Decision> {
        match self {
            Self::Told { decision, .. } => Some(*decision),
            Self::Silent
            | Self::Conflict
            | Self::Busy
            | Self::Lost(_)
            | Self::Nonsense(_)
            | Self::Nowhere => None,
        }
    }

    /// Whether the device has no such command.
    #[must_use]
    pub fn is_unsupported(&self) -> bool {
        *self == Self::Silent || self.decision() == Some(Decision::Unsupported)
    }
}

/// It was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Done {
    /// Bytes that moved.
    pub(crate) moved: usize,
    /// The end of the tape is near.
    pub(crate) near_end: bool,
}

/// Sends one command, once.
pub(crate) fn send(
    scsi: &mut (impl Scsi + ?Sized),
    cdb: &[u8],
    data: Data<'_>,
    patience: Patience,
    order: Order,
) -> Result<Done, Failure> {
    let asked = data.len();
    let moved = |residual: i64| {
        let residual = usize::try_from(residual).unwrap_or(0);
        asked.saturating_sub(residual)
    };
    match scsi.execute(cdb, data, patience) {
        Answer::Good { residual } => Ok(Done {
            moved: moved(residual),
            near_end: false,
        }),
        Answer::Check { sense, residual } => {
            let Some(sense) = Sense::parse(&sense) else {
                return Err(Failure::Silent);
            };
            let (decision, moved) = (Decision::of(&sense, order), moved(residual));
            let near_end = decision == Decision::NearEnd;
            if decision.is_done() {
                return Ok(Done { moved, near_end });
            }
            Err(Failure::Told {
                sense,
                decision,
                moved,
            })
        }
        Answer::Conflict => Err(Failure::Conflict),
        Answer::Busy => Err(Failure::Busy),
        Answer::Lost { why } => Err(Failure::Lost(why)),
    }
}

/// Most attentions in a row that are taken before a device counts as mad.
const ATTENTIONS_MAX: usize = 8;

/// Asks whether the device is ready, and takes what it wants attention for. Says whether there
/// was anything: then positions are lost.
pub(crate) fn ready(scsi: &mut (impl Scsi + ?Sized)) -> (bool, Result<(), Failure>) {
    let mut outcome = Ok(());
    for taken in 0..=ATTENTIONS_MAX {
        let answer = send(scsi, &[0; 6], Data::None, Patience::Question, Order::Other);
        outcome = answer.map(|_| ());
        let decision = outcome.as_ref().err().and_then(Failure::decision);
        if !matches!(decision, Some(Decision::PositionLost(_))) {
            return (taken > 0, outcome);
        }
    }
    (true, outcome)
}

/// Who a device says it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Kind of device: 1 a drive, 8 a changer.
    pub kind: u8,
    /// Maker.
    pub vendor: String,
    /// Model.
    pub product: String,
    /// Of its firmware.
    pub revision: String,
    /// Serial number; empty when the device does not tell.
    pub serial: String,
    /// Designator of page 83h as text, by which a changer may name a drive.
    pub designator: String,
}

/// Asks a device who it is.
pub(crate) fn identity(scsi: &mut (impl Scsi + ?Sized)) -> Result<Identity, Failure> {
    let mut bytes = [0; 96];
    let mut ask = |page: Option<u8>, bytes: &mut [u8]| {
        let length = u8::try_from(bytes.len()).unwrap_or(u8::MAX);
        let cdb = [0x12, page.is_some().into(), page.unwrap_or(0), 0, length, 0];
        let data = Data::In(bytes);
        send(scsi, &cdb, data, Patience::Question, Order::Other).map(|done| done.moved)
    };
    let moved = ask(None, &mut bytes)?;
    if moved < 32 {
        return Err(Failure::Nonsense("INQUIRY"));
    }
    let mut identity = Identity {
        kind: bytes[0] & 0x1f,
        vendor: words(&bytes[8..16]),
        product: words(&bytes[16..32]),
        revision: words(&bytes[32..36]),
        ..Identity::default()
    };
    let mut page = |code| {
        let mut bytes = [0; 252];
        let moved = ask(Some(code), &mut bytes)?;
        let end = moved.min(4 + usize::from(bytes[3]));
        Ok(bytes[4.min(end)..end].to_vec())
    };
    match page(0x80) {
        Ok(serial) => identity.serial = words(&serial),
        Err(failure @ (Failure::Lost(_) | Failure::Conflict | Failure::Busy)) => {
            return Err(failure);
        }
        Err(_) => {}
    }
    if let Ok(found) = page(0x83) {
        identity.designator = words(found.get(4..).unwrap_or_default());
    }
    Ok(identity)
}

/// Bytes of the list of units; 255 of them have room.
const UNITS: usize = 8 + 255 * 8;

/// Asks which units there are behind the way to one of them. Those whose number needs more than a
/// byte are left out.
pub(crate) fn units(scsi: &mut (impl Scsi + ?Sized)) -> Result<Vec<u8>, Failure> {
    // What it wants attention for is taken.
    let _ = ready(scsi);
    let mut bytes = vec![0; UNITS];
    let [a, b, c, d] = u32::try_from(UNITS).unwrap_or(u32::MAX).to_be_bytes();
    let cdb = [0xa0, 0, 0, 0, 0, 0, a, b, c, d, 0, 0];
    let data = Data::In(&mut bytes);
    let moved = send(scsi, &cdb, data, Patience::Question, Order::Other)?.moved;
    if moved < 8 {
        return Err(Failure::Nonsense("REPORT LUNS"));
    }
    let told = usize::try_from(number(&bytes, 0, 4)).unwrap_or(usize::MAX);
    let end = moved.min(told.saturating_add(8));
    let units = bytes[8..end].chunks_exact(8);
    Ok(units
        .filter(|unit| unit[0] == 0)
        .map(|unit| unit[1])
        .collect())
}

/// The readable part of a field.
pub(crate) fn words(bytes: &[u8]) -> String {
    let readable = bytes.iter().map(|byte| match byte {
        0x20..=0x7e => char::from(*byte),
        _ => ' ',
    });
    readable.collect::<String>().trim().to_owned()
}
