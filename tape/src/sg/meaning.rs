//! What it means that the kernel says.

use nix::errno::Errno;

use crate::scsi::Answer;

/// What came of a command that the kernel took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// Of the device.
    pub(super) status: u8,
    /// Of the adapter and the path: 0 if the command got there and back.
    pub(super) host: u16,
    /// Of the kernel's driver, in its lower four bits.
    pub(super) driver: u16,
    /// Bytes asked minus moved.
    pub(super) residual: i64,
    /// As the device sent it.
    pub(super) sense: Vec<u8>,
}

/// The driver only says that there is sense.
const HAS_SENSE: u16 = 8;
const DRIVER: u16 = 0x0f;

/// The answer that this is.
pub(super) fn of(told: Result<Told, Errno>) -> Answer {
    match told {
        Ok(told) => said(told),
        // The kernel had no room, or something else in flight: it did not begin.
        Err(Errno::ENOMEM | Errno::EDOM | Errno::EBUSY | Errno::EAGAIN) => Answer::Busy,
        Err(Errno::ENODEV) => lost("the device is gone"),
        Err(error) => lost(&format!("the kernel did not take the command: {error}")),
    }
}

fn said(told: Told) -> Answer {
    let Told {
        residual, sense, ..
    } = told;
    if let Some(why) = broken(told.host, told.driver) {
        return lost(&why);
    }
    match told.status {
        0x00 | 0x04 => Answer::Good { residual },
        0x02 => Answer::Check { sense, residual },
        0x08 | 0x28 => Answer::Busy,
        0x18 => Answer::Conflict,
        other => lost(&format!("the device ended the command with {other:02x}")),
    }
}

/// Why nobody knows what the device did.
fn broken(host: u16, driver: u16) -> Option<String> {
    let why = match host {
        0 => match driver & DRIVER {
            0 | HAS_SENSE => return None,
            6 => "the deadline passed".to_owned(),
            other => format!("the driver failed ({other:x})"),
        },
        1 => "the device cannot be reached".to_owned(),
        2 => "the bus was busy until the deadline".to_owned(),
        3 => "the deadline passed".to_owned(),
        5 => "the command was aborted".to_owned(),
        8 => "the device or its bus was reset".to_owned(),
        0x0e | 0x0f => "the path to the device failed".to_owned(),
        other => format!("the host adapter failed ({other:#x})"),
    };
    Some(why)
}

fn lost(why: &str) -> Answer {
    Answer::Lost {
        why: why.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_status(status: u8) -> Answer {
        let sense = vec![0x70, 0, 0x80];
        of(Ok(Told {
            status,
            residual: 3,
            sense,
            ..Told::default()
        }))
    }

    #[test]
    fn what_the_device_says_comes_through() {
        assert_eq!(of_status(0), Answer::Good { residual: 3 });
        let sense = vec![0x70, 0, 0x80];
        assert_eq!(of_status(2), Answer::Check { sense, residual: 3 });
        assert_eq!(
            (of_status(8), of_status(0x28)),
            (Answer::Busy, Answer::Busy)
        );
        assert_eq!(of_status(0x18), Answer::Conflict);
    }

    #[test]
    fn what_did_not_come_back_is_lost_whatever_else_is_said() {
        assert!(matches!(of_status(0x40), Answer::Lost { .. }));
        for host in 1..=0x20 {
            let told = Told {
                host,
                ..Told::default()
            };
            assert!(matches!(of(Ok(told)), Answer::Lost { .. }), "{host}");
        }
        for driver in [1, 2, 3, 4, 5, 6, 7, 0x16] {
            let told = Told {
                driver,
                ..Told::default()
            };
            assert!(matches!(of(Ok(told)), Answer::Lost { .. }), "{driver}");
        }
        for error in [Errno::EFAULT, Errno::EINTR, Errno::ENODEV, Errno::EIO] {
            assert!(matches!(of(Err(error)), Answer::Lost { .. }), "{error}");
        }
    }

    #[test]
    fn sense_that_an_elder_kernel_announces_is_no_failure() {
        let told = Told {
            status: 2,
            driver: HAS_SENSE,
            sense: vec![0x70],
            ..Told::default()
        };
        assert!(matches!(of(Ok(told)), Answer::Check { .. }));
    }
}
