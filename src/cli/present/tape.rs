//! What is shown of tape.

use super::super::layout::{Column, bytes, plain};
use super::Form;
use crate::commands::tape::class::Class;
use crate::commands::tape::job::Job;
use crate::commands::tape::key::Key;
use crate::commands::tape::library::Library;
use crate::commands::tape::media::Media;
use crate::commands::tape::pool::Pool;
use crate::commands::tape::restore::Restore;
use crate::commands::tape::vault::Vault;
use crate::commands::tape::{Drive, Tape};

const LIBRARIES: &[Column] = &[
    plain("name"),
    plain("node"),
    plain("device"),
    plain("at"),
    plain("drives"),
    plain("slots"),
    plain("cartridges"),
    bytes("capacity"),
];
const LIBRARY: &[Column] = &[
    plain("name"),
    plain("node"),
    plain("device"),
    plain("at"),
    plain("drives"),
    plain("serials"),
    plain("slots"),
    plain("cartridges"),
    bytes("capacity"),
    plain("made"),
];
const RECOVERED: &[Column] = &[
    plain("barcode"),
    plain("objects"),
    plain("runs"),
    plain("read"),
    plain("told"),
];
const DOOR: &[Column] = &[plain("place"), plain("cartridge"), plain("barcode")];
const POOLS: &[Column] = &[
    plain("name"),
    plain("sets"),
    plain("mix"),
    plain("cartridges"),
    plain("jobs"),
    plain("description"),
];
const POOL: &[Column] = &[
    plain("name"),
    plain("sets"),
    plain("mix"),
    plain("mix-classes"),
    plain("vaults"),
    plain("worm"),
    plain("free"),
    plain("key"),
    plain("cartridges"),
    plain("jobs"),
    plain("made"),
    plain("description"),
];
const VAULTS: &[Column] = &[
    plain("name"),
    plain("cartridges"),
    plain("sets"),
    plain("made"),
    plain("description"),
];
const CLASSES: &[Column] = &[plain("tenant"), plain("class")];
const MEDIA: &[Column] = &[
    plain("barcode"),
    plain("pool"),
    plain("set"),
    plain("content"),
    plain("expires"),
    plain("objects"),
    bytes("bytes"),
    plain("library"),
    plain("slot"),
    plain("vault"),
    plain("protected"),
    plain("retired"),
];
const INVENTORY: &[Column] = &[
    plain("slot"),
    plain("barcode"),
    plain("pool"),
    plain("set"),
    plain("content"),
];
const MEDIUM: &[Column] = &[
    plain("barcode"),
    plain("id"),
    plain("kind"),
    plain("pool"),
    plain("set"),
    plain("content"),
    plain("expires"),
    plain("written"),
    plain("objects"),
    bytes("bytes"),
    plain("library"),
    plain("slot"),
    plain("vault"),
    plain("online"),
    plain("protected"),
    plain("write-protected"),
    plain("retired"),
    plain("write-errors"),
    plain("generation"),
    plain("media-set"),
    plain("place"),
    plain("verified"),
    plain("damaged"),
];
const FOUND: &[Column] = &[
    plain("barcode"),
    plain("objects"),
    bytes("bytes"),
    plain("damaged"),
    plain("told"),
];
const COPIED: &[Column] = &[
    plain("barcode"),
    plain("files"),
    bytes("bytes"),
    plain("to"),
];
const JOBS: &[Column] = &[
    plain("name"),
    plain("pool"),
    plain("sources"),
    plain("schedule"),
    plain("enabled"),
    plain("running"),
    plain("speed"),
    plain("last"),
];
const JOB: &[Column] = &[
    plain("name"),
    plain("pool"),
    plain("sources"),
    plain("schedule"),
    plain("enabled"),
    plain("running"),
    plain("since"),
    plain("waits"),
    plain("speed"),
    bytes("buffer"),
    plain("starved"),
    plain("last"),
    plain("made"),
    plain("description"),
];
const LOG: &[Column] = &[
    plain("view"),
    plain("set"),
    plain("tenant"),
    plain("repository"),
    plain("objects"),
    bytes("bytes"),
    plain("done"),
    plain("speed"),
    bytes("buffer"),
    plain("starved"),
    plain("cartridges"),
    plain("name"),
];
const RESTORES: &[Column] = &[
    plain("id"),
    plain("state"),
    plain("what"),
    plain("to"),
    plain("by"),
    plain("asked"),
    plain("ended"),
];
const RESTORE: &[Column] = &[
    plain("id"),
    plain("state"),
    plain("what"),
    plain("to"),
    plain("by"),
    plain("asked"),
    plain("begun"),
    plain("ended"),
    plain("shut-out"),
    plain("lost"),
    plain("told"),
];
const PLAN: &[Column] = &[
    plain("loads"),
    plain("offline"),
    plain("objects"),
    bytes("bytes"),
    plain("lost"),
];
const DEVICES: &[Column] = &[
    plain("kind"),
    plain("serial"),
    plain("vendor"),
    plain("product"),
    plain("revision"),
    plain("changer"),
    plain("element"),
    plain("place"),
    plain("trouble"),
];
const DRIVES: &[Column] = &[
    plain("library"),
    plain("drive"),
    plain("state"),
    plain("holds"),
];

const KEYS: &[Column] = &[
    plain("id"),
    plain("wrapped"),
    plain("open"),
    plain("pools"),
    plain("cartridges"),
    plain("description"),
];
const KEY: &[Column] = &[
    plain("id"),
    plain("wrapped"),
    plain("open"),
    plain("pools"),
    plain("cartridges"),
    plain("made"),
    plain("description"),
];

pub(super) fn form(order: &Tape) -> Form {
    match order {
        Tape::Library(Library::List) => Form::Table(LIBRARIES),
        Tape::Library(Library::Inventory(_) | Library::Import(_)) => Form::Table(INVENTORY),
        Tape::Library(Library::Door(_) | Library::Export(_)) => Form::Table(DOOR),
        Tape::Library(_) => Form::Record(LIBRARY),
        Tape::Pool(Pool::List) => Form::Table(POOLS),
        Tape::Pool(_) => Form::Record(POOL),
        Tape::Vault(Vault::List) => Form::Table(VAULTS),
        Tape::Vault(_) => Form::Record(VAULTS),
        Tape::Class(Class::List) => Form::Table(CLASSES),
        Tape::Class(_) => Form::Record(CLASSES),
        Tape::Media(Media::List(_) | Media::Move(_)) => Form::Table(MEDIA),
        Tape::Media(Media::Verify(_)) => Form::Table(FOUND),
        Tape::Media(Media::Copy(_)) => Form::Record(COPIED),
        Tape::Media(_) => Form::Record(MEDIUM),
        Tape::Job(Job::List) => Form::Table(JOBS),
        Tape::Job(Job::Log(_)) => Form::Table(LOG),
        Tape::Job(_) => Form::Record(JOB),
        Tape::Restore(Restore::List) => Form::Table(RESTORES),
        Tape::Restore(Restore::Plan(_)) => Form::Record(PLAN),
        Tape::Restore(_) => Form::Record(RESTORE),
        Tape::Key(Key::List) => Form::Table(KEYS),
        Tape::Key(_) => Form::Record(KEY),
        Tape::Drive(Drive::List) => Form::Table(DRIVES),
        Tape::Drive(_) => Form::Record(DRIVES),
        Tape::Scan(_) => Form::Table(DEVICES),
        Tape::RecoverCatalog(_) => Form::Table(RECOVERED),
    }
}
