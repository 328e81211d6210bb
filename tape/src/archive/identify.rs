//! What a mounted cartridge says of itself, as the catalog understands it.

use holdfast_actors::kernel::{Date, Timestamp};
use holdfast_actors::tape::media::{self, Expiry};

use crate::format::{Fault, Medium, ReadError, recovery};
use crate::naming;

/// Reads the labels of a cartridge.
///
/// # Errors
/// When the drive had trouble: nobody knows what is on it.
pub(super) fn identify(medium: &mut dyn Medium, is_worm: bool) -> Result<media::Label, Fault> {
    let mut label = media::Label {
        medium: None,
        expires: None,
        is_foreign: false,
        is_worm,
    };
    match recovery::labels(medium) {
        Ok(labels) => {
            label.medium = Some(naming::medium(labels.label.volume));
            label.expires = labels.set.map(|set| expiry(set.protected_until));
        }
        Err(ReadError::Blank) => {}
        Err(ReadError::Drive(fault @ (Fault::Failed(_) | Fault::HardEnd))) => return Err(fault),
        Err(_) => label.is_foreign = true,
    }
    Ok(label)
}

/// The first day that lies behind the instant as a whole.
fn expiry(protected_until: Option<u64>) -> Expiry {
    let Some(until) = protected_until else {
        return Expiry::Never;
    };
    let until = Timestamp::from_millis(until.saturating_mul(1000));
    let day = Date::of(until);
    Expiry::On(if day.start() < until {
        day.plus(1)
    } else {
        day
    })
}
