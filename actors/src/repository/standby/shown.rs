//! A repository that is shown and not followed: nobody can write to it now.

use super::{Extents, Standby, Tail, Unfollowed};
use crate::kernel::RepositoryId;
use crate::ports::Ports;
use crate::repository::snapshot::Snapshot;

impl Standby {
    /// All that there is of a repository that nobody can write to now, to be shown and then
    /// forgotten: the index is told nothing of it.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn recall(
        ports: &Ports,
        id: RepositoryId,
        extents: Extents<'_>,
    ) -> Result<Snapshot, Unfollowed> {
        let mut standby = Self::begin(ports, id, extents).await?;
        let told = standby.go_on(&ports.disk, extents, Tail::Taken).await;
        if let Err(Unfollowed::Missed(_)) = told {
            standby = Self::anew(ports, id, extents).await?;
            standby.go_on(&ports.disk, extents, Tail::Taken).await?;
        } else {
            told?;
        }
        Ok(standby.repository.state().held().clone())
    }
}
