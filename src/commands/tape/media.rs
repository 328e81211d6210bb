//! Orders about cartridges.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use holdfast_actors::names::TapeName;
use serde::{Deserialize, Serialize};

use super::named::MediumRef;

/// What can be done with cartridges.
#[derive(Clone, Debug, PartialEq, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Media {
    /// List cartridges: all, or those of one pool or library
    #[command(after_help = "Example: holdfast --data /srv/holdfast tape media list --pool gfs")]
    List(Of),
    /// Show one cartridge
    #[command(after_help = "Example: holdfast --data /srv/holdfast tape media show HF0001L8")]
    Show(Named),
    /// Read whole cartridges back, and compare each object with what was written down of it
    #[command(
        after_help = "What came of it stays known: 'tape media show'. A damaged one is not \
                      written any more, and the code is 1.\n\n\
                      Example: holdfast --data /srv/holdfast tape media verify HF0001L8 HF0002L8"
    )]
    Verify(Several),
    /// Copy the tape files of a cartridge to a directory as they are; tar and restic read them
    #[command(
        after_help = "Each file is a tar archive, in blocks of 256 KiB: tar -b 512 -xf FILE\n\n\
                      Example: holdfast --data /srv/holdfast tape media copy HF0001L8 \
                      --to /mnt/rescue/HF0001L8"
    )]
    Copy(Copy),
    /// Keep what is on a cartridge, whatever its retention says
    #[command(after_help = "Example: holdfast --data /srv/holdfast tape media protect HF0001L8")]
    Protect(Named),
    /// Let the retention decide again
    #[command(after_help = "Example: holdfast --data /srv/holdfast tape media unprotect HF0001L8")]
    Unprotect(Named),
    /// Give up what is on a cartridge, so that it can be written over; asks to type its barcode
    #[command(
        after_help = "Of data that is not ours a second operator has to agree.\n\n\
                      Example: holdfast --data /srv/holdfast tape media free HF0001L8"
    )]
    Free(Free),
    /// Erase a cartridge that may be written over: it is blank and free then; asks to type its
    /// barcode
    #[command(
        after_help = "Without --long only the beginning is erased, and nothing behind it is read \
                      by a drive any more; with it the drive writes over all of it, which takes \
                      hours.\n\n\
                      Example: holdfast --data /srv/holdfast tape media erase HF0001L8"
    )]
    Erase(Erase),
    /// Put a cartridge back into its slot that was left in a drive
    #[command(
        after_help = "What a run writes or a restore reads stays where it is.\n\n\
                      Example: holdfast --data /srv/holdfast tape media eject HF0001L8"
    )]
    Eject(Named),
    /// Put free cartridges into a media pool or back among the free ones, or cartridges that are
    /// off line into a vault or out of it
    #[command(
        after_help = "Where neither a pool nor a vault is named, they go among the free ones.\n\n\
                      Example: holdfast --data /srv/holdfast tape media move HF0001L8 --pool gfs\n\
                      Example: holdfast --data /srv/holdfast tape media move HF0001L8 HF0002L8 \
                      --vault bank"
    )]
    Move(Move),
    /// Use a cartridge no more, for good
    #[command(after_help = "Example: holdfast --data /srv/holdfast tape media retire HF0001L8")]
    Retire(Named),
}

/// Which cartridges.
#[derive(Clone, Debug, Default, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Of {
    /// Only those of this media pool
    #[arg(long, value_name = "POOL", value_parser = TapeName::parse)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<TapeName>,
    /// Only those in this library
    #[arg(long, value_name = "LIBRARY", value_parser = TapeName::parse)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub library: Option<TapeName>,
}

/// One cartridge.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Named {
    /// Its barcode such as HF0001L8, or its id
    #[arg(value_name = "BARCODE", value_parser = MediumRef::parse)]
    pub medium: MediumRef,
}

/// Some cartridges.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Several {
    /// Their barcodes such as HF0001L8, or their ids
    #[arg(value_name = "BARCODE", required = true, value_parser = MediumRef::parse)]
    pub media: Vec<MediumRef>,
}

/// A cartridge to erase.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Erase {
    /// Its barcode such as HF0001L8, or its id
    #[arg(value_name = "BARCODE", value_parser = MediumRef::parse)]
    pub medium: MediumRef,
    /// Write over all of it
    #[arg(long)]
    #[serde(default)]
    pub long: bool,
    /// What was given to name it, once more: what is on the cartridge is lost
    #[arg(long, value_name = "BARCODE")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
}

/// A cartridge to copy.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Copy {
    /// Its barcode such as HF0001L8, or its id
    #[arg(value_name = "BARCODE", value_parser = MediumRef::parse)]
    pub medium: MediumRef,
    /// A directory that is empty or does not exist, on the node that the library hangs on
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
}

/// A cartridge to give up.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Free {
    /// Its barcode such as HF0001L8, or its id
    #[arg(value_name = "BARCODE", value_parser = MediumRef::parse)]
    pub medium: MediumRef,
    /// What was given to name it, once more: what is on the cartridge is lost
    #[arg(long, value_name = "BARCODE")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
}

/// Where cartridges go.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Move {
    /// Their barcodes such as HF0001L8, or their ids
    #[arg(value_name = "BARCODE", required = true, value_parser = MediumRef::parse)]
    pub media: Vec<MediumRef>,
    /// The media pool that free ones go into
    #[arg(long, value_name = "POOL", value_parser = TapeName::parse)]
    #[arg(conflicts_with_all = ["vault", "no_vault"])]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<TapeName>,
    /// The vault that they were brought to
    #[arg(long, value_name = "VAULT", value_parser = TapeName::parse)]
    #[arg(conflicts_with = "no_vault")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vault: Option<TapeName>,
    /// Out of their vault
    #[arg(long)]
    #[serde(default)]
    pub no_vault: bool,
}
