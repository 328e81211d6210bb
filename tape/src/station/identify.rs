//! What a cartridge in a drive says of itself.

use holdfast_actors::kernel::{Date, Timestamp};
use holdfast_actors::tape::MediumId;
use holdfast_actors::tape::media::{Expiry, Label};
use tokio::sync::oneshot;

use crate::format::recovery::{self, Labels};
use crate::format::{Fault, ReadError};
use crate::ports::{Failed, Mount};

/// Reads the labels of a cartridge, from the beginning of its tape.
///
/// # Errors
/// When the drive fails. What is not ours, or cannot be read, is an answer.
pub async fn identify(mount: &mut dyn Mount) -> Result<Label, Failed> {
    let (told, labels) = oneshot::channel();
    let is_worm = mount.is_worm();
    mount
        .work(Box::new(move |tape| {
            // Whoever asked may have gone away.
            let _ = told.send(recovery::labels(tape));
        }))
        .await?;
    let gone = |_| Failed::Other("the drive did not read the label".to_owned());
    Ok(match labels.await.map_err(gone)? {
        Ok(labels) => Label {
            medium: Some(MediumId::new(u128::from_be_bytes(
                labels.label.volume.bytes(),
            ))),
            expires: Some(expiry(&labels)),
            is_foreign: false,
            is_worm,
        },
        Err(ReadError::Blank) => Label {
            medium: None,
            expires: None,
            is_foreign: false,
            is_worm,
        },
        Err(ReadError::Drive(fault @ (Fault::Failed(_) | Fault::HardEnd | Fault::Unsupported))) => {
            return Err(Failed::Other(fault.to_string()));
        }
        // What cannot be read may be somebody's.
        Err(
            ReadError::Drive(Fault::Unreadable(_))
            | ReadError::Foreign
            | ReadError::Garbled { .. }
            | ReadError::OtherTape { .. }
            | ReadError::OtherSet { .. }
            | ReadError::Generation { .. }
            | ReadError::Sealed
            | ReadError::End { .. }
            | ReadError::NoIndex,
        ) => Label {
            medium: None,
            expires: None,
            is_foreign: true,
            is_worm,
        },
    })
}

/// From which day on the label says that the tape may be written over; never, if the label of its
/// set is lost.
fn expiry(labels: &Labels) -> Expiry {
    let until = labels.set.as_ref().and_then(|set| set.protected_until);
    until.map_or(Expiry::Never, |seconds| {
        let moment = Timestamp::from_millis(seconds.saturating_mul(1_000));
        match Date::of(moment) {
            day if day.start() == moment => Expiry::On(day),
            day => Expiry::On(day.plus(1)),
        }
    })
}
