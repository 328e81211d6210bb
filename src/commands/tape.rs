//! Orders about tape: libraries, media pools, cartridges, jobs that archive repositories, and
//! bringing back what they archived. Tenants know nothing of it.

pub mod class;
pub mod job;
pub mod key;
pub mod library;
pub mod media;
pub mod named;
pub mod pool;
pub mod restore;
pub mod scan;
pub mod vault;
pub mod words;

use clap::{Args, Subcommand};
use holdfast_actors::names::TapeName;
use serde::{Deserialize, Serialize};

/// What can be done with tape.
#[derive(Clone, Debug, PartialEq, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Tape {
    /// Tape libraries: an arm, drives, and slots for cartridges
    #[command(
        subcommand,
        after_help = "Example: holdfast --data /srv/holdfast tape library list"
    )]
    Library(library::Library),
    /// Media pools: which media sets there are, and how long they are kept
    #[command(
        subcommand,
        after_help = "Example: holdfast --data /srv/holdfast tape pool list"
    )]
    Pool(pool::Pool),
    /// Cartridges
    #[command(
        subcommand,
        after_help = "Example: holdfast --data /srv/holdfast tape media list"
    )]
    Media(media::Media),
    /// Vaults: where cartridges are that are in no library
    #[command(
        subcommand,
        after_help = "Example: holdfast --data /srv/holdfast tape vault list"
    )]
    Vault(vault::Vault),
    /// Tape classes: which tenants may share media sets
    #[command(
        subcommand,
        after_help = "Example: holdfast --data /srv/holdfast tape class list"
    )]
    Class(class::Class),
    /// Jobs that archive repositories to tape
    #[command(
        subcommand,
        after_help = "Example: holdfast --data /srv/holdfast tape job list"
    )]
    Job(job::Job),
    /// Bringing back what was archived
    #[command(
        subcommand,
        after_help = "Example: holdfast --data /srv/holdfast tape restore list"
    )]
    Restore(restore::Restore),
    /// List the tape drives and changers that a node reaches, and which belong together
    #[command(
        after_help = "Devices that another process has open are named and left alone.\n\n\
                      Example: holdfast --data /srv/holdfast tape scan --portal 192.0.2.7:3260"
    )]
    Scan(Box<scan::Scan>),
    /// Read from the cartridges of a library what is on them, where the node lost what it knew
    #[command(
        name = "recover-catalog",
        after_help = "What is known already is never replaced by less.\n\n\
                      Example: holdfast --data /srv/holdfast tape recover-catalog shelf"
    )]
    RecoverCatalog(Named),
    /// Keys that cartridges are encrypted with
    #[command(
        subcommand,
        after_help = "Example: holdfast --data /srv/holdfast tape key list"
    )]
    Key(key::Key),
    /// Tape drives
    #[command(
        subcommand,
        after_help = "Example: holdfast --data /srv/holdfast tape drive list"
    )]
    Drive(Drive),
}

/// What can be done with drives.
#[derive(Clone, Debug, PartialEq, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Drive {
    /// List the drives of this node, and whom they are lent to
    #[command(after_help = "Example: holdfast --data /srv/holdfast tape drive list --json")]
    List,
    /// Show one drive
    #[command(after_help = "Example: holdfast --data /srv/holdfast tape drive show shelf 0")]
    Show(DriveRef),
    /// Have the cartridge in a drive that nobody uses carried home
    #[command(after_help = "Example: holdfast --data /srv/holdfast tape drive unload shelf 0")]
    Unload(DriveRef),
    /// Put a drive into service again: what was wrong with it is mended
    #[command(after_help = "Example: holdfast --data /srv/holdfast tape drive enable shelf 0")]
    Enable(DriveRef),
    /// Take a drive out of service; whoever has it comes to no end with it
    #[command(after_help = "Example: holdfast --data /srv/holdfast tape drive disable shelf 0")]
    Disable(DriveRef),
}

/// One drive.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DriveRef {
    /// The library that it is in
    #[arg(value_parser = TapeName::parse)]
    pub library: TapeName,
    /// Its number there, from 0, as 'tape drive list' has it
    pub drive: u16,
}

/// One library, media pool or job by name.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Named {
    /// Its name: a-z, 0-9 and '-'
    #[arg(value_parser = TapeName::parse)]
    pub name: TapeName,
}

#[cfg(test)]
mod tests;
