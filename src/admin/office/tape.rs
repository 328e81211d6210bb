//! Orders about tape: libraries, media pools and cartridges. Nothing of it is shown to tenants.

mod care;
mod devices;
mod follow;
mod jobs;
mod keys;
mod restores;
mod vaults;

use std::collections::BTreeMap;

use holdfast_actors::catalog::command::Command;
use holdfast_actors::catalog::rows::{Mixing, Rows};
use holdfast_actors::catalog::tape::{
    LibraryCommand, MediaPoolCommand, MediumCommand, TapeCommand, TapeRefused,
};
use holdfast_actors::catalog::{Deed, Refused};
use holdfast_actors::kernel::NodeId;
use holdfast_actors::names::TapeName;
use holdfast_actors::tape::pool::SetRules;
use holdfast_actors::tape::{MediaSet, MediumId};

use super::super::{Items, Problem, ProblemClass, answers};
use super::speaker::Speaker;
use super::{Answer, Office, nothing_to_change, value};
use crate::commands::pool::Switch;
use crate::commands::tape::library::Library;
use crate::commands::tape::media::Media;
use crate::commands::tape::named::MediumRef;
use crate::commands::tape::pool::{self, Mix, Pool};
use crate::commands::tape::words::SetRule;
use crate::commands::tape::{Named, Tape};
use devices::new_library;

impl Office {
    pub(super) async fn tape(&self, by: &Speaker, order: Tape, items: &Items) -> Answer {
        match order {
            Tape::Library(order) => self.tape_library(by, order, items).await,
            Tape::Pool(order) => self.media_pool(by, order, items).await,
            Tape::Media(order) => self.media(by, order, items).await,
            Tape::Vault(order) => self.vault(by, order, items).await,
            Tape::Class(order) => self.class(by, order, items).await,
            Tape::Job(order) => self.tape_job(by, order, items).await,
            Tape::Restore(order) => self.tape_restore(by, order, items).await,
            Tape::Drive(order) => self.tape_drive(by, order, items).await,
            Tape::Key(order) => self.tape_keys(by, order, items).await,
            Tape::Scan(scan) => self.scan(by, *scan, items).await,
            Tape::RecoverCatalog(Named { name }) => {
                let rows = self.books.rows();
                by.may(&rows, Deed::Tape)?;
                library_of(&rows, &name)?;
                self.tapes.recover(&name, items.clone()).await?;
                value(&())
            }
        }
    }

    async fn tape_library(&self, by: &Speaker, order: Library, items: &Items) -> Answer {
        let rows = self.books.rows();
        match order {
            Library::Add(add) => {
                let name = add.name.clone();
                let add = new_library(&rows, *add)?;
                let add = Command::Tape(TapeCommand::Library(name.clone(), add));
                self.submit_and_show(by, add, |rows| library_of(rows, &name))
                    .await
            }
            Library::List => {
                for name in rows.tape.libraries.keys() {
                    items.send(&library_of(&rows, name)?).await?;
                }
                value(&())
            }
            Library::Show(Named { name }) => value(&library_of(&rows, &name)?),
            Library::Inventory(Named { name }) => {
                by.may(&rows, Deed::Tape)?;
                library_of(&rows, &name)?;
                self.tapes.inventory(&name).await?;
                self.list_media(&self.books.rows(), None, Some(&name), items)
                    .await
            }
            Library::Door(Named { name }) => {
                library_of(&rows, &name)?;
                self.list_door(&name, items).await
            }
            Library::Export(export) => self.export(by, &export, items).await,
            Library::Import(Named { name }) => self.import(by, &name, items).await,
            Library::Remove(Named { name }) => {
                let remove = TapeCommand::Library(name, LibraryCommand::Remove);
                self.submit_and_settle(by, Command::Tape(remove)).await
            }
        }
    }

    async fn media_pool(&self, by: &Speaker, order: Pool, items: &Items) -> Answer {
        let (name, command) = match order {
            Pool::Add(add) => (add.name.clone(), new_pool(add)),
            Pool::Set(set) => return self.set_pool(by, set).await,
            Pool::List => {
                let rows = self.books.rows();
                for name in rows.tape.pools.keys() {
                    items.send(&pool_of(&rows, name)?).await?;
                }
                return value(&());
            }
            Pool::Remove(Named { name }) => {
                let remove = TapeCommand::Pool(name, MediaPoolCommand::Remove);
                return self.submit_and_settle(by, Command::Tape(remove)).await;
            }
        };
        let command = Command::Tape(TapeCommand::Pool(name.clone(), command));
        self.submit_and_show(by, command, |rows| pool_of(rows, &name))
            .await
    }

    /// Its key comes first, so that nothing changes if there is none; then what its sets do, so
    /// that a vault may be named for one that is new.
    async fn set_pool(&self, by: &Speaker, set: pool::Set) -> Answer {
        let name = set.name.clone();
        let (changed, vaults) = (changed_pool(&set), vaults(&set));
        let encrypt = set.key.map(|key| MediaPoolCommand::Encrypt(key.0));
        let commands = [encrypt, changed, vaults].into_iter().flatten();
        let mut commands: Vec<MediaPoolCommand> = commands.collect();
        let last = commands.pop().ok_or_else(nothing_to_change)?;
        let command = |it| Command::Tape(TapeCommand::Pool(name.clone(), it));
        for first in commands {
            self.submit(by, command(first)).await?;
        }
        self.submit_and_show(by, command(last), |rows| pool_of(rows, &name))
            .await
    }

    async fn media(&self, by: &Speaker, order: Media, items: &Items) -> Answer {
        let rows = self.books.rows();
        let (medium, command) = match order {
            Media::List(of) => {
                let (pool, library) = (of.pool.as_ref(), of.library.as_ref());
                return self.list_media(&rows, pool, library, items).await;
            }
            Media::Show(which) => {
                return value(&medium_of(&rows, medium_id(&rows, &which.medium)?)?);
            }
            Media::Verify(which) => return self.verify_media(by, &which.media, items).await,
            Media::Erase(erase) => return self.erase_medium(by, &erase).await,
            Media::Eject(which) => return self.eject_medium(by, &which.medium).await,
            Media::Move(order) => return self.move_media(by, order, items).await,
            Media::Copy(copy) => {
                by.may(&rows, Deed::Tape)?;
                let medium = medium_id(&rows, &copy.medium)?;
                rows.tape.unused(medium).map_err(refused)?;
                let copied = self.tapes.copy(medium, copy.to, items.clone());
                return value(&copied.await?);
            }
            Media::Protect(which) => (which.medium, MediumCommand::Protect(true)),
            Media::Unprotect(which) => (which.medium, MediumCommand::Protect(false)),
            Media::Free(free) => {
                confirmed(&rows, &free.medium, free.confirm.as_ref())?;
                (free.medium, MediumCommand::MarkFree)
            }
            Media::Retire(which) => (which.medium, MediumCommand::Retire),
        };
        let id = medium_id(&rows, &medium)?;
        if matches!(
            command,
            MediumCommand::MarkFree | MediumCommand::Protect(true)
        ) {
            self.tapes.unused(id)?;
        }
        let command = Command::Tape(TapeCommand::Medium(id, command));
        self.submit_and_show(by, command, |rows| medium_of(rows, id))
            .await
    }

    async fn list_media(
        &self,
        rows: &Rows,
        pool: Option<&TapeName>,
        library: Option<&TapeName>,
        items: &Items,
    ) -> Answer {
        let pool = match pool {
            Some(name) => {
                let row = rows.tape.pools.get(name);
                let row = row.ok_or_else(|| refused(TapeRefused::NoPool(name.clone())))?;
                Some(row.id)
            }
            None => None,
        };
        if let Some(name) = library {
            library_of(rows, name)?;
        }
        let mut media: Vec<_> = rows.tape.media.iter().collect();
        media.sort_by_key(|(id, row)| (&row.medium.barcode, **id));
        for (id, row) in media {
            let at = row.slot.as_ref().map(|(at, _)| at);
            let is_of_pool = pool.is_none() || row.medium.pool == pool;
            if is_of_pool && (library.is_none() || at == library) {
                items.send(&medium_of(rows, *id)?.cartridge).await?;
            }
        }
        value(&())
    }
}

/// The node on which tape jobs run: that of the first library. None where a node stands alone, or
/// where there is no library.
pub(super) fn tape_node(rows: &Rows) -> Option<NodeId> {
    rows.tape.libraries.values().find_map(|row| row.node)
}

fn new_pool(add: pool::Add) -> MediaPoolCommand {
    let mut sets = add.sets;
    if sets.is_empty() {
        sets = MediaSet::ALL.into_iter().map(SetRule::usual).collect();
    }
    MediaPoolCommand::Add {
        description: add.description.unwrap_or_default(),
        is_worm: add.worm,
        takes_free: !add.no_free,
        sets: rules(&sets),
        mixing: match (add.mix, add.mix_classes) {
            (true, _) => Mixing::All,
            (false, true) => Mixing::Class,
            (false, false) => Mixing::Never,
        },
    }
}

fn changed_pool(set: &pool::Set) -> Option<MediaPoolCommand> {
    let sets = (!set.sets.is_empty()).then(|| rules(&set.sets));
    let (mix, free) = (set.mix.map(mixing), set.free.map(Switch::is_on));
    let is_something = sets.is_some() || mix.is_some() || free.is_some();
    (is_something || set.description.is_some()).then(|| MediaPoolCommand::Set {
        description: set.description.clone(),
        takes_free: free,
        sets,
        mixing: mix,
    })
}

fn vaults(set: &pool::Set) -> Option<MediaPoolCommand> {
    let none = set.no_vaults.iter().map(|set| (set.0, None));
    let into = set.vaults.iter();
    let into = into.map(|it| (it.set.0, Some(it.vault.clone())));
    let vaults: BTreeMap<_, _> = none.chain(into).collect();
    (!vaults.is_empty()).then_some(MediaPoolCommand::Vaults(vaults))
}

fn rules(sets: &[SetRule]) -> BTreeMap<MediaSet, SetRules> {
    sets.iter().map(|it| (it.set.0, it.rules)).collect()
}

const fn mixing(mix: Mix) -> Mixing {
    match mix {
        Mix::On => Mixing::All,
        Mix::Classes => Mixing::Class,
        Mix::Off => Mixing::Never,
    }
}

/// The node of the library that a cartridge stands in.
pub(super) fn node_of(rows: &Rows, medium: &MediumRef) -> Option<NodeId> {
    let row = rows.tape.media.get(&medium_id(rows, medium).ok()?)?;
    let (library, _) = row.slot.as_ref()?;
    rows.tape.libraries.get(library)?.node
}

/// Before what is on a cartridge is given up, somebody has to say which it is.
fn confirmed(rows: &Rows, medium: &MediumRef, typed: Option<&String>) -> Result<(), Problem> {
    let label = answers::label(medium_id(rows, medium)?, rows);
    if typed == Some(&label) {
        return Ok(());
    }
    let told = format!("what is on cartridge {label} is lost then; add --confirm {label} to go on");
    Err(Problem::new(ProblemClass::Refused, "not-confirmed", told))
}

/// The cartridge that is meant; of a barcode that several bear, none.
fn medium_id(rows: &Rows, medium: &MediumRef) -> Result<MediumId, Problem> {
    let barcode = match medium {
        MediumRef::Id(id) if rows.tape.media.contains_key(id) => return Ok(*id),
        MediumRef::Id(id) => return Err(refused(TapeRefused::NoMedium(*id))),
        MediumRef::Barcode(barcode) => barcode,
    };
    let media = rows.tape.media.iter();
    let mut same = media.filter(|(_, row)| row.medium.barcode.as_ref() == Some(barcode));
    match (same.next(), same.next()) {
        (Some((id, _)), None) => Ok(*id),
        (None, _) => {
            let told = format!("there is no cartridge {barcode}; look with 'tape media list'");
            Err(Problem::new(ProblemClass::NotFound, "no-cartridge", told))
        }
        (Some(_), Some(_)) => {
            let told = format!("several cartridges bear {barcode}; give the id of the one meant");
            Err(Problem::new(ProblemClass::Usage, "cartridge-unclear", told))
        }
    }
}

fn library_of(rows: &Rows, name: &TapeName) -> Result<answers::TapeLibrary, Problem> {
    let row = rows.tape.libraries.get(name);
    let row = row.ok_or_else(|| refused(TapeRefused::NoLibrary(name.clone())))?;
    Ok(answers::TapeLibrary::of(name, row, rows))
}

fn pool_of(rows: &Rows, name: &TapeName) -> Result<answers::MediaPool, Problem> {
    let row = rows.tape.pools.get(name);
    let row = row.ok_or_else(|| refused(TapeRefused::NoPool(name.clone())))?;
    Ok(answers::MediaPool::of(name, row, rows))
}

fn medium_of(rows: &Rows, id: MediumId) -> Result<answers::CartridgeShown, Problem> {
    let row = rows.tape.media.get(&id);
    let row = row.ok_or_else(|| refused(TapeRefused::NoMedium(id)))?;
    Ok(answers::CartridgeShown::of(id, row, rows))
}

fn refused(refused: TapeRefused) -> Problem {
    Refused::from(refused).into()
}
