//! From the drive to the destinations.

use bytes::Bytes;
use holdfast_actors::kernel::{RepositoryId, Size, Space};
use holdfast_actors::ports::Pending;
use std::sync::PoisonError;

use super::super::plan::Reading;
use super::super::stream::{Tray, way};
use super::super::words::{Event, Got};
use super::{Place, Worker, ask, folder_of, said};
use crate::format::{Object, Row};
use crate::naming;
use crate::ports::{Failed, Item, Mount, Pieces};

impl Worker {
    /// The drive reads ahead while what it read is stored.
    pub(super) async fn read(&self, readings: Vec<Reading>) -> Event {
        let mut mount = self.0.mount.lock().await;
        let (got, is_mounted) = self.stream(&mut mount, &readings).await;
        if !is_mounted {
            *mount = None;
        }
        Event::Read { got, is_mounted }
    }

    async fn stream(
        &self,
        mount: &mut Option<Box<dyn Mount>>,
        readings: &[Reading],
    ) -> (Vec<Got>, bool) {
        let (feed, tray) = way(&self.0.tools.threads, &self.0.tools.keys);
        let rows: Vec<Row> = readings.iter().map(|reading| reading.row.clone()).collect();
        let mut got = Vec::with_capacity(readings.len());
        let reads = ask(mount, move |medium| feed.read(medium, &rows));
        let mut reads = std::pin::pin!(reads);
        let mut is_read = None;
        {
            let stores = async {
                for reading in readings {
                    got.push(self.store(reading, &tray).await);
                }
            };
            let mut stores = std::pin::pin!(stores);
            tokio::select! {
                () = &mut stores => {}
                read = &mut reads => {
                    is_read = Some(read.is_some());
                    // Who gave up says nothing more: what was under way is not waited for.
                    if read.is_some() {
                        stores.await;
                    }
                }
            }
        }
        let is_mounted = match is_read {
            Some(is_read) => is_read,
            None => reads.await.is_some(),
        };
        (got, is_mounted)
    }

    async fn store(&self, reading: &Reading, tray: &Tray) -> Got {
        let stored = match &self.0.places[reading.part] {
            Place::Repository {
                id,
                space,
                is_exact,
            } => {
                let to = (*id, *space, *is_exact);
                self.upload(to, reading, tray.pieces()).await
            }
            Place::Folder(folder) => match folder_of(folder) {
                Ok(folder) => folder.write(&reading.row.path.object, tray.pieces()).await,
                Err(failed) => Err(failed),
            },
        };
        match (tray.finish().await, stored) {
            (None, _) => Got::Skipped,
            (Some(Err(why)), _) => Got::Unread(why),
            (Some(Ok(())), Ok(())) => Got::Stored,
            (Some(Ok(())), Err(failed)) => Got::Untaken(said(failed)),
        }
    }

    async fn upload(
        &self,
        (id, space, is_exact): (RepositoryId, Space, bool),
        reading: &Reading,
        mut pieces: Box<dyn Pieces>,
    ) -> Result<(), Failed> {
        let row = &reading.row;
        let no_key = || Failed::Other(format!("{} is no object of a repository", row.path));
        let key = naming::key(space, &row.path.object).ok_or_else(no_key)?;
        let repositories = &self.0.tools.repositories;
        if row.path.object == Object::Config && is_exact {
            // The other one goes only when all of this one is there.
            let mut whole = Vec::new();
            while let Some(piece) = pieces.next().await? {
                whole.push(Ok(piece));
            }
            if self.has_config(reading.part) {
                repositories.hide(id, key).await?;
            }
            pieces = Box::new(Whole(whole.into_iter()));
        }
        let item = Item {
            key,
            length: Size::bytes(row.length),
            sha256: row.sha256,
        };
        repositories.write(id, item, pieces).await
    }

    fn has_config(&self, part: usize) -> bool {
        let configs = self
            .0
            .configs
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        configs.contains(&part)
    }

    pub(super) async fn hide(&self, part: usize, objects: &[Object]) -> Result<(), String> {
        let Place::Repository { id, space, .. } = &self.0.places[part] else {
            return Ok(());
        };
        for key in objects.iter().filter_map(|it| naming::key(*space, it)) {
            self.0
                .tools
                .repositories
                .hide(*id, key)
                .await
                .map_err(said)?;
        }
        Ok(())
    }

    pub(super) async fn finish(&self, part: usize) -> Result<(), String> {
        match &self.0.places[part] {
            // What it stored is durable.
            Place::Repository { .. } => Ok(()),
            Place::Folder(folder) => folder_of(folder)
                .map_err(said)?
                .finish()
                .await
                .map_err(said),
        }
    }
}

/// Bytes that are all there.
struct Whole(std::vec::IntoIter<Result<Bytes, Failed>>);

impl Pieces for Whole {
    fn next(&mut self) -> Pending<Result<Option<Bytes>, Failed>> {
        let next = self.0.next().transpose();
        Box::pin(async move { next })
    }
}
