//! What a cartridge is, and what may be done to it.
//!
//! Invariant: nothing is written over before every safeguard agrees, by whatever way it is asked.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::MediaSet;
use crate::kernel::{Date, Timestamp};

/// Characters of a barcode's number, and of what kind it is.
const NUMBER: usize = 6;
const SUFFIX: usize = 2;
/// Write errors after which a cartridge is not used any more.
pub const ERRORS_MAX: u32 = 2;

/// The text on a cartridge's label: six characters and two that say what it is. A hint for people
/// and robots, never an identity.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Barcode(String);

/// A text that is no barcode.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' is not a barcode of six letters or digits and two that say what it is, as in BK0001L9"
)]
pub struct BarcodeError(String);

/// What a cartridge is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    /// Can be written over.
    Standard,
    /// Can be written once.
    Worm,
    /// Cleans drives.
    Cleaning,
}

impl Barcode {
    /// Parses one.
    ///
    /// # Errors
    /// When the text has another form.
    pub fn parse(text: &str) -> Result<Self, BarcodeError> {
        let wrong = || BarcodeError(text.chars().take(40).collect());
        let letters = |it: u8| it.is_ascii_uppercase() || it.is_ascii_digit();
        let well_formed = text.len() == NUMBER + SUFFIX && text.bytes().all(letters);
        well_formed.then(|| Self(text.to_owned())).ok_or_else(wrong)
    }

    /// What the label says the cartridge is: `CU` with a number of `CLN` cleans, `LV` to `LZ` and
    /// `LT` to `LW` of the older generations are written once.
    pub fn kind(&self) -> Kind {
        match &self.0.as_bytes()[NUMBER..] {
            b"CU" => Kind::Cleaning,
            _ if self.0.starts_with("CLN") => Kind::Cleaning,
            [b'L', b'T'..=b'Z'] => Kind::Worm,
            _ => Kind::Standard,
        }
    }
}

impl fmt::Display for Barcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Barcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Who a cartridge is, whatever its label says: drawn when it is first written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MediumId(u128);

/// A pool of cartridges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PoolId(u64);

/// A media set: an ordered run of cartridges that are written one behind the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SetId(u128);

impl MediumId {
    /// From its number.
    pub const fn new(raw: u128) -> Self {
        Self(raw)
    }

    /// The number, for codecs.
    pub const fn raw(self) -> u128 {
        self.0
    }
}

impl SetId {
    /// From its number.
    pub const fn new(raw: u128) -> Self {
        Self(raw)
    }

    /// The number, for codecs.
    pub const fn raw(self) -> u128 {
        self.0
    }
}

impl PoolId {
    /// From its number.
    pub const fn new(raw: u64) -> Self {
        Self(raw)
    }

    /// The number.
    pub const fn raw(self) -> u64 {
        self.0
    }
}

/// The 128 bits of an id as a UUID is written.
pub(super) fn uuid(raw: u128, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let text = format!("{raw:032x}");
    let (a, b, c, d, e) = (
        &text[..8],
        &text[8..12],
        &text[12..16],
        &text[16..20],
        &text[20..],
    );
    write!(f, "{a}-{b}-{c}-{d}-{e}")
}

impl fmt::Display for MediumId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        uuid(self.0, f)
    }
}

impl fmt::Display for SetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        uuid(self.0, f)
    }
}

/// What is known of what is on a cartridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    /// Nobody looked yet.
    Unrecognized,
    /// Nothing, or nothing that counts.
    Empty,
    /// Somebody else's data, or what cannot be read; who it says it is, if it bears a label like
    /// ours.
    Foreign(Option<MediumId>),
    /// Ours.
    Written(Written),
    /// An operator gave up what is on it, two where it was not ours (10.10); its data is still
    /// there. What it then said of itself it must say again before it is written.
    GivenUp(Option<MediumId>),
}

/// What we wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// Its media set was closed, or the cartridge is full: nothing is appended.
    pub is_closed: bool,
    /// The day from which it may be written over: that of its longest-lived backup (10.8).
    pub expires: Expiry,
    /// When it was last written.
    pub last: Timestamp,
}

/// From when on what was written may be written over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Expiry {
    /// Whenever room is needed.
    Always,
    /// From this day on.
    On(Date),
    /// Never.
    Never,
}

impl Expiry {
    /// Whether it is over.
    pub fn is_over(self, today: Date) -> bool {
        match self {
            Self::Always => true,
            Self::On(day) => day <= today,
            Self::Never => false,
        }
    }
}

/// A cartridge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Medium {
    /// None if no reader can read it.
    pub barcode: Option<Barcode>,
    /// As the cartridge itself says, else its label.
    pub kind: Kind,
    /// What is on it.
    pub content: Content,
    /// Where it belongs; one in the Free pool belongs nowhere.
    pub pool: Option<PoolId>,
    /// The set that wrote it: it stays there, also when it has expired (`R10.2`).
    pub set: Option<MediaSet>,
    /// In a library that is on line.
    pub is_online: bool,
    /// Protected by an operator (10.8).
    pub is_protected: bool,
    /// Protected by its tab.
    pub is_write_protected: bool,
    /// Worn or faulty, for good.
    pub is_retired: bool,
    /// See [`ERRORS_MAX`].
    pub write_errors: u32,
}

/// Why something may not be done to a cartridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Refused {
    /// See [`Medium::is_online`].
    #[error("it is in no library that is on line: put it in, and take an inventory")]
    Offline,
    /// See [`Medium::is_protected`].
    #[error("an operator protected it")]
    Protected,
    /// See [`Medium::is_write_protected`].
    #[error("its write-protect tab is set: move the tab, and take an inventory")]
    WriteProtected,
    /// See [`Medium::is_retired`].
    #[error("it is retired")]
    Retired,
    /// It cannot be written over.
    #[error("it can be written only once")]
    Worm,
    /// It holds no data.
    #[error("it is a cleaning cartridge")]
    Cleaning,
    /// See [`Content::Unrecognized`].
    #[error("nobody has looked yet what is on it: take an inventory")]
    Unrecognized,
    /// See [`Content::Foreign`].
    #[error("it holds data that is not ours: two operators must agree that it is lost")]
    Foreign,
    /// See [`Expiry`].
    #[error("what is on it is kept until a later day")]
    Kept,
    /// There is nothing to protect.
    #[error("it is empty")]
    Empty,
    /// See [`Written::is_closed`].
    #[error("its media set is closed")]
    Closed,
}

/// What the cartridge said of itself since it was put into the drive; nothing is written before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// Who it says it is; none if nothing is written on it.
    pub medium: Option<MediumId>,
    /// From when on it says that it may be written over, in its set and in its own memory; none if
    /// it says nothing.
    pub expires: Option<Expiry>,
    /// It bears what is not ours, or cannot be read.
    pub is_foreign: bool,
    /// The drive says that it can be written once.
    pub is_worm: bool,
}

impl Medium {
    /// Whether anything at all can be written on it.
    fn writable(&self) -> Result<(), Refused> {
        let refused = [
            (self.kind == Kind::Cleaning, Refused::Cleaning),
            (self.is_retired, Refused::Retired),
            (self.write_errors >= ERRORS_MAX, Refused::Retired),
            (self.is_protected, Refused::Protected),
            (self.is_write_protected, Refused::WriteProtected),
            (!self.is_online, Refused::Offline),
        ];
        match refused.into_iter().find(|(is, _)| *is) {
            Some((_, refused)) => Err(refused),
            None => Ok(()),
        }
    }

    /// Whether more may be written behind what is on it.
    ///
    /// # Errors
    /// Why not.
    pub fn may_append(&self) -> Result<(), Refused> {
        self.writable()?;
        match self.content {
            Content::Written(it) if it.is_closed => Err(Refused::Closed),
            Content::Written(_) => Ok(()),
            Content::Empty | Content::GivenUp(_) => Err(Refused::Empty),
            Content::Unrecognized => Err(Refused::Unrecognized),
            Content::Foreign(_) => Err(Refused::Foreign),
        }
    }

    /// Whether it may be written from its beginning, by all that the catalog knows. What the
    /// cartridge says must agree: [`Medium::may_begin`].
    ///
    /// # Errors
    /// Why not.
    pub fn may_overwrite(&self, today: Date) -> Result<(), Refused> {
        self.writable()?;
        match self.content {
            Content::Empty => Ok(()),
            Content::Written(_) | Content::GivenUp(_) if self.kind == Kind::Worm => {
                Err(Refused::Worm)
            }
            Content::GivenUp(_) => Ok(()),
            Content::Written(it) if it.expires.is_over(today) => Ok(()),
            Content::Written(_) => Err(Refused::Kept),
            Content::Unrecognized => Err(Refused::Unrecognized),
            Content::Foreign(_) => Err(Refused::Foreign),
        }
    }

    /// Whether it may be written from its beginning now that it has said who it is: the catalog
    /// and the cartridge must both agree, whatever each of them says alone.
    ///
    /// # Errors
    /// Why not.
    pub fn may_begin(&self, id: MediumId, label: Label, today: Date) -> Result<(), Refused> {
        self.may_overwrite(today)?;
        let is_blank = label.medium.is_none() && !label.is_foreign;
        if label.is_worm && !is_blank {
            return Err(Refused::Worm);
        }
        if let Content::GivenUp(said) = self.content {
            let is_same = label.medium == said;
            return is_same.then_some(()).ok_or(Refused::Foreign);
        }
        if label.is_foreign || label.medium.is_some_and(|it| it != id) {
            return Err(Refused::Foreign);
        }
        let is_kept = label.expires.is_some_and(|it| !it.is_over(today));
        (!is_kept).then_some(()).ok_or(Refused::Kept)
    }

    /// Whether its catalog may be forgotten, so that it counts as empty (10.10).
    ///
    /// # Errors
    /// Why not.
    pub fn may_mark_free(&self) -> Result<(), Refused> {
        match self.kind {
            _ if self.is_protected => Err(Refused::Protected),
            Kind::Worm => Err(Refused::Worm),
            Kind::Cleaning => Err(Refused::Cleaning),
            Kind::Standard => Ok(()),
        }
    }

    /// Whether it may be protected (10.8).
    ///
    /// # Errors
    /// Why not.
    pub fn may_protect(&self) -> Result<(), Refused> {
        match self.content {
            Content::Empty | Content::GivenUp(_) => Err(Refused::Empty),
            Content::Written(_) | Content::Foreign(_) | Content::Unrecognized => Ok(()),
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
