//! Keys that cartridges are encrypted with (10.9).
//!
//! Invariant: as long as something that counts is encrypted with a key, the key is known.

use std::collections::BTreeSet;

use super::super::Refused;
use super::super::draft::{Draft, TEXT_MAX, short};
use super::super::events::Code;
use super::super::rows::TapeKey;
use super::{KeyCommand, TapeRefused};
use crate::names::TapeName;
use crate::tape::key::Wrapped;
use crate::tape::{KeyId, MediumId, PoolId};

const KEYS_MAX: usize = 1_024;

impl Draft<'_> {
    pub(super) fn tape_key(&mut self, id: KeyId, command: &KeyCommand) -> Result<(), Refused> {
        match command {
            KeyCommand::Add {
                description,
                wrapped,
            } => self.add_tape_key(id, description, wrapped),
            KeyCommand::Remove => self.remove_tape_key(id),
        }
    }

    fn add_tape_key(
        &mut self,
        id: KeyId,
        description: &str,
        wrapped: &[Wrapped],
    ) -> Result<(), Refused> {
        short("a description", description, TEXT_MAX)?;
        let names: BTreeSet<&str> = wrapped.iter().map(|it| it.name.as_str()).collect();
        let is_good = names.len() == wrapped.len() && wrapped.iter().all(Wrapped::is_one);
        if wrapped.is_empty() || !is_good {
            return Err(TapeRefused::NotWrapped.into());
        }
        if self.rows.tape.keys.contains_key(&id) {
            return Err(TapeRefused::Drawn(id.raw()).into());
        }
        if self.rows.tape.keys.len() >= KEYS_MAX {
            let (what, most) = ("keys of tapes", KEYS_MAX);
            return Err(Refused::TooMany { what, most });
        }
        let key = TapeKey {
            description: description.to_owned(),
            wrapped: wrapped.to_vec(),
            made: self.at,
        };
        self.rows.tape.keys.insert(id, key);
        let text = format!("tape key {id} made");
        self.event(Code::TapeChanged, None, text, None);
        Ok(())
    }

    fn known_key(&self, id: KeyId) -> Result<(), Refused> {
        let is_known = self.rows.tape.keys.contains_key(&id);
        is_known
            .then_some(())
            .ok_or_else(|| TapeRefused::NoKey(id).into())
    }

    fn remove_tape_key(&mut self, id: KeyId) -> Result<(), Refused> {
        self.known_key(id)?;
        let tape = &self.rows.tape;
        let pool = tape.encrypting.iter().find(|(_, key)| **key == id);
        let pool = pool.and_then(|(pool, _)| tape.pool(*pool));
        let medium = tape.encrypted.iter().find(|(_, key)| **key == id);
        let label = medium.and_then(|(id, _)| Some(tape.media.get(id)?.label(*id)));
        let by = match (pool, label) {
            (Some((name, _)), _) => format!("media pool '{name}'"),
            (None, Some(label)) => format!("cartridge {label}"),
            (None, None) => {
                self.rows.tape.keys.remove(&id);
                let text = format!("tape key {id} removed");
                self.event(Code::TapeRemoved, None, text, None);
                return Ok(());
            }
        };
        Err(TapeRefused::KeyInUse(id, by).into())
    }

    /// For what is begun from now on: a cartridge stays with the key that it was begun with.
    pub(super) fn encrypt_pool(
        &mut self,
        name: &TapeName,
        key: Option<KeyId>,
    ) -> Result<(), Refused> {
        let pool = self.known_media_pool(name)?.id;
        let text = match key {
            Some(id) => {
                self.known_key(id)?;
                self.rows.tape.encrypting.insert(pool, id);
                format!("media pool {name} encrypts what it begins from now on, with key {id}")
            }
            None => {
                self.rows.tape.encrypting.remove(&pool);
                format!("media pool {name} encrypts nothing that it begins from now on")
            }
        };
        self.event(Code::TapeChanged, None, text, None);
        Ok(())
    }

    /// The cartridge is begun: what its pool says now holds for all that is written on it.
    pub(super) fn encrypt_medium(&mut self, medium: MediumId, pool: PoolId) {
        let tape = &mut self.rows.tape;
        match tape.encrypting.get(&pool).copied() {
            Some(key) => tape.encrypted.insert(medium, key),
            None => tape.encrypted.remove(&medium),
        };
    }
}
