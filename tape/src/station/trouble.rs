//! What a drive's trouble means to the machine that looks after it.

use holdfast_actors::tape::drive::Trouble;

use crate::exchange::Failure;
use crate::sense::Decision;

/// The trouble that a failure is; none if the drive stands where it says and is well.
pub(super) fn of(failure: &Failure) -> Option<Trouble> {
    match failure {
        Failure::Told { decision, .. } => told(*decision),
        Failure::Conflict => Some(Trouble::Reserved),
        Failure::Busy => Some(Trouble::NotReadyYet),
        Failure::Lost(_) => Some(Trouble::Unknown),
        Failure::Silent | Failure::Nonsense(_) => Some(Trouble::Broken),
        Failure::Nowhere => Some(Trouble::Changed),
    }
}

const fn told(decision: Decision) -> Option<Trouble> {
    Some(match decision {
        Decision::Done
        | Decision::Recovered
        | Decision::NearEnd
        | Decision::Filemark
        | Decision::EndOfData
        | Decision::Beginning
        | Decision::Length
        | Decision::Unsupported => return None,
        Decision::Overflow => Trouble::Full,
        Decision::JournalSuspect | Decision::WriteFault => Trouble::CannotWrite,
        Decision::PositionLost(_) => Trouble::Changed,
        Decision::BecomingReady | Decision::NeedsLoad => Trouble::NotReadyYet,
        Decision::Empty | Decision::SourceEmpty => Trouble::Empty,
        Decision::ReadFault => Trouble::CannotRead,
        Decision::WriteProtected | Decision::WormOverwrite => Trouble::WriteProtected,
        Decision::KeyMissing => Trouble::NoKey,
        Decision::Aborted | Decision::Unsuitable | Decision::Unknown | Decision::Held => {
            Trouble::Aborted
        }
        Decision::LoadFault
        | Decision::DriveFault
        | Decision::NotReady
        | Decision::DestinationFull
        | Decision::NoElement => Trouble::Broken,
    })
}
