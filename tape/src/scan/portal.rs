//! The tape devices behind an iSCSI portal.

use super::{Asked, Caller, Device, Kind, ask, paired};
use crate::exchange::{self, Failure};
use crate::iscsi::{Names, Portal, Refused, Session, Tcp, discover};

/// Sessions of a search have numbers from here on, so that they end no session of a library.
const SESSIONS: u16 = 0x8000;

/// The devices of all targets that a portal tells of, changers first. One that cannot be asked
/// says why; a target that refuses us is left out if another one does not.
///
/// # Errors
/// When the portal refuses, or all its targets do.
pub fn portal(caller: &Caller) -> Result<Vec<Device>, Refused> {
    let (mut found, mut refused) = (Vec::new(), None);
    let account = caller.account.as_ref();
    let names = names(caller, String::new(), 0);
    for (target, portals) in discover(caller.portal, &names, account)? {
        let address = portals.iter().find_map(Portal::address);
        let caller = Caller {
            portal: address.unwrap_or(caller.portal),
            ..caller.clone()
        };
        match behind(&caller, &target) {
            Ok(devices) => found.extend(devices),
            Err(why) => {
                tracing::warn!(%target, %why, "a target is left out of the search");
                refused = Some(why);
            }
        }
    }
    match refused {
        Some(why) if found.is_empty() => Err(why),
        Some(_) | None => Ok(paired(found)),
    }
}

fn names(caller: &Caller, target: String, unit: u8) -> Names {
    Names {
        initiator: caller.initiator.clone(),
        target,
        session: SESSIONS + u16::from(unit),
        unit,
    }
}

fn behind(caller: &Caller, target: &str) -> Result<Vec<(Device, Asked)>, Refused> {
    let mut found = Vec::new();
    for (unit, identity) in units(caller, target, SESSIONS)? {
        let place = format!("{target} unit {unit} at {}", caller.portal);
        let (identity, trouble) = match identity {
            Ok(identity) => (identity, None),
            Err(failure) => (exchange::Identity::default(), Some(failure.to_string())),
        };
        let Some(kind) = Kind::of(identity.kind) else {
            continue;
        };
        let mut device = Device {
            kind,
            place,
            vendor: identity.vendor.clone(),
            product: identity.product.clone(),
            revision: identity.revision.clone(),
            serial: identity.serial.clone(),
            changer: None,
            element: None,
            trouble,
        };
        let mut asked = Asked {
            identity,
            drives: Vec::new(),
        };
        if kind == Kind::Changer {
            let session = enter(caller, names(caller, target.to_owned(), unit))?;
            match ask(kind, session) {
                Ok(told) => asked = told,
                Err(failure) => device.trouble = Some(failure.to_string()),
            }
        }
        found.push((device, asked));
    }
    Ok(found)
}

/// What is known of a unit of a target.
pub(crate) type Unit = (u8, Result<exchange::Identity, Failure>);

/// All units of a target, and who they say they are. The number of the unit is added to that of
/// the sessions.
pub(crate) fn units(caller: &Caller, target: &str, sessions: u16) -> Result<Vec<Unit>, Refused> {
    let names = |unit: u8| Names {
        session: sessions + u16::from(unit),
        ..names(caller, target.to_owned(), unit)
    };
    let mut session = enter(caller, names(0))?;
    let told = exchange::units(&mut session);
    drop(session);
    let all = told.map_err(|_| Refused::Nonsense("no list of its devices"))?;
    let mut found = Vec::new();
    for unit in all {
        let mut session = enter(caller, names(unit))?;
        found.push((unit, exchange::identity(&mut session)));
    }
    Ok(found)
}

fn enter(caller: &Caller, names: Names) -> Result<Session<Tcp>, Refused> {
    match &caller.account {
        Some(account) => Session::prove(caller.portal, &names, account),
        None => Session::connect(caller.portal, &names),
    }
}
