//! Cartridges that go out of a library and come in, through the places behind its door.

use std::sync::Arc;

use holdfast_actors::tape::Barcode;
use holdfast_actors::tape::changer::Element;
use holdfast_actors::tape::drive::Purpose;

use crate::ports::{Failed, Station};
use crate::smc::{self, Kind};

/// A place behind the door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which.
    pub element: Element,
    /// Whether a cartridge stands there.
    pub is_full: bool,
    /// Its barcode, if it was read.
    pub barcode: Option<Barcode>,
}

/// What stands behind the door.
///
/// # Errors
/// When the robot does not say.
pub async fn door(station: &Arc<dyn Station>) -> Result<Vec<Place>, Failed> {
    let elements = station.elements().await?;
    let doors = elements.iter().filter(|one| one.kind == Kind::Door);
    Ok(doors.map(place).collect())
}

fn place(element: &smc::Element) -> Place {
    let text = element.label.as_deref().filter(|_| element.full);
    Place {
        element: Element(element.address.0),
        is_full: element.full,
        barcode: text.and_then(|text| Barcode::parse(text).ok()),
    }
}

/// A slot, and the barcode of the cartridge that is meant.
pub type Wanted = (Element, Option<Barcode>);

/// Carries the cartridges of these slots to free places behind the door; how many. None is moved
/// unless all are those that are meant, and there is room for all.
///
/// # Errors
/// When a slot is empty or holds another cartridge, there are too few places, or the robot does not
/// carry one; those before it are behind the door then.
pub async fn export(station: &Arc<dyn Station>, slots: &[Wanted]) -> Result<u64, Failed> {
    let moves = outward(&station.elements().await?, slots).map_err(Failed::Other)?;
    carried(station, moves).await
}

/// Carries all that stands behind the door to free slots; how many.
///
/// # Errors
/// When there are too few slots, or the robot does not carry one; those before it are in slots
/// then.
pub async fn import(station: &Arc<dyn Station>) -> Result<u64, Failed> {
    let moves = inward(&station.elements().await?).map_err(Failed::Other)?;
    carried(station, moves).await
}

/// Has the cartridge of a slot carried back there if it is in a drive, once nobody uses it any
/// more; whether it was.
///
/// # Errors
/// When the robot does not say where it is, or the drive does not let it go.
pub async fn eject(station: &Arc<dyn Station>, slot: Element) -> Result<bool, Failed> {
    let elements = station.elements().await?;
    let mut drives = elements.iter().filter(|one| one.kind == Kind::Drive);
    let is_of = |one: &smc::Element| one.full && one.source.is_some_and(|from| from.0 == slot.0);
    let is_in = drives.any(is_of);
    if is_in {
        let mount = station.mount(slot, Purpose::Care).await?;
        mount.dismount().await?;
    }
    Ok(is_in)
}

async fn carried(
    station: &Arc<dyn Station>,
    moves: Vec<(Element, Element)>,
) -> Result<u64, Failed> {
    let mut count = 0;
    for (from, to) in moves {
        station.carry(from, to).await?;
        count += 1;
    }
    Ok(count)
}

/// Elements of a kind that are full, or that are not, in order.
fn of(all: &[smc::Element], kind: Kind, full: bool) -> impl Iterator<Item = Element> {
    let these = all
        .iter()
        .filter(move |one| one.kind == kind && one.full == full);
    these.map(|one| Element(one.address.0))
}

fn outward(all: &[smc::Element], slots: &[Wanted]) -> Result<Vec<(Element, Element)>, String> {
    for (slot, barcode) in slots {
        let number = slot.0;
        let mut places = all.iter().filter(|one| one.kind == Kind::Slot && one.full);
        let Some(place) = places.find(|one| one.address.0 == number).map(place) else {
            return Err(format!(
                "slot {number} is empty: its cartridge is in a drive, or was taken"
            ));
        };
        if place.barcode != *barcode {
            let name = |it: &Option<Barcode>| match it {
                Some(barcode) => barcode.to_string(),
                None => "one without a barcode".to_owned(),
            };
            let (there, meant) = (name(&place.barcode), name(barcode));
            return Err(format!(
                "in slot {number} stands {there}, and not {meant}; take an inventory first"
            ));
        }
    }
    let from = slots.iter().map(|(slot, _)| *slot);
    paired(from, of(all, Kind::Door, false), "places behind the door")
}

fn inward(all: &[smc::Element]) -> Result<Vec<(Element, Element)>, String> {
    // A slot whose cartridge is in a drive is not free: it comes back there.
    let away: Vec<_> = all
        .iter()
        .filter(|one| one.full && matches!(one.kind, Kind::Drive | Kind::Picker))
        .filter_map(|one| one.source)
        .map(|source| Element(source.0))
        .collect();
    let free = of(all, Kind::Slot, false).filter(|slot| !away.contains(slot));
    paired(of(all, Kind::Door, true), free, "slots")
}

fn paired(
    from: impl Iterator<Item = Element>,
    to: impl Iterator<Item = Element>,
    what: &str,
) -> Result<Vec<(Element, Element)>, String> {
    let (from, to): (Vec<_>, Vec<_>) = (from.collect(), to.collect());
    if from.len() > to.len() {
        let (need, free) = (from.len(), to.len());
        return Err(format!("{need} {what} are needed, and {free} are free"));
    }
    Ok(from.into_iter().zip(to).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smc::Address;

    fn element(kind: Kind, address: u16, full: bool, source: Option<u16>) -> smc::Element {
        smc::Element {
            kind,
            address: Address(address),
            full,
            reachable: true,
            exception: None,
            source: source.map(Address),
            label: full.then(|| format!("HF{address:04}L9")),
            device: None,
        }
    }

    #[test]
    fn all_go_out_or_none_and_only_from_where_they_stand() {
        let all = [
            element(Kind::Slot, 10, true, None),
            element(Kind::Slot, 11, true, None),
            element(Kind::Slot, 12, false, None),
            element(Kind::Door, 20, true, None),
            element(Kind::Door, 21, false, None),
        ];
        let meant = |slot: u16| {
            let barcode = Barcode::parse(&format!("HF{slot:04}L9")).unwrap();
            (Element(slot), Some(barcode))
        };
        assert_eq!(
            outward(&all, &[meant(11)]),
            Ok(vec![(Element(11), Element(21))])
        );
        let told = outward(&all, &[meant(10), meant(11)]).unwrap_err();
        assert_eq!(told, "2 places behind the door are needed, and 1 are free");
        let told = outward(&all, &[meant(12)]).unwrap_err();
        assert!(told.contains("empty"), "{told}");
        // Somebody changed them by hand: another tenant's must not go out.
        let told = outward(&all, &[(Element(11), meant(10).1)]).unwrap_err();
        assert!(told.contains("stands HF0011L9, and not HF0010L9"), "{told}");
        assert_eq!(outward(&all, &[]), Ok(Vec::new()));
    }

    #[test]
    fn what_comes_in_leaves_the_slot_of_a_cartridge_in_a_drive_alone() {
        let all = [
            element(Kind::Slot, 10, false, None),
            element(Kind::Slot, 11, false, None),
            element(Kind::Drive, 1, true, Some(10)),
            element(Kind::Door, 20, true, Some(11)),
        ];
        assert_eq!(inward(&all), Ok(vec![(Element(20), Element(11))]));
        let none = [element(Kind::Door, 20, true, None)];
        assert!(inward(&none).unwrap_err().contains("1 slots are needed"));
    }
}
