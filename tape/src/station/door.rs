//! Cartridges that go out of a library and come in, through the places behind its door.

use std::sync::Arc;

use holdfast_actors::tape::Barcode;
use holdfast_actors::tape::changer::Element;

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

/// Carries the cartridges of these slots to free places behind the door; how many. None is moved
/// unless there is room for all.
///
/// # Errors
/// When a slot is empty, there are too few places, or the robot does not carry one; those before it
/// are behind the door then.
pub async fn export(station: &Arc<dyn Station>, slots: &[Element]) -> Result<u64, Failed> {
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

fn outward(all: &[smc::Element], slots: &[Element]) -> Result<Vec<(Element, Element)>, String> {
    let full: Vec<Element> = of(all, Kind::Slot, true).collect();
    if let Some(slot) = slots.iter().find(|slot| !full.contains(slot)) {
        let slot = slot.0;
        return Err(format!(
            "slot {slot} is empty: its cartridge is in a drive, or was taken"
        ));
    }
    paired(
        slots.iter().copied(),
        of(all, Kind::Door, false),
        "places behind the door",
    )
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
        assert_eq!(
            outward(&all, &[Element(11)]),
            Ok(vec![(Element(11), Element(21))])
        );
        let told = outward(&all, &[Element(10), Element(11)]).unwrap_err();
        assert_eq!(told, "2 places behind the door are needed, and 1 are free");
        assert!(outward(&all, &[Element(12)]).unwrap_err().contains("empty"));
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
