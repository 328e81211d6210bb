//! Cartridges: what they say of themselves, and what operators do with them (10.8, 10.10).

use super::super::Refused;
use super::super::draft::Draft;
use super::super::events::Code;
use super::super::rows::Cartridge;
use super::{MediumCommand, TapeRefused};
use crate::names::TapeName;
use crate::tape::MediumId;
use crate::tape::media::{self, Content, ERRORS_MAX, Expiry, Kind, Label, Written};

impl Draft<'_> {
    pub(super) fn medium(&mut self, id: MediumId, command: &MediumCommand) -> Result<(), Refused> {
        let row = self.known_medium(id)?.clone();
        match command {
            MediumCommand::Identified(label) => {
                self.identified(id, &row, *label);
                Ok(())
            }
            MediumCommand::Failed => {
                self.failed(id, &row);
                Ok(())
            }
            MediumCommand::Protect(is_protected) => {
                if *is_protected {
                    row.may(row.medium.may_protect(), id)?;
                }
                self.alter_medium(id, |row| row.medium.is_protected = *is_protected);
                let what = if *is_protected { "" } else { " not" };
                let text = format!("cartridge {} is{what} protected", row.label(id));
                self.event(Code::TapeMediumChanged, None, text, None);
                Ok(())
            }
            MediumCommand::MarkFree => self.mark_free(id, &row),
            MediumCommand::Move(pool) => self.move_medium(id, &row, pool.as_ref()),
            MediumCommand::Retire => {
                self.alter_medium(id, |row| row.medium.is_retired = true);
                let text = format!("cartridge {} is not used any more", row.label(id));
                self.event(Code::TapeMediumChanged, None, text, None);
                Ok(())
            }
        }
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

    /// Compares what a cartridge says with what is known of it. What does not agree is not touched
    /// until somebody has looked.
    fn identified(&mut self, id: MediumId, row: &Cartridge, label: Label) {
        if label.is_worm {
            self.alter_medium(id, |row| row.medium.kind = Kind::Worm);
        }
        let content = match (row.medium.content, label.medium) {
            (Content::GivenUp(_), _) => return,
            (_, None) if label.is_foreign => Content::Foreign(None),
            (Content::Unrecognized | Content::Empty, None) => Content::Empty,
            // It bore something of ours, and does not any more.
            (Content::Written(_), None) => Content::Unrecognized,
            (Content::Foreign(_), None) => Content::Empty,
            (Content::Written(_), Some(said)) if said == id => return,
            (Content::Unrecognized | Content::Foreign(_), Some(said)) if said == id => {
                match row.of {
                    Some(_) => Content::Written(Written {
                        is_closed: true,
                        expires: label.expires.unwrap_or(Expiry::Never),
                        last: self.at,
                    }),
                    None => Content::Foreign(Some(said)),
                }
            }
            (_, Some(said)) if self.rows.tape.media.contains_key(&said) && said != id => {
                return self.swapped(id, said);
            }
            (_, Some(said)) => Content::Foreign(Some(said)),
        };
        if content == row.medium.content {
            return;
        }
        self.alter_medium(id, |row| row.medium.content = content);
        let named = row.label(id);
        let text = match content {
            Content::Empty => return,
            Content::Foreign(_) => format!("cartridge {named} bears data that is not ours"),
            Content::Unrecognized => {
                format!("cartridge {named} bears nothing, though something was written on it")
            }
            Content::Written(_) | Content::GivenUp(_) => {
                format!("cartridge {named} is again what it was")
            }
        };
        self.event(Code::TapeMediumTrouble, None, text, None);
    }

    /// Two cartridges bear each other's labels, or were put in each other's places.
    fn swapped(&mut self, id: MediumId, said: MediumId) {
        let media = &self.rows.tape.media;
        let (Some(one), Some(other)) = (media.get(&id).cloned(), media.get(&said).cloned()) else {
            return;
        };
        let text = format!(
            "the cartridge with the barcode {} says that it is {}: they were taken for each other",
            one.label(id),
            other.label(said)
        );
        for (id, now) in [(id, &other), (said, &one)] {
            self.alter_medium(id, |row| {
                row.slot.clone_from(&now.slot);
                row.medium.barcode.clone_from(&now.medium.barcode);
                row.medium.is_online = now.medium.is_online;
            });
        }
        self.event(Code::TapeMediumTrouble, None, text, None);
    }

    fn failed(&mut self, id: MediumId, row: &Cartridge) {
        let errors = row.medium.write_errors.saturating_add(1);
        self.alter_medium(id, |row| row.medium.write_errors = errors);
        let named = row.label(id);
        let text = match errors >= ERRORS_MAX {
            true => {
                format!("cartridge {named} could not be written again: it is not used any more")
            }
            false => format!("cartridge {named} could not be written"),
        };
        self.event(Code::TapeMediumTrouble, None, text, None);
    }

    fn mark_free(&mut self, id: MediumId, row: &Cartridge) -> Result<(), Refused> {
        row.may(row.medium.may_mark_free(), id)?;
        let said = match row.medium.content {
            Content::Written(_) => Some(id),
            Content::Foreign(said) | Content::GivenUp(said) => said,
            // Nobody knows what it says: it has to be nothing.
            Content::Unrecognized | Content::Empty => None,
        };
        self.alter_medium(id, |row| row.medium.content = Content::GivenUp(said));
        let text = format!(
            "cartridge {} marked free: what is on it is given up",
            row.label(id)
        );
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
        let to = match pool {
            Some(name) => Some(self.known_media_pool(name)?.id),
            None => None,
        };
        self.alter_medium(id, |row| {
            row.medium.pool = to;
            row.medium.set = None;
        });
        let named = row.label(id);
        let text = match pool {
            Some(pool) => format!("cartridge {named} moved to media pool {pool}"),
            None => format!("cartridge {named} moved to the free ones"),
        };
        self.event(Code::TapeMediumChanged, None, text, None);
        Ok(())
    }
}

impl Cartridge {
    /// What people know it by.
    pub fn label(&self, id: MediumId) -> String {
        let barcode = self.medium.barcode.as_ref();
        barcode.map_or_else(|| id.to_string(), ToString::to_string)
    }

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
}
