//! What a cartridge in a drive says of itself.

use holdfast_actors::kernel::{Date, Timestamp};
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
