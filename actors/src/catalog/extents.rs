//! The extents of repositories: begun, sealed and dropped by the one owner, fenced by its epoch.

use super::command::ExtentCommand;
use super::draft::Draft;
use super::events::Code;
use super::rows::Extent;
use super::{Outcome, Refused};
use crate::kernel::{Epoch, ExtentId, RepositoryId};

impl Draft<'_> {
    pub(super) fn extent(&mut self, command: &ExtentCommand) -> Result<Outcome, Refused> {
        match command {
            ExtentCommand::Open { repository, epoch } => self.open_extent(*repository, *epoch),
            ExtentCommand::Seal {
                extent,
                epoch,
                length,
            } => self.seal_extent(*extent, *epoch, *length),
            ExtentCommand::Drop { extent, epoch } => self.drop_extent(*extent, *epoch),
            ExtentCommand::Begin { extent, epoch } => self.begin_extent(*extent, *epoch),
            ExtentCommand::Keep { extent, epoch } => self.keep_extent(*extent, *epoch),
        }
    }

    fn open_extent(&mut self, id: RepositoryId, epoch: Epoch) -> Result<Outcome, Refused> {
        self.owned(id, epoch)?;
        if self.known_repository(id)?.removed.is_some() {
            return Err(Refused::NoRepositoryId(id));
        }
        let extent = ExtentId::new(self.fresh());
        self.place(id, extent)?;
        let row = Extent {
            repository: id,
            epoch,
            sealed: None,
        };
        self.rows.extents.insert(extent, row);
        Ok(Outcome::Extent { id: extent })
    }

    fn begin_extent(&mut self, id: ExtentId, epoch: Epoch) -> Result<Outcome, Refused> {
        let row = self.owned_extent(id, epoch)?;
        if let Some(sealed) = row.sealed {
            return Err(Refused::Sealed(id, sealed));
        }
        self.rows.begun.insert(id);
        Ok(Outcome::Done)
    }

    fn seal_extent(&mut self, id: ExtentId, epoch: Epoch, length: u64) -> Result<Outcome, Refused> {
        let mut row = self.owned_extent(id, epoch)?;
        match row.sealed {
            Some(sealed) if sealed != length => return Err(Refused::Sealed(id, sealed)),
            Some(_) => {}
            None => {
                row.sealed = Some(length);
                self.rows.extents.insert(id, row);
                self.rows.begun.remove(&id);
            }
        }
        Ok(Outcome::Done)
    }

    fn drop_extent(&mut self, id: ExtentId, epoch: Epoch) -> Result<Outcome, Refused> {
        let row = self.owned_extent(id, epoch)?;
        let served = self.known_repository(row.repository)?.removed.is_none();
        match row.sealed {
            _ if !served => self.destroyable(row.repository)?,
            None => return Err(Refused::Open(id)),
            Some(_) => {}
        }
        self.rows.extents.remove(&id);
        self.rows.begun.remove(&id);
        self.displace(id);
        Ok(Outcome::Done)
    }

    /// The owner says it once, when it empties the extent.
    fn keep_extent(&mut self, id: ExtentId, epoch: Epoch) -> Result<Outcome, Refused> {
        let row = self.owned_extent(id, epoch)?;
        let (name, tenant) = self.called(row.repository);
        let text = format!(
            "repository {name}: {id} is kept, because an object in it cannot be read; what is \
             behind it is emptied all the same"
        );
        self.event(Code::ExtentKept, tenant.as_ref(), text, None);
        Ok(Outcome::Done)
    }

    fn owned_extent(&self, id: ExtentId, epoch: Epoch) -> Result<Extent, Refused> {
        let row = self.rows.extents.get(&id).ok_or(Refused::NoExtent(id))?;
        self.owned(row.repository, epoch)?;
        Ok(row.clone())
    }
}
