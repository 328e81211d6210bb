//! What is done with a cartridge in a drive at the wish of an operator: it is read back, or erased.

use super::super::Refused;
use super::super::draft::Draft;
use super::super::events::Code;
use super::super::rows::{Cartridge, Check, Head};
use super::TapeRefused;
use crate::tape::MediumId;
use crate::tape::media::{self, Content, Kind, Label};

impl Draft<'_> {
    /// What came of reading a cartridge back stays known until it is begun anew or given up. One
    /// that is damaged is not written again; what of it is whole can be read as before.
    pub(super) fn checked(
        &mut self,
        id: MediumId,
        row: &Cartridge,
        (objects, damaged): (u64, u64),
    ) -> Result<(), Refused> {
        let is_written = matches!(row.medium.content, Content::Written(_));
        let rule = is_written.then_some(()).ok_or(media::Refused::Empty);
        row.may(rule, id)?;
        if objects > row.head.objects || damaged > objects {
            return Err(TapeRefused::Fewer(id, row.head.objects, objects).into());
        }
        let at = self.at;
        let check = Check {
            at,
            objects,
            damaged,
        };
        self.rows.tape.checks.insert(id, check);
        let label = row.label(id);
        if damaged == 0 {
            let text = format!("cartridge {label} was read back: its {objects} objects are whole");
            self.event(Code::TapeMediumChanged, None, text, None);
            return Ok(());
        }
        self.close_of(row);
        self.alter_medium(id, |row| row.medium.is_retired = true);
        let text = format!(
            "cartridge {label} was read back: of its {objects} objects {damaged} are damaged; it \
             is not written any more, and the next run begins another one"
        );
        self.event(Code::TapeMediumTrouble, None, text, None);
        Ok(())
    }

    /// What is on it is lost from here on, by the rules of what is written over; the drive erases
    /// it then. One that says afterwards that it is blank is free.
    pub(super) fn erase(
        &mut self,
        id: MediumId,
        row: &Cartridge,
        label: Label,
    ) -> Result<(), Refused> {
        let today = self.rows.clock.today;
        let is_worm = label.is_worm || row.medium.kind == Kind::Worm;
        let once = (!is_worm).then_some(()).ok_or(media::Refused::Worm);
        row.may(once, id)?;
        row.may(row.medium.may_begin(id, label, today), id)?;
        let is_used = matches!(row.medium.content, Content::Written(_));
        if is_used && self.rows.clock.doubted {
            return Err(Refused::ClockDoubted);
        }
        self.unused(id)?;
        self.leave_set(id)?;
        self.rows.tape.checks.remove(&id);
        self.alter_medium(id, |row| {
            row.medium.content = Content::GivenUp(label.medium);
            row.medium.pool = None;
            row.medium.set = None;
            row.head = Head::default();
        });
        let text = format!("cartridge {} is erased, and free then", row.label(id));
        self.event(Code::TapeMediumFreed, None, text, None);
        Ok(())
    }
}
