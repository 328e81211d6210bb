//! Vaults: where cartridges are that are in no library. And who shares media sets by class.
//!
//! Invariant: what is in a vault is off line, and every vault that is named is there.

use std::collections::BTreeMap;

use super::super::Refused;
use super::super::draft::{Draft, TEXT_MAX, short};
use super::super::events::Code;
use super::super::rows::{Cartridge, Vault};
use super::{TapeRefused, VaultCommand, in_use};
use crate::names::TapeName;
use crate::tape::{MediaSet, MediumId};

const VAULTS_MAX: usize = 1_024;

impl Draft<'_> {
    pub(super) fn vault(&mut self, name: &TapeName, command: &VaultCommand) -> Result<(), Refused> {
        match command {
            VaultCommand::Add { description } => self.add_vault(name, description),
            VaultCommand::Remove => self.remove_vault(name),
        }
    }

    fn known_vault(&self, name: &TapeName) -> Result<(), Refused> {
        match self.rows.tape.vaults.contains_key(name) {
            true => Ok(()),
            false => Err(TapeRefused::NoVault(name.clone()).into()),
        }
    }

    fn add_vault(&mut self, name: &TapeName, description: &str) -> Result<(), Refused> {
        short("a description", description, TEXT_MAX)?;
        if self.rows.tape.vaults.contains_key(name) {
            return Err(TapeRefused::Exists("vault", name.clone()).into());
        }
        if self.rows.tape.vaults.len() >= VAULTS_MAX {
            let (what, most) = ("vaults", VAULTS_MAX);
            return Err(Refused::TooMany { what, most });
        }
        let vault = Vault {
            description: description.to_owned(),
            made: self.at,
        };
        self.rows.tape.vaults.insert(name.clone(), vault);
        let text = format!("vault {name} made known");
        self.event(Code::TapeChanged, None, text, None);
        Ok(())
    }

    fn remove_vault(&mut self, name: &TapeName) -> Result<(), Refused> {
        self.known_vault(name)?;
        let tape = &self.rows.tape;
        let count = tape.vaulted.values().filter(|it| *it == name).count();
        if count > 0 {
            let by = format!(
                "its cartridges, which are {count}; take them out with 'tape media move --no-vault'"
            );
            return Err(in_use("vault", name, by));
        }
        let mut rules = tape.vault_of.iter();
        if let Some(((pool, set), _)) = rules.find(|(_, it)| *it == name) {
            let pool = tape.pool(*pool).map(|(name, _)| name.to_string());
            let by = format!("the {set} set of media pool '{}'", pool.unwrap_or_default());
            return Err(in_use("vault", name, by));
        }
        self.rows.tape.vaults.remove(name);
        let text = format!("vault {name} forgotten");
        self.event(Code::TapeRemoved, None, text, None);
        Ok(())
    }

    /// Into which vaults the cartridges of a pool's sets go.
    pub(super) fn set_vaults(
        &mut self,
        name: &TapeName,
        vaults: &BTreeMap<MediaSet, Option<TapeName>>,
    ) -> Result<(), Refused> {
        let pool = self.known_media_pool(name)?.clone();
        for (set, vault) in vaults {
            if !pool.rules.sets.contains_key(set) {
                return Err(TapeRefused::SetOff(name.clone(), *set).into());
            }
            match vault {
                Some(vault) => {
                    self.known_vault(vault)?;
                    let rules = &mut self.rows.tape.vault_of;
                    rules.insert((pool.id, *set), vault.clone());
                }
                None => {
                    self.rows.tape.vault_of.remove(&(pool.id, *set));
                }
            }
        }
        let text = format!("media pool {name} changed");
        self.event(Code::TapeChanged, None, text, None);
        Ok(())
    }

    pub(super) fn put_into(
        &mut self,
        id: MediumId,
        row: &Cartridge,
        vault: Option<&TapeName>,
    ) -> Result<(), Refused> {
        let label = row.label(id);
        let text = match vault {
            Some(vault) => {
                self.known_vault(vault)?;
                if let Some((library, _)) = &row.slot {
                    return Err(TapeRefused::Inside(label, library.clone()).into());
                }
                self.rows.tape.vaulted.insert(id, vault.clone());
                format!("cartridge {label} put into vault {vault}")
            }
            None => match self.rows.tape.vaulted.remove(&id) {
                Some(vault) => format!("cartridge {label} taken out of vault {vault}"),
                None => return Ok(()),
            },
        };
        self.event(Code::TapeMediumChanged, None, text, None);
        Ok(())
    }

    /// Puts what is carried out of a library into the vault of its set, if that has one.
    pub(super) fn vault_for(&mut self, id: MediumId, row: &Cartridge) -> Option<TapeName> {
        let of = row.medium.pool.zip(row.medium.set)?;
        let vault = self.rows.tape.vault_of.get(&of)?.clone();
        self.rows.tape.vaulted.insert(id, vault.clone());
        Some(vault)
    }

    /// It was seen in a library.
    pub(super) fn leave_vault(&mut self, id: MediumId) {
        let Some(row) = self.rows.tape.media.get(&id) else {
            return;
        };
        let label = row.label(id);
        if let Some(vault) = self.rows.tape.vaulted.remove(&id) {
            let text = format!("cartridge {label} left vault {vault}: a library has it again");
            self.event(Code::TapeMediumChanged, None, text, None);
        }
    }

    /// What is on tape of the tenant stays where it is; what comes later goes to sets of its class.
    pub(super) fn set_class(
        &mut self,
        tenant: u64,
        class: Option<&TapeName>,
    ) -> Result<(), Refused> {
        let mut tenants = self.rows.tenants.iter();
        let name = tenants.find(|(_, row)| row.id == tenant);
        let name = name.map(|(name, _)| name.clone());
        let name = name.ok_or(TapeRefused::NoTenant(tenant))?;
        let text = match class {
            Some(class) => {
                self.rows.tape.classes.insert(tenant, class.clone());
                format!("tenant {name} is of tape class {class} now")
            }
            None => {
                self.rows.tape.classes.remove(&tenant);
                format!("tenant {name} is of no tape class now, and shares media sets with nobody")
            }
        };
        self.event(Code::TapeChanged, None, text, None);
        Ok(())
    }
}
