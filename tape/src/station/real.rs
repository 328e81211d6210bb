//! The devices of a library that is not embedded: those of the kernel, and those of an iSCSI
//! target.

use std::net::SocketAddr;
use std::sync::Arc;

use holdfast_actors::kernel::NodeId;
use holdfast_actors::tape::changer::Element;
use holdfast_actors::tape::device;

use super::cable::{Connect, Fleet, Reset, Way};
use crate::exchange;
use crate::iscsi::{Awake, Names, Session, Tcp};
use crate::ports::Failed;
use crate::scan::{self, Caller, Kind, Roots};
use crate::scsi::{Answer, Data, Patience, Scsi};
use crate::sg::Sg;
use crate::smc;

impl Way for Sg {
    fn is_over(&self) -> bool {
        self.is_gone()
    }

    fn reset(&self) -> Reset {
        let own = self.clone();
        Arc::new(move || {
            if let Err(error) = Sg::reset(&own) {
                tracing::warn!(%error, "the kernel does not reset a tape device");
            }
        })
    }
}

/// A session with a device of a target. Its commands end at their deadlines by themselves.
struct Reached(Awake<Tcp>);

impl Scsi for Reached {
    fn execute(&mut self, cdb: &[u8], data: Data<'_>, patience: Patience) -> Answer {
        self.0.execute(cdb, data, patience)
    }
}

impl Way for Reached {
    fn is_over(&self) -> bool {
        self.0.over().is_some()
    }

    fn reset(&self) -> Reset {
        Arc::new(|| {})
    }
}

fn other(error: &dyn std::fmt::Display) -> Failed {
    Failed::Other(error.to_string())
}

/// The devices of the kernel with these serial numbers.
pub(super) fn kernel(changer: &str, drives: &[String]) -> Result<Fleet, Failed> {
    let connect = |serial: &str| -> Connect {
        let serial = serial.to_owned();
        Box::new(move || {
            let found = find(&Roots::default(), &serial)?;
            Ok(Box::new(found))
        })
    };
    let arm = find(&Roots::default(), changer)?;
    let places = places(arm, drives)?;
    let at = places.into_iter().zip(drives);
    Ok(Fleet {
        changer: connect(changer),
        drives: at.map(|(place, serial)| (place, connect(serial))).collect(),
    })
}

/// Opens the device with this serial number, wherever it is now.
fn find(roots: &Roots, serial: &str) -> Result<Sg, Failed> {
    let listed = scan::listed(roots).map_err(|error| other(&error))?;
    for device in listed {
        let is_other = !device.serial.is_empty() && device.serial != serial;
        if is_other {
            continue;
        }
        // We hold what we open ourselves.
        let holder = device.holder.filter(|it| it.process != std::process::id());
        if let Some(holder) = holder {
            if device.serial == serial {
                return Err(Failed::Other(format!(
                    "tape device '{serial}' is in use by {holder}"
                )));
            }
            continue;
        }
        match Sg::open(&device.path) {
            // What the kernel remembers may have been another device.
            Ok(mut found) => {
                if is(serial, &mut found) {
                    return Ok(found);
                }
            }
            Err(refused) if device.serial == serial => return Err(other(&refused)),
            // It may be somebody else's.
            Err(_) => {}
        }
    }
    Err(Failed::Other(format!(
        "there is no tape device '{serial}' here; see what is there with 'tape scan'"
    )))
}

/// Whether this is the device with that serial number.
fn is(serial: &str, device: &mut impl Scsi) -> bool {
    exchange::identity(device).is_ok_and(|told| told.serial == serial)
}

/// Where a changer has the drives with these serial numbers.
fn places(changer: impl Scsi, drives: &[String]) -> Result<Vec<Element>, Failed> {
    let asked = scan::ask(Kind::Changer, changer).map_err(|failure| other(&failure))?;
    matched(&asked.drives, drives)
}

/// The elements where these drives are. A changer that does not tell of one of them, and of no
/// element more, can mean only that; anything else is not guessed.
fn matched(elements: &[smc::Element], drives: &[String]) -> Result<Vec<Element>, Failed> {
    let named = |serial: &str| {
        let mut all = elements
            .iter()
            .filter(|it| scan::named(it, drives) == Some(serial));
        let first = all.next()?;
        all.next().is_none().then_some(first.address)
    };
    let known: Vec<_> = drives.iter().map(|it| named(it)).collect();
    let mut left = elements
        .iter()
        .filter(|it| it.device.is_none() && !known.contains(&Some(it.address)))
        .map(|it| it.address);
    let only = left.next().filter(|_| left.next().is_none());
    let nameless = known.iter().filter(|it| it.is_none()).count();
    let found = drives.iter().zip(known).map(|(serial, at)| {
        let at = at.or(only.filter(|_| nameless == 1));
        at.map(|address| Element(address.0)).ok_or_else(|| {
            Failed::Other(format!(
                "the changer does not say where drive '{serial}' is"
            ))
        })
    });
    found.collect()
}

/// Sessions of libraries have numbers from here on.
const SESSIONS: u16 = 1;

/// The arm and the drives behind a target.
pub(super) fn target(
    node: Option<NodeId>,
    (portal, target): (SocketAddr, &device::Target),
    account: Option<&device::Account>,
) -> Result<Fleet, Failed> {
    let caller = Caller::of(portal, node, account).map_err(|unknown| other(&unknown))?;
    let connect = |unit: u8, serial: &str| -> Connect {
        let (caller, target) = (caller.clone(), target.clone());
        let serial = serial.to_owned();
        Box::new(move || {
            let names = Names {
                initiator: caller.initiator.clone(),
                target: target.as_str().to_owned(),
                session: SESSIONS + u16::from(unit),
                unit,
            };
            let session = match &caller.account {
                Some(account) => Session::prove(caller.portal, &names, account),
                None => Session::connect(caller.portal, &names),
            };
            let mut session = session.map_err(|refused| other(&refused))?;
            if !is(&serial, &mut session) {
                let told = format!("unit {unit} of target '{target}' is not '{serial}' any more");
                return Err(Failed::Other(told));
            }
            Ok(Box::new(Reached(Awake::new(session))))
        })
    };
    let units = scan::units(&caller, target.as_str(), SESSIONS);
    let (mut changers, mut drives) = (Vec::new(), Vec::new());
    for (unit, told) in units.map_err(|refused| other(&refused))? {
        match told.map(|told| (Kind::of(told.kind), told.serial)) {
            Ok((Some(Kind::Changer), serial)) => changers.push((serial, unit)),
            Ok((Some(Kind::Drive), serial)) => drives.push((serial, unit)),
            Ok((None, _)) => {}
            Err(failure) => return Err(other(&failure)),
        }
    }
    let [(arm, changer)] = &changers[..] else {
        let count = changers.len();
        return Err(Failed::Other(format!(
            "target '{target}' has {count} changers, and a library has one"
        )));
    };
    drives.sort();
    let serials: Vec<String> = drives.iter().map(|(serial, _)| serial.clone()).collect();
    let places = places(connect(*changer, arm)()?, &serials)?;
    let at = places.into_iter().zip(drives);
    Ok(Fleet {
        changer: connect(*changer, arm),
        drives: at
            .map(|(place, (serial, unit))| (place, connect(unit, &serial)))
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smc::{Address, Kind as Place};

    fn element(address: u16, device: Option<&str>) -> smc::Element {
        smc::Element {
            kind: Place::Drive,
            address: Address(address),
            full: false,
            reachable: true,
            exception: None,
            source: None,
            label: None,
            device: device.map(str::to_owned),
        }
    }

    fn found(elements: &[smc::Element], drives: &[&str]) -> Result<Vec<u16>, String> {
        let drives: Vec<String> = drives.iter().map(|it| (*it).to_owned()).collect();
        let found = matched(elements, &drives).map_err(|failed| failed.to_string())?;
        Ok(found.into_iter().map(|it| it.0).collect())
    }

    #[test]
    fn drives_are_where_the_changer_says_and_nowhere_else() {
        let all = [element(256, Some("ACME LTO D2")), element(257, Some("D1"))];
        assert_eq!(found(&all, &["D1", "D2"]), Ok(vec![257, 256]));
        assert_eq!(found(&all, &["D2"]), Ok(vec![256]));
        let unknown = "the changer does not say where drive 'D3' is".to_owned();
        assert_eq!(found(&all, &["D1", "D3"]), Err(unknown));
    }

    #[test]
    fn only_a_single_drive_is_where_the_changer_says_nothing() {
        let cut = [element(256, Some("D1")), element(257, None)];
        assert_eq!(found(&cut, &["D1", "D2"]), Ok(vec![256, 257]));
        assert_eq!(found(&cut, &["D2"]), Ok(vec![257]));
        let silent = [element(256, None), element(257, None)];
        assert!(found(&silent, &["D1", "D2"]).is_err(), "either is either");
        assert!(found(&silent, &["D1"]).is_err(), "it may be the other");
        assert_eq!(found(&silent[..1], &["D1"]), Ok(vec![256]));
        assert!(
            found(&cut, &["D2", "D3"]).is_err(),
            "one of both is not here"
        );
    }
}
