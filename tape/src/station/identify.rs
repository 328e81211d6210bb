//! What a cartridge in a drive says of itself.

use holdfast_actors::kernel::{Date, Timestamp};
use holdfast_actors::tape::MediumId;
use holdfast_actors::tape::media::{Expiry, Label};

use crate::format::recovery::{self, Labels};
use crate::format::{Fault, ReadError};
use crate::naming;
use crate::ports::{Failed, Mount, ask};

/// Reads the labels of a cartridge, from the beginning of its tape.
///
/// # Errors
/// When the drive fails. What is not ours, or cannot be read, is an answer.
pub async fn identify(mount: &mut dyn Mount) -> Result<Label, Failed> {
    let label = Label {
        medium: None,
        expires: None,
        is_foreign: false,
        is_worm: mount.is_worm(),
    };
    Ok(match ask(mount, recovery::labels).await? {
        Ok(labels) => Label {
            medium: Some(naming::medium(labels.label.volume)),
            expires: Some(said(&labels)),
            ..label
        },
        Err(ReadError::Blank) => label,
        Err(ReadError::Drive(fault @ (Fault::Failed(_) | Fault::HardEnd | Fault::Unsupported))) => {
            return Err(Failed::Other(fault.to_string()));
        }
        // What cannot be read may be somebody's.
        Err(_) => Label {
            is_foreign: true,
            ..label
        },
    })
}

/// Why a cartridge is not the one on which the catalog counts something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stranger {
    /// It has no label of ours.
    #[error("it has no label of ours: nothing of ours is on it")]
    Nobody,
    /// It is another one.
    #[error("it is cartridge {0}")]
    Other(MediumId),
    /// It bears the number, but not what was written under it last: it was given up, and another
    /// one took its place.
    #[error("it was begun {said} times, and the catalog says {known}: it is one that was given up")]
    Elder {
        /// On the tape.
        said: u64,
        /// In the catalog.
        known: u64,
    },
}

/// Whether the cartridge in the drive is this one, that was begun so often, from the beginning of
/// its tape. One whose set's label cannot be read is known by its number alone.
///
/// # Errors
/// When the drive fails.
pub async fn recognise(
    mount: &mut dyn Mount,
    (medium, known): (MediumId, u64),
) -> Result<Result<(), Stranger>, Failed> {
    let labels = match ask(mount, recovery::labels).await? {
        Ok(labels) => labels,
        Err(ReadError::Drive(fault @ (Fault::Failed(_) | Fault::Unsupported))) => {
            return Err(Failed::Other(fault.to_string()));
        }
        Err(_) => return Ok(Err(Stranger::Nobody)),
    };
    Ok(is_it(&labels, medium, known))
}

fn is_it(labels: &Labels, medium: MediumId, known: u64) -> Result<(), Stranger> {
    let other = naming::medium(labels.label.volume);
    if other != medium {
        return Err(Stranger::Other(other));
    }
    match labels.set.as_ref().map(|set| set.generation) {
        Some(said) if said != known => Err(Stranger::Elder { said, known }),
        Some(_) | None => Ok(()),
    }
}

/// From which day on the label says that the tape may be written over; never, if the label of its
/// set is lost.
fn said(labels: &Labels) -> Expiry {
    expiry(labels.set.as_ref().and_then(|set| set.protected_until))
}

/// The day of a time in seconds since 1970; what has none is kept for ever.
pub(crate) fn expiry(until: Option<u64>) -> Expiry {
    until.map_or(Expiry::Never, |seconds| {
        let moment = Timestamp::from_millis(seconds.saturating_mul(1_000));
        match Date::of(moment) {
            day if day.start() == moment => Expiry::On(day),
            day => Expiry::On(day.plus(1)),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{Label, Layout, SetId, SetKind, SetLabel, Sum, Text};

    fn labels(generation: Option<u64>) -> Labels {
        let text = |text| Text::parse(text).unwrap();
        let medium = MediumId::new(7);
        let set = generation.map(|generation| SetLabel {
            set: SetId::new([1; 16]),
            name: text("daily"),
            runs: SetKind::Daily,
            layout: Layout::Many,
            sequence: 1,
            generation,
            protected_until: None,
            worm: false,
            owner: None,
            previous: Vec::new(),
        });
        Labels {
            label: Label {
                volume: naming::volume(medium),
                barcode: None,
                cluster: text("north"),
                pool: text("gfs"),
                block: 1 << 18,
                written: 0,
                signer: Sum::new([0; 32]),
            },
            set,
            catalogs: std::collections::BTreeMap::new(),
        }
    }

    #[test]
    fn of_two_cartridges_with_one_number_the_one_that_was_given_up_is_not_meant() {
        let seven = MediumId::new(7);
        assert_eq!(is_it(&labels(Some(3)), seven, 3), Ok(()));
        assert_eq!(is_it(&labels(None), seven, 3), Ok(()));
        let elder = Stranger::Elder { said: 2, known: 3 };
        assert_eq!(is_it(&labels(Some(2)), seven, 3), Err(elder));
        let other = Err(Stranger::Other(seven));
        assert_eq!(is_it(&labels(Some(3)), MediumId::new(8), 3), other);
    }
}
