//! Cartridges: what they say of themselves, and what operators do with them (10.8, 10.10).
//!
//! What we wrote stays in the books until an operator gives it up: another cartridge in its place
//! only says that ours is elsewhere.

use super::super::Refused;
use super::super::draft::Draft;
use super::super::events::Code;
use super::super::rows::{Cartridge, Head};
use super::{MediumCommand, TapeRefused};
use crate::names::TapeName;
use crate::tape::MediumId;
use crate::tape::media::{self, Content, ERRORS_MAX, Kind, Label};

impl Draft<'_> {
    pub(super) fn medium(&mut self, id: MediumId, command: &MediumCommand) -> Result<(), Refused> {
        let row = self.known_medium(id)?.clone();
        match command {
            MediumCommand::Identified(label) => self.identified(id, &row, *label),
            MediumCommand::Failed => self.failed(id, &row),
            MediumCommand::Protect(is_protected) => self.protect(id, &row, *is_protected)?,
            MediumCommand::Eject => self.eject(id, &row)?,
            MediumCommand::MarkFree => self.mark_free(id, &row)?,
            MediumCommand::Move(pool) => self.move_medium(id, &row, pool.as_ref())?,
            MediumCommand::Verified { objects, damaged } => {
                self.checked(id, &row, (*objects, *damaged))?;
            }
            MediumCommand::Erase(label) => self.erase(id, &row, *label)?,
            MediumCommand::Vault(vault) => self.put_into(id, &row, vault.as_ref())?,
            MediumCommand::Retire => {
                self.close_of(&row);
                self.alter_medium(id, |row| row.medium.is_retired = true);
                let text = format!("cartridge {} is not used any more", row.label(id));
                self.event(Code::TapeMediumChanged, None, text, None);
            }
        }
        Ok(())
    }

    pub(super) fn known_medium(&self, id: MediumId) -> Result<&Cartridge, Refused> {
        let row = self.rows.tape.media.get(&id);
        row.ok_or_else(|| TapeRefused::NoMedium(id).into())
    }

    /// Changes a cartridge that is known.
    pub(super) fn alter_medium(&mut self, id: MediumId, change: impl FnOnce(&mut Cartridge)) {
        if let Some(row) = self.rows.tape.media.get_mut(&id) {
            change(row);
        }
    }

    /// Its set goes on with a new one, and not on what an operator took out of use (10.8).
    pub(super) fn close_of(&mut self, row: &Cartridge) {
        if let Some((set, _)) = row.of {
            self.close_set(set);
        }
    }

    /// Compares what a cartridge says with what is known of it.
    fn identified(&mut self, id: MediumId, row: &Cartridge, label: Label) {
        if label.is_worm {
            self.alter_medium(id, |row| row.medium.kind = Kind::Worm);
        }
        let said = label.medium;
        let is_blank = said.is_none() && !label.is_foreign;
        let other = said.filter(|said| *said != id && !label.is_foreign);
        let other = other.filter(|said| self.rows.tape.media.contains_key(said));
        let is_known = match row.medium.content {
            Content::GivenUp(gave) => said == gave && !is_blank,
            Content::Written(_) if is_blank => row.is_bare(),
            Content::Written(_) => said == Some(id) && !label.is_foreign,
            Content::Unrecognized | Content::Empty | Content::Foreign(_) => false,
        };
        let now = match (other, row.medium.content) {
            _ if is_known => return,
            (Some(said), _) => return self.swapped(id, said),
            (None, Content::Written(_)) => return self.strayed(id, row, is_blank),
            (None, _) if is_blank => Content::Empty,
            (None, _) => Content::Foreign(said),
        };
        self.alter_medium(id, |row| row.medium.content = now);
        if now != row.medium.content && now != Content::Empty {
            let text = format!("cartridge {} bears data that is not ours", row.label(id));
            self.event(Code::TapeMediumTrouble, None, text, None);
        }
    }

    /// Another cartridge is in the place of one that we wrote.
    fn strayed(&mut self, id: MediumId, row: &Cartridge, is_blank: bool) {
        self.alter_medium(id, Cartridge::put_away);
        let what = if is_blank {
            "nothing"
        } else {
            "data that is not ours"
        };
        let text = format!(
            "in the place of cartridge {}, which we wrote, is one that bears {what}: ours counts \
             as off line; look for it, take the other one out, and take an inventory",
            row.label(id)
        );
        self.event(Code::TapeMediumTrouble, None, text, None);
    }

    /// What was taken for one cartridge is another one that is known: they were put in each other's
    /// places, or bear each other's barcodes. If one of them is a mere place that nobody ever
    /// looked into, it is not needed any more.
    fn swapped(&mut self, id: MediumId, said: MediumId) {
        let media = &self.rows.tape.media;
        let (Some(one), Some(other)) = (media.get(&id).cloned(), media.get(&said).cloned()) else {
            return;
        };
        let text = format!(
            "the cartridge in the place of {} says that it is {}: that is where it is from now on",
            one.label(id),
            other.label(said)
        );
        self.alter_medium(said, |row| row.takes_place_of(&one));
        self.leave_vault(said);
        if one.is_mere_place() && other.slot.is_none() {
            self.rows.tape.media.remove(&id);
            self.rows.tape.checks.remove(&id);
            self.alter_medium(said, |row| {
                row.medium.is_protected |= one.medium.is_protected;
                row.medium.is_retired |= one.medium.is_retired;
                let barcode = one.medium.barcode.or(other.medium.barcode);
                row.medium.barcode = barcode;
            });
        } else {
            self.alter_medium(id, |row| row.takes_place_of(&other));
            self.leave_vault(id);
        }
        self.event(Code::TapeMediumTrouble, None, text, None);
    }

    fn failed(&mut self, id: MediumId, row: &Cartridge) {
        let errors = row.medium.write_errors.saturating_add(1);
        let is_over = errors >= ERRORS_MAX;
        self.alter_medium(id, |row| {
            row.medium.write_errors = errors;
            row.medium.is_retired |= is_over;
        });
        let named = row.label(id);
        let text = match is_over {
            true => {
                format!("cartridge {named} could not be written again: it is not used any more")
            }
            false => format!("cartridge {named} could not be written"),
        };
        self.event(Code::TapeMediumTrouble, None, text, None);
    }

    fn protect(&mut self, id: MediumId, row: &Cartridge, is: bool) -> Result<(), Refused> {
        if is {
            row.may(row.medium.may_protect(), id)?;
            self.unused(id)?;
            self.close_of(row);
        }
        self.alter_medium(id, |row| row.medium.is_protected = is);
        let what = if is {
            "protected"
        } else {
            "not protected any more"
        };
        let text = format!("cartridge {} is {what}", row.label(id));
        self.event(Code::TapeMediumChanged, None, text, None);
        Ok(())
    }

    fn mark_free(&mut self, id: MediumId, row: &Cartridge) -> Result<(), Refused> {
        row.may(row.medium.may_mark_free(), id)?;
        let said = match row.medium.content {
            Content::Written(_) => Ok(Some(id)),
            Content::Foreign(said) => Ok(said),
            Content::GivenUp(_) => return Ok(()),
            // What it turns out to be may be somebody else's.
            Content::Unrecognized => Err(media::Refused::Unrecognized),
            Content::Empty => Err(media::Refused::Empty),
        };
        let said = said.or_else(|refused| row.may(Err(refused), id).map(|()| None))?;
        self.unused(id)?;
        self.leave_set(id)?;
        self.rows.tape.checks.remove(&id);
        self.alter_medium(id, |row| {
            row.medium.content = Content::GivenUp(said);
            row.head = Head::default();
        });
        let named = row.label(id);
        let text = format!("cartridge {named} marked free: what is on it is given up");
        self.event(Code::TapeMediumFreed, None, text, None);
        Ok(())
    }

    fn move_medium(
        &mut self,
        id: MediumId,
        row: &Cartridge,
        pool: Option<&TapeName>,
    ) -> Result<(), Refused> {
        match row.medium.content {
            Content::Empty | Content::GivenUp(_) => {}
            Content::Unrecognized | Content::Foreign(_) | Content::Written(_) => {
                return Err(TapeRefused::NotFree(row.label(id)).into());
            }
        }
        self.unused(id)?;
        let named = row.label(id);
        let (to, text) = match pool {
            Some(name) => {
                let pool = self.known_media_pool(name)?;
                if !pool.rules.suits(&row.medium) {
                    return Err(TapeRefused::Kind(named, name.clone()).into());
                }
                (
                    Some(pool.id),
                    format!("cartridge {named} moved to media pool {name}"),
                )
            }
            None => (None, format!("cartridge {named} moved to the free ones")),
        };
        self.alter_medium(id, |row| {
            row.medium.pool = to;
            row.medium.set = None;
        });
        self.event(Code::TapeMediumChanged, None, text, None);
        Ok(())
    }
}

impl Cartridge {
    /// A rule about it, as the catalog refuses.
    pub(super) fn may(
        &self,
        rule: Result<(), media::Refused>,
        id: MediumId,
    ) -> Result<(), Refused> {
        rule.map_err(|refused| {
            let label = self.label(id);
            TapeRefused::Medium { label, refused }.into()
        })
    }

    /// Is where another one was taken to be, under its barcode.
    fn takes_place_of(&mut self, other: &Self) {
        self.slot.clone_from(&other.slot);
        self.medium.barcode.clone_from(&other.medium.barcode);
        self.medium.is_online = other.medium.is_online;
    }

    /// An inventory found it, and nobody has looked what is on it, or done anything with it.
    fn is_mere_place(&self) -> bool {
        self.medium.content == Content::Unrecognized
    }
}
