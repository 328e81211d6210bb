//! The two calls to the kernel. Nothing else of this project is unsafe.

#![expect(
    unsafe_code,
    reason = "the kernel takes a command as a structure that points to its parts"
)]

use std::ffi::{c_int, c_uint, c_void};
use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::ptr;
use std::time::Duration;

use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::{SigSet, SigmaskHow};

use super::meaning::Told;
use crate::scsi::Data;

const SG_IO: libc::Ioctl = 0x2285;
const SG_SCSI_RESET: libc::Ioctl = 0x2284;
const RESET_DEVICE: c_int = 1;
/// The kernel does not go on to the bus and the host, where others would be hit, when the device
/// does not obey.
const NO_ESCALATION: c_int = 0x100;

/// `struct sg_io_hdr` of <scsi/sg.h>.
#[repr(C)]
struct Header {
    interface: c_int,
    direction: c_int,
    cdb_length: u8,
    sense_room: u8,
    pieces: u16,
    length: c_uint,
    data: *mut c_void,
    cdb: *const u8,
    sense: *mut u8,
    millis: c_uint,
    flags: c_uint,
    pack: c_int,
    user: *mut c_void,
    status: u8,
    masked_status: u8,
    message: u8,
    sense_length: u8,
    host: u16,
    driver: u16,
    residual: c_int,
    duration: c_uint,
    info: c_uint,
}

/// Bytes of sense that are asked for; the standard has 252 at most.
const SENSE: u8 = 252;

/// What one call is about.
enum Call<'a> {
    Execute(&'a mut Header),
    Reset,
}

/// Sends a command, once, and waits for what comes of it. No signal is let through meanwhile: the
/// kernel would leave the command, and begin the call anew.
pub(super) fn execute(
    file: &File,
    cdb: &[u8],
    data: Data<'_>,
    limit: Duration,
) -> Result<Told, Errno> {
    let mut sense = [0; SENSE as usize];
    let cdb_length = u8::try_from(cdb.len()).map_err(|_| Errno::EINVAL)?;
    let length = c_uint::try_from(data.len()).map_err(|_| Errno::EINVAL)?;
    let (direction, data) = match data {
        Data::None => (-1, ptr::null_mut()),
        Data::Out(bytes) => (-2, bytes.as_ptr().cast_mut().cast()),
        Data::In(buffer) => (-3, buffer.as_mut_ptr().cast()),
    };
    let mut header = Header {
        interface: c_int::from(b'S'),
        direction,
        cdb_length,
        sense_room: SENSE,
        pieces: 0,
        length,
        data,
        cdb: cdb.as_ptr(),
        sense: sense.as_mut_ptr(),
        millis: c_uint::try_from(limit.as_millis()).unwrap_or(c_uint::MAX),
        flags: 0,
        pack: 0,
        user: ptr::null_mut(),
        status: 0,
        masked_status: 0,
        message: 0,
        sense_length: 0,
        host: 0,
        driver: 0,
        residual: 0,
        duration: 0,
        info: 0,
    };
    let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
    let called = call(file, Call::Execute(&mut header));
    before.thread_set_mask()?;
    called?;
    let said = usize::from(header.sense_length).min(sense.len());
    Ok(Told {
        status: header.status,
        host: header.host,
        driver: header.driver,
        residual: i64::from(header.residual),
        sense: sense[..said].to_vec(),
    })
}

/// Resets the device.
pub(super) fn reset(file: &File) -> Result<(), Errno> {
    call(file, Call::Reset)
}

fn call(file: &File, call: Call<'_>) -> Result<(), Errno> {
    let mut how = RESET_DEVICE | NO_ESCALATION;
    let (request, argument): (_, *mut c_void) = match call {
        Call::Execute(header) => (SG_IO, ptr::from_mut(header).cast()),
        Call::Reset => (SG_SCSI_RESET, ptr::from_mut(&mut how).cast()),
    };
    // SAFETY: each request has the argument that the kernel expects with it, which outlives the
    // call. The header is made in `execute` alone, of slices that outlive the call too and with
    // their lengths; the kernel writes into the buffer and into the sense, which are borrowed
    // mutably, and only reads data that goes out.
    Errno::result(unsafe { libc::ioctl(file.as_raw_fd(), request, argument) }).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_as_long_as_the_kernels() {
        assert_eq!(size_of::<Header>(), 64 + 3 * size_of::<usize>());
    }

    #[test]
    fn a_file_that_is_no_device_does_not_know_the_call() {
        let file = File::open("/dev/null").expect("it is everywhere");
        let told = execute(&file, &[0; 6], Data::None, Duration::from_secs(1));
        assert_eq!(told, Err(Errno::ENOTTY));
        assert_eq!(reset(&file), Err(Errno::ENOTTY));
    }
}
