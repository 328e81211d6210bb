//! Persistent reservations (SPC-4 §5.13): which hosts may use a device, by keys that they register.
//!
//! Registrations live until power fails; they cannot be made to outlive it. Whoever holds a key of
//! its own takes the device from another by preempting its key.

use std::collections::{BTreeMap, VecDeque};

use super::reply::{Told, bad_field, give, told};
use crate::scsi::{Answer, Data, number};

/// A host that uses the library; 0 where nobody says which.
pub type Host = u32;

/// Keys, and who holds the device.
#[derive(Debug, Default)]
pub(super) struct Reservations {
    generation: u32,
    keys: BTreeMap<Host, u64>,
    held: Option<(Host, Kind)>,
    /// What hosts have to be told.
    attention: BTreeMap<Host, VecDeque<(u8, u8)>>,
}

/// How a device is held. That others may still read from a tape makes no sense: reading moves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kind {
    code: u8,
    /// Whoever registered may use it.
    registrants: bool,
}

impl Kind {
    fn of(code: u8) -> Option<Self> {
        match code {
            1 | 3 | 5 | 6 => Some(Self {
                code,
                registrants: code >= 5,
            }),
            _ => None,
        }
    }
}

const PREEMPTED: (u8, u8) = (0x2a, 0x03);
const RELEASED: (u8, u8) = (0x2a, 0x04);
const KEY_PREEMPTED: (u8, u8) = (0x2a, 0x05);

/// Why an order about reservations was not followed.
enum No {
    Conflict,
    Told(Told),
}

impl Reservations {
    /// Whether this host may send this command now.
    pub(super) fn allow(&self, host: Host, cdb: &[u8]) -> bool {
        let Some((holder, kind)) = self.held else {
            return true;
        };
        if holder == host || kind.registrants && self.keys.contains_key(&host) {
            return true;
        }
        match cdb[0] {
            // Who it is, whether it is there, what it logs, and who holds it.
            0x00 | 0x03 | 0x05 | 0x12 | 0x4d | 0x5e | 0x5f | 0xa0 | 0xa3 => true,
            // Nobody's business but to let go.
            0x1e => cdb[4] & 1 == 0,
            _ => false,
        }
    }

    /// What this host has to be told before its next command.
    pub(super) fn attention(&mut self, host: Host) -> Option<Told> {
        let next = self.attention.get_mut(&host)?.pop_front();
        next.map(|(asc, ascq)| told(6, asc, ascq))
    }

    /// Power failed.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    fn tell(&mut self, host: Host, what: (u8, u8)) {
        self.attention.entry(host).or_default().push_back(what);
    }

    /// PERSISTENT RESERVE IN.
    pub(super) fn show(&self, cdb: &[u8], data: &mut Data<'_>) -> Result<usize, Told> {
        let mut body = Vec::new();
        match cdb[1] & 0x1f {
            0 => body.extend(self.keys.values().flat_map(|key| key.to_be_bytes())),
            1 => {
                if let Some((holder, kind)) = self.held {
                    let key = self.keys.get(&holder).copied().unwrap_or(0);
                    body.extend(key.to_be_bytes());
                    body.extend([0, 0, 0, 0, 0, kind.code, 0, 0]);
                }
            }
            2 => {
                // Write exclusive, exclusive access, and both for registrants.
                let able = [0, 8, 0, 0x80, 0x6a, 0, 0, 0];
                return give(data, number(cdb, 7, 2), &able);
            }
            _ => return Err(bad_field()),
        }
        let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
        let head = [self.generation.to_be_bytes(), length.to_be_bytes()].concat();
        give(data, number(cdb, 7, 2), &[head, body].concat())
    }

    /// PERSISTENT RESERVE OUT.
    pub(super) fn order(&mut self, host: Host, cdb: &[u8], data: &Data<'_>) -> Answer {
        let asked = data.len();
        match self.follow(host, cdb, data) {
            Ok(()) => Answer::Good { residual: 0 },
            Err(No::Conflict) => Answer::Conflict,
            Err(No::Told(told)) => super::reply::answer(Err(told), asked),
        }
    }

    fn follow(&mut self, host: Host, cdb: &[u8], data: &Data<'_>) -> Result<(), No> {
        let Data::Out(list) = data else {
            return Err(No::Told(bad_field()));
        };
        if list.len() != 24 || number(cdb, 5, 4) != 24 {
            return Err(No::Told(told(5, 0x1a, 0x00)));
        }
        // Nothing outlives power, and nobody speaks for others.
        if list[20] & 0x0d != 0 {
            return Err(No::Told(told(5, 0x26, 0x00)));
        }
        let (key, other) = (number(list, 0, 8), number(list, 8, 8));
        let action = cdb[1] & 0x1f;
        let own = self.keys.get(&host).copied();
        match action {
            0 if own.unwrap_or(0) != key => return Err(No::Conflict),
            1..=5 if own != Some(key) => return Err(No::Conflict),
            _ => {}
        }
        let kind = || match cdb[2] >> 4 {
            0 => Kind::of(cdb[2] & 0x0f).ok_or(No::Told(bad_field())),
            _ => Err(No::Told(bad_field())),
        };
        match action {
            0 | 6 => self.register(host, other),
            1 => return self.reserve(host, kind()?),
            2 => return self.release(host, kind()?),
            3 => self.clear(host),
            4 | 5 => return self.preempt(host, other, kind()?),
            _ => return Err(No::Told(bad_field())),
        }
        Ok(())
    }

    fn register(&mut self, host: Host, key: u64) {
        self.generation = self.generation.wrapping_add(1);
        if key == 0 {
            self.keys.remove(&host);
            if self.held.is_some_and(|(holder, _)| holder == host) {
                self.let_go(host);
            }
        } else {
            self.keys.insert(host, key);
        }
    }

    fn reserve(&mut self, host: Host, kind: Kind) -> Result<(), No> {
        match self.held {
            None => self.held = Some((host, kind)),
            Some(held) if held == (host, kind) => {}
            Some(_) => return Err(No::Conflict),
        }
        Ok(())
    }

    fn release(&mut self, host: Host, kind: Kind) -> Result<(), No> {
        match self.held {
            Some(held) if held == (host, kind) => self.let_go(host),
            Some((holder, _)) if holder == host => return Err(No::Told(told(5, 0x26, 0x04))),
            _ => {}
        }
        Ok(())
    }

    /// The device is free; whoever shared it is told.
    fn let_go(&mut self, host: Host) {
        let Some((_, kind)) = self.held.take() else {
            return;
        };
        if kind.registrants {
            let others: Vec<Host> = self.others(host, |_| true);
            for other in others {
                self.tell(other, RELEASED);
            }
        }
    }

    fn others(&self, host: Host, wanted: impl Fn(u64) -> bool) -> Vec<Host> {
        let others = self.keys.iter().filter(|(other, _)| **other != host);
        let wanted = others.filter(|(_, key)| wanted(**key));
        wanted.map(|(other, _)| *other).collect()
    }

    fn clear(&mut self, host: Host) {
        for other in self.others(host, |_| true) {
            self.tell(other, PREEMPTED);
        }
        self.keys.clear();
        self.held = None;
        self.generation = self.generation.wrapping_add(1);
    }

    /// Takes the device from whoever has this key. Commands end before the next begins, so there
    /// is none to be aborted.
    fn preempt(&mut self, host: Host, key: u64, kind: Kind) -> Result<(), No> {
        if key == 0 {
            return Err(No::Told(told(5, 0x26, 0x00)));
        }
        let holder = self.held.map(|(holder, _)| holder);
        let takes = holder.is_some_and(|holder| self.keys.get(&holder) == Some(&key));
        let victims = self.others(host, |other| other == key);
        if victims.is_empty() && !takes {
            return Err(No::Conflict);
        }
        for victim in victims {
            self.keys.remove(&victim);
            self.tell(victim, KEY_PREEMPTED);
        }
        if takes {
            self.held = Some((host, kind));
        }
        self.generation = self.generation.wrapping_add(1);
        Ok(())
    }
}
