//! The shape of what is done with cartridges as a whole.

use holdfast_actors::kernel::Size;
use serde::Serialize;

/// What a cartridge told of itself.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CartridgeRecovered {
    /// Its barcode, or its id.
    pub barcode: String,
    /// Objects that are on it for good.
    pub objects: u64,
    /// Runs that end on it.
    pub runs: u64,
    /// How much of it had to be read: `index`, `archives` or `headers`; none if it told nothing.
    pub read: Option<&'static str>,
    /// Why it told nothing.
    pub told: Option<String>,
}

/// A place behind the door of a library.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TapePlace {
    /// Its number.
    pub place: u16,
    /// Whether a cartridge stands there.
    pub cartridge: bool,
    /// Its barcode, if it was read.
    pub barcode: Option<String>,
}

/// What was read back of a cartridge.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CartridgeFound {
    /// Its barcode, or its id.
    pub barcode: String,
    /// Objects read.
    pub objects: u64,
    /// Their bytes.
    pub bytes: Size,
    /// Objects that are not what they were.
    pub damaged: u64,
    /// The first of them, and why.
    pub told: Vec<String>,
}

/// What was copied of a cartridge.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CartridgeCopied {
    /// Its barcode, or its id.
    pub barcode: String,
    /// Tape files.
    pub files: u64,
    /// Their bytes.
    pub bytes: Size,
    /// Where they are now.
    pub to: String,
}
