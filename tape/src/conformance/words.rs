//! The words of the script: each is one raw command, and its answer one line.

use crate::scsi::{Answer, Data, Patience, Scsi, three};
use crate::sense::Sense;

/// An answer as one line.
#[must_use]
pub fn say(answer: &Answer) -> String {
    match answer {
        Answer::Good { residual: 0 } => "GOOD".into(),
        Answer::Good { residual } => format!("GOOD, {residual} left"),
        Answer::Check { sense, .. } => {
            Sense::parse(sense).map_or_else(|| "CHECK".into(), |sense| sense.to_string())
        }
        Answer::Conflict => "CONFLICT".into(),
        Answer::Busy => "BUSY".into(),
        Answer::Lost { why } => format!("LOST: {why}"),
    }
}

/// Bytes of a block of the word `fill`.
const FILL: u32 = 256 << 10;
/// Blocks after which a tape counts as endless.
const FILL_MAX: u32 = 2_048;
/// Blocks after the warning.
const WARNED_MAX: u32 = 64;

/// Says one word to a drive: `write 10`, `marks 1`, `flush`, `read 10`, `silent 10`,
/// `blocks -1`, `files 1`, `end`, `near 3` and `far 3` (LOCATE), `rewind`, `erase`, `load`,
/// `unload`, `ready`, `at`, `place`, `fixed 512`, `records 2` and `put 2` (fixed blocks),
/// `limits`, `alerts`, `chip`, `fill`; `register 5`, `forget 5`, `reserve 5`, `release 5`, `keys`
/// and `holder` (reservations by key); `append 1`, `extension` and `over 0` (writing over).
/// A block is filled with its length's lowest byte.
pub fn tell(drive: &mut dyn Scsi, line: &str) -> String {
    let (word, number) = line.split_once(' ').unwrap_or((line, "0"));
    let number: i32 = number.parse().unwrap_or(0);
    let [_, a, b, c] = number.to_be_bytes();
    let length = usize::try_from(number).unwrap_or(0);
    let fill = vec![c; length];
    let mut order = |cdb: &[u8], data| say(&drive.execute(cdb, data, Patience::Wind));
    match word {
        "write" => order(&[0x0a, 0, a, b, c, 0], Data::Out(&fill)),
        "put" => order(&[0x0a, 1, a, b, c, 0], Data::Out(&vec![c; length * 512])),
        "marks" => order(&[0x10, 1, a, b, c, 0], Data::None),
        "flush" => order(&[0x10, 0, 0, 0, 0, 0], Data::None),
        "blocks" => order(&[0x11, 0, a, b, c, 0], Data::None),
        "files" => order(&[0x11, 1, a, b, c, 0], Data::None),
        "end" => order(&[0x11, 3, 0, 0, 0, 0], Data::None),
        "near" => order(&[0x2b, 0, 0, 0, a, b, c, 0, 0, 0], Data::None),
        "far" => order(&far(c), Data::None),
        "rewind" => order(&[0x01, 0, 0, 0, 0, 0], Data::None),
        "erase" => order(&[0x19, 0, 0, 0, 0, 0], Data::None),
        "load" => order(&[0x1b, 0, 0, 0, 1, 0], Data::None),
        "unload" => order(&[0x1b, 0, 0, 0, 0, 0], Data::None),
        "ready" => order(&[0; 6], Data::None),
        "fixed" => {
            let list = [0, 0, 0x10, 8, 0, 0, 0, 0, 0, a, b, c];
            order(&[0x15, 0x10, 0, 0, 12, 0], Data::Out(&list))
        }
        "fill" => fill_up(drive),
        "register" => order(&reserve(0, 0), Data::Out(&keys(0, c))),
        "forget" => order(&reserve(0, 0), Data::Out(&keys(c, 0))),
        "reserve" => order(&reserve(1, EXCLUSIVE), Data::Out(&keys(c, 0))),
        "release" => order(&reserve(2, EXCLUSIVE), Data::Out(&keys(c, 0))),
        "append" => order(
            &[0x55, 0x10, 0, 0, 0, 0, 0, 0, 40, 0],
            Data::Out(&extension(c)),
        ),
        "over" => order(&over(c), Data::None),
        "read" => read(drive, &[0x08, 0, a, b, c, 0], length),
        "silent" => read(drive, &[0x08, 2, a, b, c, 0], length),
        "records" => read(drive, &[0x08, 1, a, b, c, 0], length * 512),
        _ => ask(drive, word),
    }
}

fn far(object: u8) -> [u8; 16] {
    let mut cdb = [0; 16];
    cdb[0] = 0x92;
    cdb[11] = object;
    cdb
}

/// The kind of reservation that keeps all others away.
const EXCLUSIVE: u8 = 3;

fn reserve(action: u8, kind: u8) -> [u8; 10] {
    [0x5f, action, kind, 0, 0, 0, 0, 0, 24, 0]
}

/// Our key, and the key that is to be.
fn keys(own: u8, other: u8) -> [u8; 24] {
    let mut list = [0; 24];
    (list[7], list[15]) = (own, other);
    list
}

/// The second page of the configuration: whether a tape is only added to.
fn extension(append: u8) -> [u8; 40] {
    let mut list = [0; 40];
    list[8..12].copy_from_slice(&[0x50, 0x01, 0, 0x1c]);
    list[13] = append << 4;
    list
}

fn over(object: u8) -> [u8; 16] {
    let mut cdb = [0; 16];
    (cdb[0], cdb[2], cdb[11]) = (0x82, 1, object);
    cdb
}

/// The answer, and after it what was read, if anything.
fn read(drive: &mut dyn Scsi, cdb: &[u8], length: usize) -> String {
    let mut bytes = vec![0xee; length];
    let answer = drive.execute(cdb, Data::In(&mut bytes), Patience::Block);
    let (Answer::Good { residual } | Answer::Check { residual, .. }) = &answer else {
        return say(&answer);
    };
    let left = usize::try_from(*residual).unwrap_or(0);
    let moved = &bytes[..length.saturating_sub(left)];
    let said = say(&answer);
    let is_told = match &answer {
        Answer::Check { sense, .. } => Sense::parse(sense).is_none_or(|sense| !sense.length),
        Answer::Good { .. } | Answer::Conflict | Answer::Busy | Answer::Lost { .. } => false,
    };
    match moved {
        [] => said,
        // What stands behind a mark or an end is nobody's data.
        _ if is_told => format!("{said}, {} bytes", moved.len()),
        [first, rest @ ..] if rest.iter().all(|byte| byte == first) => {
            format!("{said}, {} x {first}", moved.len())
        }
        _ => format!("{said}, {} mixed", moved.len()),
    }
}

/// A question with a short answer.
fn ask(drive: &mut dyn Scsi, word: &str) -> String {
    let mut bytes = [0; 64];
    let cdb: &[u8] = match word {
        "at" => &[0x34, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        "place" => &[0x34, 6, 0, 0, 0, 0, 0, 0, 0, 0],
        "limits" => &[0x05, 0, 0, 0, 0, 0],
        "alerts" => &[0x4d, 0, 0x6e, 0, 0, 0, 0, 0, 64, 0],
        "keys" => &[0x5e, 0, 0, 0, 0, 0, 0, 0, 64, 0],
        "holder" => &[0x5e, 1, 0, 0, 0, 0, 0, 0, 64, 0],
        "extension" => &[0x5a, 8, 0x10, 0x01, 0, 0, 0, 0, 40, 0],
        "chip" => &[0x8c, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0],
        _ => return format!("no word {word}"),
    };
    let length = match word {
        "at" => 20,
        "place" => 32,
        "limits" => 6,
        "extension" => 40,
        _ => 64,
    };
    let data = Data::In(&mut bytes[..length]);
    let answer = drive.execute(cdb, data, Patience::Question);
    if !matches!(answer, Answer::Good { .. }) {
        return say(&answer);
    }
    match word {
        "at" => format!("object {}, flags {:02x}", bytes[7], bytes[0]),
        "place" => format!("object {}, file {}", bytes[15], bytes[23]),
        "keys" if bytes[7] == 0 => "no keys".into(),
        "keys" => format!("{} bytes of keys, first {}", bytes[7], bytes[15]),
        "holder" if bytes[7] == 0 => "held by nobody".into(),
        "holder" => format!("held by {}, kind {}", bytes[15], bytes[21]),
        "extension" if bytes[8..12] != [0x50, 0x01, 0, 0x1c] => "another page".into(),
        "extension" => format!("append {}, early {}", bytes[13] >> 4, bytes[15]),
        "limits" if bytes[..4] == [0; 4] => "without limits".into(),
        "limits" => "limits".into(),
        _ => "GOOD".into(),
    }
}

/// Writes until the tape is full: what warned, and what ended it.
fn fill_up(drive: &mut dyn Scsi) -> String {
    let block = vec![0x55; FILL as usize];
    let [a, b, c] = three(FILL);
    let (mut warned, mut after) = ("no warning".to_owned(), 0);
    for _ in 0..FILL_MAX {
        let answer = drive.execute(&[0x0a, 0, a, b, c, 0], Data::Out(&block), Patience::Block);
        let Answer::Check { sense, .. } = &answer else {
            if !matches!(answer, Answer::Good { .. }) {
                return say(&answer);
            }
            continue;
        };
        match Sense::parse(sense) {
            Some(sense) if sense.key <= 1 && sense.end => {
                warned = sense.to_string();
                after += 1;
            }
            _ => return format!("{warned}, then {}", say(&answer)),
        }
        if after == WARNED_MAX {
            break;
        }
    }
    format!("{warned}, then no end")
}
