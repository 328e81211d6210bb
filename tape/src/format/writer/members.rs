//! The bytes of members: their headers, and what is at hand as a whole.

use bytes::Bytes;

use super::super::member::Member;
use super::super::pax::{self, Keyword, Keywords, Type, UNIT};
use super::super::sum::Sum;
use super::File;

/// The headers of a member.
pub(super) fn head(
    file: &mut File,
    member: &Member,
    (length, said): (u64, &Keywords),
    is_aligned: bool,
    time: u64,
    out: &mut Vec<Bytes>,
) {
    let extended = pax::records(Type::Extended, said, time);
    if is_aligned {
        file.stream.align(extended.len() + UNIT, time, out);
    }
    file.stream.put(&extended, out);
    file.stream.put(
        &pax::header(Type::Regular, &member.to_string(), length, time),
        out,
    );
}

/// What the headers of a member that is not encrypted say.
pub(super) fn said(sum: Sum) -> Keywords {
    Keywords::from([(Keyword::Sha256, sum.to_string())])
}

/// A member that is at hand as a whole.
pub(super) fn whole(
    file: &mut File,
    member: &Member,
    bytes: &[u8],
    time: u64,
    out: &mut Vec<Bytes>,
) {
    let length = bytes.len() as u64;
    head(
        file,
        member,
        (length, &said(Sum::of(bytes))),
        false,
        time,
        out,
    );
    file.stream.put(bytes, out);
    file.stream.fill(out);
}

pub(super) fn archive_index(file: &mut File, time: u64, out: &mut Vec<Bytes>) {
    let (length, sum) = (file.measure.length(), file.measure.sum());
    let said = said(sum);
    head(
        file,
        &Member::ArchiveIndex,
        (length, &said),
        true,
        time,
        out,
    );
}
